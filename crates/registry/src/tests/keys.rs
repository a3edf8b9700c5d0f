//! Keys of site routers: who can read them, and who cannot.

use policy::Status;

use super::{Fixture, KEY, PPK, institution, keys, ppk, sealing, terminal};
use crate::{AuditFilter, Error, Filter, Format, KeyProblem, KeyRing, SealingKey, Subject};

fn with_router() -> Fixture {
    let mut fixture = Fixture::new();
    fixture.desk().add_institution(institution("1"), String::new()).unwrap();
    let keys = keys(Some("ppk-1"));
    fixture.desk().add_router(terminal("1/rtx"), "rtx", &keys, &sealing()).unwrap();
    fixture
}

/// Identity, key, and PPK_ID with its key, as text.
type Opened<'a> = (&'a str, &'a str, Option<(&'a str, &'a str)>);

fn opened(ring: &KeyRing) -> Vec<Opened<'_>> {
    fn text(key: &crate::SharedKey) -> &str {
        std::str::from_utf8(key.as_bytes()).unwrap()
    }
    let keys = ring.keys.iter();
    keys.map(|(identity, keys)| {
        let ppk = keys.ppk.as_ref().map(|ppk| (ppk.id.as_str(), text(&ppk.key)));
        (identity.as_str(), text(&keys.key), ppk)
    })
    .collect()
}

#[test]
fn the_gateway_gets_the_keys_as_they_were_given_and_as_they_change() {
    let mut fixture = with_router();
    assert_eq!(fixture.reader().terminal(&terminal("1/rtx")).unwrap().status, Status::Active);
    let gateway = fixture.another_reader();
    let ring = gateway.key_ring(&sealing()).unwrap();
    assert_eq!(opened(&ring), [("rtx", KEY, Some(("ppk-1", PPK)))]);

    let version = gateway.version().unwrap();
    let other = "another-pre-shared-key";
    fixture.desk().set_pre_shared_key("rtx", &other.parse().unwrap(), &sealing()).unwrap();
    fixture.desk().set_ppk("rtx", &ppk("ppk-2"), &sealing()).unwrap();
    assert_eq!(gateway.version().unwrap(), version + 2);
    let ring = gateway.key_ring(&sealing()).unwrap();
    assert_eq!(opened(&ring), [("rtx", other, Some(("ppk-2", PPK)))]);
    fixture.desk().remove_ppk("rtx").unwrap();
    assert_eq!(opened(&gateway.key_ring(&sealing()).unwrap()), [("rtx", other, None)]);

    fixture.desk().set_ike_identity_status("rtx", Status::Revoked).unwrap();
    let refused = fixture.desk().set_pre_shared_key("rtx", &keys(None).key, &sealing());
    assert!(matches!(refused, Err(Error::Ended(Subject::IkeIdentity(_)))));
}

#[test]
fn nothing_that_leaves_the_registry_shows_a_key() {
    let mut fixture = with_router();
    fixture.desk().set_pre_shared_key("rtx", &keys(None).key, &sealing()).unwrap();
    let reader = fixture.reader();
    let audit = reader.audit(&AuditFilter::default()).unwrap();
    assert!(
        audit.last().unwrap().after.contains(r#""key":"set","ppk":{"id":"ppk-1","key":"set"}"#)
    );
    let told = [
        format!("{audit:?}"),
        format!("{:?}", reader.ike_identities(&Filter::default()).unwrap()),
        format!("{:?}", reader.key_ring(&sealing()).unwrap()),
        reader.export(Format::Csv).unwrap(),
        reader.export(Format::Toml).unwrap(),
    ];
    for text in told {
        assert!(!text.contains(KEY) && !text.contains(PPK), "{text}");
    }
    for file in std::fs::read_dir(fixture.folder.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        for key in [KEY, PPK] {
            assert!(!bytes.windows(key.len()).any(|part| part == key.as_bytes()));
        }
    }
}

#[test]
fn a_key_opens_for_its_own_identity_and_sealing_key_only() {
    let mut fixture = with_router();
    fixture.desk().add_router(terminal("1/b"), "b", &keys(None), &sealing()).unwrap();
    let ring = |fixture: &Fixture, octet| {
        let sealing = SealingKey::new(&[octet; SealingKey::LEN]).unwrap();
        fixture.reader().key_ring(&sealing).unwrap()
    };
    assert_eq!(ring(&fixture, 8).unreadable, ["b", "rtx"]);
    // Whoever can write to the database, but has not the sealing key, moves a key.
    let swap = "UPDATE ike_identities SET key = (SELECT key FROM ike_identities \
                WHERE identity = 'rtx') WHERE identity = 'b'";
    fixture.reader().sql.execute(swap, ()).unwrap();
    assert_eq!(ring(&fixture, 7).unreadable, ["b"]);
    assert_eq!(ring(&fixture, 7).keys.len(), 1);

    fixture.desk().set_ike_identity_status("b", Status::Revoked).unwrap();
    assert!(ring(&fixture, 7).unreadable.is_empty(), "nobody has to mend it any more");
}

#[test]
fn a_weak_ppk_is_refused() {
    let mut fixture = with_router();
    let mut weak = ppk("ppk-2");
    weak.key = "thirty-one-characters-are-weak!".parse().unwrap();
    let refused = fixture.desk().set_ppk("rtx", &weak, &sealing());
    assert!(matches!(refused, Err(Error::BadKey { problem: KeyProblem::Short(32), .. })));
}
