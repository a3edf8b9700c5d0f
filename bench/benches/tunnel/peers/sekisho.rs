//! Our own: the gateway as it is, with its policy and its log, and at the client's end a site
//! router made of the same parts, without policy.

use std::any::Any;
use std::env;
use std::fs;
use std::time::Duration;

use demo::systems::Kind;
use sekisho_tests::initiator::Plan;
use sekisho_tests::program;
use sekisho_tests::road::{KEY, ROUTER, add_router};
use sekisho_tests::router;
use sekisho_tests::setup::Setup;
use sekisho_tests::site::{CONFIG, IPSEC};

use super::{OURS, Peer, version};
use crate::road::{Gateway, Road};

pub(crate) struct Sekisho {
    name: &'static str,
    busy_poll: Duration,
}

/// As it comes, and as an operator with cores to spare may have it.
pub(crate) const BOTH: [Sekisho; 2] = [
    Sekisho { name: OURS, busy_poll: Duration::from_micros(50) },
    Sekisho { name: "sekisho-polling", busy_poll: Duration::from_millis(3) },
];

/// What makes this program the site router.
pub(crate) const SITE_ROUTER: &str = "--site-router";

const PROPOSAL: &str = "aes256gcm16";
/// Of packets inside: those of WireGuard's size, for all to carry the same.
const MTU: u32 = 1420;

impl Peer for Sekisho {
    fn name(&self) -> &'static str {
        self.name
    }

    fn version(&self) -> Result<String, String> {
        Ok(format!(
            "{}, AES-256-GCM, busy_poll = {:?}",
            version(program::sekisho()),
            self.busy_poll
        ))
    }

    fn start(&self, road: &Road) -> Box<dyn Any> {
        let setup = Setup::new()
            .ipsec(&section(&road.far, self.busy_poll))
            .system(Kind::KmixPlus, &destination(&road.far));
        // For the commands, which are not run by the gateway.
        fs::write(setup.site.path(CONFIG), setup.text()).unwrap();
        let networks = format!("--networks tls,ipsec --inner-prefixes {}", road.near.inside);
        let line = format!("institution change H1 {networks}");
        setup.site.sekisho(line.split(' ')).expect_success();
        add_router(&setup.site, "H1/rtx", ROUTER, "");
        let gateway = setup.start_in(&road.far.namespace);
        let router = road.near.namespace.serve(env::current_exe().unwrap(), |this| {
            let (from, to) = (road.near.outside.to_string(), road.far.outside.to_string());
            let poll = self.busy_poll.as_micros().to_string();
            this.args([SITE_ROUTER, &poll, &from, &to, road.near.inside, road.far.inside])
        });
        Box::new((router, gateway))
    }
}

/// The gateway's defaults, but for how long it polls, and that it knows the path's MTU, as all
/// others do.
fn section(gateway: &Gateway, busy_poll: Duration) -> String {
    format!(
        "[ipsec]\nlisten = [\"{}\"]\nidentity = \"{IPSEC}\"\nesp_proposals = [\"{PROPOSAL}\"]\n\
         [[ipsec.certificate]]\nchain = \"tls/ipsec-ecdsa.pem\"\nkey = \"tls/ipsec-ecdsa.key\"\n\
         [ipsec.tunnel]\npath_mtu = 1500\n\
         [data_plane]\nbusy_poll = \"{}us\"\n",
        gateway.outside,
        busy_poll.as_micros()
    )
}

/// Lines of the system: where it is, and that everything measured is permitted.
pub(super) fn destination(gateway: &Gateway) -> String {
    format!(
        "[[system.destination]]\nnetwork = \"{}\"\n\
         services = [\"tcp/1-65535\", \"udp/1-65535\", \"icmp\"]\n",
        gateway.inside
    )
}

/// Is the site router, until it is ended.
///
/// # Panics
///
/// When it lacks what it needs.
pub(crate) fn be_site_router(arguments: Vec<String>) {
    let arguments: Vec<&'static str> =
        arguments.into_iter().map(|argument| &*argument.leak()).collect();
    let [poll, from, to, local, remote] = arguments[..] else {
        panic!("{SITE_ROUTER}: {arguments:?}")
    };
    let mut plan = Plan::by_key(ROUTER, IPSEC, KEY);
    plan.from = vec![from.parse().unwrap()];
    plan.to = to.parse().unwrap();
    plan.children = vec![(local, remote)];
    plan.config.child_proposals = vec![PROPOSAL.parse().unwrap()];
    plan.config.force_encapsulation = true;
    router::run(plan, MTU, Duration::from_micros(poll.parse().unwrap()));
}
