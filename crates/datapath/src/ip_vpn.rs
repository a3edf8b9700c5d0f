//! From the IP-VPN to the systems: what was read from one device is written to the other as it is.

use std::io::IoSlice;

use net::{Queue, VNET_HEADER_LEN};
use packet::VnetHeader;
use reason::Counters;
use tunnel::{Now, Passage};

use crate::Lost;
use crate::egress::{write, write_slices};
use crate::journal::Journal;

/// Passes on one packet or super-packet, its vnet header before it, if it may.
pub(crate) fn pass(
    now: Now,
    read: &[u8],
    forwarder: &mut tunnel::Forwarder<Journal>,
    tun: &Queue,
    lost: &Counters<Lost>,
) {
    let Some((vnet, packet)) = read.split_first_chunk::<VNET_HEADER_LEN>() else { return };
    match forwarder.handle_ip_vpn(now, &VnetHeader::parse(vnet), packet) {
        Ok(Passage::Through) => write_slices(tun, &[IoSlice::new(read)], lost),
        Ok(Passage::Reassembled) => forwarder.reassembled(|packet| write(tun, packet, lost)),
        // What was dropped is counted.
        Ok(Passage::Held) | Err(_) => {}
    }
}
