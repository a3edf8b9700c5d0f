//! The whole way of a packet in memory, every check on: what the gateway adds to its cipher.

use std::sync::Arc;

use ::policy::Policy;
use bench::figures::Figure;
use criterion::Criterion;

use crate::esp::{self, AES_256_GCM};
use crate::gateway::{Flow, Gateway};
use crate::ip::Upper;
use crate::load::{self, Load, compare};
use crate::traffic::Packets;

const FLOW: Flow = Flow { peer: 0, number: 0 };

/// What travels, and whether the TUN device gives it in super-packets.
const TRAFFIC: [(&str, Packets, bool); 4] = [
    ("tcp-1408", Packets { upper: Upper::Tcp, length: 1408 }, true),
    ("udp-1408", Packets { upper: Upper::Udp, length: 1408 }, true),
    ("udp-576", Packets { upper: Upper::Udp, length: 576 }, false),
    ("udp-64", Packets { upper: Upper::Udp, length: 64 }, false),
];

/// How much of the cipher's rate is left when everything else is done too.
pub(crate) fn figures(policy: &Arc<Policy>) -> Vec<Figure> {
    let mut gateway = gateway(policy);
    let mut figures = Vec::new();
    let mut add = |name: String, base: &mut Load<'_>, load: &mut Load<'_>| {
        let value = 100.0 / compare(base, load).ratio;
        figures.push(Figure { name: format!("pipeline-of-bare/{name}"), value, unit: "%" });
    };
    for (name, packets, joined) in TRAFFIC {
        let mut bare = esp::bare_seal(AES_256_GCM, packets.length);
        add(format!("outbound/{name}"), &mut bare, &mut outbound(&mut gateway, packets, joined));
        let mut bare = esp::bare_open(AES_256_GCM, packets.length);
        add(format!("inbound/{name}"), &mut bare, &mut inbound(&mut gateway, packets));
    }
    figures
}

pub(crate) fn bench(criterion: &mut Criterion, policy: &Arc<Policy>) {
    let mut gateway = gateway(policy);
    let mut group = load::group(criterion, "pipeline");
    for (name, packets, joined) in TRAFFIC {
        let mut load = outbound(&mut gateway, packets, joined);
        load.bench(&mut group, &format!("outbound/{name}"), packets.length);
        drop(load);
        let mut load = inbound(&mut gateway, packets);
        load.bench(&mut group, &format!("inbound/{name}"), packets.length);
    }
    group.finish();
}

/// With one peer, who has begun one flow of each protocol.
fn gateway(policy: &Arc<Policy>) -> Gateway {
    let mut gateway = Gateway::new(policy, 1, 16);
    gateway.meet_peers();
    for upper in [Upper::Tcp, Upper::Udp] {
        gateway.begin(FLOW, upper);
    }
    gateway
}

fn outbound(gateway: &mut Gateway, packets: Packets, joined: bool) -> Load<'_> {
    match joined {
        true => packets.super_packets(gateway, || FLOW),
        false => packets.answers(gateway, || FLOW),
    }
}

fn inbound(gateway: &mut Gateway, packets: Packets) -> Load<'_> {
    packets.trains(gateway, usize::MAX, || FLOW)
}
