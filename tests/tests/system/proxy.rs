//! The PROXY protocol v2 header, as haproxy, nginx and the demo system read it.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU8, Ordering};

use demo::systems::{Kind, Options};
use sekisho_tests::client::{Client, Connection};
use sekisho_tests::gateway::Gateway;
use sekisho_tests::program::{Server, lacks};
use sekisho_tests::setup::Setup;
use sekisho_tests::site::PLUS;
use sekisho_tests::systems::{self, scripted};
use serde_json::{Value, json};

/// IPv4 and IPv6 clients.
const LISTENERS: [&str; 2] = ["", "address = \"[::1]:0\""];

fn before(upstream: SocketAddr) -> Gateway {
    let setup = Setup::new().upstream(Kind::KmixPlus, upstream);
    setup.system(Kind::KmixPlus, "proxy_protocol = true").listeners(&LISTENERS).start()
}

/// Fetches a page through listener `index`: the client's address and what it got.
fn get(gateway: &Gateway, index: usize, path: &str) -> (SocketAddr, String) {
    let mut connection = Client::of(&gateway.site, "H1/pc-1").connect(gateway.address(index));
    let request = format!("GET {path} HTTP/1.1\r\nHost: {PLUS}\r\nConnection: close\r\n\r\n");
    let answer = ask(&mut connection, &request);
    (connection.local(), answer)
}

fn ask(connection: &mut Connection, request: &str) -> String {
    connection.tls.write_all(request.as_bytes()).unwrap();
    String::from_utf8(connection.rest().unwrap()).unwrap()
}

#[test]
fn the_demo_system_reads_all_of_it() {
    let options = Options { proxy_protocol: true, ..Options::default() };
    let system = systems::start(Kind::KmixPlus, options);
    let gateway = before(system.address());
    for index in [0, 1] {
        let (source, answer) = get(&gateway, index, "/whoami");
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        let seen: Value = serde_json::from_str(body).unwrap();
        let open = gateway.record(|record| {
            record.is("open") && record.number("source_port") == i64::from(source.port())
        });
        assert_eq!(
            seen["proxy"],
            json!({
                "source": source.to_string(),
                "destination": gateway.address(index).to_string(),
                "authority": PLUS,
                "unique_id": open.text("connection"),
                "tls": {
                    "version": "TLSv1.3",
                    "cipher": "TLS_AES_256_GCM_SHA384",
                    "client_cn": "pc-1",
                    "client_certificate": true,
                    "client_certificate_verified": true,
                },
            })
        );
    }
}

#[test]
fn the_terminal_is_named_as_the_policy_knows_it() {
    // PP2_TYPE_MIN_CUSTOM, which none of the peers shows.
    let named = b"\xe0\x00\x07H1/pc-1";
    let system = scripted(move |mut stream| {
        let mut header = [0; 512];
        let length = stream.read(&mut header).unwrap();
        header[..length].windows(named.len()).any(|window| window == named)
    });
    let gateway = before(system.address);
    let _ = Client::of(&gateway.site, "H1/pc-1").connect(gateway.named()).rest();
    assert!(system.finish(), "the header holds the terminal's name");
}

/// An address of this machine that no other test uses: with it any port is free.
fn own_address() -> Ipv4Addr {
    static NEXT: AtomicU8 = AtomicU8::new(1);
    let [.., high, low] = std::process::id().to_be_bytes();
    Ipv4Addr::new(127, high.max(1), low, NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A directory for a server's files, and where it shall listen.
fn place() -> (tempfile::TempDir, SocketAddr) {
    (tempfile::tempdir().unwrap(), SocketAddr::new(own_address().into(), 8080))
}

#[test]
fn haproxy_reads_addresses_authority_and_id() {
    if lacks("haproxy") {
        return;
    }
    let (directory, address) = place();
    let file = directory.path().join("haproxy.cfg");
    let fields = ["src", "src_port", "dst", "dst_port", "fc_pp_authority", "fc_pp_unique_id"];
    let format = fields.map(|field| format!("{field}=%[{field}] ")).concat();
    let configuration = format!(
        "defaults\n  mode http\n  timeout client 20s\n  timeout server 20s\n\
         frontend f\n  bind {address} accept-proxy\n  option http-server-close\n\
         \n  http-request return status 200 content-type text/plain lf-string \"{format}\"\n"
    );
    fs::write(&file, configuration).unwrap();
    let mut haproxy = Server::start("haproxy", |command| command.arg("-f").arg(&file));
    haproxy.wait_for(address);
    let gateway = before(address);
    for index in [0, 1] {
        let (source, answer) = get(&gateway, index, "/");
        let open = gateway.record(|record| {
            record.is("open") && record.number("source_port") == i64::from(source.port())
        });
        let local = gateway.address(index);
        for (field, value) in fields.iter().zip([
            source.ip().to_string(),
            source.port().to_string(),
            local.ip().to_string(),
            local.port().to_string(),
            PLUS.to_owned(),
            open.text("connection").to_owned(),
        ]) {
            assert!(answer.contains(&format!("{field}={value} ")), "{field}={value}: {answer}");
        }
    }
}

#[test]
fn nginx_reads_addresses() {
    if lacks("nginx") {
        return;
    }
    let (directory, address) = place();
    let file = directory.path().join("nginx.conf");
    let path = directory.path().display();
    let configuration = format!(
        "daemon off;\nmaster_process off;\npid {path}/pid;\nerror_log stderr;\n\
         events {{ worker_connections 64; }}\n\
         http {{\n  access_log off;\n\
         client_body_temp_path {path}/b;\nproxy_temp_path {path}/p;\n\
         fastcgi_temp_path {path}/f;\nuwsgi_temp_path {path}/u;\nscgi_temp_path {path}/s;\n\
         server {{\n listen {address} proxy_protocol;\n\
         return 200 \"from $proxy_protocol_addr port $proxy_protocol_port \
         to $proxy_protocol_server_addr port $proxy_protocol_server_port.\";\n }}\n}}\n"
    );
    fs::write(&file, configuration).unwrap();
    let mut nginx = Server::start("nginx", |command| {
        command.arg("-c").arg(&file).arg("-p").arg(directory.path())
    });
    nginx.wait_for(address);
    let gateway = before(address);
    for index in [0, 1] {
        let (source, answer) = get(&gateway, index, "/");
        let local = gateway.address(index);
        let told = format!(
            "from {} port {} to {} port {}.",
            source.ip(),
            source.port(),
            local.ip(),
            local.port()
        );
        assert!(answer.ends_with(&told), "{told}: {answer}");
    }
}
