//! Acts and their audit.

use policy::Status;

use super::{Fixture, NOW, facts, fingerprint, institution, keys, ppk, sealing, terminal};
use crate::{
    AuditFilter, Desk, Error, Format, InstitutionChange, OperatorChange, RevocationReason, Role,
};

/// The act's word, its subject, and an act that has not been done before.
type Case = (&'static str, &'static str, fn(&mut Desk<'_>) -> Result<(), Error>);

const CERTIFICATE: &str = "1/ct/0101010101010101010101010101010101010101010101010101010101010101";

/// Every act once, in an order in which each can be done.
const CASES: &[Case] = &[
    ("institution.add", "1", |desk| desk.add_institution(institution("1"), String::new())),
    ("institution.change", "1", |desk| {
        let name = InstitutionChange::Name("新しい名前".to_owned());
        let system = InstitutionChange::Systems(vec!["renkei-path".parse().unwrap()]);
        let prefix = InstitutionChange::IpVpnPrefixes(vec!["10.1.2.0/24".parse().unwrap()]);
        desk.change_institution(&"1".parse().unwrap(), vec![name, system, prefix])
    }),
    ("institution.suspend", "1", |desk| {
        desk.set_institution_status(&"1".parse().unwrap(), Status::Suspended)
    }),
    ("institution.resume", "1", |desk| {
        desk.set_institution_status(&"1".parse().unwrap(), Status::Active)
    }),
    ("institution.import", "2", |desk| {
        desk.import(Format::Csv, b"code,name,kind\n2,Two,clinic\n").map(drop)
    }),
    ("terminal.add", "1/ct", |desk| desk.add_terminal(terminal("1/ct"), "CT室".to_owned())),
    ("terminal.relabel", "1/ct", |desk| {
        desk.relabel_terminal(&terminal("1/ct"), "CT 1".to_owned())
    }),
    ("terminal.suspend", "1/ct", |desk| {
        desk.set_terminal_status(&terminal("1/ct"), Status::Suspended)
    }),
    ("terminal.resume", "1/ct", |desk| desk.set_terminal_status(&terminal("1/ct"), Status::Active)),
    ("terminal.import", "2/mr", |desk| {
        desk.import(Format::Csv, b"code,terminal\n2,mr\n").map(drop)
    }),
    ("certificate.add", CERTIFICATE, |desk| desk.register_certificate(terminal("1/ct"), facts(1))),
    ("certificate.suspend", CERTIFICATE, |desk| desk.suspend_certificate(&fingerprint(1))),
    ("certificate.resume", CERTIFICATE, |desk| desk.resume_certificate(&fingerprint(1))),
    ("certificate.revoke", CERTIFICATE, |desk| {
        desk.revoke_certificate(&fingerprint(1), RevocationReason::KeyCompromise)
    }),
    ("ike-identity.add", "1/ct/rtx@example.jp", |desk| {
        desk.add_router(terminal("1/ct"), " rtx@example.jp ", &keys(None), &sealing())
    }),
    ("ike-identity.set-ppk", "1/ct/rtx@example.jp", |desk| {
        desk.set_ppk("rtx@example.jp", &ppk("ppk-1"), &sealing())
    }),
    ("ike-identity.remove-ppk", "1/ct/rtx@example.jp", |desk| desk.remove_ppk("rtx@example.jp")),
    ("ike-identity.suspend", "1/ct/rtx@example.jp", |desk| {
        desk.set_ike_identity_status("rtx@example.jp", Status::Suspended)
    }),
    ("ike-identity.revoke", "1/ct/rtx@example.jp", |desk| {
        desk.set_ike_identity_status("rtx@example.jp", Status::Revoked)
    }),
    ("terminal.revoke", "1/ct", |desk| {
        desk.set_terminal_status(&terminal("1/ct"), Status::Revoked)
    }),
    ("institution.withdraw", "1", |desk| {
        desk.set_institution_status(&"1".parse().unwrap(), Status::Revoked)
    }),
    ("operator.add", "田中", |desk| desk.add_operator("田中".to_owned(), Role::Viewer, None)),
    ("operator.change", "田中", |desk| {
        desk.change_operator("田中", OperatorChange::Role(Role::Support))
    }),
    ("operator.suspend", "田中", |desk| desk.set_operator_status("田中", Status::Suspended)),
    ("operator.revoke", "田中", |desk| desk.set_operator_status("田中", Status::Revoked)),
    ("crl.number", "crl", |desk| desk.begin_crl("CN=x").map(drop)),
];

#[test]
fn every_act_is_in_the_audit_once_with_what_was_and_what_became() {
    let mut fixture = Fixture::new();
    for (number, (word, subject, act)) in (1..).zip(CASES) {
        act(&mut fixture.desk().rehearsal()).unwrap();
        assert_eq!(fixture.reader().version().unwrap(), number - 1, "{word} rehearsed");
        act(&mut fixture.desk()).unwrap();
        // A CRL's number is no part of the roster; it is the last of the cases.
        let version = if *word == "crl.number" { number - 1 } else { number };
        assert_eq!(fixture.reader().version().unwrap(), version, "{word}");

        let audit = fixture.reader().audit(&AuditFilter::default()).unwrap();
        assert_eq!(audit.len() as u64, number, "{word}");
        let entry = audit.last().unwrap();
        assert_eq!((entry.act.as_str(), entry.subject.as_str()), (*word, *subject));
        assert_eq!((entry.operator.as_str(), entry.time), ("佐藤", NOW));
        let is_new = word.ends_with(".add") || word.ends_with(".import");
        assert_eq!(entry.before.is_none(), is_new, "{word}");
        assert_ne!(entry.before.as_ref(), Some(&entry.after), "{word}");
    }

    // What an act found is what the act before it left.
    let filter = AuditFilter { since: Some(NOW), subject: Some("1/ct".to_owned()) };
    let history = fixture.reader().audit(&filter).unwrap();
    let of = |kind: &str| -> Vec<_> {
        history.iter().filter(|entry| entry.act.starts_with(kind)).collect()
    };
    for kind in ["terminal.", "certificate.", "ike-identity."] {
        let chain = of(kind);
        assert!(chain.len() > 2, "{kind}");
        assert!(chain.windows(2).all(|pair| pair[1].before.as_ref() == Some(&pair[0].after)));
    }
    assert_eq!(
        of("terminal.revoke")[0].after,
        r#"{"name":"1/ct","label":"CT 1","status":"revoked"}"#
    );
    assert!(of("certificate.revoke")[0].after.contains(r#""reason":"keyCompromise""#));
    assert!(of("institution.").is_empty());
}

#[test]
fn the_audit_can_only_grow() {
    let mut fixture = Fixture::new();
    fixture.desk().add_institution(institution("1"), String::new()).unwrap();
    let sql = &fixture.reader().sql;
    assert!(sql.execute("UPDATE audit SET operator = 'somebody else'", ()).is_err());
    assert!(sql.execute("DELETE FROM audit", ()).is_err());
}

#[test]
fn what_changes_nothing_leaves_no_trace() {
    let mut fixture = Fixture::new();
    let code = "1".parse().unwrap();
    fixture.desk().add_institution(institution("1"), String::new()).unwrap();
    fixture.desk().set_institution_status(&code, Status::Active).unwrap();
    let allow = InstitutionChange::Systems(vec!["kmix-plus".parse().unwrap()]);
    fixture.desk().change_institution(&code, vec![allow]).unwrap();
    assert_eq!(fixture.reader().version().unwrap(), 1);
    assert_eq!(fixture.reader().audit(&AuditFilter::default()).unwrap().len(), 1);
}

#[test]
fn nobody_acts_without_a_name() {
    let mut fixture = Fixture::new();
    fixture.actor.name = " ".to_owned();
    let refused = fixture.desk().add_institution(institution("1"), String::new());
    assert!(matches!(refused, Err(Error::BadText { field: "actor's name", .. })));
}
