mod worlds;

use super::*;
use crate::testing::{MONDAY, NOON, world};
use crate::{Caller, Denial, Fingerprint, Roster, Status, Target, Transport};

const CERTIFICATE: Fingerprint = Fingerprint([7; 32]);

fn explain(
    caller: Caller<'_>,
    target: Target<'_>,
    now: i64,
    change: fn(&mut Roster),
) -> Explanation {
    world(change).explain(&Request { caller, target, now })
}

fn address(text: &str, port: u16) -> Target<'_> {
    Target::Address { address: text.parse().unwrap(), transport: Transport::Tcp, port }
}

/// The steps as `check: particular value, …`.
fn told(explanation: &Explanation) -> Vec<String> {
    let words = |(particular, value): &(Particular, Value)| match value {
        Value::Text(text) => format!("{particular} {text}"),
        Value::Time(at) => format!("{particular} {at}"),
    };
    let step = |step: &Step| {
        let words: Vec<String> = step.particulars.iter().map(words).collect();
        format!("{}: {}", step.check, words.join(", "))
    };
    explanation.steps.iter().map(step).collect()
}

#[test]
fn a_permit_is_explained_step_by_step() {
    let source = Caller::IpVpn("10.1.2.3".parse().unwrap());
    let explanation = explain(source, address("192.0.2.10", 443), NOON, |roster| {
        roster.institutions[0].hours = Some("mon 10:00-14:00".parse().unwrap());
    });
    assert!(explanation.outcome.is_ok() && explanation.decisive().is_none());
    let closes = MONDAY + 14 * 3600;
    assert_eq!(
        told(&explanation),
        [
            "identity: source 10.1.2.3, prefix 10.1.0.0/16, institution H1",
            "institution: institution H1, status active",
            "road: network ip-vpn, permitted ip-vpn ipsec tls",
            "destination: address 192.0.2.10, service tcp/443, destination 192.0.2.10/32, \
             served tcp/443, system path",
            "permission: permitted path",
            &format!("hours: hours mon 10:00-14:00, closes {closes}"),
            "maintenance: system path",
        ]
    );
    assert_eq!(explanation.changes, [Change::Time(closes)]);
}

#[test]
fn a_refusal_names_its_rule_and_what_would_change_it() {
    let path = "path".parse().unwrap();
    let by_tls = |now, change: fn(&mut Roster)| {
        explain(Caller::Tls(&CERTIFICATE), Target::System(&path), now, change)
    };
    let command = |words: &str| Change::Command(format!("sekisho {words}"));
    let rule = |explanation: &Explanation| told(explanation).pop().unwrap();

    let stopped = by_tls(NOON, |roster| roster.terminals[0].status = Status::Suspended);
    assert_eq!(rule(&stopped), "terminal: terminal H1/pc-1, status suspended");
    assert_eq!(stopped.changes, [command("terminal resume H1/pc-1")]);

    let road = by_tls(NOON, |roster| {
        roster.institutions[0].networks = [crate::Network::IpVpn].into_iter().collect();
    });
    assert_eq!(road.changes, [command("institution change H1 --networks ip-vpn,tls")]);

    // The permission that has no effect is kept.
    let system = by_tls(NOON, |roster| {
        roster.institutions[0].systems = vec!["gone".parse().unwrap()];
    });
    assert_eq!(rule(&system), "permission: permitted gone");
    assert_eq!(system.changes, [command("institution change H1 --systems gone,path")]);

    let source = Caller::IpVpn("172.16.0.1".parse().unwrap());
    let unknown = explain(source, Target::System(&path), NOON, |_| {});
    assert_eq!(told(&unknown), ["identity: source 172.16.0.1"]);
    let words = "institution change INSTITUTION --ip-vpn-prefixes PREFIXES,172.16.0.1/32";
    assert_eq!(unknown.changes, [command(words)]);

    let port = explain(Caller::Tls(&CERTIFICATE), address("192.0.2.10", 22), NOON, |_| {});
    let Change::Configuration { system, table, key, value } = &port.changes[0] else { panic!() };
    assert_eq!(
        (system.as_ref(), *table, *key),
        (Some(&path), "[[system.destination]]", "services")
    );
    assert_eq!(value, "tcp/22");

    let session = explain(Caller::Tls(&CERTIFICATE), address("10.2.0.9", 443), NOON, |_| {});
    assert_eq!(session.outcome.as_ref().unwrap_err().reason, Denial::SessionToSession);
    assert!(rule(&session).ends_with("session 10.2.0.0/16, institution H1"), "{}", rule(&session));
    assert_eq!(session.changes, []);
}

#[test]
fn waiting_is_advised_only_where_it_helps() {
    let path = "path".parse().unwrap();
    let ask = |now, change: fn(&mut Roster)| {
        explain(Caller::Tls(&CERTIFICATE), Target::System(&path), now, change).changes
    };
    // Maintenance from 00:00 to 00:01, hours from 00:00 on, the certificate from 00:00:30 on.
    let at_once = ask(MONDAY - 60, |roster| {
        roster.institutions[0].hours = Some("mon 00:00-12:00".parse().unwrap());
    });
    assert_eq!(at_once[0], Change::Time(MONDAY + 60), "after the maintenance that follows");
    // By the next opening the certificate is over.
    let never = ask(MONDAY + 12 * 3600, |roster| {
        roster.institutions[0].hours = Some("mon 00:00-12:00".parse().unwrap());
        let crate::Credential::Certificate(certificate) = &mut roster.terminals[0].credentials[0].0
        else {
            panic!()
        };
        certificate.not_after = MONDAY + 13 * 3600;
    });
    assert_eq!(never, [Change::Command("sekisho institution change H1 --hours HOURS".to_owned())]);
}
