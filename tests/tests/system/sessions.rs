//! Live connections listed, filtered, and ended one at a time by an operator.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use demo::systems::Kind;
use sekisho_tests::client::{Client, Connection};
use sekisho_tests::gateway::Gateway;
use sekisho_tests::setup::Setup;
use sekisho_tests::systems;
use serde_json::Value;

/// Columns of a terminal that a table may take.
const WIDEST: usize = 100;

fn start() -> Gateway {
    let setup = Setup::new().upstream(Kind::KmixPlus, systems::echo());
    setup.upstream(Kind::KmixRBasic, systems::echo()).start()
}

/// What `sekisho sessions` lists with these options.
fn listed(gateway: &Gateway, options: &str) -> Value {
    let json = gateway.sekisho(format!("sessions --json {options}").trim_end());
    serde_json::from_str(&json).unwrap()
}

fn sessions(gateway: &Gateway, options: &str) -> Vec<Value> {
    listed(gateway, options)["sessions"].as_array().unwrap().clone()
}

fn is_of(session: &Value, connection: &Connection) -> bool {
    session["source"] == connection.local().to_string()
}

#[test]
fn what_is_listed_is_what_is_there() {
    let gateway = start();
    assert_eq!(gateway.sekisho("sessions").lines().count(), 1, "the heading alone");
    let of = |terminal| Client::of(&gateway.site, terminal);
    let mut first = of("H1/pc-1").converse(gateway.named());
    let second = of("C1/pc-1").coming_from([127, 0, 0, 9]).converse(gateway.named());
    let third = of("H1/ct-1").asking_for("basic.kmix-r.example").converse(gateway.named());

    let all = sessions(&gateway, "");
    assert_eq!(all.len(), 3);
    for (session, connection) in all.iter().zip([&first, &second, &third]) {
        assert!(is_of(session, connection), "the newest last: {all:#?}");
        assert_eq!(session["octets_in"], 5);
        assert_eq!(session["octets_out"], 5);
        assert_eq!((&session["road"], &session["state"]), (&"tls".into(), &"open".into()));
    }
    assert_eq!(all[2]["institution"], "H1");
    assert_eq!(all[2]["terminal"], "ct-1");
    assert_eq!(all[2]["system"], "kmix-r-basic");
    for (options, expected) in [
        ("--road ipsec", [false, false, false]),
        ("--road tls", [true, true, true]),
        ("--institution H1", [true, false, true]),
        ("--terminal pc-1", [true, true, false]),
        ("--system kmix-plus", [true, true, false]),
        ("--source 127.0.0.9", [false, true, false]),
        ("--source 127.0.0.0/29 --system kmix-plus", [true, false, false]),
        ("--limit 1", [false, false, true]),
    ] {
        let found = sessions(&gateway, options);
        let found = [&first, &second, &third]
            .map(|connection| found.iter().any(|session| is_of(session, connection)));
        assert_eq!(found, expected, "{options}");
    }
    assert_eq!(listed(&gateway, "--limit 1")["left_out"], 2);

    first.finish();
    first.rest().unwrap();
    gateway.wait_for_connections(2);
    assert_eq!(sessions(&gateway, "").len(), 2);

    let table = gateway.sekisho("sessions");
    assert!(table.contains("内科") && table.contains("C1/pc-1"), "{table}");
    // No character of it takes more than two columns, and an ASCII one takes one.
    let width = |line: &str| line.chars().map(|c| if c.is_ascii() { 1 } else { 2 }).sum::<usize>();
    assert!(table.lines().all(|line| width(line) <= WIDEST), "{table}");
}

#[test]
fn an_operator_ends_one_connection_and_no_other() {
    let gateway = start();
    let client = Client::of(&gateway.site, "H1/pc-1");
    let ended = client.converse(gateway.named());
    let mut spared = client.converse(gateway.named());
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        // While others come and go.
        let coming = scope.spawn(|| {
            let mut count = 0;
            while !done.load(Ordering::Relaxed) {
                client.converse(gateway.named()).finish();
                count += 1;
            }
            count
        });
        let all = sessions(&gateway, "");
        let id = all.iter().find(|session| is_of(session, &ended)).unwrap()["id"].clone();
        let id = id.as_str().unwrap();
        // As the table shows it.
        let shown = id.rsplit('-').next().unwrap();
        let order = ["sessions", "end", shown, "--reason", "端末の盗難"];
        assert!(gateway.sekisho_with(&order).contains("ended"));

        let source = ended.local();
        let mut ended = ended;
        assert!(ended.rest().expect("the gateway says goodbye").is_empty());
        let closed = gateway.closed(source);
        assert_eq!(closed.reason(), "close.operator");
        assert_eq!(closed.text("connection"), id);
        assert_eq!(closed.number("bytes_in"), 5);
        let operator = closed.text("detail");
        assert!(operator.starts_with("by ") && operator.ends_with(": 端末の盗難"), "{operator}");
        let act = gateway.record(|record| record.reason() == "gateway.session-ended");
        assert_eq!(act.text("connection"), id);
        assert_eq!(act.text("detail"), operator);
        assert_eq!(act.text("institution"), "H1");

        for (id, expected) in [
            (id, "no session"),
            ("01a203c5-6dfb-7fff-bfff-ffffffffffff", "no session"),
            ("all", "is no id"),
        ] {
            let outcome = gateway.site.sekisho(["sessions", "end", id]);
            assert_eq!(outcome.status.code(), Some(1), "{outcome}");
            assert!(outcome.says(expected), "{outcome}");
        }
        done.store(true, Ordering::Relaxed);
        assert!(coming.join().unwrap() > 0);
    });
    spared.echo(b"still here").unwrap();
    assert_eq!(gateway.count("close.operator"), 1);
}
