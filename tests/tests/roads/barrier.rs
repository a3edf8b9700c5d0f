//! While no gateway judges, nothing passes: neither before the first start nor after a death.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use rustix::process::Signal;
use sekisho_tests::netns::{Namespace, lacks_namespaces};
use sekisho_tests::road::ip;
use sekisho_tests::site::CONFIG;
use serde_json::Value;

use crate::border::{Border, SECTION};

const INSTALL: &str = "barrier install";
const SHOW: &str = "barrier show --json";

/// Whatever comes up first, from the moment that barrier stands nothing crosses; and as long as it
/// stands before both others, nothing has crossed at all.
#[test]
fn in_no_order_of_boot_a_packet_crosses() {
    if lacks_namespaces() {
        return;
    }
    let barrier = |border: &Border| drop(border.sekisho(INSTALL).expect_success());
    let (first, second, third) = ("barrier", "interfaces", "forwarding");
    for order in [
        [first, second, third],
        [first, third, second],
        [second, first, third],
        [second, third, first],
        [third, first, second],
        [third, second, first],
    ] {
        let (border, _setup) = Border::apart();
        let names = order.join(", ");
        let watch = border.watch();
        let mut taken = Vec::new();
        for step in order {
            match step {
                "barrier" => barrier(&border),
                "interfaces" => border.join(),
                _ => border.forward(),
            }
            taken.push(step);
            if taken.contains(&"barrier") && taken.contains(&"interfaces") {
                border.is_shut(&names);
            }
        }
        if order[2] != "barrier" {
            border.stays_shut(&names, &watch);
        }
        // Each half of it is enough.
        border.nft("delete table inet sekisho");
        border.is_shut(&format!("{names}, without the firewall"));
        barrier(&border);
        let rules = border.centre.ip("rule show");
        assert!(rules.contains("iif vpn0 lookup 4501 proto 83"), "{rules}");
        for family in ["-4", "-6"] {
            for priority in [4500, 4500, 4501, 4502] {
                border.centre.ip(&format!("{family} rule del priority {priority}"));
            }
        }
        border.is_shut(&format!("{names}, without the rules"));
        border.sekisho("barrier remove").expect_success();
        border.is_open();
    }
}

#[test]
fn it_is_installed_shown_and_removed_whatever_is_there() {
    if lacks_namespaces() {
        return;
    }
    let (border, setup) = Border::apart();
    let state = || {
        let all = "route show table all proto 83";
        let routing = ["-4 rule", "-6 rule", &format!("-4 {all}"), &format!("-6 {all}")]
            .map(|words| border.centre.ip(words));
        [routing.concat(), border.nft("list ruleset")].concat()
    };
    let show = || {
        let outcome = border.sekisho(SHOW);
        let shown: Value = serde_json::from_str(&outcome.output).unwrap();
        assert_eq!(outcome.status.success(), shown["missing"] == Value::Array(Vec::new()));
        assert!(matches!(outcome.status.code(), Some(0 | 1)), "{outcome}");
        shown["missing"].to_string()
    };
    let fresh = state();
    let missing = show();
    for part in ["iif vpn0 lookup 4501", "not iif sekisho0 lookup 4502", "blackhole 10.50.0.0/16"] {
        assert!(missing.contains(part), "{part}: {missing}");
    }
    border.sekisho(INSTALL).expect_success();
    let installed = state();
    assert_eq!(show(), "[]");
    border.sekisho(INSTALL).expect_success();
    assert_eq!(state(), installed);

    for (harm, part) in [
        ("-4 rule del priority 4502", "-4 rule priority 4502 not iif sekisho0 lookup 4502"),
        ("-6 route del blackhole default table 4501 metric 9999", "blackhole ::/0 table 4501"),
    ] {
        border.centre.ip(harm);
        assert!(show().contains(part), "{}", show());
        border.sekisho(INSTALL).expect_success();
        assert_eq!(show(), "[]");
    }
    border.nft("insert rule inet sekisho forward accept");
    assert!(show().contains("table inet sekisho chain forward"), "{}", show());
    border.sekisho(INSTALL).expect_success();

    // A withdrawn prefix goes; one that cannot be known to be withdrawn stays.
    let registry = setup.site.path("registry.db");
    let kept = fs::read(&registry).unwrap();
    fs::write(&registry, "not a registry").unwrap();
    let outcome = border.sekisho(INSTALL);
    assert_eq!(outcome.status.code(), Some(1), "{outcome}");
    assert!(outcome.says("the registry cannot be read"), "{outcome}");
    assert!(state().contains("blackhole 10.50.0.0/16"), "{}", state());
    border.sekisho("barrier remove").expect_success();
    assert_eq!(state(), fresh);
    border.sekisho("barrier remove").expect_success();
    assert_eq!(border.sekisho(INSTALL).status.code(), Some(1));
    assert!(state().contains("blackhole default"), "{}", state());
    assert!(state().contains("policy drop"), "{}", state());
    fs::write(&registry, kept).unwrap();
    border.sekisho(INSTALL).expect_success();
    assert_eq!(show(), "[]");
    let change = "institution change H1 --ip-vpn-prefixes 10.51.0.0/16";
    setup.site.sekisho(change.split(' ')).expect_success();
    border.sekisho(INSTALL).expect_success();
    assert!(!state().contains("10.50.0.0/16"), "{}", state());

    // Without any road of layer 3 there is nothing to bar.
    let text = setup.text().replace(SECTION, "");
    fs::write(setup.site.path(CONFIG), text).unwrap();
    assert!(border.sekisho(INSTALL).says("nothing is to be barred"));
}

/// Killed, its devices removed, or stopped in good order; and then started again over what it left,
/// and over what an earlier one by other names left.
#[test]
fn a_dead_gateway_lets_nothing_pass() {
    if lacks_namespaces() {
        return;
    }
    let (border, setup) = Border::apart();
    border.sekisho(INSTALL).expect_success();
    border.join();
    border.forward();
    let mut gateway = setup.start_in(&border.centre);
    assert!(!gateway.stderr().contains("firewall"), "{}", gateway.stderr());
    assert_eq!(border.sekisho("barrier remove").status.code(), Some(1));
    // From here on by its routes alone.
    border.nft("delete table inet sekisho");
    border.is_shut("no flow is permitted");

    let watch = border.watch();
    let config = gateway.site.path(CONFIG);
    let usual = fs::read_to_string(&config).unwrap();
    let others = "[data_plane]\ndevice = \"gate0\"\nrouting_table = 4501\nrule_priority = 4499\n";
    for text in [&format!("{usual}{others}"), &usual] {
        gateway.signal(Signal::KILL);
        gateway.ended();
        border.is_shut("killed");
        fs::write(&config, text).unwrap();
        gateway.start_again();
        border.is_shut("started again");
    }
    assert!(gateway.stderr().contains("there is no table inet sekisho"), "{}", gateway.stderr());
    let rules = border.centre.ip("rule show");
    assert!(!rules.contains("gate0") && rules.matches("proto 83").count() == 4, "{rules}");
    for device in ["sekisho-vpn", "sekisho0"] {
        border.centre.ip(&format!("link delete {device}"));
        border.is_shut(device);
        gateway.signal(Signal::KILL);
        gateway.ended();
        gateway.start_again();
    }
    gateway.stop();
    border.stays_shut("at no moment", &watch);
}

/// Though it must be heard by its neighbours; and other networks' access is nobody's business here.
#[test]
fn the_ip_vpn_does_not_reach_the_gateway_itself() {
    if lacks_namespaces() {
        return;
    }
    let (border, _setup) = Border::apart();
    border.join();
    let own = ["172.16.50.1", "172.16.20.1", "fd00:16:50::1", "fd00:16:20::1"];
    let _services =
        own.map(|address| border.centre.within(|| TcpListener::bind((ip(address), 22)).unwrap()));
    let connects = |from: &Namespace, to: &str| {
        let to = SocketAddr::new(ip(to), 22);
        from.within(|| TcpStream::connect_timeout(&to, Duration::from_millis(400)).is_ok())
    };
    for address in own {
        assert!(connects(&border.hospital, address), "{address}");
    }
    border.sekisho(INSTALL).expect_success();
    border.hospital.ip("neigh flush dev eth0");
    let from = ["172.16.50.2", "172.16.50.2", "fd00:16:50::2", "fd00:16:50::2"];
    for (address, from) in own.into_iter().zip(from) {
        assert!(!connects(&border.hospital, address), "{address}");
        assert!(!border.hospital.reaches(ip(from), ip(address)), "{address}");
    }
    for address in ["172.16.20.1", "fd00:16:20::1"] {
        assert!(connects(&border.system, address), "{address}");
    }
    for family in ["-4", "-6"] {
        let neighbours = border.hospital.ip(&format!("{family} neigh show dev eth0"));
        assert!(neighbours.contains("lladdr"), "{neighbours}");
    }
}
