//! The IP-VPN road: our own gateway at the system's end, as it comes. At the client's end is a
//! carrier's router, which only forwards.

use std::any::Any;
use std::fs;

use demo::systems::Kind;
use sekisho_tests::program;
use sekisho_tests::setup::Setup;
use sekisho_tests::site::CONFIG;

use super::sekisho::destination;
use super::{Peer, version};
use crate::road::{OUTSIDE, Road};

pub(crate) struct IpVpn;

impl Peer for IpVpn {
    fn name(&self) -> &'static str {
        "ip-vpn"
    }

    fn version(&self) -> Result<String, String> {
        Ok(format!("{}, unencrypted, at one end", version(program::sekisho())))
    }

    fn start(&self, road: &Road) -> Box<dyn Any> {
        let setup = Setup::new()
            .ipsec(&format!("[ip_vpn]\ninterfaces = [\"{OUTSIDE}\"]\n"))
            .system(Kind::KmixPlus, &destination(&road.far));
        // For the commands, which are not run by the gateway.
        fs::write(setup.site.path(CONFIG), setup.text()).unwrap();
        let networks = format!("--networks tls,ip-vpn --ip-vpn-prefixes {}", road.near.inside);
        let line = format!("institution change H1 {networks}");
        setup.site.sekisho(line.split(' ')).expect_success();
        let gateway = setup.start_in(&road.far.namespace);
        // Not before: until then the kernel alone would forward.
        road.forward();
        Box::new(gateway)
    }
}
