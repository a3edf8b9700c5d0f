use super::*;
use crate::{select_child, select_ike};

#[test]
fn what_we_offer_we_select_and_accept() {
    let configured = IkeProposal::defaults();
    let sent = offer_ike(&configured, Spi::Ike(7));
    assert_eq!(sent.iter().map(|one| one.number).collect::<Vec<_>>(), [1, 2, 3, 4]);
    let selected = select_ike(&configured, &sent, Some(20)).unwrap();
    let suite = selected.suite.clone();
    assert_eq!(suite.to_string(), "aes256gcm16-prfsha384-ecp384-ke1_mlkem768");
    assert_eq!(accept_ike(&sent, &[selected.answer]), Ok(suite));

    let configured = ChildProposal::defaults();
    for key_exchange in [KeyExchange::Forbidden, KeyExchange::Possible] {
        let sent = offer_child(&configured, Spi::Esp(7), key_exchange);
        let selected = select_child(&configured, &sent, key_exchange, Some(20)).unwrap();
        assert_eq!(accept_child(&sent, &[selected.answer]), Ok(selected.suite));
    }
}

#[test]
fn without_key_exchanges_equal_proposals_are_one() {
    let sent = offer_child(&ChildProposal::defaults(), Spi::Esp(7), KeyExchange::Forbidden);
    assert_eq!(sent.len(), 2);
    assert!(sent.iter().flat_map(|one| &one.transforms).all(|one| !is_key_exchange(one.kind)));
}

#[test]
fn an_answer_that_is_not_ours_is_refused() {
    use UnacceptableAnswer as Fault;
    let configured =
        ["aes256gcm16-aes128gcm16-prfsha384-x25519-mlkem768-ke1_mlkem768".parse().unwrap()];
    let sent = offer_ike(&configured, Spi::None);
    let answer = select_ike(&configured, &sent, None).unwrap().answer;
    let accept = |change: fn(&mut Proposal)| {
        let mut answer = answer.clone();
        change(&mut answer);
        accept_ike(&sent, &[answer]).map(|suite| suite.to_string())
    };
    assert_eq!(accept(|_| ()).unwrap(), "aes256gcm16-prfsha384-x25519-ke1_mlkem768");
    assert_eq!(accept(|one| one.number = 2), Err(Fault::NoSuchProposal));
    assert_eq!(accept(|one| one.protocol = Protocol::Esp), Err(Fault::NoSuchProposal));
    assert_eq!(accept(|one| one.transforms[0].key_length = Some(192)), Err(Fault::NotOffered));
    assert_eq!(accept(|one| one.transforms[0].unknown_attribute = true), Err(Fault::NotOffered));
    assert_eq!(accept(|one| one.transforms.truncate(3)), Err(Fault::NotOneOfEach));
    assert_eq!(accept(|one| one.transforms.push(one.transforms[0])), Err(Fault::NotOneOfEach));
    assert_eq!(accept(|one| one.transforms[2].id = 36), Err(Fault::SameMethodTwice));
    assert_eq!(accept_ike(&sent, &[]), Err(Fault::NotOneProposal));
    assert_eq!(accept_ike(&sent, &[answer.clone(), answer.clone()]), Err(Fault::NotOneProposal));
    // Some say that an AEAD needs no integrity algorithm.
    let none = |one: &mut Proposal| one.transforms.push(transform(TransformType::INTEGRITY, NONE));
    assert!(accept(none).is_ok());
}
