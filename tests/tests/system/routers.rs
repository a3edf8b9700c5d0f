//! Site routers and their keys, on the command line.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use sekisho_tests::site::Site;
use serde_json::Value;

const IDENTITY: &str = "rtx.h1.example";

fn told(site: &Site, line: &str) -> String {
    site.sekisho(line.split(' ')).expect_success()
}

fn json(site: &Site, line: &str) -> Value {
    serde_json::from_str(&told(site, &format!("{line} --json"))).unwrap()
}

/// What a command that must fail says.
fn refused(site: &Site, line: &str) -> String {
    let outcome = site.sekisho(line.split(' '));
    assert_eq!(outcome.status.code(), Some(1), "{outcome}");
    outcome.errors
}

fn add(site: &Site) -> Value {
    json(site, &format!("router add H1/rtx --identity {IDENTITY} --ppk-id ppk-1"))
}

fn write(path: &Path, bytes: &[u8], mode: u32) {
    fs::write(path, bytes).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_new_key_is_shown_once_and_kept_sealed() {
    let site = Site::new();
    let added = add(&site);
    let (key, ppk) = (added["pre_shared_key"].as_str().unwrap(), added["ppk"].as_str().unwrap());
    assert!(key.len() >= 32 && ppk.len() >= 32 && key != ppk, "{added}");

    let listed = json(&site, "router list");
    assert_eq!(listed[0]["router"], "H1/rtx");
    assert_eq!(
        (&listed[0]["identity"], &listed[0]["ppk_id"]),
        (&added["identity"], &"ppk-1".into())
    );
    assert_eq!(json(&site, "check")["pre_shared_keys"], 1);
    let audit = told(&site, "registry audit --subject H1/rtx");
    assert!(audit.contains("ike-identity.add") && audit.contains("\"key\":\"set\""), "{audit}");

    let sealing = site.path("registry.key");
    assert_eq!(fs::metadata(&sealing).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read(&sealing).unwrap().len(), 32);
    told(&site, "registry export roster.csv");
    let files = fs::read_dir(site.path("")).unwrap().map(|entry| entry.unwrap().path());
    let kept = files.filter(|path| path.is_file()).map(|path| fs::read(path).unwrap());
    for bytes in kept.chain([listed.to_string().into_bytes(), audit.into_bytes()]) {
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains(key) && !text.contains(ppk), "{text}");
    }
}

#[test]
fn a_key_from_a_file_must_be_strong_and_private() {
    let site = Site::new();
    let file = site.path("psk");
    let line = format!("router add H1/rtx --identity {IDENTITY} --psk-file psk");
    for (key, mode, words) in [
        (&b"correct-horse-battery\n"[..], 0o644, "chmod 0600"),
        (b"nineteen-characters\n", 0o600, "shorter than 20 octets"),
        (b"two words and a space\n", 0o600, "0x"),
    ] {
        write(&file, key, mode);
        let errors = refused(&site, &line);
        assert!(errors.contains("psk: ") && errors.contains(words), "{errors}");
    }
    assert_eq!(json(&site, "router list"), Value::Array(Vec::new()), "nothing came of it");
    write(&file, b"correct-horse-battery\n", 0o600);
    assert!(json(&site, &line)["pre_shared_key"].is_null(), "it is not shown");
    let again = refused(&site, "router add C1/rtx --identity rtx.h1.example");
    assert!(again.contains("H1/rtx"), "{again}");
}

#[test]
fn what_another_key_file_has_sealed_is_named_and_can_be_set_anew() {
    let site = Site::new();
    add(&site);
    let file = site.path("registry.key");
    let kept = fs::read(&file).unwrap();

    fs::remove_file(&file).unwrap();
    for line in ["check", "router set-key H1/rtx"] {
        let errors = refused(&site, line);
        assert!(errors.contains("registry.key") && errors.contains("backup"), "{errors}");
    }
    assert!(!file.exists(), "none was made in its place");
    write(&file, &[1; 31], 0o600);
    assert!(refused(&site, "check").contains("31 octets"));

    write(&file, &[1; 32], 0o600);
    let errors = refused(&site, "check");
    assert!(errors.contains(IDENTITY) && errors.contains("sekisho router set-key"), "{errors}");
    told(&site, "router set-key H1/rtx");
    told(&site, "router set-ppk H1/rtx --remove");
    assert_eq!(json(&site, "check")["pre_shared_keys"], 1);

    write(&file, &kept, 0o600);
    assert!(refused(&site, "check").contains(IDENTITY));
}

#[test]
fn a_router_is_stopped_and_ended_with_all_its_identities() {
    let site = Site::new();
    add(&site);
    told(&site, "router add H1/rtx --identity 192.0.2.7");
    let errors = refused(&site, "router set-key H1/rtx");
    assert!(errors.contains("192.0.2.7") && errors.contains("--identity"), "{errors}");
    told(&site, "router set-key H1/rtx --identity 192.0.2.7");

    let status = || {
        let listed = json(&site, "router list");
        let listed = listed.as_array().unwrap().iter();
        listed.map(|router| router["status"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    told(&site, "router suspend H1/rtx");
    assert_eq!(status(), ["suspended", "suspended"]);
    told(&site, "router resume H1/rtx");
    told(&site, "router revoke-identity 192.0.2.7");
    assert_eq!(status(), ["revoked", "active"]);
    assert_eq!(json(&site, "router list --status active").as_array().unwrap().len(), 1);
    told(&site, "router set-key H1/rtx");
    told(&site, "router revoke H1/rtx");
    assert_eq!(status(), ["revoked", "revoked"]);
    assert!(refused(&site, "router resume H1/rtx").contains("final"));
}
