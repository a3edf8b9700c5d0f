//! T10 to T14: compression, renegotiation, resumption, early data; and which of the server's
//! certificates is shown.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::Stdio;

use sekisho_tests::gateway::Gateway;
use sekisho_tests::hello::{self, Answer, Hello};
use sekisho_tests::peers::{s_client, s_client_command};
use sekisho_tests::program::{self, Server, lacks};
use sekisho_tests::setup::Setup;
use sekisho_tests::until;

use super::{
    ALL, CRYPTREC_HIGH, TLS12, TLS13_ONLY, WITH_12, WITH_13, admitted, answer, profiles,
    server_hello,
};

#[test]
fn t10_compression_is_never_chosen() {
    let gateway = profiles();
    for listener in WITH_12 {
        let offer = Hello { compression: vec![1, 64, 0], ..Hello::default() };
        let (answered, _) = answer(&gateway, listener, &offer);
        assert_eq!(server_hello(answered).compression, 0);

        let only = Hello { compression: vec![1], ..Hello::default() };
        let (answered, _) = answer(&gateway, listener, &only);
        assert!(matches!(answered, Answer::Alert(_)), "{answered:?}");
    }
}

#[test]
fn t11_renegotiation_is_refused_and_signalled_as_secure() {
    if lacks("openssl") {
        return;
    }
    let gateway = profiles();
    for listener in WITH_12 {
        let (answered, _) = answer(&gateway, listener, &Hello::default());
        let hello = server_hello(answered);
        assert!(hello.extensions.contains(&hello::RENEGOTIATION_INFO), "{hello:?}");

        // 'R' on a line of its own makes s_client renegotiate.
        let credential = gateway.site.terminal("H1/pc-1");
        let mut openssl =
            s_client_command(&gateway.site, gateway.address(listener), Some(&credential));
        let outcome = program::finish(openssl.arg("-tls1_2"), b"R\n");
        assert!(outcome.says("Secure Renegotiation IS supported"), "{outcome}");
        assert!(outcome.says("RENEGOTIATING"), "{outcome}");
        assert!(outcome.says("no renegotiation"), "{outcome}");
    }
}

#[test]
fn t12_tls12_without_extended_master_secret_is_refused() {
    if lacks("openssl") {
        return;
    }
    let gateway = profiles();
    let settings = "openssl_conf = all\n[all]\nssl_conf = ssl\n[ssl]\nsystem_default = old\n\
                    [old]\nOptions = -ExtendedMasterSecret\n";
    let file = gateway.site.path("openssl.cnf");
    std::fs::write(&file, settings).unwrap();
    for listener in WITH_12 {
        let hello = Hello { extended_master_secret: false, ..Hello::default() };
        let (answered, record) = answer(&gateway, listener, &hello);
        assert_eq!(answered, Answer::Alert(hello::HANDSHAKE_FAILURE));
        assert_eq!(record.reason(), "tls.extended-master-secret");

        let credential = gateway.site.terminal("H1/pc-1");
        let (outcome, record) = gateway.provoke("denied", || {
            let mut openssl =
                s_client_command(&gateway.site, gateway.address(listener), Some(&credential));
            program::finish(openssl.arg("-tls1_2").env("OPENSSL_CONF", &file), b"")
        });
        assert!(outcome.says("alert handshake failure"), "{outcome}");
        assert_eq!(record.reason(), "tls.extended-master-secret");
    }
    let (answered, _) = answer(&gateway, TLS12, &Hello::default());
    assert!(server_hello(answered).extensions.contains(&hello::EXTENDED_MASTER_SECRET));

    let lenient = Setup::new()
        .listeners(&["profile = \"tls12\"\nrequire_extended_master_secret = false"])
        .start();
    let credential = lenient.site.terminal("H1/pc-1");
    let mut openssl = s_client_command(&lenient.site, lenient.address(TLS12), Some(&credential));
    let outcome = program::finish(openssl.arg("-tls1_2").env("OPENSSL_CONF", &file), b"");
    assert!(outcome.says("Extended master secret: no"), "{outcome}");
    assert!(outcome.says("Verification: OK"), "{outcome}");
}

#[test]
fn server_certificates_of_both_kinds_stand_side_by_side() {
    if lacks("openssl") {
        return;
    }
    let gateway = profiles();
    // The terminal has an RSA key, since the list of signatures holds for its own too.
    let credential = gateway.site.terminal("H1/old-1");
    let only_rsa = "RSA-PSS+SHA256:ecdsa_secp521r1_sha512";
    for (listener, options, kind) in [
        (TLS12, &["-tls1_2"][..], "ECDSA"),
        (TLS12, &["-tls1_2", "-cipher", "ECDHE-RSA-AES256-GCM-SHA384"], "RSA-PSS"),
        (TLS12, &["-tls1_2", "-sigalgs", only_rsa], "RSA-PSS"),
        // A client of TLS 1.2 that does not know the ECDSA certificate's curve.
        (TLS12, &["-tls1_2", "-groups", "X25519"], "RSA-PSS"),
        (CRYPTREC_HIGH, &[], "ECDSA"),
        (CRYPTREC_HIGH, &["-sigalgs", only_rsa], "RSA-PSS"),
        // An old Windows key store: PKCS#1 signatures only.
        (CRYPTREC_HIGH, &["-tls1_2", "-cipher", "aRSA", "-sigalgs", "RSA+SHA256"], "RSA"),
        (TLS13_ONLY, &[], "ECDSA"),
        (TLS13_ONLY, &["-sigalgs", only_rsa], "RSA-PSS"),
    ] {
        let address = gateway.address(listener);
        let outcome = s_client(&gateway.site, address, Some(&credential), options);
        assert!(outcome.says("HTTP/1.0 200 OK"), "{options:?} {outcome}");
        let told = format!("Peer signature type: {kind}\n");
        assert!(outcome.says(&told), "{options:?} {outcome}");
    }
}

#[test]
fn t13_and_t14_no_session_is_resumed_and_no_early_data_taken() {
    if lacks("openssl") {
        return;
    }
    let gateway = profiles();
    let session = gateway.site.path("session").display().to_string();
    for listener in ALL {
        // Nothing to resume is given out in the first place.
        let told = admitted(&gateway, listener, &["-sess_out", &session]);
        assert!(told.contains("New, TLSv1"), "{told}");
        assert!(!told.contains("New Session Ticket arrived"), "{told}");
        assert!(!told.contains("TLS session ticket:"), "{told}");
        if std::fs::exists(&session).unwrap() {
            let told = admitted(&gateway, listener, &["-sess_in", &session]);
            assert!(told.contains("New, TLSv1") && !told.contains("Reused"), "{told}");
        }
    }
    for listener in WITH_12 {
        let remembered = Hello { session: vec![7; 32], ..Hello::default() };
        let (answered, _) = answer(&gateway, listener, &remembered);
        let hello = server_hello(answered);
        assert_eq!(hello.session, b"", "neither resumed nor to be resumed");
        assert!(!hello.extensions.contains(&hello::SESSION_TICKET), "{hello:?}");
    }
}

#[test]
fn t13_and_t14_a_ticket_for_early_data_from_elsewhere_is_worth_nothing() {
    if lacks("openssl") {
        return;
    }
    let gateway = profiles();
    let session = gateway.site.path("session").display().to_string();
    let request = gateway.site.path("request").display().to_string();
    std::fs::write(&request, "GET /early HTTP/1.0\r\n\r\n").unwrap();
    // From a server of the same name and CA that does what the gateway does not.
    let early_data = ["-early_data", "-max_early_data", "16384"];
    let (_server, address) = openssl_server(&gateway, &early_data);
    let mut client = s_client_command(&gateway.site, address, None)
        .args(["-sess_out", &session])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    until("a session is given", || std::fs::exists(&session).unwrap().then_some(()));
    drop(client.stdin.take());
    client.wait().unwrap();
    for listener in WITH_13 {
        let options = ["-sess_in", &session, "-early_data", &request];
        let told = admitted(&gateway, listener, &options);
        assert!(told.contains("New, TLSv1.3") && !told.contains("Reused"), "{told}");
        assert!(told.contains("Early data was rejected"), "{told}");
    }
}

/// Starts `openssl s_server` with the gateway's own certificate.
fn openssl_server(gateway: &Gateway, options: &[&str]) -> (Server, SocketAddr) {
    let mut server = Server::start("openssl", |command| {
        command
            .args(["s_server", "-accept", "127.0.0.1:0", "-cert", "tls/front-ecdsa.pem"])
            .args(["-key", "tls/front-ecdsa.key"])
            .args(options)
            .current_dir(gateway.site.path(""))
            // At the end of its input it ends.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
    });
    let lines = BufReader::new(server.process().stdout.take().unwrap()).lines();
    let mut addresses =
        lines.filter_map(|line| line.unwrap().strip_prefix("ACCEPT ")?.parse().ok());
    let address = addresses.next().expect("openssl says where it listens");
    (server, address)
}
