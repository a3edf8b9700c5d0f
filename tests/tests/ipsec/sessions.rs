//! An operator looks at live sessions and ends one.

use sekisho_tests::strongswan::lacks_strongswan;
use serde_json::Value;

use crate::road::{Road, children};

#[test]
fn an_operator_ends_a_session_and_the_peer_is_told() {
    if lacks_strongswan() {
        return;
    }
    let road = Road::new();
    let peer = road.connected(&road.host(1), road.terminal("H1/pc-1"));
    let (_, status) = road.agreed(&peer);
    let listing = road.gateway.sekisho("sessions --road ipsec --source 198.18.1.0/24 --json");
    let listing: Value = serde_json::from_str(&listing).unwrap();
    let [session] = &listing["sessions"].as_array().unwrap()[..] else { panic!("{listing:#}") };
    assert_eq!(session["kind"], "ike");
    assert_eq!(session["id"], status["connection"]);
    assert_eq!(session["terminal"], "pc-1");
    assert_eq!(session["state"], "established");
    assert_eq!(children(session)[0]["spi_in"], children(&status)[0]["spi_in"]);
    let table = road.gateway.sekisho("sessions");
    let spi = children(session)[0]["spi_in"].as_str().unwrap();
    assert!(table.contains(&format!("\n  {spi}")), "its CHILD_SA is below it: {table}");

    let id = session["id"].as_str().unwrap();
    road.gateway.sekisho(&format!("sessions end {id} --reason maintenance"));
    peer.wait_for("the peer is told", |sas| sas.is_empty().then_some(()));
    assert!(peer.log().contains("received DELETE for IKE_SA"), "{}", peer.log());
    let closed = road.closed("close.operator");
    assert_eq!(closed.text("connection"), id);
    assert!(closed.text("detail").ends_with(": maintenance"), "{closed:?}");
    assert_eq!(road.noted("gateway.session-ended").text("terminal"), "pc-1");
    road.is_empty();
}
