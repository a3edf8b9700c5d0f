//! The threads that carry packets: between the peers' sockets, [`tunnel::Forwarder`], and the TUN
//! device.
//!
//! Each worker is one thread on one core with everything of its own: a queue of the TUN device, a
//! socket of each kind, the SAs whose inbound SPI modulo the number of workers is its index, and
//! the flows of these SAs. It does one thing after the other, a batch at a time, and waits for
//! nothing but work: what cannot leave is set aside, and only its own direction stops meanwhile.
//!
//! | module | holds |
//! |---|---|
//! | `open` | [`Opened`]: devices, sockets and routes, before anything flows |
//! | `handle` | [`Handle`]: how the rest of the gateway speaks to the workers |
//! | `worker` | the loop |
//! | `ingress` | from the peers to the TUN device |
//! | `ip_vpn` | from the IP-VPN to the TUN device |
//! | `egress` | from the TUN device to the peers, and what waits for a socket |
//! | `journal` | the records of flows and refusals |
//! | `flows` | flows as operators see them |
//! | `reasons` | what can go wrong here |
#![forbid(unsafe_code)]

mod egress;
mod flows;
mod handle;
mod ingress;
mod ip_vpn;
mod journal;
mod open;
mod port;
mod reasons;
mod worker;

pub use flows::{FlowStatus, Flows, Wanted};
pub use handle::{Handle, Ike, Status, Threads};
pub use journal::Recording;
pub use net::{IpVpn, Prefixes};
pub use open::{OpenError, Opened, Settings};
pub use reasons::Lost;
