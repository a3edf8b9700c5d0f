//! Institutions that are suspended while they transfer something: on each road the transfer ends.

use std::process::Child;
use std::thread;
use std::time::{Duration, Instant};

use demo::report::Row;
use demo::systems::Kind;
use jiff::Timestamp;

use super::Topology;
use super::attempts::road_name;
use super::clients::Host;
use super::peers::{Peer, SYSTEMS};
use super::places::{MEMBER, PHARMACY, WARD};
use super::verdicts::{Judged, is_flow, since_then};
use crate::record::Record;

const PATIENCE: Duration = Duration::from_secs(5);
const STOPPED: &str = "policy.institution-stopped";

/// A transfer, and whose.
struct Transfer {
    road: &'static str,
    institution: &'static str,
    kind: Kind,
    client: Child,
}

/// Suspends one institution on each road, one after the other, until `stop` says so.
pub(super) fn ended(topology: &Topology, stop: impl Fn() -> bool) -> Vec<Judged> {
    let networks = &topology.networks;
    let member = Host { namespace: &networks.member, address: MEMBER };
    let ward = Host { namespace: &networks.ward, address: WARD };
    let pharmacy = Host { namespace: &networks.pharmacy, address: PHARMACY };
    let credential = topology.gateway.site.terminal("3740001/pc-1");
    let (plus, basic) = (Kind::KmixPlus, Kind::KmixRBasic);
    let mut judged = Vec::new();
    for (road, institution, kind, mut client) in [
        ("ip-vpn", "3710001", plus, member.endless(plus)),
        ("ipsec", "3710002", plus, ward.endless(plus)),
        ("tls", "3740001", basic, pharmacy.endless_by_tls(topology, basic, &credential)),
    ] {
        if stop() {
            break;
        }
        let since = Timestamp::now();
        let client = client.spawn().unwrap();
        judged.push(Transfer { road, institution, kind, client }.suspended(topology, since));
        if road == "ipsec" {
            // Whoever looks on finds everything as it was.
            topology.peers.initiate(Peer::Router, SYSTEMS).expect_success();
        }
    }
    judged
}

/// Lets an institution in again, and waits until the gateway knows.
fn resume(topology: &Topology, institution: &str) {
    let generation = || topology.gateway.status()["policy_generation"].clone();
    let before = generation();
    topology.gateway.sekisho(&format!("institution resume {institution}"));
    crate::until("the gateway notices", || (generation() != before).then_some(()));
}

impl Transfer {
    fn suspended(mut self, topology: &Topology, since: Timestamp) -> Judged {
        let (road, institution) = (self.road, self.institution);
        let open = self.record(topology, since, "open");
        let moment = Timestamp::now();
        topology.gateway.sekisho(&format!("institution suspend {institution}"));
        let close = self.record(topology, since, "close");
        resume(topology, institution);
        // On the IP-VPN nobody tells it.
        let _ = self.client.kill();
        let _ = self.client.wait();
        let ended = close.as_ref().map_or(0, |close| close.number("time"));
        let took = (ended - moment.as_microsecond()) / 1000;
        Judged {
            row: Row {
                attempt: format!(
                    "{} {institution} 通信中に機関を停止 suspended while connected: {took} ms",
                    road_name(road)
                ),
                expected: STOPPED,
                got: close.map_or_else(String::new, |close| close.reason().to_owned()),
                client_agrees: true,
                said: String::new(),
            },
            road,
            institution,
            system: Some(self.kind),
            record: open,
        }
    }

    fn record(&self, topology: &Topology, since: Timestamp, kind: &str) -> Option<Record> {
        let is_it = |record: &Record| {
            record.is(kind)
                && record.text("network") == self.road
                && record.text("institution") == self.institution
                && (is_flow(record) || self.road == "tls")
        };
        let begin = Instant::now();
        while begin.elapsed() < PATIENCE {
            let found = since_then(topology, since).into_iter().find(is_it);
            if found.is_some() {
                return found;
            }
            thread::sleep(Duration::from_millis(30));
        }
        None
    }
}
