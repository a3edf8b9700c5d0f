//! Configurations that must not come up: each says what is wrong, where, and what to do.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;

use demo::systems::Kind;
use sekisho_tests::foreign::{ForeignCa, P256, RSA_1024};
use sekisho_tests::program::{self, Outcome, lacks};
use sekisho_tests::setup::Setup;
use sekisho_tests::site::{CONFIG, Site};

/// Runs a gateway whose configuration has `there` replaced by `here`.
fn changed(setup: &Setup, there: &str, here: &str) -> Outcome {
    let text = setup.text();
    assert!(text.contains(there), "{there}: {text}");
    setup.fail(&text.replacen(there, here, 1))
}

/// The run failed in good order: `words` name the fault, `line` holds the culprit.
fn assert_explained(setup: &Setup, outcome: &Outcome, words: &str, line: &str) {
    let told = &outcome.errors;
    assert_eq!(outcome.status.code(), Some(1), "{outcome}");
    assert!(!told.contains("panicked"), "{told}");
    assert!(told.contains(words), "not '{words}' but: {told}");
    assert!(told.contains("help: "), "{told}");
    let text = fs::read_to_string(setup.site.path(CONFIG)).unwrap();
    let numbered = (1..).zip(text.lines()).filter(|(_, found)| found.contains(line));
    let (number, _) = numbered.last().expect(line);
    let place = format!("{}:{number}:", setup.site.path(CONFIG).display());
    assert!(told.contains(&place), "not at {place}: {told}");
}

#[test]
fn a_value_that_makes_no_sense_is_shown_where_it_is() {
    let setup = Setup::new();
    for (there, here, words) in [
        ("[tls.limits]", "[tls.limits]\nhandshake = 3", "unknown field"),
        ("[tls.limits]", "[tls.limits]\nhandshakes = 0", "a limit of nothing"),
        ("[tls.limits]", "[tls.limits]\nhandshakes = \"many\"", "invalid type"),
        ("drain_timeout = \"1s\"", "drain_timeout = \"soon\"", "is not a duration"),
        ("address = \"127.0.0.1:0\"", "address = \"localhost\"", "is not ADDRESS:PORT"),
        ("system = \"enkaku-dokuei\"", "system = \"dokuei\"", "is no configured system"),
        ("system = \"enkaku-dokuei\"", "profile = \"tls10\"", "is not one of"),
        ("\"path.kmix-r.example\"", "\"plus.kmix-r.example\"", "leads to kmix-plus already"),
        ("\"path.kmix-r.example\"", "\"*.kmix-r.example\"", "is not a host name"),
        ("id = \"renkei-path\"", "id = \"kmix-plus\"", "is configured twice"),
        ("crl = [", "crl = []\n#", "no CRL is given"),
        ("client_ca = [", "client_ca = []\n#", "no client CA is given"),
        ("name = \"gw-test\"", "name = gw-test", "must be quoted"),
    ] {
        let outcome = changed(&setup, there, here);
        let line = here.lines().last().unwrap();
        let line = if line == "#" { here.lines().next().unwrap() } else { line };
        assert_explained(&setup, &outcome, words, line);
    }
}

#[test]
fn an_ipsec_section_that_makes_no_sense_is_shown_where_it_is() {
    let mut setup = Setup::new();
    let plus = "[[system.destination]]\nnetwork = \"10.20.0.30/32\"\nservices = [\"tcp/443\"]";
    setup = setup.system(Kind::KmixPlus, plus);
    let ipsec = "[ipsec]\nlisten = [\"127.0.0.1\", \"[::1]\"]\nidentity = \"GW.example\"\n";
    let text = |lines: &str| format!("{}{ipsec}{lines}\n", setup.text());
    for (lines, words) in [
        ("port = 4500", "port and nat_port are the same"),
        ("ports = 500", "unknown field"),
        ("client_ca = []", "no client CA is given"),
        ("crl = []", "no CRL is given"),
        ("ike_proposals = []", "no proposal is given"),
        ("child_lifetime = \"never\"", "is not a duration"),
        ("child_packets = 0", "a limit of nothing"),
        ("[ipsec.limits]\nsas = 0", "a limit of nothing"),
        ("[ipsec.pool]\naddresses = []", "the pool is empty"),
        ("[ipsec.pool]\naddresses = [\"10.99.0.1/16\"]", "has bits beyond its prefix length"),
        ("[ipsec.pool]\naddresses = [\"10.99.0.0/16\", \"10.99.9.0/24\"]", "overlaps 10.99.0.0/16"),
        ("[ipsec.pool]\naddresses = [\"10.20.0.0/16\"]", "overlaps a destination of kmix-plus"),
        ("[ipsec.pool]\naddresses = [\"10.99.0.0/16\"]\ndns = [\"dns\"]", "is not an address"),
    ] {
        let outcome = setup.fail(&text(lines));
        assert_explained(&setup, &outcome, words, lines.lines().last().unwrap());
    }
    for (there, here, words) in [
        ("\"[::1]\"", "\"127.0.0.1\"", "is given twice"),
        ("\"[::1]\"", "\"127.0.0.1:500\"", "is not an address"),
        ("GW.example", "*.example", "is not a host name"),
    ] {
        let outcome = setup.fail(&text("").replace(there, here));
        assert_explained(&setup, &outcome, words, here);
    }

    fs::write(setup.site.path(CONFIG), text("[ipsec.pool]\naddresses = [\"fd00::/64\"]")).unwrap();
    let checked = setup.site.sekisho(["check", "--json"]).expect_success();
    let checked: serde_json::Value = serde_json::from_str(&checked).unwrap();
    let ipsec = &checked["ipsec"];
    assert_eq!(ipsec["identity"], "gw.example");
    assert_eq!(ipsec["listen"], serde_json::json!(["127.0.0.1", "::1"]));
    assert_eq!((&ipsec["port"], &ipsec["nat_port"]), (&500.into(), &4500.into()));
    let ca = setup.site.path("ca/ca.pem");
    assert_eq!(ipsec["client_ca"][0], ca.to_str().unwrap(), "that of [tls]");
    assert_eq!(ipsec["ike_lifetime_seconds"], 8 * 3600);
    assert_eq!(ipsec["pool"]["addresses"][0], "fd00::/64");
}

#[test]
fn a_data_plane_that_makes_no_sense_is_shown_where_it_is() {
    let setup = Setup::new();
    let many: Vec<_> = (0..17).map(|number| format!("\"eth{number}\"")).collect();
    let many = format!("[ip_vpn]\ninterfaces = [{}]", many.join(", "));
    let here = "[ip_vpn]\ninterfaces = [\"ens5\"]";
    for (lines, words) in [
        ("[data_plane]\ndevice = \"sekisho/0\"", "is not a name of a device"),
        ("[data_plane]\nrouting_table = 254", "out of range"),
        ("[data_plane]\nrule_priority = 32764", "out of range"),
        ("[data_plane]\nbusy_poll = \"1s\"", "is not a time to look for packets"),
        ("[data_plane]\nflows_per_session = 1", "unknown field"),
        ("[data_plane]\nflows_per_institution = 0", "a limit of nothing"),
        ("[ip_vpn]\ninterfaces = []", "0 interfaces are given"),
        (&many, "17 interfaces are given"),
        ("[ip_vpn]\ninterfaces = [\"a\", \"a\"]", "is given twice"),
        ("[ip_vpn]\ninterfaces = [\"eth0; drop\"]", "is not a name of an interface"),
        ("[ip_vpn]\ninterfaces = [\"sekisho0\"]", "is a device of the gateway itself"),
        ("[ip_vpn]\ninterfaces = [\"sekisho-vpn\"]", "is a device of the gateway itself"),
        (&format!("{here}\ndevice = \"sekisho0\""), "sekisho0 is the device of [data_plane]"),
        ("[ipsec.tunnel]\nworkers = 2", "unknown field"),
    ] {
        let outcome = setup.fail(&format!("{}{lines}\n", setup.text()));
        assert_explained(&setup, &outcome, words, lines.lines().last().unwrap());
    }

    fs::write(setup.site.path(CONFIG), format!("{}{here}\n", setup.text())).unwrap();
    let checked = || {
        let checked = setup.site.sekisho(["check", "--json"]).expect_success();
        serde_json::from_str::<serde_json::Value>(&checked).unwrap()
    };
    let found = checked();
    assert_eq!(found["ip_vpn"]["interfaces"][0], "ens5");
    assert_eq!(found["data_plane"]["routing_table"], 4500);
    let warnings = found["data_plane"]["warnings"].to_string();
    assert!(warnings.contains("there is no interface ens5 now"), "{warnings}");
    fs::write(setup.site.path(CONFIG), setup.text()).unwrap();
    assert!(checked()["data_plane"].is_null(), "TLS needs none");
    let change = "institution change H1 --ip-vpn-prefixes 10.50.0.0/16,10.51.0.0/16";
    setup.site.sekisho(change.split(' ')).expect_success();
    let warnings = checked()["data_plane"]["warnings"].to_string();
    assert!(warnings.contains("2 IP-VPN prefixes are registered"), "{warnings}");
}

#[test]
fn a_file_that_cannot_be_used_is_named() {
    let setup = Setup::new();
    for (file, line) in [
        ("tls/front-ecdsa.pem", "chain = \"tls/front-ecdsa.pem\""),
        ("tls/front-ecdsa.key", "key = \"tls/front-ecdsa.key\""),
        ("ca/ca.pem", "client_ca = "),
        ("ca/issuing.crl", "crl = "),
    ] {
        let path = setup.site.path(file);
        let good = fs::read(&path).unwrap();
        let run = |bytes: Option<&[u8]>| {
            match bytes {
                Some(bytes) => fs::write(&path, bytes).unwrap(),
                None => fs::remove_file(&path).unwrap(),
            }
            setup.fail(&setup.text())
        };
        assert_explained(&setup, &run(Some(b"nothing of the kind")), file, line);
        assert_explained(&setup, &run(Some(&good[..good.len() / 3])), file, line);
        assert_explained(&setup, &run(Some(b"")), file, line);
        assert_explained(&setup, &run(None), "No such file or directory", line);
        fs::write(&path, good).unwrap();
        let owner_alone = fs::Permissions::from_mode(0o600);
        fs::set_permissions(&path, owner_alone).unwrap();
    }
    let (other, own) =
        (setup.site.path("tls/front-rsa.key"), setup.site.path("tls/front-ecdsa.key"));
    fs::copy(other, own).unwrap();
    let outcome = setup.fail(&setup.text());
    assert_explained(&setup, &outcome, "the key does not fit", "key = \"tls/front-ecdsa.key\"");
}

#[test]
fn a_secret_is_opened_with_its_passphrase_and_kept_private() {
    if lacks("openssl") {
        return;
    }
    let setup = Setup::new();
    let key = setup.site.path("tls/front-ecdsa.key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    let line = "key = \"tls/front-ecdsa.key\"";
    let outcome = setup.fail(&setup.text());
    assert_explained(&setup, &outcome, "mode 0644", line);
    assert!(outcome.errors.contains("chmod 0600"), "{outcome}");

    let path = setup.site.path(".").display().to_string();
    let encrypt = format!(
        "cd {path} && openssl pkcs8 -topk8 -in tls/front-ecdsa.key -out encrypted -v2 aes-256-cbc \
         -passout pass:correct && mv encrypted tls/front-ecdsa.key && chmod 0600 tls/front-ecdsa.key"
    );
    program::run("sh", ["-c", &encrypt]).expect_success();
    let outcome = setup.fail(&setup.text());
    assert_explained(&setup, &outcome, "encrypted", line);
    assert!(outcome.errors.contains("passphrase_file"), "{outcome}");

    let passphrase = setup.site.path("passphrase");
    let named = format!("{line}\npassphrase_file = \"passphrase\"");
    fs::write(&passphrase, "wrong\n").unwrap();
    let outcome = changed(&setup, line, &named);
    assert_explained(&setup, &outcome, "mode 0644", "passphrase_file");
    fs::set_permissions(&passphrase, fs::Permissions::from_mode(0o600)).unwrap();
    let outcome = changed(&setup, line, &named);
    assert_explained(&setup, &outcome, "passphrase", "passphrase_file");
    assert!(!outcome.errors.contains("wrong\n"), "no secret is shown: {outcome}");

    fs::write(&passphrase, "correct\n").unwrap();
    fs::write(setup.site.path(CONFIG), setup.text().replace(line, &named)).unwrap();
    setup.site.sekisho(["check"]).expect_success();
}

/// Puts a certificate of OpenSSL's in the place of the server's own.
fn with_server_certificate(site: &Site, key: &[&str], extensions: &str, options: &[&str]) {
    let ca = ForeignCa::new(site, "foreign");
    let (certificate, key) = ca.issue("server", key, extensions, options);
    fs::rename(certificate, site.path("tls/front-ecdsa.pem")).unwrap();
    fs::rename(key, site.path("tls/front-ecdsa.key")).unwrap();
}

#[test]
fn t09_a_weak_or_unfit_server_certificate_is_refused() {
    if lacks("openssl") {
        return;
    }
    const P192: &[&str] = &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-192"];
    const P224: &[&str] = &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-224"];
    let expired = ["-startdate", "20200101000000Z", "-enddate", "20210101000000Z"];
    let ahead = ["-startdate", "20480101000000Z", "-enddate", "20490101000000Z"];
    for (key, extensions, options, words) in [
        (RSA_1024, "server", &[][..], "1024"),
        (P192, "server", &[], "192"),
        (P224, "server", &[], "224"),
        (P256, "server", &["-md", "sha1"], "SHA-1"),
        (P256, "server", &expired, "expired at 2021-01-01"),
        (P256, "server", &ahead, "not valid before 2048-01-01"),
        (P256, "client", &[], "not for servers"),
    ] {
        let setup = Setup::new();
        with_server_certificate(&setup.site, key, extensions, options);
        let outcome = setup.fail(&setup.text());
        assert_explained(&setup, &outcome, words, "chain = \"tls/front-ecdsa.pem\"");
        assert!(outcome.errors.contains("tls/front-ecdsa.pem:"), "{outcome}");
    }
}

#[test]
fn an_expired_crl_is_refused() {
    if lacks("openssl") {
        return;
    }
    let setup = Setup::new();
    let ca = ForeignCa::new(&setup.site, "foreign");
    ca.publish_with(&["-crl_lastupdate", "20200101000000Z", "-crl_nextupdate", "20210101000000Z"]);
    let setup = setup.trust(&ca.certificate(), &ca.crl());
    let outcome = setup.fail(&setup.text());
    assert_explained(&setup, &outcome, "expired at 2021-01-01", "crl = ");
}

#[test]
fn a_port_that_another_program_has_is_named() {
    let setup = Setup::new();
    let taken = TcpListener::bind(sekisho_tests::systems::LOOPBACK).unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let outcome = changed(&setup, "127.0.0.1:0", &address);
    assert_explained(&setup, &outcome, &format!("cannot listen on {address}"), &address);
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let setup = Setup::new();
    for (there, here) in [
        ("path = \"registry.db\"", "path = \"nowhere/registry.db\""),
        ("directory = \"log\"", "directory = \"nowhere/log\""),
        ("socket = \"status.sock\"", "socket = \"nowhere/status.sock\""),
    ] {
        let outcome = changed(&setup, there, here);
        assert_explained(&setup, &outcome, "nowhere", here);
    }
    let outcome = program::run(program::sekisho(), ["--config", "nowhere.toml", "run"]);
    assert_eq!(outcome.status.code(), Some(1), "{outcome}");
    assert!(outcome.says("nowhere.toml") && outcome.says("help: "), "{outcome}");
}
