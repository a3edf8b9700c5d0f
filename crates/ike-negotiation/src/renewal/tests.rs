use ike_wire::Spi;

use super::*;
use crate::{KeyExchange, offer_child, offer_ike, select_child, select_ike};

fn texts(proposals: &[impl ToString]) -> Vec<String> {
    proposals.iter().map(ToString::to_string).collect()
}

#[test]
fn an_sa_keeps_its_algorithms_and_may_have_another_key_exchange() {
    let configured: Vec<IkeProposal> =
        ["aes256gcm16-aes128gcm16-prfsha384-prfsha256-ecp384-x25519", "aes256-sha256-modp2048"]
            .map(|text| text.parse().unwrap())
            .into();
    let of = |text: &str| {
        let peer: IkeProposal = text.parse().unwrap();
        select_ike(&configured, &offer_ike(&[peer], Spi::None), None).unwrap().suite
    };
    let gcm = of("aes128gcm16-prfsha256-x25519");
    assert_eq!(
        texts(&IkeProposal::keeping(&gcm, &configured)),
        ["aes128gcm16-prfsha256-ecp384-x25519"]
    );
    let cbc = of("aes256-sha256-modp2048");
    let kept = IkeProposal::keeping(&cbc, &configured);
    assert_eq!(offer_ike(&kept, Spi::None).len(), 1);
    let selected = select_ike(&kept, &offer_ike(&configured, Spi::None), Some(14)).unwrap();
    assert_eq!(selected.suite, cbc);
    // What is no longer configured is kept by nobody.
    assert_eq!(IkeProposal::keeping(&gcm, &configured[1..]), configured[1..]);
}

#[test]
fn a_child_sa_keeps_its_sequence_numbers_too() {
    let configured = ChildProposal::defaults();
    let peer: ChildProposal = "aes128-sha256-noesn".parse().unwrap();
    let offer = offer_child(&[peer], Spi::Esp(7), KeyExchange::Forbidden);
    let suite = select_child(&configured, &offer, KeyExchange::Forbidden, None).unwrap().suite;
    let kept = ChildProposal::keeping(&suite, &configured);
    assert_eq!(kept.len(), 2, "with and without ML-KEM");
    for text in texts(&kept) {
        assert!(text.starts_with("aes128-sha256-ecp384-") && text.contains("-noesn"), "{text}");
        assert!(!text.contains("-esn"), "{text}");
    }
}
