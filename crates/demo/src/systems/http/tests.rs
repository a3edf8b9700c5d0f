//! The web systems against curl.

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::*;
use crate::systems::testing::{PATIENCE, run, start_on_loopback, succeed};
use crate::systems::{Options, Running};

const WEB: [Kind; 4] = [Kind::KmixRBasic, Kind::ChiikiKanja, Kind::KmixPlus, Kind::RenkeiPath];

async fn curl(system: &Running, path: &str, options: &[&str]) -> String {
    let url = format!("http://{}{path}", system.address());
    let mut args = vec!["--silent", "--show-error", "--fail", "--max-time", "50"];
    args.extend(options);
    args.push(&url);
    succeed("curl", "curl", &args).await
}

async fn sha256sum(path: &str) -> String {
    let line = succeed("coreutils", "sha256sum", &[path]).await;
    line.split(' ').next().unwrap().to_owned()
}

#[tokio::test]
async fn every_page_names_its_system() {
    for kind in WEB {
        let system = start_on_loopback(kind, Options::default()).await;
        let page = curl(&system, "/", &[]).await;
        let marker = format!(r#"<meta name="system" content="{}">"#, kind.id());
        assert!(page.contains(&marker) && page.contains(kind.name_ja()), "{page}");
        assert_eq!(curl(&system, "/health", &[]).await, "ok");

        let format = ["--output", "/dev/null", "--write-out", "%{http_code}", "--no-fail"];
        let status = curl(&system, "/metadata", &format).await;
        assert_eq!(status == "200", kind == Kind::ChiikiKanja, "{kind}: {status}");
        system.stop().await;
    }
}

#[tokio::test]
async fn metadata_is_a_capability_statement() {
    let system = start_on_loopback(Kind::ChiikiKanja, Options::default()).await;
    let statement: Value = serde_json::from_str(&curl(&system, "/metadata", &[]).await).unwrap();
    assert_eq!(statement["resourceType"], "CapabilityStatement");
    for required in ["status", "date", "kind", "fhirVersion", "format", "implementation"] {
        assert!(!statement[required].is_null(), "{required} is required");
    }
}

#[tokio::test]
async fn bytes_arrive_and_return_unchanged() {
    const LEN: u64 = 64 << 20;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("bytes").display().to_string();
    let system = start_on_loopback(Kind::KmixPlus, Options::default()).await;

    curl(&system, &format!("/bytes?n={LEN}"), &["--output", &file]).await;
    let mut expected = Checksum::new();
    let mut pattern = Pattern::new(LEN);
    while let Some(frame) = pattern.frame().await {
        expected.update(&frame.unwrap().into_data().unwrap());
    }
    let expected = expected.finish();
    assert_eq!(expected.bytes, LEN);
    assert_eq!(sha256sum(&file).await, expected.sha256);

    let answer = curl(&system, "/upload", &["--request", "POST", "--upload-file", &file]).await;
    let answer: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(answer["bytes"], LEN);
    assert_eq!(answer["sha256"], expected.sha256);
}

#[tokio::test]
async fn a_length_beyond_memory_is_promised_exactly() {
    let system = start_on_loopback(Kind::KmixPlus, Options::default()).await;
    let head = curl(&system, "/bytes?n=1099511627776", &["--head"]).await.to_lowercase();
    assert!(head.contains("content-length: 1099511627776\r\n"), "{head}");
    for bad in ["/bytes", "/bytes?n=", "/bytes?n=-1", "/bytes?n=99999999999999999999"] {
        let format = ["--output", "/dev/null", "--write-out", "%{http_code}", "--no-fail"];
        assert_eq!(curl(&system, bad, &format).await, "400", "{bad}");
    }
}

/// Written out from proxy-protocol.txt §2.2, not by the library that reads it.
fn proxy_v2_header() -> Vec<u8> {
    fn field(kind: u8, value: &[u8]) -> Vec<u8> {
        [&[kind], &(value.len() as u16).to_be_bytes()[..], value].concat()
    }
    let tls = [
        &[0x07, 0, 0, 0, 0][..],
        &field(0x21, b"TLSv1.3"),
        &field(0x22, b"takamatsu-01"),
        &field(0x23, b"TLS_AES_256_GCM_SHA384"),
    ];
    let body = [
        &[192, 0, 2, 1, 198, 51, 100, 2, 0x30, 0x39, 0x01, 0xbb][..],
        &field(0x02, b"kmix.example.jp"),
        &field(0x05, b"id-\x00\xff"),
        &field(0x20, &tls.concat()),
    ]
    .concat();
    let length = (body.len() as u16).to_be_bytes();
    [b"\r\n\r\n\0\r\nQUIT\n\x21\x11", &length[..], &body].concat()
}

async fn exchange(system: &Running, sent: &[u8]) -> String {
    let mut stream = TcpStream::connect(system.address()).await.unwrap();
    stream.write_all(sent).await.unwrap();
    let mut answer = Vec::new();
    // A refused connection may be reset; what came before that is the answer.
    let _ = timeout(PATIENCE, stream.read_to_end(&mut answer)).await.unwrap();
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn whoami_tells_what_the_proxy_header_said() {
    const REQUEST: &[u8] = b"GET /whoami HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let options = Options { proxy_protocol: true, ..Options::default() };
    let system = start_on_loopback(Kind::RenkeiPath, options).await;
    let header = proxy_v2_header();

    let answer = exchange(&system, &[&header, REQUEST].concat()).await;
    let body = answer.split_once("\r\n\r\n").unwrap().1;
    let body: Value = serde_json::from_str(body).unwrap();
    assert!(body["peer"].as_str().unwrap().starts_with("127.0.0.1:"));
    let expected = serde_json::json!({
        "source": "192.0.2.1:12345",
        "destination": "198.51.100.2:443",
        "authority": "kmix.example.jp",
        "unique_id": r"id-\x00\xff",
        "tls": {
            "version": "TLSv1.3",
            "cipher": "TLS_AES_256_GCM_SHA384",
            "client_cn": "takamatsu-01",
            "client_certificate": true,
            "client_certificate_verified": true,
        },
    });
    assert_eq!(body["proxy"], expected);

    let mut overrun = header.clone();
    overrun[16 + 12 + 2] += 200;
    assert_eq!(exchange(&system, &[&overrun, REQUEST].concat()).await, "");
    assert_eq!(exchange(&system, REQUEST).await, "");
    let url = format!("http://{}/health", system.address());
    let version_1 = ["--silent", "--max-time", "20", "--haproxy-protocol", &url];
    assert!(!run("curl", "curl", &version_1).await.status.success());
}
