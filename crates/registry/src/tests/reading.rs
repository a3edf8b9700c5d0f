//! What readers see.

use policy::{Caller, Credential, Destination, Policy, Request, Status, System, Target, UtcOffset};

use super::{Fixture, NOW, facts, fingerprint, institution, keys, sealing, terminal};
use crate::{CertificateFilter, Filter, InstitutionChange, Reader, RevocationReason};

#[test]
fn another_connection_sees_each_change_and_no_half_of_one() {
    let mut fixture = Fixture::new();
    let gateway = fixture.another_reader();
    let before = gateway.data_version().unwrap();
    assert_eq!(gateway.data_version().unwrap(), before);
    assert_eq!(gateway.roster().unwrap(), (0, policy::Roster::default()));

    fixture.desk().add_institution(institution("1"), String::new()).unwrap();
    fixture.desk().add_terminal(terminal("1/ct"), String::new()).unwrap();
    assert_ne!(gateway.data_version().unwrap(), before);
    let (version, roster) = gateway.roster().unwrap();
    assert_eq!((version, gateway.version().unwrap()), (2, 2));
    assert_eq!(roster.institutions, [institution("1")]);
    assert_eq!(roster.terminals[0].name, terminal("1/ct"));

    let seen = gateway.data_version().unwrap();
    fixture.desk().add_terminal(terminal("2/ct"), String::new()).unwrap_err();
    assert_eq!((gateway.data_version().unwrap(), gateway.version().unwrap()), (seen, 2));
}

#[test]
fn a_registry_that_nobody_writes_can_be_read() {
    let mut fixture = Fixture::new();
    fixture.desk().add_institution(institution("1"), String::new()).unwrap();
    let Fixture { folder, registry, .. } = fixture;
    drop(registry);
    let reader = Reader::open(&folder.path().join("registry.db")).unwrap();
    assert_eq!(reader.version().unwrap(), 1);
    assert!(reader.sql.execute("UPDATE counters SET value = 9", ()).is_err());
}

#[test]
fn the_policy_decides_by_what_is_registered() {
    let mut fixture = Fixture::new();
    let mut profile = institution("1");
    profile.hours = Some("daily 00:00-24:00".parse().unwrap());
    fixture.desk().add_institution(profile, String::new()).unwrap();
    for (name, number) in [("1/a", 1), ("1/b", 2), ("1/b", 3)] {
        let _ = fixture.desk().add_terminal(terminal(name), String::new());
        fixture.desk().register_certificate(terminal(name), facts(number)).unwrap();
    }
    fixture.desk().add_router(terminal("1/b"), "rtx", &keys(None), &sealing()).unwrap();
    fixture.desk().suspend_certificate(&fingerprint(2)).unwrap();

    let (version, roster) = fixture.reader().roster().unwrap();
    let system = System {
        id: "kmix-plus".parse().unwrap(),
        name: String::new(),
        hosts: Vec::new(),
        destinations: Vec::<Destination>::new(),
        maintenance: Vec::new(),
    };
    let policy = Policy::compile(version, UtcOffset::default(), vec![system], &roster).unwrap();
    let ask = |caller: Caller<'_>| {
        let id = "kmix-plus".parse().unwrap();
        policy
            .authorize(&Request { caller, target: Target::System(&id), now: NOW })
            .map(|permit| permit.terminal().cloned())
            .map_err(|denied| denied.reason)
    };
    assert_eq!(ask(Caller::Tls(&fingerprint(1))), Ok(Some(terminal("1/a"))));
    assert_eq!(ask(Caller::Tls(&fingerprint(2))), Err(policy::Denial::CredentialSuspended));
    assert_eq!(ask(Caller::Tls(&fingerprint(3))), Ok(Some(terminal("1/b"))));
    assert_eq!(ask(Caller::IpsecIdentity("rtx")), Ok(Some(terminal("1/b"))));
}

#[test]
fn lists_are_narrowed_by_every_condition() {
    let mut fixture = Fixture::new();
    for code in ["1", "2"] {
        fixture.desk().add_institution(institution(code), "南棟 East".to_owned()).unwrap();
        fixture.desk().add_terminal(terminal(&format!("{code}/ct")), "CT室".to_owned()).unwrap();
    }
    fixture.desk().set_institution_status(&"2".parse().unwrap(), Status::Suspended).unwrap();
    for number in [1, 2, 3] {
        let holder = terminal(if number == 3 { "2/ct" } else { "1/ct" });
        fixture.desk().register_certificate(holder, facts(number)).unwrap();
    }
    let reader = fixture.reader();
    let text = |text: &str| Filter { text: Some(text.to_owned()), ..Filter::default() };
    assert_eq!(reader.institutions(&text("EAST")).unwrap().len(), 2);
    assert_eq!(reader.institutions(&text("2病")).unwrap().len(), 1);
    assert_eq!(reader.terminals(&text("ct室")).unwrap().len(), 2);
    let mut filter = text("南棟");
    filter.status = Some(Status::Suspended);
    assert_eq!(reader.institutions(&filter).unwrap()[0].profile.code.as_str(), "2");
    filter.institution = Some("1".parse().unwrap());
    assert!(reader.institutions(&filter).unwrap().is_empty());

    let of_one = Filter { institution: Some("1".parse().unwrap()), ..Filter::default() };
    let mut expiring = CertificateFilter { filter: of_one, ..CertificateFilter::default() };
    assert_eq!(reader.certificates(&expiring).unwrap().len(), 2);
    expiring.expiring_before = Some(facts(2).not_after);
    assert_eq!(reader.certificates(&expiring).unwrap()[0].facts, facts(1));
    expiring.terminal = Some("mr".parse().unwrap());
    assert!(reader.certificates(&expiring).unwrap().is_empty());
}

#[test]
fn a_crl_gets_its_entries_and_a_rising_number() {
    let mut fixture = Fixture::new();
    fixture.desk().add_institution(institution("1"), String::new()).unwrap();
    fixture.desk().add_terminal(terminal("1/ct"), String::new()).unwrap();
    for number in [1, 2, 3] {
        let mut facts = facts(number);
        facts.issuer = format!("CN=CA {}", number % 2);
        fixture.desk().register_certificate(terminal("1/ct"), facts).unwrap();
    }
    fixture.desk().suspend_certificate(&fingerprint(3)).unwrap();
    for number in [1, 2] {
        let reason = RevocationReason::CessationOfOperation;
        fixture.desk().revoke_certificate(&fingerprint(number), reason).unwrap();
    }
    let revoked = fixture.reader().revoked(Some("CN=CA 1")).unwrap();
    assert_eq!(revoked.len(), 1, "the suspended one is not revoked");
    assert_eq!((revoked[0].serial.as_str(), revoked[0].revoked_at), ("01", NOW));
    assert_eq!(revoked[0].reason.code(), 5);
    assert_eq!(fixture.reader().revoked(None).unwrap().len(), 2);
    assert_eq!(fixture.desk().begin_crl("CN=x").unwrap().0, 1);
    assert_eq!(fixture.desk().begin_crl("CN=x").unwrap().0, 2);
}

/// As large as the network could become: 10,000 institutions of 20 terminals each.
const LARGE: &str = "
    WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 9999)
    INSERT INTO institutions
        SELECT printf('%07d', i), '機関', 'clinic', 'active', 'ip-vpn tls', NULL, '', 0, '' FROM n;
    INSERT INTO institution_systems
        SELECT code, value FROM institutions, json_each('[\"a\", \"b\", \"c\", \"d\", \"e\"]');
    INSERT INTO prefixes
        SELECT 'ip-vpn', printf('10.%d.%d.0/24', code / 250, code % 250), code FROM institutions;
    WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 19)
    INSERT INTO terminals SELECT code, printf('pc-%d', i), '', 'active' FROM institutions, n;
    INSERT INTO certificates
        SELECT institution, id, CAST(printf('%-32s', institution || id) AS BLOB),
               hex(institution || id), 'CN=CA', 'CN=terminal', 0, 1, 'active', NULL, NULL
        FROM terminals;
";

#[test]
fn a_large_roster_loads_whole_and_compiles() {
    let mut fixture = Fixture::new();
    fixture.registry.reader().sql.execute_batch(LARGE).unwrap();
    let prefix = InstitutionChange::InnerPrefixes(vec!["10.64.0.0/10".parse().unwrap()]);
    fixture.desk().change_institution(&"0009999".parse().unwrap(), vec![prefix]).unwrap();
    let (version, roster) = fixture.another_reader().roster().unwrap();
    assert_eq!((roster.institutions.len(), roster.terminals.len()), (10_000, 200_000));
    for terminal in &roster.terminals {
        let [(Credential::Certificate(certificate), _)] = &terminal.credentials[..] else {
            panic!("{terminal:?}")
        };
        let expected = terminal.name.to_string().replace('/', "");
        assert_eq!(String::from_utf8_lossy(&certificate.fingerprint.0).trim_end(), expected);
    }
    Policy::compile(version, UtcOffset::default(), Vec::new(), &roster).unwrap();
}
