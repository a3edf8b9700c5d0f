//! New keys from both sides, again and again, without a gap.

use std::collections::HashSet;
use std::env;
use std::time::{Duration, Instant};

use sekisho_tests::record::Record;
use sekisho_tests::strongswan::{Child, IkeSa, Sa, Strongswan, lacks_strongswan};

use crate::road::{BASIC, CHILD, LAN, Options, PLUS, ROAD, Road, children, ip, seconds};

/// How long both sides go on, in seconds, if not [`SECONDS`].
const LENGTH: &str = "SEKISHO_REKEYING_SECONDS";
const SECONDS: u64 = 30;

/// The gateway rekeys after two seconds what it has rekeyed itself, and else after some more.
const GATEWAY: &str = "ike_lifetime = \"2s\"\nchild_lifetime = \"2s\"";
/// The peer rekeys each in its turn, at such distances.
const PEER: Duration = Duration::from_millis(2300);

fn length() -> Duration {
    let given = env::var(LENGTH).ok().map(|text| text.parse().unwrap());
    Duration::from_secs(given.unwrap_or(SECONDS))
}

fn lines(text: &[&str]) -> Vec<String> {
    text.iter().map(|&line| line.to_owned()).collect()
}

/// Watches a peer that always has something that carries each of `names`; meanwhile it rekeys
/// one of `turns` after the other.
fn watch(peer: &Strongswan, names: &[&str], turns: &[Sa], time: Duration) {
    let begin = Instant::now();
    let mut turns = turns.iter().cycle();
    let mut due = PEER;
    while begin.elapsed() < time {
        for name in names {
            // While an IKE SA hands its children over, strongSwan may list neither it nor its
            // heir with them: a second look tells.
            let carried = carries(&peer.sas(), name) || carries(&peer.sas(), name);
            assert!(carried, "nothing carries {name}: {:#?}", peer.sas());
        }
        if begin.elapsed() > due {
            due += PEER;
            // Not while the gateway is at it; then that is as good.
            turns.next().map(|&sa| peer.rekey(sa));
        }
    }
    names.iter().for_each(|name| peer_never_without(&peer.log(), name));
}

fn carries(sas: &[IkeSa], name: &str) -> bool {
    let children = sas.iter().flat_map(|sa| &sa.children);
    let live = |state: &str| ["INSTALLED", "REKEYING", "REKEYED"].contains(&state);
    children.into_iter().any(|child| child.name == name && live(&child.state))
}

/// Checks that by strongSwan's log it had a child of this name from the first on.
fn peer_never_without(log: &str, name: &str) {
    let mut live = HashSet::new();
    let mut begun = false;
    let child = format!("CHILD_SA {name}{{");
    for line in log.lines() {
        let Some((before, after)) = line.split_once(&child) else { continue };
        let (number, after) = after.split_once('}').unwrap();
        if after.starts_with(" established") {
            live.insert(number);
            begun = true;
        } else if before.ends_with("closing ") {
            live.remove(number);
        }
        assert!(!begun || !live.is_empty(), "no child after {line}");
    }
    assert!(begun, "{name}");
}

/// Checks that by the gateway's records it always had something that carries `network`, from the
/// first on, and at the end one.
fn never_without(records: &[Record], network: &str) {
    let mut live = HashSet::new();
    let mut begun = false;
    for record in records.iter().filter(|record| record.is("control")) {
        let (_, described) = record.text("detail").split_once("SPI in ").unwrap_or_default();
        if !described.contains(&format!("here {network};")) {
            continue;
        }
        let spi = &described[..8];
        match record.reason() {
            "ike.child-up" => assert!(live.insert(spi.to_owned()), "{record:?}"),
            "ike.child-down" => assert!(live.remove(spi), "{record:?}"),
            _ => continue,
        }
        begun = true;
        assert!(!live.is_empty(), "nothing carries {network} after {record:?}");
    }
    assert!(begun && live.len() == 1, "{network}: {live:?}");
}

#[test]
fn both_sides_rekey_for_a_while_without_a_gap() {
    if lacks_strongswan() {
        return;
    }
    let road = Road::start(Options { ipsec: GATEWAY, ..Options::default() });
    let mut connection = road.router();
    connection.children.push(Child::between("basic", LAN, BASIC));
    for child in &mut connection.children {
        // With key exchange in one, without in the other.
        let proposal = if child.name == "plus" { "aes256gcm16-ecp256" } else { "aes128gcm16" };
        child.esp_proposals = vec![proposal.to_owned()];
    }
    let peer = road.connected(&road.host(1), connection);
    peer.swanctl(["--initiate", "--child", "basic"]).expect_success();
    watch(&peer, &["plus", "basic"], &[CHILD, ROAD, Sa::Child("basic"), ROAD], length());

    let log = peer.log();
    let often = length().as_secs() / 10;
    for side in ["generating", "parsed"] {
        for what in ["[ N(REKEY_SA) SA No", "[ SA No KE ]"] {
            let lines = log.lines().filter(|line| {
                line.contains(&format!("{side} CREATE_CHILD_SA request")) && line.contains(what)
            });
            assert!(lines.count() as u64 >= often, "{side} {what}: {log}");
        }
    }
    assert!(!log.contains("failed to establish"), "{log}");

    let (sa, session) = road.agreed(&peer);
    assert_eq!(children(&session).len(), 2, "{session}");
    let records = road.gateway.records();
    for network in [PLUS, BASIC] {
        never_without(&records, network);
    }
    assert_eq!(records.iter().filter(|record| record.is("open")).count(), 1);
    assert_eq!(records.iter().filter(|record| record.is("denied")).count(), 0);
    assert_eq!(road.gateway.count("ike.drop.internal"), 0);
    eprintln!("{} after {:?}", sa.suite, length());
}

/// Make before break: a second session, and then the end of the first.
#[test]
fn a_peer_authenticates_anew_without_a_gap() {
    if lacks_strongswan() {
        return;
    }
    let pool = "addresses = [\"10.99.0.0/24\"]";
    let road = Road::start(Options { pool, ..Options::default() });
    let mut connection = road.terminal("H1/pc-1");
    connection.reauth_time = seconds(3);
    connection.vips = vec![ip("0.0.0.0")];
    connection.more = lines(&["rand_time = 0s", "over_time = 60s"]);
    connection.children[0].local_ts = Vec::new();
    let mut config = road.config(vec![connection]);
    config.settings += "\nmake_before_break = yes";
    let peer = Strongswan::start(&road.host(1), &config);
    peer.initiate(CHILD).expect_success();
    watch(&peer, &["plus"], &[], Duration::from_secs(8));

    let (sa, session) = road.agreed(&peer);
    assert_eq!(sa.virtual_addresses, [ip("10.99.0.1")], "the same all the time");
    assert_eq!(session["addresses"][0], "10.99.0.1");
    peer.terminate(ROAD).expect_success();
    road.is_empty();
    let records = road.gateway.records();
    let of = |kind| records.iter().filter(move |record| record.is(kind));
    assert!(of("open").count() >= 3, "{records:#?}");
    assert!(of("close").all(|record| record.reason() == "ike.end.peer"), "{records:#?}");
    never_alone(&records);
}

/// Each session begins before its predecessor ends.
fn never_alone(records: &[Record]) {
    let mut live = 0;
    let ends = records.iter().filter(|record| record.is("open") || record.is("close"));
    let ends: Vec<_> = ends.collect();
    for (index, record) in ends.iter().enumerate() {
        live += if record.is("open") { 1 } else { -1 };
        let last = index + 1 == ends.len();
        assert!(live > 0 || last, "{ends:#?}");
    }
}
