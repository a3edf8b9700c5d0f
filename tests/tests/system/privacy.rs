//! What passes through is nobody's business: no payload, URL or header is kept anywhere.

use std::fs;

use sekisho_tests::gateway::Gateway;
use sekisho_tests::peers::{curl, url};
use sekisho_tests::program::{finish, lacks};
use sekisho_tests::setup::Setup;

/// In every form in which it goes over the wire.
const NAMES: [&str; 3] = ["YAMADA^HANAKO", "山田花子", "%E5%B1%B1%E7%94%B0%E8%8A%B1%E5%AD%90"];

fn send(gateway: &Gateway, name: &str, escaped: &str) {
    let mut curl = curl(gateway, "H1/pc-1");
    curl.args(["--header", &format!("X-Patient: {name}"), "--user", &format!("{name}:pw")])
        .args(["--cookie", &format!("patient={name}")])
        .args(["--data-binary", &format!("PID|1||{name}"), "--output", "/dev/null"])
        .args([
            url(gateway, &format!("/upload?patient={escaped}")),
            url(gateway, &format!("/{escaped}")),
        ]);
    finish(&mut curl, b"").expect_success();
}

#[test]
fn a_patients_name_is_kept_nowhere() {
    if lacks("curl") {
        return;
    }
    let mut gateway = Setup::new().start();
    send(&gateway, NAMES[0], NAMES[0]);
    send(&gateway, NAMES[1], NAMES[2]);
    gateway.record(|record| record.is("close") && record.number("bytes_in") > 300);
    let mut kept = vec![gateway.status().to_string().into_bytes()];
    gateway.stop();
    kept.push(gateway.stderr().into_bytes());
    kept.push(gateway.sekisho("log query").into_bytes());
    let log = fs::read_dir(gateway.site.path("log")).unwrap();
    let files: Vec<_> = log.map(|entry| entry.unwrap().path()).collect();
    assert!(files.len() > 1, "{files:?}");
    kept.extend(files.iter().map(|file| fs::read(file).unwrap()));
    assert!(kept.iter().any(|bytes| holds(bytes, "plus.kmix-r.example")), "the search works");
    for bytes in &kept {
        for name in NAMES {
            assert!(!holds(bytes, name), "{name}: {}", String::from_utf8_lossy(bytes));
        }
    }
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}
