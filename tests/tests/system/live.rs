//! Changes while connections are live: each ends what it must and nothing else.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use demo::systems::Kind;
use sekisho_tests::client::{Client, Connection};
use sekisho_tests::foreign::{ForeignCa, P256};
use sekisho_tests::gateway::Gateway;
use sekisho_tests::program::lacks;
use sekisho_tests::setup::Setup;
use sekisho_tests::systems;
use sekisho_tests::time;

/// The gateway says "within a second"; a loaded machine is given more.
const SOON: Duration = Duration::from_secs(5);

fn with_echo() -> Setup {
    let setup = Setup::new().upstream(Kind::KmixPlus, systems::echo());
    setup.upstream(Kind::KmixRBasic, systems::echo())
}

/// The connection is ended soon after `begun`, for `reason`; its close record says so and
/// still says whose it was.
fn assert_ended(gateway: &Gateway, mut connection: Connection, begun: Instant, reason: &str) {
    let source = connection.local();
    let rest = connection.rest().expect("the gateway says goodbye");
    assert!(rest.is_empty());
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    let record = gateway.closed(source);
    assert_eq!(record.reason(), reason);
    assert_eq!(record.text("institution"), "H1");
    assert_eq!(record.number("bytes_in"), 5);
}

#[test]
fn whoever_is_suspended_is_cut_off_and_nobody_else() {
    let gateway = with_echo().start();
    let of = |terminal| Client::of(&gateway.site, terminal).converse(gateway.named());
    let (one, other, stranger) = (of("H1/pc-1"), of("H1/ct-1"), of("C1/pc-1"));
    let mut bystanders = [other, stranger];

    let begun = Instant::now();
    gateway.sekisho("terminal suspend H1/pc-1");
    assert_ended(&gateway, one, begun, "policy.terminal-stopped");
    bystanders.iter_mut().for_each(|connection| connection.echo(b"still here").unwrap());

    let [other, mut stranger] = bystanders;
    let source = other.local();
    gateway.sekisho("institution suspend H1");
    let closed = gateway.closed(source);
    assert_eq!(closed.reason(), "policy.institution-stopped");
    let in_force = gateway.status()["policy_generation"].as_i64().unwrap();
    assert_eq!(closed.number("generation"), in_force, "the policy that took the permit back");
    stranger.echo(b"still here").unwrap();
}

#[test]
fn a_system_taken_away_is_cut_off_and_no_other() {
    let gateway = with_echo().start();
    let client = Client::of(&gateway.site, "H1/pc-1");
    let lost = client.converse(gateway.named());
    let mut kept = client.clone().asking_for("basic.kmix-r.example").converse(gateway.named());
    let begun = Instant::now();
    gateway.sekisho("institution change H1 --systems kmix-r-basic");
    assert_ended(&gateway, lost, begun, "policy.system-not-permitted");
    kept.echo(b"still here").unwrap();
}

#[test]
fn hours_that_end_cut_off() {
    let gateway = with_echo().start();
    let connection = Client::of(&gateway.site, "H1/pc-1").converse(gateway.named());
    let begun = Instant::now();
    let hours = time::hours_of_another_day();
    gateway.sekisho_with(&["institution", "change", "H1", "--hours", &hours]);
    assert_ended(&gateway, connection, begun, "policy.outside-hours");
}

#[test]
fn time_alone_ends_a_permit() {
    // Nothing changes but the time: the announced maintenance begins.
    let setup = with_echo();
    let (from, until) = (time::ahead(6), time::ahead(3600));
    let maintenance =
        format!("[[system.maintenance]]\nfrom = \"{from}\"\nuntil = \"{until}\"\nclosed = true");
    let gateway = setup.system(Kind::KmixPlus, &maintenance).start();
    let connection = Client::of(&gateway.site, "H1/pc-1").converse(gateway.named());
    let begun = Instant::now() + Duration::from_secs(6);
    assert_ended(&gateway, connection, begun, "policy.maintenance");
    let (source, _) = Client::of(&gateway.site, "H1/pc-1").refused(gateway.named());
    assert_eq!(gateway.denied(source).reason(), "policy.maintenance");
}

#[test]
fn a_new_crl_is_picked_up_and_cuts_off() {
    if lacks("openssl") {
        return;
    }
    let setup = with_echo();
    let ca = ForeignCa::new(&setup.site, "foreign");
    let (certificate, key) = ca.issue("device", P256, "client", &[]);
    let gateway = setup.trust(&ca.certificate(), &ca.crl()).start();
    gateway.sekisho(&format!("terminal register H1/pc-1 {}", certificate.display()));
    gateway.record(|record| record.reason() == "gateway.policy-changed");
    let client = Client::with_files(&gateway.site, &certificate, &key);
    let revoked = client.converse(gateway.named());
    let mut other = Client::of(&gateway.site, "H1/pc-1").converse(gateway.named());

    ca.revoke("device");
    let begun = Instant::now();
    ca.publish();
    assert_ended(&gateway, revoked, begun, "tls.certificate-revoked");
    other.echo(b"still here").unwrap();
    let (source, _) = client.refused(gateway.named());
    assert_eq!(gateway.denied(source).reason(), "tls.certificate-revoked");
}

/// Puts a file in the place of another, whole.
fn replace(path: &Path, bytes: &[u8]) {
    let new = path.with_extension("new");
    fs::write(&new, bytes).unwrap();
    fs::rename(&new, path).unwrap();
}

#[test]
fn a_broken_crl_changes_nothing_and_is_on_record() {
    if lacks("openssl") {
        return;
    }
    let setup = with_echo();
    let ca = ForeignCa::new(&setup.site, "foreign");
    let (certificate, key) = ca.issue("device", P256, "client", &[]);
    ca.revoke("device");
    ca.publish();
    let gateway = setup.trust(&ca.certificate(), &ca.crl()).start();
    let crl = gateway.site.path(ca.crl());
    let good = fs::read(&crl).unwrap();
    let client = Client::of(&gateway.site, "H1/pc-1");
    let mut live = client.converse(gateway.named());

    for broken in [&good[..good.len() / 2], b"no CRL at all", b"\x30\x03\x02\x01\x00"] {
        let ((), record) = gateway.provoke("control", || replace(&crl, broken));
        assert_eq!(record.reason(), "gateway.certificates-rejected");
        assert!(record.text("detail").contains("crl.pem"), "{record:?}");
        live.echo(b"still here").unwrap();
        client.converse(gateway.named());
        let revoked = Client::with_files(&gateway.site, &certificate, &key);
        let (source, _) = revoked.refused(gateway.named());
        assert_eq!(gateway.denied(source).reason(), "tls.certificate-revoked");
    }
    let ((), record) = gateway.provoke("control", || replace(&crl, &good));
    assert_eq!(record.reason(), "gateway.certificates-changed");
}

#[test]
fn an_older_crl_does_not_bring_back_what_was_revoked() {
    if lacks("openssl") {
        return;
    }
    let setup = with_echo();
    let ca = ForeignCa::new(&setup.site, "foreign");
    let (certificate, key) = ca.issue("device", P256, "client", &[]);
    let gateway = setup.trust(&ca.certificate(), &ca.crl()).start();
    let crl = gateway.site.path(ca.crl());
    let older = fs::read(&crl).unwrap();
    ca.revoke("device");
    gateway.provoke("control", || ca.publish());
    let ((), record) = gateway.provoke("control", || replace(&crl, &older));
    assert_eq!(record.reason(), "gateway.certificates-rejected");
    let (source, _) =
        Client::with_files(&gateway.site, &certificate, &key).refused(gateway.named());
    assert_eq!(gateway.denied(source).reason(), "tls.certificate-revoked");
}

#[test]
fn a_new_server_certificate_is_shown_without_a_restart() {
    let gateway = with_echo().start();
    let client = Client::of(&gateway.site, "H1/pc-1");
    let shown = || {
        let connection = client.converse(gateway.named());
        connection.tls.conn.peer_certificates().unwrap()[0].clone()
    };
    let (before, mut live) = (shown(), client.converse(gateway.named()));
    gateway.sekisho("ca server next --dns plus.kmix-r.example --out next");
    for (new, old) in
        [("next/next.pem", "tls/front-ecdsa.pem"), ("next/next.key", "tls/front-ecdsa.key")]
    {
        fs::rename(gateway.site.path(new), gateway.site.path(old)).unwrap();
    }
    gateway.record(|record| record.reason() == "gateway.certificates-changed");
    assert_ne!(shown(), before);
    live.echo(b"still here").unwrap();
}
