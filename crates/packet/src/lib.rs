//! IP packets, as a gateway sees them: headers read once into types, checksums, super-packets
//! split into the packets they stand for and packets merged into super-packets, and the batch
//! that many packets leave in.
//!
//! | module | holds |
//! |---|---|
//! | [`headers`] | [`Headers`]: what the gateway reads of a packet, IPv4 and IPv6 |
//! | [`checksum`] | the Internet checksum, summed fast and changed in part |
//! | [`rewrite`] | ECN and TCP's maximum segment size changed in place |
//! | [`icmp`] | "too big" said, and errors related to the flow they are about |
//! | [`fragment`] | an IPv4 packet cut into fragments |
//! | [`reassembly`] | [`Reassembly`]: fragments put together within bounds |
//! | [`vnet`] | [`VnetHeader`]: what a TUN device says of a packet, and is told |
//! | [`mod@split`] | a super-packet from a TUN device into the packets it stands for |
//! | [`merge`] | [`Merger`]: packets into super-packets towards a TUN device |
//! | [`batch`] | [`Batch`]: datagrams that leave with one system call |
#![forbid(unsafe_code)]

pub mod batch;
pub mod checksum;
pub mod fragment;
pub mod headers;
pub mod icmp;
pub mod merge;
mod octets;
pub mod reassembly;
pub mod reset;
pub mod rewrite;
pub mod split;
#[cfg(test)]
mod test_packets;
pub mod vnet;

pub use batch::Batch;
pub use fragment::{Fragments, Unfragmentable};
pub use headers::{Fragment, Headers, Icmp, Malformed, Tcp, Transport, Udp};
pub use icmp::{Quoted, QuotedFlow};
pub use merge::{Merger, Offload};
pub use reassembly::Reassembly;
pub use rewrite::ChecksumState;
pub use split::{Segments, Unsplittable, split};
pub use vnet::VnetHeader;
