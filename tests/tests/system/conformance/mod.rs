//! CRYPTREC TLS暗号設定ガイドライン (GL-3001), 高セキュリティ型: the conformance tests T01
//! to T16, each against a gateway with one listener of every profile.
//!
//! T09 is with the configurations that are refused; T17 does not concern a TCP relay.

mod handshake;
mod suites;

use sekisho_tests::gateway::Gateway;
use sekisho_tests::hello::{self, Answer, Hello};
use sekisho_tests::peers::s_client;
use sekisho_tests::program::Outcome;
use sekisho_tests::record::Record;
use sekisho_tests::setup::Setup;

/// The listeners, in this order.
const TLS12: usize = 0;
const CRYPTREC_HIGH: usize = 1;
const TLS13_ONLY: usize = 2;
const ALL: [usize; 3] = [TLS12, CRYPTREC_HIGH, TLS13_ONLY];
/// Those with TLS 1.2, and those with TLS 1.3.
const WITH_12: [usize; 2] = [TLS12, CRYPTREC_HIGH];
const WITH_13: [usize; 2] = [CRYPTREC_HIGH, TLS13_ONLY];

fn profiles() -> Gateway {
    Setup::new().listeners(&["profile = \"tls12\"", "", "profile = \"tls13-only\""]).start()
}

/// `openssl s_client` as a terminal of good standing.
fn openssl(gateway: &Gateway, listener: usize, options: &[&str]) -> Outcome {
    let credential = gateway.site.terminal("H1/pc-1");
    s_client(&gateway.site, gateway.address(listener), Some(&credential), options)
}

/// The client got through to the system; what OpenSSL tells of the connection.
fn admitted(gateway: &Gateway, listener: usize, options: &[&str]) -> String {
    let outcome = openssl(gateway, listener, options);
    assert!(outcome.says("HTTP/1.0 200 OK"), "{options:?} {outcome}");
    assert!(outcome.says("Verification: OK"), "{options:?} {outcome}");
    outcome.output
}

/// The client was refused with this alert; the record of it.
fn refused(gateway: &Gateway, listener: usize, options: &[&str], alert: &str) -> Record {
    let (outcome, record) = gateway.provoke("denied", || openssl(gateway, listener, options));
    assert!(outcome.says(alert), "{options:?}: not '{alert}' but {outcome}");
    record
}

/// The first answer to a hand-made ClientHello, with the record of the refusal.
fn answer(gateway: &Gateway, listener: usize, hello: &Hello) -> (Answer, Record) {
    gateway.provoke("denied", || hello.send(gateway.address(listener)))
}

/// A client without ECDHE lacks a suite, and a group with it; the record may name either.
fn assert_nothing_in_common(record: &Record) {
    let reason = record.reason();
    assert!(matches!(reason, "tls.cipher-suite" | "tls.key-exchange-group"), "{record:?}");
}

fn server_hello(answer: Answer) -> hello::ServerHello {
    let Answer::ServerHello(hello) = answer else { panic!("no ServerHello but {answer:?}") };
    hello
}
