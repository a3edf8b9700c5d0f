//! Strangers who send what nobody should.

use crypto::dh::Group;
use ike_negotiation::offer_ike;
use ike_wire::{Flags, KeyExchange, MalformedReason, Payload, Spi, emit_clear};

use super::super::fixtures::quick;
use super::{B, World, both, dropped, reasons};
use crate::session::clear_header;
use crate::{Dropped, Path, Refusal};

fn send(world: &mut World, datagram: &[u8]) -> Vec<Vec<u8>> {
    let path = Path {
        local: (world.hosts[B].address, 500).into(),
        remote: "198.51.100.66:500".parse().unwrap(),
    };
    let mut datagram = datagram.to_vec();
    world.order(B, |endpoint, now| {
        endpoint.handle_datagram(now, path, &mut datagram);
        std::iter::from_fn(|| endpoint.poll_transmit()).map(|sent| sent.datagram).collect()
    })
}

/// strongSwan CVE-2023-41913: a public value longer than its group's overran a buffer before
/// authentication.
#[test]
fn cve_2023_41913_public_values_of_wrong_length_are_refused() {
    let mut world = World::new(quick(), both());
    let proposals = offer_ike(&quick().ike_proposals, Spi::None);
    let groups = proposals.iter().flat_map(|one| &one.transforms).filter(|one| one.kind.0 == 4);
    let group = groups.filter_map(|one| Group::from_transform_id(one.id)).next().unwrap();
    let right = group.initiator_len();
    for (spi, length) in (1..).zip([1, right - 1, right + 1, 2 * right, 7000]) {
        let payloads = [
            Payload::SecurityAssociation(proposals.clone()),
            Payload::KeyExchange(KeyExchange {
                group: group.transform_id(),
                data: &vec![0xff; length],
            }),
            Payload::Nonce(&[6; 32]),
        ];
        let request = emit_clear(clear_header((spi, 0), Flags::INITIATOR), &payloads).unwrap();
        assert_eq!(send(&mut world, &request).len(), 1, "told once, of {length} octets");
    }
    world.run();
    assert_eq!(reasons(&world, B), [Refusal::KeyExchange; 5]);
    assert_eq!(world.hosts[B].endpoint.in_use(), (0, 0, 0));
}

/// libreswan CVE-2020-1763, CVE-2022-23094: refusing a malformed IKEv1 message crashed what
/// logs it.
#[test]
fn cve_2022_23094_ikev1_is_named_and_forgotten() {
    let mut world = World::new(quick(), both());
    let header = clear_header((1, 0), Flags::INITIATOR);
    let whole = emit_clear(header, &[Payload::Nonce(&[6; 32])]).unwrap();
    let mut sent = 0;
    // Main mode, aggressive mode, informational, quick mode; whole, cut, and of a false length.
    for exchange in [2, 4, 5, 32] {
        for length in [28, 30, whole.len()] {
            let mut datagram = whole[..length].to_vec();
            (datagram[17], datagram[18]) = (0x10, exchange);
            assert!(send(&mut world, &datagram).is_empty());
            sent += 1;
        }
    }
    assert_eq!(dropped(&world, B, Dropped::Version), sent);
    let malformed = &world.hosts[B].endpoint.counters().malformed;
    let named = malformed.iter().find(|(reason, _)| *reason == MalformedReason::IkeV1);
    assert_eq!(named.map(|(_, count)| count), Some(sent));
    world.run();
    assert!(world.hosts[B].events.is_empty());
}
