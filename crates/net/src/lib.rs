//! What the data plane asks of Linux: a TUN device, sockets for ESP in UDP and ESP on IP, routes,
//! and the means to wait for all of them.
//!
//! Every descriptor is non-blocking and belongs to one worker. There are no threads here, and
//! nothing allocates or locks per packet. What the kernel refuses is a [`Lack`], to be said once,
//! or an error that names its remedy.

mod datagram;
mod lack;
mod link;
mod mtu_error;
mod netlink;
mod poller;
mod raw;
mod routes;
mod sender;
mod socket;
mod steering;
mod sys;
mod tun;
mod udp;
mod wake;

pub use datagram::{Departure, MAX_BATCH_OCTETS, MAX_SEGMENTS, Received, SendError, SendFailure};
pub use lack::Lack;
pub use link::{
    Forwarding, LinkConfig, LinkError, configure, forwarding, interface_exists, own_addresses,
};
pub use mtu_error::{MtuError, next_mtu_error, report_mtu_errors};
pub use poller::{Events, Interest, Poller, Ready};
pub use raw::{RawPort, bind as bind_raw};
pub use routes::{IpVpn, Prefixes, Routes, Steering};
pub use socket::{BUFFER_OCTETS, BindError, DontFragment, RECEIVE_BATCH};
pub use steering::steer;
pub use tun::{Device, Offloads, Queue, TunError, VNET_HEADER_LEN};
pub use udp::{UdpPort, bind as bind_udp};
pub use wake::{Waker, pin, usable_cores};

#[cfg(test)]
mod tests;
