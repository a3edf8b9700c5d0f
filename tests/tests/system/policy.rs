//! Who is let in where, and what the record says of those who are not.

use demo::systems::Kind;
use sekisho_tests::client::{Client, alert};
use sekisho_tests::foreign::{ForeignCa, P256};
use sekisho_tests::gateway::Gateway;
use sekisho_tests::program::{finish, lacks};
use sekisho_tests::setup::Setup;
use sekisho_tests::site::PLUS;
use sekisho_tests::time;
use sekisho_tests::{peers, systems};

fn with_echo() -> Setup {
    let setup = Setup::new().upstream(Kind::KmixPlus, systems::echo());
    setup.upstream(Kind::EnkakuDokuei, systems::echo())
}

/// A terminal is refused for `reason`, and the record names what it claims to be: at that
/// point of the handshake it has not proven to hold the key.
fn assert_refused(gateway: &Gateway, client: &Client, reason: &str, claimed: &str, system: &str) {
    let (source, error) = client.refused(gateway.named());
    assert_eq!(alert(&error), "AccessDenied", "{reason}");
    let record = gateway.denied(source);
    assert_eq!(record.reason(), reason, "{record:?}");
    assert_eq!(record.text("claimed"), claimed, "{record:?}");
    assert_eq!(record.way(), ["", "", system], "{record:?}");
    assert!(!record.text("certificate_serial").is_empty(), "{record:?}");
}

#[test]
fn a_registered_terminal_reaches_its_system() {
    if lacks("curl") {
        return;
    }
    let gateway = Setup::new().start();
    let page = peers::fetch(&gateway, "H1/pc-1", "/whoami").expect_success();
    assert!(page.contains("\"system\":\"kmix-plus\""), "{page}");
    let close = gateway.record(|record| record.is("close"));
    let records = gateway.records();
    let open = records.iter().find(|record| record.is("open")).unwrap();
    for record in [open, &close] {
        assert_eq!(record.way(), ["H1", "pc-1", "kmix-plus"]);
        assert_eq!(record.text("network"), "tls");
        assert_eq!(record.text("requested"), PLUS);
        assert_eq!(record.text("source"), "127.0.0.1");
        assert_eq!(record.text("claimed"), "H1/pc-1");
        assert_eq!(record.text("version"), "TLSv1.3");
        assert_eq!(record.text("suite"), "TLS_AES_256_GCM_SHA384");
        assert_eq!(record.number("local_port"), i64::from(gateway.named().port()));
    }
    assert_eq!(open.text("connection"), close.text("connection"));
}

#[test]
fn an_institution_reaches_its_own_systems_only() {
    let gateway = with_echo().start();
    let client = Client::of(&gateway.site, "C1/pc-1");
    client.converse(gateway.named());
    let elsewhere = client.asking_for("basic.kmix-r.example");
    let reason = "policy.system-not-permitted";
    assert_refused(&gateway, &elsewhere, reason, "C1/pc-1", "kmix-r-basic");

    // Whoever asks for the institution's records finds what was only claimed too.
    let found = |institution| {
        let query = format!("log query --json --verdict denied --institution {institution}");
        gateway.sekisho(&query).lines().count()
    };
    assert_eq!((found("C1"), found("H1")), (1, 0));
}

#[test]
fn whoever_is_suspended_is_refused_until_resumed() {
    let gateway = with_echo().start();
    let client = Client::of(&gateway.site, "H1/pc-1");
    for (suspend, resume, reason) in [
        ("terminal suspend H1/pc-1", "terminal resume H1/pc-1", "policy.terminal-stopped"),
        ("institution suspend H1", "institution resume H1", "policy.institution-stopped"),
    ] {
        change(&gateway, &suspend.split(' ').collect::<Vec<_>>());
        assert_refused(&gateway, &client, reason, "H1/pc-1", "kmix-plus");
        Client::of(&gateway.site, "C1/pc-1").converse(gateway.named());
        change(&gateway, &resume.split(' ').collect::<Vec<_>>());
        client.converse(gateway.named());
    }
}

/// Changes the registry and waits until the change is in force.
fn change(gateway: &Gateway, arguments: &[&str]) {
    gateway.provoke("control", || gateway.sekisho_with(arguments));
}

#[test]
fn outside_its_hours_an_institution_is_refused() {
    let gateway = with_echo().start();
    let client = Client::of(&gateway.site, "H1/pc-1");
    let hours = time::hours_of_another_day();
    change(&gateway, &["institution", "change", "H1", "--hours", &hours]);
    assert_refused(&gateway, &client, "policy.outside-hours", "H1/pc-1", "kmix-plus");
    change(&gateway, &["institution", "change", "H1", "--hours", "always"]);
    client.converse(gateway.named());
}

#[test]
fn a_trusted_certificate_is_not_enough_it_must_be_registered() {
    if lacks("openssl") {
        return;
    }
    let setup = with_echo();
    let ca = ForeignCa::new(&setup.site, "foreign");
    let (certificate, key) = ca.issue("device", P256, "client", &[]);
    let gateway = setup.trust(&ca.certificate(), &ca.crl()).start();
    let client = Client::with_files(&gateway.site, &certificate, &key);
    assert_refused(&gateway, &client, "policy.certificate-not-registered", "", "kmix-plus");

    let file = certificate.to_str().unwrap();
    change(&gateway, &["terminal", "register", "H1/pc-1", file]);
    client.converse(gateway.named());
}

#[test]
fn a_revoked_terminal_is_refused_by_policy_or_crl() {
    let gateway = with_echo().start();
    let client = Client::of(&gateway.site, "H1/pc-1");
    let told = gateway.sekisho("terminal revoke H1/pc-1 --reason keyCompromise");
    assert!(told.contains("1 revoked"), "{told}");
    // Both ways of hearing of it are quick; in the end the CRL speaks first.
    gateway.record(|record| record.reason() == "gateway.certificates-changed");
    gateway.record(|record| record.reason() == "gateway.policy-changed");
    let (source, error) = client.refused(gateway.named());
    assert_eq!(alert(&error), "CertificateRevoked");
    let record = gateway.denied(source);
    assert_eq!(record.reason(), "tls.certificate-revoked");
    assert_eq!(record.text("claimed"), "H1/pc-1");
    Client::of(&gateway.site, "H1/ct-1").converse(gateway.named());
}

#[test]
fn the_server_name_chooses_the_system_and_no_name_leads_past_a_binding() {
    let gateway = with_echo().start();
    let client = Client::of(&gateway.site, "H1/ct-1");
    let nameless = client.clone().with(|config| config.enable_sni = false);
    let dicom = client.clone().asking_for("dokuei.kmix-r.example");
    let unknown = client.clone().asking_for("other.kmix-r.example");

    dicom.converse(gateway.named());
    dicom.converse(gateway.bound());
    nameless.converse(gateway.bound());
    for (client, to, reason) in [
        (&nameless, gateway.named(), "tls.no-server-name"),
        (&unknown, gateway.named(), "tls.unknown-server-name"),
        (&unknown, gateway.bound(), "tls.unknown-server-name"),
        (&client, gateway.bound(), "tls.other-server-name"),
    ] {
        let (source, error) = client.refused(to);
        assert_eq!(alert(&error), "UnrecognisedName", "{reason}");
        let record = gateway.denied(source);
        assert_eq!((record.reason(), record.way()), (reason, ["", "", ""]), "{record:?}");
    }
    let host = gateway.record(|record| record.reason() == "tls.unknown-server-name");
    assert_eq!(host.text("requested"), "other.kmix-r.example");
}

#[test]
fn a_host_name_is_the_same_in_any_case() {
    let gateway = with_echo().start();
    let client = Client::of(&gateway.site, "H1/pc-1");
    client.asking_for("PLUS.Kmix-R.example").converse(gateway.named());
}

#[test]
fn dicom_modalities_need_no_server_name_on_their_own_listener() {
    if lacks("echoscu") || lacks("dump2dcm") {
        return;
    }
    let image_store = systems::start(Kind::EnkakuDokuei, demo::systems::Options::default());
    let gateway = Setup::new().upstream(Kind::EnkakuDokuei, image_store.address()).start();
    let echo = peers::dcmtk("echoscu", &gateway.site, "H1/ct-1", gateway.bound());
    finish({ echo }.arg("-v"), b"").expect_success();
    let close = gateway.record(|record| record.is("close"));
    assert_eq!(close.way(), ["H1", "ct-1", "enkaku-dokuei"]);
    assert_eq!(close.text("requested"), "", "DCMTK sends no server name");

    let image = peers::dicom_image(&gateway.site);
    let store = peers::dcmtk("storescu", &gateway.site, "H1/ct-1", gateway.bound());
    finish({ store }.arg(&image), b"").expect_success();
    let received = image_store.received().unwrap();
    assert_eq!(received.instances, 1);
}
