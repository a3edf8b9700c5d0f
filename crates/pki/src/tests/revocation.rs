//! Revocation lists as OpenSSL and this crate read them.

use der::{Decode as _, Encode as _};
use x509_cert::crl::CertificateList;

use super::{DAY, NOW, Openssl, World};
use crate::pem::{self, Label};
use crate::{
    Algorithm, CrlError, CrlUpdate, IssueError, Reason, RevocationList, Revoked, Serial, TimeError,
};

const UPDATE: CrlUpdate = CrlUpdate { number: 7, this_update: NOW, next_update: NOW + DAY };

#[test]
fn openssl_shows_the_entries_and_the_signing_key() {
    let world = World::new(Algorithm::EcdsaP256);
    let [_, crl] = world.crls(NOW);
    let openssl = Openssl::new();
    openssl.write("crl", &crl);
    openssl.write("issuing", world.issuing.certificate());
    let shown = openssl.text("crl -inform DER -in crl -noout -text");
    let signer = openssl.text("x509 -inform DER -in issuing -noout -ext subjectKeyIdentifier");
    let signer = signer.lines().nth(1).unwrap().trim();
    for part in ["Version 2", "Number: \n                7\n", "Key Compromise", signer] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
}

#[test]
fn a_list_is_read_back() {
    let world = World::new(Algorithm::Rsa2048);
    for entries in [0, 1, 3] {
        let revoked = (0..entries).map(|n| revoked(n, Reason::Unspecified));
        let crl = world.issuing.sign_crl(UPDATE, revoked).unwrap();
        let expected = RevocationList {
            issuer: "CN=発行,O=医療情報ゲートウェイ".to_owned(),
            number: 7,
            this_update: NOW,
            next_update: NOW + DAY,
            entries: usize::try_from(entries).unwrap(),
        };
        assert_eq!(RevocationList::from_der(&crl), Ok(expected));
    }
    let backwards = CrlUpdate { next_update: NOW, ..UPDATE };
    let refused = world.issuing.sign_crl(backwards, []);
    assert!(matches!(refused, Err(IssueError::Time(TimeError::EmptyWindow { .. }))));
}

#[test]
fn a_list_that_could_be_replayed_is_refused() {
    let world = World::new(Algorithm::EcdsaP256);
    let list = |change: fn(&mut CertificateList)| {
        let mut list =
            CertificateList::from_der(&world.issuing.sign_crl(UPDATE, []).unwrap()).unwrap();
        change(&mut list);
        RevocationList::from_der(&list.to_der().unwrap())
    };
    assert_eq!(list(|list| list.tbs_cert_list.next_update = None), Err(CrlError::NoNextUpdate));
    assert_eq!(list(|list| list.tbs_cert_list.crl_extensions = None), Err(CrlError::NoNumber));
    let twice = list(|list| {
        let extensions = list.tbs_cert_list.crl_extensions.as_mut().unwrap();
        extensions.extend_from_within(..);
    });
    assert_eq!(twice, Err(CrlError::NoNumber));
}

#[test]
fn a_hundred_thousand_entries_are_one_list() {
    let world = World::new(Algorithm::EcdsaP256);
    let revoked = (0..100_000).map(|n| revoked(n, Reason::Superseded));
    let crl = world.issuing.sign_crl(UPDATE, revoked).unwrap();
    assert_eq!(RevocationList::from_der(&crl).unwrap().entries, 100_000);

    let openssl = Openssl::new();
    openssl.write("crl", &crl);
    let issuing = pem::encode(Label::Certificate, [world.issuing.certificate()]).unwrap();
    openssl.write("issuing", issuing);
    openssl.run("crl -inform DER -in crl -noout -CAfile issuing").unwrap();
}

fn revoked(number: u32, reason: Reason) -> Revoked {
    let mut random = [0xff; 16];
    random[12..].copy_from_slice(&number.to_be_bytes());
    Revoked { serial: Serial::from_random(random), at: NOW, reason }
}
