//! Cut links: those that heal, and those that do not.

use std::thread;
use std::time::{Duration, Instant};

use sekisho_tests::strongswan::{Strongswan, lacks_strongswan};
use sekisho_tests::until;

use crate::road::{Options, ROAD, Road, seconds};

const IMPATIENT: &str = "dpd_interval = \"1s\"";

/// From its first question on, the gateway needs a minute and more to give a peer up.
const GIVING_UP: Duration = Duration::from_secs(100);

fn cut(road: &Road) {
    road.internet.discard("port1", "");
}

#[test]
fn each_side_notices_that_the_other_is_gone() {
    if lacks_strongswan() {
        return;
    }
    let road = Road::start(Options { ipsec: IMPATIENT, ..Options::default() });
    let mut connection = road.terminal("H1/pc-1");
    connection.dpd_delay = seconds(1);
    let mut config = road.config(vec![connection]);
    config.settings += "\nretransmit_tries = 2";
    let peer = Strongswan::start(&road.host(1), &config);
    peer.initiate(crate::road::CHILD).expect_success();
    let (_, before) = road.agreed(&peer);

    cut(&road);
    peer.wait_for("the peer gives up", |sas| {
        sas.iter().all(|sa| sa.state != "ESTABLISHED").then_some(())
    });
    let deadline = Instant::now() + GIVING_UP;
    while !road.sessions().is_empty() {
        assert!(Instant::now() < deadline, "the gateway does not give up");
        thread::sleep(Duration::from_millis(500));
    }
    let closed = road.closed("ike.end.dead-peer");
    assert_eq!(closed.text("connection"), before["connection"]);
    assert_eq!(road.count("ike.child-down"), 1);
}

#[test]
fn a_link_that_heals_in_time_costs_nothing() {
    if lacks_strongswan() {
        return;
    }
    let road = Road::start(Options { ipsec: IMPATIENT, ..Options::default() });
    let mut connection = road.terminal("H1/pc-1");
    connection.dpd_delay = seconds(1);
    let peer = road.connected(&road.host(1), connection);
    let (_, before) = road.agreed(&peer);
    cut(&road);
    until("a question remains open", || {
        peer.log().contains("retransmit 2 of request").then_some(())
    });
    road.internet.keep_all("port1");
    peer.rekey(ROAD).expect_success();
    road.noted("ike.sa-rekeyed");
    let (_, after) = road.agreed(&peer);
    assert_eq!(after["connection"], before["connection"]);
}
