//! Gigabytes, through curl.

use std::io::Read as _;
use std::process::{Command, Stdio};
use std::time::Instant;

use aws_lc_rs::digest::{Context, SHA256};
use demo::systems::Kind;
use sekisho_tests::gateway::Gateway;
use sekisho_tests::peers::{curl, url};
use sekisho_tests::program::lacks;
use sekisho_tests::setup::Setup;
use sekisho_tests::systems;
use serde_json::{Value, json};

/// Bytes each way.
const BULK: u64 = 1 << 30;

#[test]
fn a_gibibyte_each_way_arrives_as_it_was_sent() {
    if lacks("curl") {
        return;
    }
    let gateway = Setup::new().start();
    for version in [&["--tls-max", "1.2"][..], &[]] {
        let down = download(&gateway, version);
        let up = upload(&gateway, version);
        assert_eq!(down, up, "{version:?}");
    }
    let records = gateway.records();
    let closes: Vec<_> = records.iter().filter(|record| record.is("close")).collect();
    for (record, direction) in closes.iter().zip(["bytes_out", "bytes_in"].iter().cycle()) {
        assert_eq!(record.reason(), "close.client", "{record:?}");
        // And the heads of request and answer.
        let counted = u64::try_from(record.number(direction)).unwrap();
        assert!((BULK..BULK + 4096).contains(&counted), "{record:?}");
    }
    assert_eq!(closes.len(), 4);
}

/// Fetches bytes through the gateway; what arrived.
fn download(gateway: &Gateway, options: &[&str]) -> Value {
    let begun = Instant::now();
    let mut curl = curl(gateway, "H1/pc-1");
    curl.args(options).arg(url(gateway, &format!("/bytes?n={BULK}")));
    let mut child = curl.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    let mut output = child.stdout.take().unwrap();
    let mut context = Context::new(&SHA256);
    let mut chunk = vec![0; 1 << 20];
    let mut bytes = 0;
    loop {
        let count = output.read(&mut chunk).unwrap();
        if count == 0 {
            break;
        }
        context.update(&chunk[..count]);
        bytes += count as u64;
    }
    assert!(child.wait().unwrap().success());
    report("down", options, begun);
    let sha256: String =
        context.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    json!({ "bytes": bytes, "sha256": sha256 })
}

/// Sends the same bytes through the gateway, straight from the system that makes them;
/// what arrived.
fn upload(gateway: &Gateway, options: &[&str]) -> Value {
    let begun = Instant::now();
    let source = format!("http://{}/bytes?n={BULK}", systems::demo(Kind::KmixRBasic));
    let mut source = Command::new("curl")
        .args(["--silent", "--noproxy", "*", &source])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut curl = curl(gateway, "H1/pc-1");
    curl.args(options)
        .args(["--request", "POST", "--header", &format!("Content-Length: {BULK}")])
        .args(["--header", "Transfer-Encoding:", "--upload-file", "-"])
        .arg(url(gateway, "/upload"))
        .stdin(source.stdout.take().unwrap());
    let answer = curl.output().unwrap();
    assert!(source.wait().unwrap().success());
    report("up", options, begun);
    serde_json::from_slice(&answer.stdout).unwrap()
}

fn report(direction: &str, options: &[&str], begun: Instant) {
    let version = if options.is_empty() { "1.3" } else { "1.2" };
    let seconds = begun.elapsed().as_secs_f64();
    eprintln!("{} MiB {direction}, TLS {version}: {seconds:.1} s", BULK >> 20);
}
