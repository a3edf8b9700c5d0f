//! strongSwan against strongSwan: what the tests of the gateway rest upon works by itself.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Shutdown, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use sekisho_tests::netns::{Namespace, Translator};
use sekisho_tests::site::{PLUS, Site};
use sekisho_tests::strongswan::{
    Child, Config, Connection, Party, Sa, Secret, Strongswan, lacks_strongswan,
};
use sekisho_tests::{PATIENCE, until};

/// Behind the responder.
const SERVICE: &str = "10.2.0.1";
/// What the responder gives out.
const POOL: &str = "10.9.0.0/24";

fn ip(address: &str) -> IpAddr {
    address.parse().unwrap()
}

/// A clinic behind a translator, a centre with the service, and what they are configured with:
/// certificates that `sekisho` issued, of the terminal `H1/pc-1` and the front.
struct Sites {
    site: Site,
    clinic: Namespace,
    translator: Translator,
    centre: Namespace,
}

impl Sites {
    fn new() -> Self {
        let (clinic, home) = (Namespace::host("clinic"), Namespace::router("home"));
        let centre = Namespace::host("centre");
        clinic.link("lan", &home, "lan");
        home.link("wan", &centre, "wan");
        for (namespace, device, address) in [
            (&clinic, "lan", "10.0.1.2/24"),
            (&home, "lan", "10.0.1.1/24"),
            (&home, "wan", "192.0.2.2/24"),
            (&centre, "wan", "192.0.2.1/24"),
            (&centre, "lo", "10.2.0.1/32"),
        ] {
            namespace.address(device, address);
        }
        clinic.ip("route add default via 10.0.1.1");
        Self { site: Site::new(), clinic, translator: home.translate("wan"), centre }
    }

    fn initiator(&self) -> Config {
        let mut connection = Connection::new(
            "centre",
            Party::certificate(self.site.terminal("H1/pc-1")),
            Party::pubkey().with_id(PLUS),
        );
        connection.remote_addrs = vec![ip("192.0.2.1")];
        connection.vips = vec![ip("0.0.0.0")];
        // So that the responder follows to another port by itself (RFC 7296, section 2.23).
        connection.mobike = false;
        connection.dpd_delay = Some(Duration::from_secs(1));
        connection.children = vec![Child::between("service", "dynamic", "10.2.0.0/16")];
        self.trusting(connection)
    }

    fn responder(&self) -> Config {
        let credential = ["tls/front-ecdsa.pem", "tls/front-ecdsa.key"];
        let [chain, key] = credential.map(|file| self.site.path(file));
        let mut connection = Connection::new(
            "clinics",
            Party::certificate((chain, key)).with_id(PLUS),
            Party::pubkey().with("revocation = strict"),
        );
        connection.pools = vec!["clinics".to_owned()];
        connection.children = vec![Child::between("service", "10.2.0.0/16", "dynamic")];
        let pools = vec![("clinics".to_owned(), POOL.to_owned())];
        Config { pools, ..self.trusting(connection) }
    }

    fn trusting(&self, mut connection: Connection) -> Config {
        connection.proposals = vec!["aes256gcm16-prfsha384-ecp384".to_owned()];
        connection.children[0].esp_proposals = vec!["chacha20poly1305-x25519".to_owned()];
        Config {
            connections: vec![connection],
            authorities: vec![self.site.ca()],
            crls: ["ca/root.crl", "ca/issuing.crl"].map(|name| self.site.path(name)).into(),
            settings: "delete_rekeyed_delay = 1\nretransmit_timeout = 1".to_owned(),
            ..Config::default()
        }
    }
}

/// Sends bytes that fill many packets, and compares what comes back.
fn echo(from: &Namespace, to: &Namespace) {
    let listener = to.within(|| TcpListener::bind((SERVICE, 0))).unwrap();
    let address = listener.local_addr().unwrap();
    let echoing = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        std::io::copy(&mut stream.try_clone().unwrap(), &mut stream).unwrap();
    });
    let stream = from.within(|| TcpStream::connect_timeout(&address, PATIENCE)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let sent: Vec<u8> = (0..100_000_u32).map(|number| (number % 251) as u8).collect();
    let mut received = Vec::new();
    thread::scope(|scope| {
        scope.spawn(|| {
            (&stream).write_all(&sent).unwrap();
            stream.shutdown(Shutdown::Write).unwrap();
        });
        (&stream).read_to_end(&mut received).unwrap();
    });
    echoing.join().unwrap();
    assert!(received == sent, "{} bytes of {} came back", received.len(), sent.len());
}

#[test]
fn a_tunnel_by_certificates_survives_rekeying_and_the_translator() {
    if lacks_strongswan() {
        return;
    }
    let sites = Sites::new();
    let centre = Strongswan::start(&sites.centre, &sites.responder());
    let clinic = Strongswan::start(&sites.clinic, &sites.initiator());

    clinic.initiate(Sa::Child("service")).expect_success();
    let first = clinic.settled();
    assert_eq!(first.suite, "AES_GCM_16_256/PRF_HMAC_SHA2_384/ECP_384");
    assert_eq!(first.remote.id, PLUS);
    assert!(first.initiator && first.local.nat, "{first:?}");
    let [own] = first.virtual_addresses[..] else { panic!("{first:?}") };
    assert_eq!(first.children[0].local_ts, [format!("{own}/32")]);
    until("ping", || sites.clinic.reaches(own, ip(SERVICE)).then_some(()));
    echo(&sites.clinic, &sites.centre);
    assert!(clinic.settled().children[0].bytes_in > 100_000);

    clinic.rekey(Sa::Child("service")).expect_success();
    clinic.rekey(Sa::Ike("centre")).expect_success();
    let renewed = clinic.wait_for("both are rekeyed", |sas| {
        let renewed = sas.iter().find(|sa| sa.initiator_spi != first.initiator_spi)?;
        let [child] = &renewed.children[..] else { return None };
        (sas.len() == 1 && child.spi_in != first.children[0].spi_in).then(|| renewed.clone())
    });
    assert_eq!(renewed.children[0].suite, "CHACHA20_POLY1305/CURVE_25519");
    assert!(sites.clinic.reaches(own, ip(SERVICE)));

    let before = centre.settled().remote.address;
    assert!(before.ip() == ip("192.0.2.2") && before.port() != 4500, "{before}");
    sites.translator.rebind();
    let after = centre.wait_for("the clinic comes from another port", |sas| {
        sas.iter().map(|sa| sa.remote.address).find(|address| *address != before)
    });
    assert_eq!(after.ip(), before.ip());
    until("ping", || sites.clinic.reaches(own, ip(SERVICE)).then_some(()));

    clinic.terminate(Sa::Ike("centre")).expect_success();
    centre.wait_for("the centre is told", |sas| sas.is_empty().then_some(()));
}

#[test]
fn a_revoked_certificate_is_refused_by_strongswan_too() {
    if lacks_strongswan() {
        return;
    }
    let sites = Sites::new();
    let centre = Strongswan::start(&sites.centre, &sites.responder());
    let clinic = Strongswan::start(&sites.clinic, &sites.initiator());
    sites
        .site
        .sekisho("terminal revoke H1/pc-1 --reason keyCompromise".split(' '))
        .expect_success();
    centre.load(&sites.responder());

    let refused = clinic.initiate(Sa::Child("service"));
    assert!(!refused.status.success(), "{refused}");
    assert!(refused.says("AUTHENTICATION_FAILED"), "{refused}");
    assert!(centre.log().contains("certificate was revoked"), "{}", centre.log());
}

#[test]
fn a_moved_host_keeps_its_tunnel() {
    if lacks_strongswan() {
        return;
    }
    let (host, internet, centre) = roaming();
    let initiator = Strongswan::start(&host, &by_psk("host", "centre", "10.1.0.1", SERVICE));
    let responder = Strongswan::start(&centre, &by_psk("centre", "host", SERVICE, "10.1.0.1"));
    let answered = || host.reaches(ip("10.1.0.1"), ip(SERVICE)).then_some(());

    initiator.initiate(Sa::Child("lan")).expect_success();
    assert_eq!(responder.settled().remote.address.ip(), ip("2001:db8:1::2"));
    until("ping", answered);
    host.ip("link set wired down");
    responder.wait_for("the host has moved", |sas| {
        sas.iter().any(|sa| sa.remote.address.ip() == ip("2001:db8:2::2")).then_some(())
    });
    until("ping", answered);
    internet.discard("radio", "udp dport 4500");
    assert!(answered().is_none(), "what the network loses does not arrive");
    internet.keep_all("radio");
    until("ping", answered);
}

/// A host with two ways to the internet, of which it prefers the first, the internet, and a
/// centre.
fn roaming() -> (Namespace, Namespace, Namespace) {
    let (host, internet) = (Namespace::host("host"), Namespace::router("internet"));
    let centre = Namespace::host("centre");
    host.link("wired", &internet, "wired");
    host.link("radio", &internet, "radio");
    internet.link("centre", &centre, "wan");
    for (namespace, device, address) in [
        (&host, "lo", "10.1.0.1/32"),
        (&host, "wired", "2001:db8:1::2/64"),
        (&internet, "wired", "2001:db8:1::1/64"),
        (&host, "radio", "2001:db8:2::2/64"),
        (&internet, "radio", "2001:db8:2::1/64"),
        (&internet, "centre", "2001:db8:3::1/64"),
        (&centre, "wan", "2001:db8:3::2/64"),
        (&centre, "lo", "10.2.0.1/32"),
    ] {
        namespace.address(device, address);
    }
    host.ip("route add default via 2001:db8:1::1 metric 1");
    host.ip("route add default via 2001:db8:2::1 metric 2");
    centre.ip("route add default via 2001:db8:3::1");
    (host, internet, centre)
}

/// One end of a connection to the centre by pre-shared key.
fn by_psk(here: &str, there: &str, own: &str, other: &str) -> Config {
    let mut connection = Connection::new("roaming", Party::psk(here), Party::psk(there));
    if there == "centre" {
        connection.remote_addrs = vec![ip("2001:db8:3::2")];
    }
    connection.children = vec![Child::between("lan", own, other)];
    Config {
        connections: vec![connection],
        secrets: vec![Secret::Ike { ids: Vec::new(), key: "0s3q2+796tvu8=".to_owned() }],
        ..Config::default()
    }
}
