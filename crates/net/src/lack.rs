//! What the kernel lacks. The gateway works without, slower.

use std::fmt;

use crate::socket::BUFFER_OCTETS;

/// One thing the kernel would not grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lack {
    /// The TUN gives and takes no TCP super-packets (TUN_F_TSO4, TUN_F_TSO6).
    TunTcpOffload,
    /// The TUN gives and takes no UDP super-packets (TUN_F_USO4, TUN_F_USO6).
    TunUdpOffload,
    /// No UDP_SEGMENT.
    UdpSend,
    /// No UDP_GRO.
    UdpReceive,
    /// A smaller receive buffer than asked, in octets.
    ReceiveBuffer {
        /// What was granted.
        granted: usize,
    },
    /// A smaller send buffer than asked, in octets.
    SendBuffer {
        /// What was granted.
        granted: usize,
    },
    /// No SO_ATTACH_REUSEPORT_CBPF.
    Steering,
    /// No IPv6 at all.
    Ipv6,
}

impl fmt::Display for Lack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TunTcpOffload => f.write_str(
                "the kernel's TUN does not combine TCP packets, so each costs a system call",
            ),
            Self::TunUdpOffload => f.write_str(
                "the kernel's TUN does not combine UDP packets (Linux 6.2 does), so each costs a \
                 system call",
            ),
            Self::UdpSend => f.write_str(
                "the kernel does not split UDP batches (UDP_SEGMENT, Linux 4.18), so sending \
                 takes more time",
            ),
            Self::UdpReceive => f.write_str(
                "the kernel does not combine received UDP (UDP_GRO, Linux 5.0), so receiving \
                 takes more time",
            ),
            Self::ReceiveBuffer { granted } => write!(
                f,
                "receive buffers have {granted} octets, not {BUFFER_OCTETS}: bursts may be lost; \
                 raise the sysctl net.core.rmem_max, or grant CAP_NET_ADMIN"
            ),
            Self::SendBuffer { granted } => write!(
                f,
                "send buffers have {granted} octets, not {BUFFER_OCTETS}: bursts may be lost; \
                 raise the sysctl net.core.wmem_max, or grant CAP_NET_ADMIN"
            ),
            Self::Steering => f.write_str(
                "the kernel does not steer ESP in UDP to its worker (SO_ATTACH_REUSEPORT_CBPF, \
                 Linux 4.5), so one worker must carry all of it",
            ),
            Self::Ipv6 => f.write_str("the kernel has no IPv6, so nothing is routed for it"),
        }
    }
}
