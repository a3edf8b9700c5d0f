//! Client certificates that must not pass: conformance tests T15 and T16, and hostile ones.

use std::path::PathBuf;

use demo::systems::Kind;
use sekisho_tests::client::{Client, ONLY_12, ONLY_13, alert};
use sekisho_tests::foreign::{ForeignCa, P256, RSA_1024};
use sekisho_tests::gateway::Gateway;
use sekisho_tests::peers::{Credential, s_client};
use sekisho_tests::program::lacks;
use sekisho_tests::record::Record;
use sekisho_tests::setup::Setup;
use sekisho_tests::systems;

/// A time in `openssl ca`'s own form.
const LONG_AGO: &str = "20200101000000Z";
const A_YEAR_LATER: &str = "20210101000000Z";
const FAR_AHEAD: &str = "20480101000000Z";
const A_YEAR_AFTER_THAT: &str = "20490101000000Z";

/// A gateway with a listener of every profile that trusts a CA of OpenSSL's too.
struct Border {
    gateway: Gateway,
    ca: ForeignCa,
}

impl Border {
    fn new() -> Self {
        let setup = Setup::new().upstream(Kind::KmixPlus, systems::echo());
        let ca = ForeignCa::new(&setup.site, "foreign");
        let profiles = ["profile = \"tls12\"", "", "profile = \"tls13-only\""];
        let setup = setup.listeners(&profiles).trust(&ca.certificate(), &ca.crl());
        Self { gateway: setup.start(), ca }
    }

    /// Presents a certificate, or none, to every listener: alert and record of each refusal.
    fn refused(&self, credential: Option<&Credential>) -> Vec<(&'static str, Record)> {
        let listeners = [(0, "-tls1_2"), (1, "-tls1_2"), (1, "-tls1_3"), (2, "-tls1_3")];
        let present = |(listener, version)| {
            let address = self.gateway.address(listener);
            // OpenSSL would not present a weak certificate otherwise.
            let options = [version, "-cipher", "DEFAULT@SECLEVEL=0"];
            let attempt = || s_client(&self.gateway.site, address, credential, &options);
            let (outcome, record) = self.gateway.provoke("denied", attempt);
            let alerts = [
                "handshake failure",
                "certificate required",
                "unknown ca",
                "certificate expired",
                "certificate revoked",
                "unsupported certificate",
                "certificate unknown",
                "bad certificate",
                "access denied",
            ];
            let sent = alerts.into_iter().find(|alert| outcome.says(&format!("alert {alert}")));
            (sent.unwrap_or_else(|| panic!("no alert: {outcome}")), record)
        };
        listeners.into_iter().map(present).collect()
    }

    fn assert_refused(&self, credential: Option<&Credential>, alerts: &[&str], reason: &str) {
        for (alert, record) in self.refused(credential) {
            assert!(alerts.contains(&alert), "{alert}: {record:?}");
            assert_eq!(record.reason(), reason, "{record:?}");
            assert_eq!(record.text("system"), "kmix-plus", "{record:?}");
            let named = !record.text("certificate_serial").is_empty();
            assert_eq!(named, credential.is_some(), "{record:?}");
        }
    }
}

#[test]
fn t15_no_certificate() {
    if lacks("openssl") {
        return;
    }
    let alerts = ["certificate required", "handshake failure"];
    Border::new().assert_refused(None, &alerts, "tls.no-certificate");
}

#[test]
fn t15_a_certificate_of_an_unknown_ca() {
    if lacks("openssl") {
        return;
    }
    let border = Border::new();
    let stranger = ForeignCa::new(&border.gateway.site, "stranger");
    let credential = stranger.issue("device", P256, "client", &[]);
    border.assert_refused(Some(&credential), &["unknown ca"], "tls.certificate-unknown-ca");
}

#[test]
fn t15_an_expired_certificate() {
    if lacks("openssl") {
        return;
    }
    let border = Border::new();
    let validity = ["-startdate", LONG_AGO, "-enddate", A_YEAR_LATER];
    let credential = border.ca.issue("device", P256, "client", &validity);
    border.assert_refused(Some(&credential), &["certificate expired"], "tls.certificate-expired");
}

#[test]
fn t15_a_certificate_not_yet_valid() {
    if lacks("openssl") {
        return;
    }
    let border = Border::new();
    let validity = ["-startdate", FAR_AHEAD, "-enddate", A_YEAR_AFTER_THAT];
    let credential = border.ca.issue("device", P256, "client", &validity);
    let alerts = ["certificate expired"];
    border.assert_refused(Some(&credential), &alerts, "tls.certificate-not-yet-valid");
}

#[test]
fn t15_a_certificate_on_the_crl() {
    if lacks("openssl") {
        return;
    }
    let border = Border::new();
    let credential = border.ca.issue("device", P256, "client", &[]);
    border.ca.revoke("device");
    border.gateway.provoke("control", || border.ca.publish());
    border.assert_refused(Some(&credential), &["certificate revoked"], "tls.certificate-revoked");
}

#[test]
fn t15_a_server_certificate() {
    if lacks("openssl") {
        return;
    }
    let border = Border::new();
    let credential = border.ca.issue("device", P256, "server", &[]);
    let alerts = ["unsupported certificate"];
    border.assert_refused(Some(&credential), &alerts, "tls.certificate-purpose");
}

#[test]
fn t16_a_certificate_signed_with_sha1() {
    if lacks("openssl") {
        return;
    }
    let border = Border::new();
    let credential = border.ca.issue("device", P256, "client", &["-md", "sha1"]);
    let alerts = ["certificate unknown", "bad certificate"];
    border.assert_refused(Some(&credential), &alerts, "tls.certificate-weak");
}

#[test]
fn t16_a_certificate_with_rsa_1024() {
    if lacks("openssl") {
        return;
    }
    let border = Border::new();
    let credential = border.ca.issue("device", RSA_1024, "client", &[]);
    let alerts = ["certificate unknown", "bad certificate"];
    border.assert_refused(Some(&credential), &alerts, "tls.certificate-weak");
}

#[test]
fn a_certificate_without_its_key_is_worth_nothing() {
    if lacks("openssl") {
        return;
    }
    let border = Border::new();
    let site = &border.gateway.site;
    let (certificate, _) = site.terminal("H1/pc-1");
    let (_, other_key): (PathBuf, PathBuf) = site.terminal("C1/pc-1");
    for (listener, versions) in [(0, ONLY_12), (2, ONLY_13)] {
        let thief = Client::new(site, &certificate, &other_key, versions);
        let (source, error) = thief.refused(border.gateway.address(listener));
        assert_eq!(alert(&error), "DecryptError");
        let record = border.gateway.denied(source);
        assert_eq!(record.reason(), "tls.proof-of-possession");
        assert_eq!(record.text("institution"), "", "nobody has proven to be of an institution");
        assert_eq!(record.text("claimed"), "H1/pc-1");
    }
}
