//! strongSwan at both ends, with its own ESP (kernel-libipsec).

use std::any::Any;
use std::net::IpAddr;

use sekisho_tests::program;
use sekisho_tests::strongswan::{
    Child, Config, Connection, Party, Sa, Secret, Strongswan, lacks_strongswan,
};

use super::Peer;
use crate::road::{Gateway, Road};

pub(crate) struct Libipsec;

const CHILD: &str = "inside";

impl Peer for Libipsec {
    fn name(&self) -> &'static str {
        "libipsec"
    }

    fn version(&self) -> Result<String, String> {
        if lacks_strongswan() {
            return Err("strongSwan or its kernel-libipsec is not installed".to_owned());
        }
        let said = program::run("swanctl", ["--version"]).to_string();
        let version = said.lines().find_map(|line| line.strip_prefix("strongSwan "));
        let version = version.and_then(|line| line.split_whitespace().next());
        Ok(format!("strongSwan {}, AES-256-GCM", version.unwrap_or("of unknown version")))
    }

    fn start(&self, road: &Road) -> Box<dyn Any> {
        let both = road.ends().map(|(gateway, opposite)| {
            Strongswan::start(&gateway.namespace, &configuration(gateway, opposite))
        });
        both[0].initiate(Sa::Child(CHILD)).expect_success();
        Box::new(both)
    }
}

/// It logs as little as it can, and nothing comes due by itself.
fn configuration(gateway: &Gateway, opposite: &Gateway) -> Config {
    let party = |gateway: &Gateway| Party::psk(&gateway.outside.to_string());
    let mut connection = Connection::new("tunnel", party(gateway), party(opposite));
    connection.local_addrs = vec![IpAddr::from(gateway.outside)];
    connection.remote_addrs = vec![IpAddr::from(opposite.outside)];
    connection.mobike = false;
    connection.more = ["rekey_time = 0s", "reauth_time = 0s"].map(String::from).into();
    let mut child = Child::between(CHILD, gateway.inside, opposite.inside);
    child.esp_proposals = vec!["aes256gcm16".to_owned()];
    child.more = vec!["rekey_time = 0s".to_owned()];
    connection.children = vec![child];
    Config {
        connections: vec![connection],
        secrets: vec![Secret::Ike { ids: Vec::new(), key: "between both gateways".to_owned() }],
        verbosity: Some(0),
        ..Config::default()
    }
}
