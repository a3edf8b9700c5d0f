//! Batches of equal datagrams: by GSO in one sendmsg(2), or one by one in a sendmmsg(2).

use std::cell::RefCell;
use std::collections::HashMap;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use socket2::{MsgHdr, SockAddr, Socket};

use crate::datagram::{Control, Departure, MAX_BATCH_OCTETS, MAX_SEGMENTS, SendError};
use crate::sys;

/// For how long a destination is spared GSO after the kernel refused it: its route may lead
/// through another interface by then.
const SPARED_FOR: Duration = Duration::from_secs(60);

/// Destinations remembered so; beyond it all are forgotten, and tried again.
const SPARED_MAX: usize = 4096;

/// Calls repeated because of an ICMP error that concerned an earlier datagram.
const PAST_ERRORS: usize = 2;

/// The sending half of a socket. It belongs to one thread.
#[derive(Debug)]
pub(crate) struct Sender {
    gso: bool,
    /// To whom GSO was refused, and until when that counts. Nearly always empty.
    spared: RefCell<HashMap<SocketAddr, Instant>>,
}

impl Sender {
    pub(crate) fn new(gso: bool) -> Self {
        Self { gso, spared: RefCell::default() }
    }

    /// Sends `octets` as datagrams of `stride` octets, of which the last may be shorter.
    pub(crate) fn send(
        &self,
        socket: &Socket,
        departure: &Departure,
        octets: &[u8],
        stride: usize,
    ) -> Result<(), SendError> {
        let stride = stride.clamp(1, octets.len().max(1));
        let segments = (MAX_BATCH_OCTETS / stride).clamp(1, MAX_SEGMENTS);
        if !self.gso || segments == 1 || self.spares(departure.destination) {
            return send_singly(socket, departure, octets, stride, 0);
        }
        let destination = SockAddr::from(departure.destination);
        let mut sent = 0;
        for chunk in octets.chunks(segments * stride) {
            let segment = if chunk.len() > stride { u16::try_from(stride).ok() } else { None };
            let control = Control::new(departure, segment);
            match send_chunk(socket, &destination, &control, chunk) {
                Ok(()) => sent += chunk.len(),
                Err(error) if segment.is_some() && refuses_gso(&error) => {
                    let rest = octets.get(sent..).unwrap_or_default();
                    send_singly(socket, departure, rest, stride, sent)?;
                    self.spare(departure.destination);
                    return Ok(());
                }
                Err(error) => return Err(SendError::new(sent, error)),
            }
        }
        Ok(())
    }

    fn spares(&self, destination: SocketAddr) -> bool {
        let mut spared = self.spared.borrow_mut();
        if spared.is_empty() {
            return false;
        }
        match spared.get(&destination) {
            None => false,
            Some(until) if Instant::now() < *until => true,
            Some(_) => {
                spared.remove(&destination);
                false
            }
        }
    }

    fn spare(&self, destination: SocketAddr) {
        let mut spared = self.spared.borrow_mut();
        if spared.len() >= SPARED_MAX {
            spared.clear();
        }
        spared.insert(destination, Instant::now() + SPARED_FOR);
    }
}

fn send_chunk(
    socket: &Socket,
    destination: &SockAddr,
    control: &Control,
    chunk: &[u8],
) -> io::Result<()> {
    let buffers = [IoSlice::new(chunk)];
    let message =
        MsgHdr::new().with_addr(destination).with_buffers(&buffers).with_control(control.octets());
    past_icmp(|| socket.sendmsg(&message, 0)).map(drop)
}

/// `sent` octets of the batch have left before.
fn send_singly(
    socket: &Socket,
    departure: &Departure,
    octets: &[u8],
    stride: usize,
    sent: usize,
) -> Result<(), SendError> {
    let destination = SockAddr::from(departure.destination);
    let control = Control::new(departure, None);
    let mut done = 0;
    while let Some(rest) = octets.get(done..).filter(|rest| !rest.is_empty()) {
        let count = past_icmp(|| {
            sys::send_many(socket, &destination, control.octets(), rest.chunks(stride))
        });
        done += count.map_err(|error| SendError::new(sent + done, error))? * stride;
    }
    Ok(())
}

/// EIO: the interface or an IPsec policy of the kernel cannot do it (udp_send_skb). EINVAL or, in
/// newer kernels, EMSGSIZE: a segment exceeds the path MTU; singly IP may fragment it. Where it may
/// not, shorter datagrams will do, and the destination is not to blame.
fn refuses_gso(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EIO | libc::EINVAL | libc::EMSGSIZE))
}

/// Calls again when the socket answers with an error that ICMP reported of an earlier datagram
/// (IP_RECVERR in ip(7)): each is told once, in place of the call's own work. An error of the call
/// itself stays.
pub(crate) fn past_icmp<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    for _ in 0..PAST_ERRORS {
        match call() {
            Err(error) if may_be_of_icmp(&error) => {}
            done => return done,
        }
    }
    call()
}

fn may_be_of_icmp(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(
            libc::EINTR
                | libc::ECONNREFUSED
                | libc::EHOSTUNREACH
                | libc::EHOSTDOWN
                | libc::ENETUNREACH
                | libc::ENONET
                | libc::EPROTO
                | libc::ENOPROTOOPT
                | libc::EOPNOTSUPP
                | libc::EACCES
                | libc::EMSGSIZE
        )
    )
}
