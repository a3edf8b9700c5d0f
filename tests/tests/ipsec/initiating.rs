//! The gateway's IKE as the initiator, strongSwan as the responder.

use std::time::Duration;

use crypto::Secret;
use ike::{Ending, Endpoint, Path, Ppk, Timers};
use sekisho_tests::initiator::{Initiator, Plan, Seen};
use sekisho_tests::netns::Namespace;
use sekisho_tests::site::{IPSEC, IPSEC_ADDRESS, Site};
use sekisho_tests::strongswan::{
    Child, Config, Connection, Party, Secret as Shared, Strongswan, lacks_strongswan,
};

use crate::road::{BASIC, CHILD, KEY, LAN, PLUS, ROAD, ROUTER, ip, seconds};

/// Ours, with two addresses; strongSwan's, with the systems behind it.
pub(crate) struct Lab {
    site: Site,
    ours: Namespace,
    internet: Namespace,
    pub(crate) centre: Namespace,
}

impl Lab {
    pub(crate) fn new() -> Self {
        let (ours, internet) = (Namespace::host("ours"), Namespace::router("internet"));
        let centre = Namespace::host("centre");
        ours.link("wan", &internet, "ours");
        internet.link("centre", &centre, "wan");
        for (namespace, device, address) in [
            (&ours, "wan", "198.18.1.2/24"),
            (&ours, "wan", "198.18.1.3/24"),
            (&internet, "ours", "198.18.1.1/24"),
            (&internet, "centre", "192.0.2.254/24"),
            (&centre, "wan", "192.0.2.1/24"),
            (&centre, "lo", "10.20.3.1/24"),
            (&centre, "lo", "10.20.1.1/24"),
        ] {
            namespace.address(device, address);
        }
        ours.ip("route add default via 198.18.1.1");
        centre.ip("route add default via 192.0.2.254");
        Self { site: Site::new(), ours, internet, centre }
    }

    pub(crate) fn begin(&self, plan: Plan) -> Initiator {
        let from = vec![ip("198.18.1.2"), ip("198.18.1.3")];
        Initiator::begin(&self.ours, Plan { from, to: ip(IPSEC_ADDRESS), ..plan })
    }

    /// A strongSwan that takes the router by its key, with `plus` and `basic` behind it.
    pub(crate) fn by_key(&self, change: impl FnOnce(&mut Connection)) -> Config {
        let mut connection = Connection::new("road", Party::psk(IPSEC), Party::psk(ROUTER));
        connection.children =
            vec![Child::between("plus", PLUS, LAN), Child::between("basic", BASIC, LAN)];
        change(&mut connection);
        Config {
            connections: vec![connection],
            secrets: vec![Shared::Ike { ids: Vec::new(), key: KEY.to_owned() }],
            settings: SETTINGS.to_owned(),
            ..Config::default()
        }
    }

    /// One that takes terminals by their certificates, and gives them addresses.
    fn by_certificate(&self) -> Config {
        let file = |ending| self.site.path(format!("tls/ipsec-rsa.{ending}"));
        let mut connection = Connection::new(
            "road",
            Party::certificate((file("pem"), file("key"))).with_id(IPSEC),
            Party::pubkey().with("revocation = strict"),
        );
        connection.pools = vec!["terminals".to_owned()];
        connection.children = vec![Child::between("plus", PLUS, "dynamic")];
        Config {
            connections: vec![connection],
            pools: vec![("terminals".to_owned(), "10.9.0.0/24".to_owned())],
            authorities: vec![self.site.ca()],
            crls: ["ca/root.crl", "ca/issuing.crl"].map(|name| self.site.path(name)).into(),
            settings: format!("{SETTINGS}\nfragment_size = 600"),
            ..Config::default()
        }
    }
}

const SETTINGS: &str = "retransmit_timeout = 1\nretransmit_tries = 2\ndelete_rekeyed_delay = 1";

fn router(children: &[(&'static str, &'static str)]) -> Plan {
    Plan { children: children.to_vec(), ..Plan::by_key(ROUTER, IPSEC, KEY) }
}

/// Waits until both ends have the same children, so many.
pub(crate) fn agreed(ours: &Initiator, theirs: &Strongswan, count: usize) -> Seen {
    theirs.wait_for("both ends have the same SAs", |sas| {
        let seen = ours.seen();
        let [sa] = sas else { return None };
        let mut here: Vec<_> = seen
            .children
            .values()
            .map(|child| (child.spi_out.clone(), child.spi_in.clone()))
            .collect();
        let kept = sa.children.iter().filter(|child| child.state != "DELETED");
        let mut there: Vec<_> =
            kept.map(|child| (child.spi_in.clone(), child.spi_out.clone())).collect();
        here.sort();
        there.sort();
        (here == there && here.len() == count && sa.state == "ESTABLISHED").then_some(seen)
    })
}

/// Waits for the first reason why it did not come to be.
fn refused(ours: &Initiator) -> String {
    ours.wait_for("a refusal", |seen| seen.refused.first().cloned())
}

/// Rekeys everything from both sides.
pub(crate) fn rekeys(ours: &Initiator, theirs: &Strongswan) {
    let before = agreed(ours, theirs, 1);
    ours.order(Endpoint::rekey);
    ours.wait_for("our new IKE SA", |seen| (seen.rekeyed == 1).then_some(()));
    agreed(ours, theirs, 1);
    theirs.rekey(ROAD).expect_success();
    ours.wait_for("their new IKE SA", |seen| (seen.rekeyed == 2).then_some(()));
    agreed(ours, theirs, 1);

    let (&first, child) = before.children.iter().next().unwrap();
    let suite = child.suite.clone();
    ours.order(move |endpoint, now, session| endpoint.rekey_child(now, session, first));
    ours.wait_for("our new child", |seen| (seen.down == [Ending::Rekeyed]).then_some(()));
    let after = agreed(ours, theirs, 1);
    theirs.rekey(CHILD).expect_success();
    ours.wait_for("their new child", |seen| (seen.down.len() == 2).then_some(()));
    agreed(ours, theirs, 1);
    assert_eq!(ours.seen().suite, before.suite, "the algorithms stay");
    let (_, child) = after.children.iter().next().unwrap();
    assert!(child.suite.starts_with(&suite), "{} after {suite}", child.suite);
}

#[test]
fn by_certificate_in_fragments_with_an_address_and_on_the_move() {
    if lacks_strongswan() {
        return;
    }
    for terminal in ["H1/pc-1", "H1/old-1"] {
        let lab = Lab::new();
        let theirs = Strongswan::start(&lab.centre, &lab.by_certificate());
        let mut plan = Plan::by_certificate(&lab.site, terminal, IPSEC);
        plan.config.fragment_size = 600;
        plan.virtual_address = true;
        plan.children = vec![("0.0.0.0/0", "0.0.0.0/0")];
        let ours = lab.begin(plan);
        let seen = agreed(&ours, &theirs, 1);
        assert_eq!(seen.addresses, [ip("10.9.0.1")]);
        let (_, child) = seen.children.first_key_value().unwrap();
        assert_eq!(child.local, ["10.9.0.1/32"], "narrowed");
        assert_eq!(child.remote, [PLUS]);
        for told in ["received fragment #2 of ", "splitting IKE message"] {
            assert!(theirs.log().contains(told), "{told}: {}", theirs.log());
        }
        rekeys(&ours, &theirs);

        let moved = Path {
            local: "198.18.1.3:4500".parse().unwrap(),
            remote: "192.0.2.1:4500".parse().unwrap(),
        };
        ours.order(move |endpoint, now, session| endpoint.migrate(now, session, moved));
        theirs.wait_for("strongSwan follows", |sas| {
            sas.iter().any(|sa| sa.remote.address == moved.local).then_some(())
        });
        theirs.rekey(ROAD).expect_success();
        ours.wait_for("it goes on", |seen| (seen.rekeyed == 3).then_some(()));
        agreed(&ours, &theirs, 1);

        ours.order(Endpoint::close);
        theirs.wait_for("strongSwan is told", |sas| sas.is_empty().then_some(()));
    }
}

#[test]
fn every_kind_of_suite_and_another_group_than_guessed() {
    if lacks_strongswan() {
        return;
    }
    let lab = Lab::new();
    let theirs = Strongswan::start(&lab.centre, &lab.by_key(|_| {}));
    for (ike, esp, chosen) in [
        ("aes256gcm16-prfsha384-ecp384", "aes256gcm16-ecp384", ""),
        ("chacha20poly1305-prfsha256-x25519", "chacha20poly1305-x25519", ""),
        ("aes128gcm16-prfsha512-ecp521", "aes128gcm16", ""),
        ("aes256-sha256-modp2048", "aes256-sha256-modp2048", ""),
        ("aes128-sha384-modp3072", "aes128-sha384", ""),
        ("aes256-sha512-modp4096", "aes256-sha512-ecp256", ""),
        ("aes256gcm16-prfsha384-ecp521-modp3072", "aes256gcm16", "modp3072"),
    ] {
        theirs.load(&lab.by_key(|connection| {
            if !chosen.is_empty() {
                connection.proposals = vec![format!("aes256gcm16-prfsha384-{chosen}")];
            } else {
                connection.proposals = vec![ike.to_owned()];
            }
            connection.children[0].esp_proposals = vec![esp.to_owned()];
        }));
        let mut plan = router(&[(LAN, PLUS)]);
        plan.config.ike_proposals = vec![ike.parse().unwrap()];
        plan.config.child_proposals = vec![esp.parse().unwrap()];
        let ours = lab.begin(plan);
        let seen = agreed(&ours, &theirs, 1);
        let suite = seen.suite.unwrap();
        if chosen.is_empty() {
            assert_eq!(suite, ike);
        } else {
            assert_eq!(suite, format!("aes256gcm16-prfsha384-{chosen}"));
            assert!(theirs.log().contains("N(INVAL_KE)"), "{}", theirs.log());
        }
        rekeys(&ours, &theirs);
        ours.order(Endpoint::close);
        theirs.wait_for("strongSwan is told", |sas| sas.is_empty().then_some(()));
    }
}

#[test]
fn several_children_or_none_at_first() {
    if lacks_strongswan() {
        return;
    }
    let lab = Lab::new();
    let theirs = Strongswan::start(&lab.centre, &lab.by_key(|_| {}));
    let ours = lab.begin(router(&[(LAN, PLUS), (LAN, BASIC)]));
    let seen = agreed(&ours, &theirs, 2);
    let remote: Vec<_> = seen.children.values().flat_map(|child| &child.remote).collect();
    assert_eq!(remote, [PLUS, BASIC]);
    drop(ours);

    // INITIAL_CONTACT ends what strongSwan still has of the first.
    let ours = lab.begin(router(&[]));
    ours.wait_for("established", |seen| seen.suite.clone());
    agreed(&ours, &theirs, 0);
}

#[test]
fn with_a_post_quantum_key() {
    if lacks_strongswan() {
        return;
    }
    const PPK: &str = "0123456789abcdef0123456789abcdef";
    let lab = Lab::new();
    let mut config = lab.by_key(|connection| connection.ppk = Some(("ppk-1".to_owned(), true)));
    config.secrets.push(Shared::Ppk { id: "ppk-1".to_owned(), key: PPK.to_owned() });
    let theirs = Strongswan::start(&lab.centre, &config);
    let mut plan = router(&[(LAN, PLUS)]);
    let key = Secret::new(PPK.as_bytes().to_vec());
    let ppk = Ppk { id: b"ppk-1".to_vec(), key, required: true };
    plan.credentials.ppks.insert(plan.peer.clone(), ppk);
    let ours = lab.begin(plan);
    assert!(agreed(&ours, &theirs, 1).ppk);
    assert!(theirs.settled().ppk);
    rekeys(&ours, &theirs);
    drop(ours);

    let refusal = refused(&lab.begin(router(&[(LAN, PLUS)])));
    assert!(refusal.contains("AUTHENTICATION_FAILED"), "{refusal}");
}

#[test]
fn dead_peers_on_either_end() {
    if lacks_strongswan() {
        return;
    }
    let lab = Lab::new();
    let config = lab.by_key(|connection| connection.dpd_delay = seconds(1));
    let theirs = Strongswan::start(&lab.centre, &config);
    let mut plan = router(&[(LAN, PLUS)]);
    plan.config.timers = Timers {
        liveness: Duration::from_secs(1),
        retransmit: Duration::from_millis(200),
        transmissions: 5,
        ..Timers::default()
    };
    let ours = lab.begin(plan);
    agreed(&ours, &theirs, 1);
    lab.internet.discard("centre", "");
    ours.wait_for("we give up", |seen| (seen.closed == Some(Ending::DeadPeer)).then_some(()));
    theirs.wait_for("strongSwan gives up", |sas| sas.is_empty().then_some(()));
}

#[test]
fn refusals_and_a_cookie() {
    if lacks_strongswan() {
        return;
    }
    let lab = Lab::new();
    let mut config = lab.by_key(|connection| {
        connection.proposals = vec!["aes256-sha256-modp2048".to_owned()];
    });
    config.settings += "\ncookie_threshold = 1";
    let theirs = Strongswan::start(&lab.centre, &config);
    let with = |proposal: &str, key: &str| {
        let mut plan = Plan::by_key(ROUTER, IPSEC, key);
        plan.children = vec![(LAN, PLUS)];
        plan.config.ike_proposals = vec![proposal.parse().unwrap()];
        plan
    };
    let refusal = refused(&lab.begin(with("aes256gcm16-prfsha384-ecp384", KEY)));
    assert!(refusal.contains("NO_PROPOSAL_CHOSEN"), "{refusal}");
    let refusal = refused(&lab.begin(with("aes256-sha256-modp2048", "wrong")));
    assert!(refusal.contains("AUTHENTICATION_FAILED"), "{refusal}");
    let mut plan = with("aes256-sha256-modp2048", KEY);
    plan.children = vec![("10.66.0.0/16", "10.66.0.0/16")];
    let ours = lab.begin(plan);
    assert!(refused(&ours).contains("TS_UNACCEPTABLE"));
    agreed(&ours, &theirs, 0);
    drop(ours);

    // One begins and goes away: from then on strongSwan wants cookies.
    drop(lab.begin(with("aes256-sha256-modp2048", KEY)));
    theirs.wait_for("it remains half-open", |sas| {
        sas.iter().any(|sa| sa.state == "CONNECTING").then_some(())
    });
    let ours = lab.begin(with("aes256-sha256-modp2048", KEY));
    ours.wait_for("established", |seen| seen.suite.clone());
    assert!(theirs.log().contains("N(COOKIE)"), "{}", theirs.log());
}
