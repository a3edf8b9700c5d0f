//! Import and export.

use policy::{InstitutionKind, Network, Status};

use super::{Fixture, institution, terminal};
use crate::{AuditFilter, Error, Fault, Filter, Format, InstitutionChange, Tally};

/// As Excel saves it: byte order mark, CRLF, a cell of two lines, empty columns at the end.
const FROM_EXCEL: &str = "\u{feff}機関コード,機関名,種別,状態,接続方式,利用システム,利用時間,IP-VPN,備考,端末,端末名,\r\n\
    3710001,高松中央病院,病院,利用中,IP-VPN;TLS,kmix-plus\u{3000}renkei-path,\
    \"mon-fri 08:30-18:00, sat 09:00-12:30\",10.1.2.0/24 10.1.3.9,\"二行の\n備考\",,,\r\n\
    3710001,,,,,,,,,ct-1,CT室,\r\n\
    \r\n\
    ,,,,,,,,,,,\r\n\
    3710002,\"丸亀, \"\"薬局\"\"\",薬局,停止,TLS,kmix-plus,,,,pc-1,受付,\r\n";

fn sample() -> Fixture {
    let mut fixture = Fixture::new();
    let report = fixture.desk().import(Format::Csv, FROM_EXCEL.as_bytes()).unwrap();
    let added = Tally { added: 2, ..Tally::default() };
    assert_eq!((report.institutions, report.terminals), (added, added));
    fixture
}

fn faults(result: Result<crate::ImportReport, Error>) -> Vec<String> {
    match result {
        Err(Error::Import(faults)) => faults.iter().map(Fault::to_string).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_staff_keep_in_excel_is_understood() {
    let fixture = sample();
    let first = fixture.reader().institution(&"3710001".parse().unwrap()).unwrap();
    assert_eq!(first.profile.networks, [Network::IpVpn, Network::Tls].into_iter().collect());
    assert_eq!(first.profile.systems.len(), 2);
    assert_eq!(first.profile.hours.unwrap().to_string(), "mon-fri 08:30-18:00, sat 09:00-12:30");
    let prefixes = ["10.1.2.0/24".parse().unwrap(), "10.1.3.9/32".parse().unwrap()];
    assert_eq!(first.profile.ip_vpn_prefixes, prefixes);
    assert_eq!(first.note, "二行の\n備考");
    let second = fixture.reader().institution(&"3710002".parse().unwrap()).unwrap().profile;
    assert_eq!(second.name, "丸亀, \"薬局\"");
    assert_eq!((second.kind, second.status), (InstitutionKind::Pharmacy, Status::Suspended));
    assert_eq!(fixture.reader().terminal(&terminal("3710002/pc-1")).unwrap().label, "受付");
}

#[test]
fn an_export_is_read_back_unchanged() {
    let mut fixture = sample();
    fixture.desk().set_terminal_status(&terminal("3710001/ct-1"), Status::Revoked).unwrap();
    fixture.desk().set_institution_status(&"3710002".parse().unwrap(), Status::Revoked).unwrap();
    for format in [Format::Csv, Format::Toml] {
        let file = fixture.reader().export(format).unwrap();
        let version = fixture.reader().version().unwrap();
        let report = fixture.desk().import(format, file.as_bytes()).unwrap();
        let unchanged = Tally { unchanged: 2, ..Tally::default() };
        assert_eq!((report.institutions, report.terminals), (unchanged, unchanged));
        assert_eq!(fixture.reader().version().unwrap(), version);

        // It says what is empty, too.
        let exported = fixture.reader().roster().unwrap().1;
        let hours = InstitutionChange::Hours(Some("sun 09:00-10:00".parse().unwrap()));
        let note = InstitutionChange::Note("変更".to_owned());
        let code = "3710002".parse().unwrap();
        fixture.desk().change_institution(&code, vec![hours, note]).unwrap();
        fixture.desk().import(format, file.as_bytes()).unwrap();
        assert_eq!(fixture.reader().roster().unwrap().1, exported);
        assert_eq!(fixture.reader().export(format).unwrap(), file);

        let mut other = Fixture::new();
        other.desk().import(format, file.as_bytes()).unwrap();
        assert_eq!(other.reader().roster().unwrap().1, exported);
        assert_eq!(other.reader().export(format).unwrap(), file);
    }
}

#[test]
fn what_a_file_does_not_state_stays() {
    let mut fixture = sample();
    let file = "\
        [[institution]]\n\
        code = '3710001'\n\
        name = '高松病院'\n\
        systems = ['kmix-r-basic', 'kmix-plus']\n\
        [[institution]]\n\
        code = '3710002'\n\
        [[institution.terminal]]\n\
        id = 'pc-1'\n\
        status = '停止'\n";
    let before = fixture.reader().institution(&"3710001".parse().unwrap()).unwrap();
    let report = fixture.desk().import(Format::Toml, file.as_bytes()).unwrap();
    let changed = Tally { changed: 1, ..Tally::default() };
    assert_eq!((report.institutions, report.terminals), (changed, changed));
    let mut expected = before;
    expected.profile.name = "高松病院".to_owned();
    expected.profile.systems = vec!["kmix-plus".parse().unwrap(), "kmix-r-basic".parse().unwrap()];
    assert_eq!(fixture.reader().institution(&"3710001".parse().unwrap()).unwrap(), expected);
    let changed = fixture.reader().terminal(&terminal("3710002/pc-1")).unwrap();
    assert_eq!((changed.label.as_str(), changed.status), ("受付", Status::Suspended));
}

#[test]
fn every_bad_value_of_a_csv_is_named_with_its_place() {
    let mut fixture = Fixture::new();
    let file = "\r\n機関コード,機関名,種別,接続方式,利用時間,IP-VPN,端末\r\n\
        1,\"複数行の\r\n機関名\",病院,,,,\r\n\
        \r\n\
        2,二,医院,TLS;FAX,毎日,10.0.0.0/33 10.1.0.0/16 10.1.2.3/24,\r\n\
        3,,病院,,,,\r\n\
        ,,,,,,ct\r\n\
        4,四,病院,,,,a b,more\r\n";
    let mut bytes = file.as_bytes().to_vec();
    bytes.extend_from_slice(b"5,\x8d\x82\x8f\xbc,clinic\r\n");
    let found = faults(fixture.desk().import(Format::Csv, &bytes));
    let expected = [
        (3, "機関名", "line break"),
        (6, "種別", "'医院' is not one of: hospital"),
        (6, "接続方式", "'FAX' is not one of: ip-vpn"),
        (6, "利用時間", "'毎日'"),
        (6, "IP-VPN", "'10.0.0.0/33'"),
        (6, "IP-VPN", "'10.1.2.3/24' has bits set"),
        (7, "機関名", "is missing"),
        (8, "機関コード", "is missing"),
        (9, "", "'more' has more cells"),
        (9, "端末", "'a b'"),
        (10, "機関名", "is not UTF-8"),
    ];
    for (line, column, words) in expected {
        let comma = if column.is_empty() { "" } else { ", " };
        let place = format!("line {line}{comma}{column}: ");
        let named = found.iter().any(|fault| fault.starts_with(&place) && fault.contains(words));
        assert!(named, "{place}{words} in {found:#?}");
    }
    assert_eq!(found.len(), expected.len() + 1, "the name that is not UTF-8 is missing, too");
    assert_eq!(fixture.reader().version().unwrap(), 0);
}

#[test]
fn every_bad_value_of_a_toml_is_named_with_its_place() {
    let mut fixture = Fixture::new();
    let file = "[[institution]]\n\
        code = '1'\n\
        name = '一'\n\
        kind = 'hospital'\n\
        colour = 'red'\n\
        networks = ['tls',\n\
        'fax']\n\
        [[institution.terminal]]\n\
        id = 7\n\
        label = 'x'\n\
        [operator]\n";
    let found = faults(fixture.desk().import(Format::Toml, file.as_bytes()));
    let expected = [
        "line 5: 'colour' is not a name",
        "line 6, networks: 'fax' is not one of",
        "line 8, terminal: is missing",
        "line 9, id: is not text",
        "line 11: 'operator' is not a name",
    ];
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (fault, expected) in found.iter().zip(expected) {
        assert!(fault.starts_with(expected), "{fault} / {expected}");
    }
    let found = faults(fixture.desk().import(Format::Toml, b"[[institution]]\ncode = \n"));
    assert!(found[0].starts_with("line 2: "), "{found:?}");
}

#[test]
fn headings_must_be_known() {
    let mut fixture = Fixture::new();
    let found = faults(fixture.desk().import(Format::Csv, "機関名,機関名,電話\n".as_bytes()));
    assert_eq!(found.len(), 3, "{found:#?}");
    assert_eq!(faults(fixture.desk().import(Format::Csv, b"")).len(), 1);
}

#[test]
fn a_conflict_undoes_the_whole_import() {
    let mut fixture = sample();
    fixture.desk().add_institution(institution("9"), String::new()).unwrap();
    fixture.desk().set_institution_status(&"9".parse().unwrap(), Status::Revoked).unwrap();
    let before = fixture.reader().export(Format::Csv).unwrap();
    let audit = fixture.reader().audit(&AuditFilter::default()).unwrap();
    let file = "code,name,kind,status,ip-vpn,terminal\n\
        1,good,clinic,,10.8.0.0/16,pc\n\
        2,taken,clinic,,10.1.2.0/24,\n\
        3,no kind,,,,pc\n\
        4,,,,,pc\n\
        9,back,clinic,active,,\n\
        1,other name,clinic,,10.8.0.0/16,\n";
    let found = faults(fixture.desk().import(Format::Csv, file.as_bytes()));
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].starts_with("line 7, code: '1' is stated in line 2"), "{found:#?}");

    let file = file.rsplit_once("1,other").unwrap().0;
    let found = faults(fixture.desk().import(Format::Csv, file.as_bytes()));
    let expected = [
        "line 4, kind: '3' is missing",
        "line 6, status: '9' was revoked",
        "line 3, ip-vpn: '10.1.2.0/24' belongs to institution 3710001",
        "line 5, code: '4' is not registered",
    ];
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for expected in expected {
        assert!(found.iter().any(|fault| fault.starts_with(expected)), "{expected}: {found:#?}");
    }
    assert_eq!(fixture.reader().export(Format::Csv).unwrap(), before);
    assert_eq!(fixture.reader().audit(&AuditFilter::default()).unwrap(), audit);
}

#[test]
fn prefixes_can_change_hands_within_a_file() {
    let mut fixture = Fixture::new();
    let swap = |a, b| format!("code,name,kind,ip-vpn\n1,a,clinic,{a}\n2,b,clinic,{b}\n");
    for (a, b) in [("10.1.0.0/16", "10.2.0.0/16"), ("10.2.0.0/16", "10.1.0.0/16")] {
        fixture.desk().import(Format::Csv, swap(a, b).as_bytes()).unwrap();
    }
    let first = &fixture.reader().institutions(&Filter::default()).unwrap()[0].profile;
    assert_eq!(first.ip_vpn_prefixes, ["10.2.0.0/16".parse().unwrap()]);
}

#[test]
fn a_file_can_say_that_a_prefix_lies_within_another() {
    let mut fixture = Fixture::new();
    let file = |within| {
        format!(
            "機関コード,機関名,種別,IP-VPN,内側アドレス,包含元機関\n\
             2,b,clinic,,10.1.2.0/24,{within}\n1,a,clinic,10.1.0.0/16,,\n"
        )
    };
    let found = faults(fixture.desk().import(Format::Csv, file("").as_bytes()));
    assert_eq!(found.len(), 1, "{found:#?}");
    let place = "line 2, 機関コード: prefix 10.1.2.0/24 of institution 2 lies within";
    assert!(found[0].starts_with(place), "{found:#?}");
    fixture.desk().import(Format::Csv, file("1").as_bytes()).unwrap();
    for format in [Format::Csv, Format::Toml] {
        let exported = fixture.reader().export(format).unwrap();
        let mut other = Fixture::new();
        other.desk().import(format, exported.as_bytes()).unwrap();
        assert_eq!(other.reader().roster().unwrap().1, fixture.reader().roster().unwrap().1);
        assert_eq!(other.reader().export(format).unwrap(), exported);
    }
}
