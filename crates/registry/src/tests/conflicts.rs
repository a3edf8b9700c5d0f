//! What cannot both hold is refused when it is registered.

use policy::{InstitutionCode, Status};

use super::{Fixture, NOW, facts, fingerprint, institution, keys, sealing, terminal};
use crate::{Error, InstitutionChange, OperatorChange, RevocationReason, Role, Subject};

fn two_hospitals() -> Fixture {
    let mut fixture = Fixture::new();
    for code in ["1", "2"] {
        let mut profile = institution(code);
        profile.ip_vpn_prefixes = vec![format!("10.{code}.0.0/16").parse().unwrap()];
        fixture.desk().add_institution(profile, String::new()).unwrap();
        fixture.desk().add_terminal(terminal(&format!("{code}/ct")), String::new()).unwrap();
    }
    fixture
}

#[test]
fn a_prefix_has_one_holder() {
    let mut fixture = two_hospitals();
    let code = "2".parse().unwrap();
    let prefixes = vec!["10.9.0.0/16".parse().unwrap(), "10.1.0.0/16".parse().unwrap()];
    let taken = fixture
        .desk()
        .change_institution(&code, vec![InstitutionChange::IpVpnPrefixes(prefixes.clone())]);
    let Err(Error::PrefixTaken { prefix, holder }) = taken else { panic!("{taken:?}") };
    assert_eq!((prefix.to_string().as_str(), holder.as_str()), ("10.1.0.0/16", "1"));
    let kept = fixture.reader().institution(&code).unwrap().profile.ip_vpn_prefixes;
    assert_eq!(kept, ["10.2.0.0/16".parse().unwrap()], "nothing of a refused act remains");

    // Cut down to the length it has, a slip would claim half of all addresses.
    let slip = InstitutionChange::IpVpnPrefixes(vec!["10.1.2.0/1".parse().unwrap()]);
    let refused = fixture.desk().change_institution(&code, vec![slip]);
    assert!(matches!(refused, Err(Error::HostBits(_))));

    // Inside tunnels it is no other matter; an institution that left can let go.
    let inner = InstitutionChange::InnerPrefixes(prefixes.clone());
    let refused = fixture.desk().change_institution(&code, vec![inner]);
    assert!(matches!(refused, Err(Error::PrefixConflict(_))), "{refused:?}");
    let left = "1".parse().unwrap();
    fixture.desk().set_institution_status(&left, Status::Revoked).unwrap();
    let none = InstitutionChange::IpVpnPrefixes(Vec::new());
    fixture.desk().change_institution(&left, vec![none]).unwrap();
    let all = InstitutionChange::IpVpnPrefixes(prefixes);
    fixture.desk().change_institution(&code, vec![all]).unwrap();
}

#[test]
fn a_prefix_lies_within_another_institutions_only_where_it_says_so() {
    use InstitutionChange::{InnerPrefixes, Within};
    let mut fixture = two_hospitals();
    let [first, second] = ["1", "2"].map(|code| code.parse::<InstitutionCode>().unwrap());
    let ward = || InnerPrefixes(vec!["10.1.2.0/24".parse().unwrap()]);
    let refused = fixture.desk().change_institution(&second, vec![ward()]).unwrap_err();
    let words = refused.to_string();
    assert!(
        words.contains("10.1.2.0/24 of institution 2 lies within 10.1.0.0/16 of institution 1")
    );
    assert!(words.contains("sekisho institution change 2 --within 1"), "{words}");

    let word = Within(vec![first.clone()]);
    fixture.desk().change_institution(&second, vec![word, ward()]).unwrap();
    let refused = fixture.desk().change_institution(&second, vec![Within(Vec::new())]);
    assert!(matches!(refused, Err(Error::PrefixConflict(_))), "{refused:?}");
    fixture.desk().set_institution_status(&second, Status::Suspended).unwrap();

    let system = policy::System {
        id: "path".parse().unwrap(),
        name: String::new(),
        hosts: Vec::new(),
        destinations: vec![policy::Destination {
            network: "192.0.2.0/24".parse().unwrap(),
            services: Vec::new(),
        }],
        maintenance: Vec::new(),
    };
    let of_a_system = InnerPrefixes(vec!["192.0.2.0/24".parse().unwrap()]);
    let systems = [system];
    let refused = fixture.desk().beside(&systems).change_institution(&first, vec![of_a_system]);
    assert!(refused.unwrap_err().to_string().contains("a destination of system path"));
}

#[test]
fn a_credential_has_one_holder() {
    let mut fixture = two_hospitals();
    fixture.desk().register_certificate(terminal("1/ct"), facts(1)).unwrap();
    let mut same_serial = facts(2);
    same_serial.serial = facts(1).serial;
    for again in [facts(1), same_serial] {
        let refused = fixture.desk().register_certificate(terminal("2/ct"), again);
        let Err(Error::Taken { holder, .. }) = refused else { panic!("{refused:?}") };
        assert_eq!(holder, Subject::Terminal(terminal("1/ct")));
    }

    let mut add = |router, identity, ppk| {
        fixture.desk().add_router(terminal(router), identity, &keys(Some(ppk)), &sealing())
    };
    add("1/ct", "rtx", "ppk-1").unwrap();
    let refused = add("2/ct", "rtx ", "ppk-2");
    let Err(Error::Taken { holder, .. }) = refused else { panic!("{refused:?}") };
    assert_eq!(holder, Subject::Terminal(terminal("1/ct")));
    let refused = add("2/ct", "other", "ppk-1");
    let Err(Error::Taken { holder, .. }) = refused else { panic!("{refused:?}") };
    assert_eq!(holder, Subject::IkeIdentity("rtx".to_owned()));

    let certificate = Some(fingerprint(9));
    fixture.desk().add_operator("a".to_owned(), Role::Viewer, certificate).unwrap();
    fixture.desk().add_operator("b".to_owned(), Role::Viewer, None).unwrap();
    let refused = fixture.desk().change_operator("b", OperatorChange::Certificate(certificate));
    let Err(Error::Taken { holder, .. }) = refused else { panic!("{refused:?}") };
    assert_eq!(holder, Subject::Operator("a".to_owned()));
}

#[test]
fn what_was_revoked_stays_so() {
    let mut fixture = two_hospitals();
    fixture.desk().register_certificate(terminal("1/ct"), facts(1)).unwrap();
    let revoke = |fixture: &mut Fixture, later, reason| {
        let actor = fixture.actor.clone();
        fixture.registry.desk(&actor, NOW + later).revoke_certificate(&fingerprint(1), reason)
    };
    revoke(&mut fixture, 0, RevocationReason::KeyCompromise).unwrap();
    revoke(&mut fixture, 60, RevocationReason::Superseded).unwrap();
    let revocation = fixture.reader().certificate(&fingerprint(1)).unwrap().revocation.unwrap();
    assert_eq!((revocation.at, revocation.reason), (NOW, RevocationReason::KeyCompromise));
    assert!(matches!(
        fixture.desk().resume_certificate(&fingerprint(1)),
        Err(Error::Ended(Subject::Certificate(_)))
    ));

    fixture.desk().set_terminal_status(&terminal("1/ct"), Status::Revoked).unwrap();
    let refused = fixture.desk().register_certificate(terminal("1/ct"), facts(2));
    assert!(matches!(refused, Err(Error::Ended(Subject::Terminal(_)))));
    let again = fixture.desk().add_terminal(terminal("1/ct"), String::new());
    assert!(matches!(again, Err(Error::AlreadyExists(Subject::Terminal(_)))));
}

#[test]
fn what_is_not_there_is_named() {
    let mut fixture = two_hospitals();
    let refused = fixture.desk().add_terminal(terminal("3/ct"), String::new());
    let Err(Error::NoSuch(subject)) = refused else { panic!("{refused:?}") };
    assert_eq!(subject, Subject::Institution("3".parse().unwrap()));
    assert!(matches!(
        fixture.desk().suspend_certificate(&fingerprint(1)),
        Err(Error::NoSuch(Subject::Certificate(_)))
    ));
}
