//! OpenSSL and rustls-webpki come to the same verdict on the chains made here.

use std::sync::Arc;
use std::time::Duration;

use rustls::RootCertStore;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, UnixTime};
use rustls::server::WebPkiClientVerifier;

use super::{DAY, NOW, Openssl, World, serial, server};
use crate::pem::{self, Label};
use crate::{Algorithm, Authority, IssueError, SigningKey, Validity};

#[test]
fn openssl_and_webpki_agree() {
    for algorithm in [Algorithm::EcdsaP256, Algorithm::EcdsaP384, Algorithm::Rsa3072] {
        let world = World::new(algorithm);
        let fresh = world.crls(NOW - 60);
        let stale = world.crls(NOW - 2 * DAY);
        let cases = [
            ("good", &world.good, &fresh, None),
            ("revoked", &world.revoked, &fresh, Some(("revoked", "Revoked"))),
            ("expired", &world.expired, &fresh, Some(("certificate has expired", "Expired"))),
            ("stale list", &world.good, &stale, Some(("CRL has expired", "ExpiredRevocationList"))),
        ];
        for (name, leaf, crls, refusal) in cases {
            let verdicts = (openssl(&world, leaf, crls), webpki(&world, leaf, crls));
            match (refusal, &verdicts) {
                (None, (Ok(()), Ok(()))) => {}
                (Some((by_openssl, by_webpki)), (Err(openssl), Err(webpki)))
                    if openssl.contains(by_openssl) && webpki.contains(by_webpki) => {}
                _ => panic!("{algorithm:?} {name}: {verdicts:?}"),
            }
        }
    }
}

#[test]
fn servers_verify_by_name_and_address() {
    let world = World::new(Algorithm::EcdsaP256);
    let key = SigningKey::generate(Algorithm::Rsa2048).unwrap();
    let validity = Validity::new(NOW - DAY, NOW + DAY).unwrap();
    let leaf =
        world.issuing.issue_server(&server(), key.public_key(), validity, &serial(6)).unwrap();

    let directory = directory(&world, &leaf, &world.crls(NOW));
    let verify = |check: &str| directory.run(&format!("{VERIFY} {check} leaf.pem"));
    for check in [
        "-purpose sslserver -verify_hostname gw.example.jp",
        "-purpose sslserver -verify_ip 192.0.2.1",
        "-purpose sslserver -verify_ip 2001:db8::1",
    ] {
        verify(check).unwrap();
    }
    for check in ["-purpose sslclient", "-verify_hostname 192.0.2.1", "-verify_ip 192.0.2.2"] {
        verify(check).unwrap_err();
    }
}

#[test]
fn an_authority_reads_back_and_keeps_its_limits() {
    let world = World::new(Algorithm::EcdsaP256);
    let validity = Validity::new(NOW, NOW + DAY).unwrap();
    let key = || SigningKey::generate(Algorithm::EcdsaP256).unwrap();

    let refused = world.issuing.issuing(key(), &super::subject("孫"), validity, &serial(9));
    assert!(matches!(refused, Err(IssueError::PathLength)));
    let refused = world.root.issuing(key(), &super::subject("根"), validity, &serial(9));
    assert!(matches!(refused, Err(IssueError::SameName)));
    let beyond = Validity::new(NOW, NOW + 2000 * DAY).unwrap();
    let refused = world.root.issuing(key(), &super::subject("発行2"), beyond, &serial(9));
    assert!(matches!(refused, Err(IssueError::OutlivesIssuer { .. })));

    let pem = world.issuing.key().to_pem(None).unwrap();
    let key_again = SigningKey::from_pem(pem.as_bytes(), None).unwrap();
    let again = Authority::from_der(world.issuing.certificate(), key_again).unwrap();
    let leaf = again.issue_server(&server(), key().public_key(), validity, &serial(8)).unwrap();
    directory(&world, &leaf, &world.crls(NOW)).run(&format!("{VERIFY} leaf.pem")).unwrap();

    use crate::AuthorityError::{KeyMismatch, NotAnAuthority};
    assert_eq!(Authority::from_der(world.root.certificate(), key()).unwrap_err(), KeyMismatch);
    let own = key();
    let leaf = again.issue_server(&server(), own.public_key(), validity, &serial(8)).unwrap();
    assert_eq!(Authority::from_der(&leaf, own).unwrap_err(), NotAnAuthority);
}

#[test]
fn unfit_servers_are_refused() {
    let world = World::new(Algorithm::EcdsaP256);
    let validity = Validity::new(NOW, NOW + DAY).unwrap();
    let issue = |change: fn(&mut crate::Server)| {
        let mut server = server();
        change(&mut server);
        let key = world.root.key().public_key();
        world.issuing.issue_server(&server, key, validity, &serial(9)).unwrap_err()
    };
    let error = issue(|server| {
        server.dns_names.clear();
        server.ip_addresses.clear();
    });
    assert!(matches!(error, IssueError::NoServerName));
    let error = issue(|server| server.subject.common_name = "192.0.2.1".to_owned());
    assert!(matches!(error, IssueError::AddressAsName { .. }));
    let error = issue(|server| server.dns_names.push("192.0.2.1".to_owned()));
    assert!(matches!(error, IssueError::AddressAsName { .. }));
    for name in ["", "*.example.jp", "a..jp", "GW.jp", "gw.jp.", "-a.jp", "a_b.jp", "病院.jp"] {
        let mut server = server();
        server.dns_names.push(name.to_owned());
        let key = world.root.key().public_key();
        let refused = world.issuing.issue_server(&server, key, validity, &serial(9));
        assert!(matches!(refused, Err(IssueError::HostName { .. })), "{name:?}");
    }
}

const VERIFY: &str = "verify -x509_strict -attime 1800000000 -CAfile root.pem \
                      -untrusted issuing.pem -CRLfile crls.pem -crl_check_all";

fn openssl(world: &World, leaf: &[u8], crls: &[Vec<u8>]) -> Result<(), String> {
    let directory = directory(world, leaf, crls);
    directory.run(&format!("{VERIFY} -purpose sslclient leaf.pem")).map(drop)
}

fn directory(world: &World, leaf: &[u8], crls: &[Vec<u8>]) -> Openssl {
    let directory = Openssl::new();
    let certificate = |der| pem::encode(Label::Certificate, [der]).unwrap();
    directory.write("root.pem", certificate(world.root.certificate()));
    directory.write("issuing.pem", certificate(world.issuing.certificate()));
    directory.write("leaf.pem", certificate(leaf));
    let crls = crls.iter().map(Vec::as_slice);
    directory.write("crls.pem", pem::encode(Label::RevocationList, crls).unwrap());
    directory
}

fn webpki(world: &World, leaf: &[u8], crls: &[Vec<u8>]) -> Result<(), String> {
    let certificate = |der: &[u8]| CertificateDer::from(der.to_vec());
    let mut roots = RootCertStore::empty();
    roots.add(certificate(world.root.certificate())).unwrap();
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), default_provider().into())
            .with_crls(crls.iter().map(|der| CertificateRevocationListDer::from(der.clone())))
            .enforce_revocation_expiration()
            .build()
            .unwrap();
    let now = UnixTime::since_unix_epoch(Duration::from_secs(NOW.try_into().unwrap()));
    verifier
        .verify_client_cert(&certificate(leaf), &[certificate(world.issuing.certificate())], now)
        .map(drop)
        .map_err(|error| format!("{error:?}"))
}
