//! Classic BPF programs that bring each ESP packet to the worker that owns its SA: the one whose
//! index is SPI % workers.

use std::io;
use std::num::NonZeroU32;

use libc::{
    BPF_ABS, BPF_ALU, BPF_B, BPF_IND, BPF_JEQ, BPF_JGE, BPF_JMP, BPF_K, BPF_LD, BPF_LDX, BPF_LEN,
    BPF_MOD, BPF_MSH, BPF_RET, BPF_W, sock_filter,
};
use socket2::Socket;

use crate::lack::Lack;
use crate::sys;
use crate::udp::UdpPort;

/// BPF_A of <linux/bpf_common.h>, which `libc` lacks: return the accumulator.
const BPF_A: u32 = 0x10;

/// Octets of the shortest ESP packet, SPI and sequence number (RFC 4303 §2). What is shorter is a
/// keepalive (RFC 3948 §2.3) or nothing.
const ESP_HEADER: u32 = 8;

/// Steers what arrives at a port to its sockets, in the order in which they were bound: ESP to
/// socket SPI % `workers`; IKE (its SPI field is zero, the non-ESP marker of RFC 3948 §2.2) and
/// whatever is too short to be ESP to the socket after the workers', as soon as there is one.
///
/// Datagrams that GRO combined go where the first of them belongs: give the SAs of one peer SPIs
/// of one worker.
///
/// # Errors
/// [`Lack::Steering`]: the kernel cannot, and spreads datagrams by their addresses.
pub fn steer(member: &UdpPort, workers: NonZeroU32) -> Result<(), Lack> {
    let workers = workers.get();
    let program = [
        statement(BPF_LD | BPF_W | BPF_LEN, 0),
        jump(BPF_JGE, ESP_HEADER, 0, 2),
        statement(BPF_LD | BPF_W | BPF_ABS, 0),
        jump(BPF_JEQ, 0, 0, 1),
        statement(BPF_RET | BPF_K, workers),
        statement(BPF_ALU | BPF_MOD | BPF_K, workers),
        statement(BPF_RET | BPF_A, 0),
    ];
    sys::attach_program(member, libc::SO_ATTACH_REUSEPORT_CBPF, &program)
        .map_err(|_| Lack::Steering)
}

/// Keeps on a raw socket only what belongs to worker `index`: every raw socket gets a copy.
pub(crate) fn keep_own(
    socket: &Socket,
    ipv4: bool,
    index: u32,
    workers: NonZeroU32,
) -> io::Result<()> {
    // IPv4 data begins with the IP header, IPv6 data with the ESP header.
    let header = if ipv4 {
        statement(BPF_LDX | BPF_B | BPF_MSH, 0)
    } else {
        statement(BPF_LDX | BPF_W | BPF_K, 0)
    };
    let program = [
        header,
        statement(BPF_LD | BPF_W | BPF_IND, 0),
        statement(BPF_ALU | BPF_MOD | BPF_K, workers.get()),
        jump(BPF_JEQ, index, 0, 1),
        statement(BPF_RET | BPF_K, u32::MAX),
        statement(BPF_RET | BPF_K, 0),
    ];
    sys::attach_program(socket, libc::SO_ATTACH_FILTER, &program)
}

fn statement(code: u32, k: u32) -> sock_filter {
    sock_filter { code: code as u16, jt: 0, jf: 0, k }
}

fn jump(test: u32, k: u32, jt: u8, jf: u8) -> sock_filter {
    sock_filter { code: (BPF_JMP | test | BPF_K) as u16, jt, jf, k }
}
