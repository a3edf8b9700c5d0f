//! What is negotiated: the same with both responders.

use std::time::Duration;

use ike::{ChildPlan, Config, Limits, Timers};
use ipnet::IpNet;

/// Both responders take these.
pub(crate) const KEY_EXCHANGES: [&str; 2] = ["x25519", "ecp384"];
/// The system's network.
pub(crate) const SYSTEM: &str = "10.20.0.0/24";
/// The institution's.
const INSIDE: &str = "10.1.0.0/16";
/// Nothing comes due by itself.
const NEVER: Duration = Duration::from_secs(30 * 24 * 3600);

/// As strongSwan and `sekisho` write it.
pub(crate) fn proposal(key_exchange: &str) -> String {
    format!("aes256gcm16-prfsha384-{key_exchange}")
}

/// For CHILD_SAs, likewise.
pub(crate) const CHILD_PROPOSAL: &str = "aes256gcm16";

/// The initiator's settings.
pub(crate) fn config(key_exchange: &str) -> Config {
    Config {
        ike_proposals: vec![proposal(key_exchange).parse().unwrap()],
        child_proposals: vec![CHILD_PROPOSAL.parse().unwrap()],
        timers: Timers {
            ike_lifetime: NEVER,
            child_lifetime: NEVER,
            liveness: NEVER,
            childless: NEVER,
            ..Timers::default()
        },
        // A terminal holds its sessions with both.
        limits: Limits { sessions_per_subject: usize::MAX, ..Limits::default() },
        ..Config::default()
    }
}

/// The CHILD_SA of a session that has one.
pub(crate) fn child() -> ChildPlan {
    let network = |text: &str| vec![text.parse::<IpNet>().unwrap().into()];
    ChildPlan { local: network(INSIDE), remote: network(SYSTEM) }
}
