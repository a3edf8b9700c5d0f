//! The TUN device: IP packets with a `struct virtio_net_hdr` before each, so that one read or
//! write carries a super-packet of up to 64 KiB.
//!
//! IFF_NAPI is not used: it would have the kernel merge what is written, which here has been
//! merged before, at the price of a softirq.

use std::ffi::{c_int, c_short};
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, IoSlice, Read as _, Write as _};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt as _;

use crate::lack::Lack;
use crate::sys;

/// Octets before each packet: `struct virtio_net_hdr` of <linux/virtio_net.h>.
pub const VNET_HEADER_LEN: usize = 10;

const CLONE_DEVICE: &str = "/dev/net/tun";

// TUN_F_* of <linux/if_tun.h>.
const CSUM: u32 = 0x01;
const TSO: u32 = 0x02 | 0x04 | 0x08;
const USO: u32 = 0x20 | 0x40;

const QUEUE_FLAGS: c_int =
    libc::IFF_TUN | libc::IFF_NO_PI | libc::IFF_VNET_HDR | libc::IFF_MULTI_QUEUE;

/// Which super-packets the device gives and takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offloads {
    /// TCP over IPv4 and IPv6, with CWR where ECN asks for it.
    pub tso: bool,
    /// UDP over IPv4 and IPv6.
    pub uso: bool,
}

/// A device. It exists while any of its queues is open.
#[derive(Clone, Debug)]
pub struct Device {
    /// Its name.
    pub name: String,
    /// What it gives and takes.
    pub offloads: Offloads,
}

impl Device {
    /// What the kernel did not grant it.
    pub fn lacks(&self) -> impl Iterator<Item = Lack> {
        let tso = (!self.offloads.tso).then_some(Lack::TunTcpOffload);
        let uso = (!self.offloads.uso).then_some(Lack::TunUdpOffload);
        tso.into_iter().chain(uso)
    }

    /// Makes a device with `queues` queues, one for each worker. The kernel gives the packets of a
    /// flow to the queue that last wrote a packet of that flow.
    ///
    /// # Errors
    /// When one of that name exists, by whomever it was made, or this process may not make one.
    pub fn open(name: &str, queues: usize) -> Result<(Self, Vec<Queue>), TunError> {
        let octets = interface_name(name).ok_or_else(|| TunError::Name(name.to_owned()))?;
        let failed = |cause| TunError::Open { name: name.to_owned(), cause };
        let queues: Vec<_> = (0..queues)
            .map(|index| Queue::open(octets, index == 0))
            .collect::<Result<_, _>>()
            .map_err(failed)?;
        let first = queues.first().ok_or_else(|| failed(io::ErrorKind::InvalidInput.into()))?;
        let offloads = offer(first).map_err(failed)?;
        Ok((Self { name: name.to_owned(), offloads }, queues))
    }
}

/// The name in `struct ifreq`; `None` for what the kernel would refuse, or take for a pattern.
fn interface_name(name: &str) -> Option<[u8; libc::IFNAMSIZ]> {
    let usable = |octet: u8| octet.is_ascii_graphic() && !b"/:%".contains(&octet);
    let mut octets = [0; libc::IFNAMSIZ];
    let (_, room) = octets.split_last_mut()?;
    if name.is_empty() || name == "." || name == ".." || !name.bytes().all(usable) {
        return None;
    }
    room.get_mut(..name.len())?.copy_from_slice(name.as_bytes());
    Some(octets)
}

/// The most that the kernel takes.
fn offer(queue: &Queue) -> io::Result<Offloads> {
    for (flags, offloads) in [
        (CSUM | TSO | USO, Offloads { tso: true, uso: true }),
        (CSUM | TSO, Offloads { tso: true, uso: false }),
    ] {
        if sys::set_tun_offload(queue.as_fd(), flags).is_ok() {
            return Ok(offloads);
        }
    }
    sys::set_tun_offload(queue.as_fd(), CSUM)?;
    Ok(Offloads { tso: false, uso: false })
}

/// One queue of a device.
#[derive(Debug)]
pub struct Queue(File);

impl Queue {
    fn open(name: [u8; libc::IFNAMSIZ], first: bool) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        let file =
            options.read(true).write(true).custom_flags(libc::O_NONBLOCK).open(CLONE_DEVICE)?;
        // A further queue may join a device, so only the first can demand that it be new.
        let exclusive = if first { libc::IFF_TUN_EXCL } else { 0 };
        // The field is 16 bits wide, and IFF_TUN_EXCL its highest.
        let flags = (QUEUE_FLAGS | exclusive) as c_short;
        sys::attach_tun(file.as_fd(), name, flags)?;
        sys::set_vnet_header_len(file.as_fd(), VNET_HEADER_LEN as c_int)?;
        Ok(Self(file))
    }

    /// Reads one packet, its vnet header first, without waiting. What exceeds the buffer is lost:
    /// let it hold [`VNET_HEADER_LEN`] and 65,535 octets.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] when there is none.
    pub fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        (&self.0).read(buffer)
    }

    /// Writes one packet, its vnet header first, gathered from `slices`.
    ///
    /// # Errors
    /// What the kernel finds wrong with it, or that the device is down.
    pub fn write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        (&self.0).write_vectored(slices)
    }
}

impl AsFd for Queue {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// A TUN device cannot be had.
#[derive(Debug)]
pub enum TunError {
    /// No interface can have this name.
    Name(String),
    /// The kernel refuses.
    Open {
        /// The device's name.
        name: String,
        /// What the kernel says.
        cause: io::Error,
    },
}

impl TunError {
    /// What to do about it.
    #[allow(clippy::wildcard_enum_match_arm, reason = "the system's errors are an open list")]
    pub fn remedy(&self) -> String {
        let Self::Open { name, cause } = self else {
            return "give 1 to 15 ASCII characters without blanks, '/', ':' and '%'".to_owned();
        };
        match cause.kind() {
            io::ErrorKind::PermissionDenied => format!(
                "grant CAP_NET_ADMIN and access to {CLONE_DEVICE}; under systemd, \
                 AmbientCapabilities=CAP_NET_ADMIN and DeviceAllow={CLONE_DEVICE} rw"
            ),
            io::ErrorKind::NotFound => {
                format!(
                    "load the kernel module tun, and let {CLONE_DEVICE} be seen in this container"
                )
            }
            io::ErrorKind::ResourceBusy => format!(
                "an interface {name} exists: stop the gateway that made it, remove it by \
                 'ip link delete {name}', or configure another name"
            ),
            _ => "see whether the kernel has TUN with IFF_VNET_HDR and IFF_MULTI_QUEUE".to_owned(),
        }
    }
}

impl fmt::Display for TunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => write!(f, "no interface can be called '{name}'"),
            Self::Open { name, cause } => write!(f, "cannot make the TUN device {name}: {cause}"),
        }
    }
}

impl std::error::Error for TunError {}
