//! Path MTU errors, from a socket's error queue: ICMP "fragmentation needed" (RFC 792) and
//! ICMPv6 "packet too big" (RFC 4443 §3.2), and this machine's own refusal to send.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsFd;

use crate::datagram::control_messages;
use crate::sys;

/// Entries of other kinds passed over in one call.
const PASSED_OVER: usize = 64;

/// A datagram of ours was too long for its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MtuError {
    /// Where it was sent; port 0 for ESP on IP.
    pub destination: SocketAddr,
    /// Octets of the longest IP packet that passes, as claimed.
    pub mtu: u32,
    /// Whether this machine says so, of one of its interfaces. Otherwise anyone may have written
    /// it who can reach us by ICMP: believe it only when `quoted` is of a packet we sent.
    pub local: bool,
    /// SPI and sequence number of the ESP packet, where enough of it came back.
    pub quoted: Option<[u8; 8]>,
}

/// Has the kernel queue the errors of a socket bound to `local`, and tell them once each in place
/// of a call's own work.
///
/// # Errors
/// When it is not a socket of that family.
pub fn report_mtu_errors(socket: impl AsFd, local: IpAddr) -> io::Result<()> {
    match local {
        IpAddr::V4(_) => sys::set_option(socket, libc::IPPROTO_IP, libc::IP_RECVERR, 1),
        IpAddr::V6(_) => sys::set_option(socket, libc::IPPROTO_IPV6, libc::IPV6_RECVERR, 1),
    }
}

/// Takes the next path MTU error. Errors of other kinds are discarded.
///
/// The kernel finds the socket by the datagram's addresses alone, whatever [`crate::steer`] says:
/// the error of one worker's packet may come to any socket that shares the port.
pub fn next_mtu_error(socket: impl AsFd) -> Option<MtuError> {
    for _ in 0..PASSED_OVER {
        let (mut quoted, mut control) = ([0; 8], [0; 256]);
        let entry = sys::receive_error(socket.as_fd(), &mut quoted, &mut control).ok()??;
        let known = control.get(..entry.control).unwrap_or(&control);
        let Some((origin, mtu)) = control_messages(known).find_map(too_long) else { continue };
        let Some(destination) = entry.destination.as_socket() else { continue };
        let quoted = (entry.quoted == quoted.len()).then_some(quoted);
        return Some(MtuError { destination, mtu, local: origin == Origin::Local, quoted });
    }
    None
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Origin {
    Local,
    Icmp,
}

/// Reads a `struct sock_extended_err` of <linux/errqueue.h>.
fn too_long((level, kind, data): (i32, i32, &[u8])) -> Option<(Origin, u32)> {
    if !matches!(
        (level, kind),
        (libc::IPPROTO_IP, libc::IP_RECVERR) | (libc::IPPROTO_IPV6, libc::IPV6_RECVERR)
    ) {
        return None;
    }
    let (errno, rest) = data.split_first_chunk()?;
    let ([origin, icmp_type, icmp_code, _], rest) = rest.split_first_chunk()?;
    let (info, _) = rest.split_first_chunk()?;
    let mtu = u32::from_ne_bytes(*info);
    match (*origin, *icmp_type, *icmp_code) {
        (libc::SO_EE_ORIGIN_LOCAL, _, _) if i32::from_ne_bytes(*errno) == libc::EMSGSIZE => {
            Some((Origin::Local, mtu))
        }
        (libc::SO_EE_ORIGIN_ICMP, 3, 4) | (libc::SO_EE_ORIGIN_ICMP6, 2, 0) => {
            Some((Origin::Icmp, mtu))
        }
        _ => None,
    }
}
