use crate::{ChildProposal, IkeProposal};

#[test]
fn a_proposal_reads_as_it_was_written() {
    for text in [
        "aes256gcm16-aes128gcm16-prfsha384-prfsha256-ecp384-ecp256",
        "chacha20poly1305-prfsha512-x25519-ke1_mlkem768-ke1_none-ke7_ecp521",
        "aes256-aes128-prfsha384-sha256-modp2048",
    ] {
        assert_eq!(text.parse::<IkeProposal>().unwrap().to_string(), text);
    }
    let implied: IkeProposal = " aes-sha2_256-modp2048 ".parse().unwrap();
    assert_eq!(implied.to_string(), "aes128-prfsha256-sha256-modp2048");
    let child: ChildProposal = "aes256gcm-curve25519-modpnone".parse().unwrap();
    assert_eq!(child.to_string(), "aes256gcm16-x25519-none-noesn");
    assert_eq!(IkeProposal::defaults().len(), 4);
    assert_eq!(ChildProposal::defaults().len(), 4);
}

#[test]
fn an_unusable_word_is_named_with_its_remedy() {
    let ike = |text: &str| text.parse::<IkeProposal>().map(drop);
    let esp = |text: &str| text.parse::<ChildProposal>().map(drop);
    for (result, message) in [
        (ike("3des-sha256-modp2048"), "\"3des\" is below"),
        (ike("aes256-sha1-modp2048"), "use sha256 or sha384"),
        (ike("aes256-sha256-modp1024"), "use ecp384, x25519 or modp2048"),
        (ike("aes256gcm16-prfsha256-x25519-ke1_modp1024"), "\"ke1_modp1024\" is below"),
        (ike("aes192-sha256-modp2048"), "no algorithm is called \"aes192\": the names are aes256g"),
        (ike("aes256gcm16-prfsha384-ecp384-ke8_mlkem768"), "called \"ke8_mlkem768\""),
        (ike("aes256gcm16-prfsha384-ecp384-ke1_sha256"), "called \"ke1_sha256\""),
        (ike(""), "called \"\""),
        (ike("aes256gcm16-sha384-ecp384"), "remove \"sha384\", or write prf before it"),
        (ike("aes256gcm16-aes256-sha384-ecp384"), "\"aes256\" needs an integrity algorithm and"),
        (ike("aes256-prfsha256-modp2048"), "an integrity algorithm for AES-CBC is missing"),
        (ike("aes256gcm16-ecp384"), "a PRF is missing"),
        (ike("aes256-sha256"), "a group is missing: add ecp384"),
        (ike("prfsha384-ecp384"), "a cipher is missing"),
        (ike("aes256gcm16-prfsha384-ecp384-none"), "\"none\" has no meaning for IKE"),
        (ike("aes256gcm16-prfsha384-ecp384-esn"), "\"esn\" has no meaning for IKE"),
        (ike("aes256gcm16-prfsha384-ecp384-ecp384"), "\"ecp384\" stands there twice"),
        (ike("aes256gcm16-prfsha384-mlkem768-ke1_mlkem768"), "cannot all take place"),
        (esp("aes256gcm16-prfsha384"), "\"prfsha384\" has no meaning for ESP"),
        (esp("aes256gcm16-none-ke1_mlkem768"), "cannot all take place"),
    ] {
        let error = result.unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    }
}
