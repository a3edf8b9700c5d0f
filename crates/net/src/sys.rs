//! The system calls that no safe crate offers. All `unsafe` of this crate is here.
#![allow(unsafe_code)]

use std::ffi::{c_int, c_short, c_ushort};
use std::io;
use std::mem::{size_of, zeroed};
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd};
use std::ptr;

use rustix::ioctl::{IntegerSetter, Opcode, Setter, ioctl, opcode};
use socket2::{SockAddr, SockAddrStorage};

use crate::datagram::MAX_SEGMENTS;

const TUNSETIFF: Opcode = opcode::write::<c_int>(b'T', 202);
const TUNSETOFFLOAD: Opcode = opcode::write::<c_int>(b'T', 208);
const TUNSETVNETHDRSZ: Opcode = opcode::write::<c_int>(b'T', 216);

/// `struct ifreq` of <linux/if.h> as TUNSETIFF uses it.
#[repr(C)]
struct InterfaceRequest {
    name: [u8; libc::IFNAMSIZ],
    flags: c_short,
    rest: [u8; 22],
}

const _: () = assert!(size_of::<InterfaceRequest>() == size_of::<libc::ifreq>());

/// Makes `tun` a queue of the device `name`, whose last octet is zero.
pub(crate) fn attach_tun(
    tun: BorrowedFd<'_>,
    name: [u8; libc::IFNAMSIZ],
    flags: c_short,
) -> io::Result<()> {
    let request = InterfaceRequest { name, flags, rest: [0; 22] };
    // SAFETY: TUNSETIFF reads one `struct ifreq`, which has this layout and size.
    unsafe { ioctl(tun, Setter::<TUNSETIFF, _>::new(request)) }?;
    Ok(())
}

/// Says which super-packets the reader of a TUN takes: a set of TUN_F_*.
pub(crate) fn set_tun_offload(tun: BorrowedFd<'_>, offload: u32) -> io::Result<()> {
    // SAFETY: TUNSETOFFLOAD takes its argument by value.
    unsafe { ioctl(tun, IntegerSetter::<TUNSETOFFLOAD>::new_usize(offload as usize)) }?;
    Ok(())
}

/// Sets how many octets precede each packet of a TUN.
pub(crate) fn set_vnet_header_len(tun: BorrowedFd<'_>, len: c_int) -> io::Result<()> {
    // SAFETY: TUNSETVNETHDRSZ reads one int.
    unsafe { ioctl(tun, Setter::<TUNSETVNETHDRSZ, _>::new(len)) }?;
    Ok(())
}

/// Sets a socket option that is an int.
pub(crate) fn set_option(
    socket: impl AsFd,
    level: c_int,
    option: c_int,
    value: c_int,
) -> io::Result<()> {
    // SAFETY: an int, valid during the call, of the length that is given.
    unsafe { set_raw_option(socket.as_fd(), level, option, &value) }
}

/// Attaches a classic BPF program: `option` is SO_ATTACH_FILTER or SO_ATTACH_REUSEPORT_CBPF. The
/// kernel verifies the program and copies it.
pub(crate) fn attach_program(
    socket: impl AsFd,
    option: c_int,
    program: &[libc::sock_filter],
) -> io::Result<()> {
    let len = c_ushort::try_from(program.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    let program = libc::sock_fprog { len, filter: program.as_ptr().cast_mut() };
    // SAFETY: both options read one `struct sock_fprog`, and through it `len` instructions, which
    // outlive the call. Nothing is written through the pointer.
    unsafe { set_raw_option(socket.as_fd(), libc::SOL_SOCKET, option, &program) }
}

/// # Safety
/// `T` must be what the kernel reads for this option, with whatever it points at valid.
unsafe fn set_raw_option<T>(
    socket: BorrowedFd<'_>,
    level: c_int,
    option: c_int,
    value: &T,
) -> io::Result<()> {
    let (value, len) = (ptr::from_ref(value).cast(), size_of::<T>() as libc::socklen_t);
    // SAFETY: the pointer is valid for `len` octets; the rest is the caller's promise.
    match unsafe { libc::setsockopt(socket.as_raw_fd(), level, option, value, len) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Sends datagrams by one sendmmsg(2), at most [`MAX_SEGMENTS`], each to `destination` and with
/// the same control messages. Says how many left.
///
/// # Errors
/// When not even the first did.
pub(crate) fn send_many<'a>(
    socket: impl AsFd,
    destination: &SockAddr,
    control: &[u8],
    datagrams: impl Iterator<Item = &'a [u8]>,
) -> io::Result<usize> {
    // SAFETY: both are plain C structures of integers and pointers, for which zero is valid.
    let (mut messages, mut vectors): ([libc::mmsghdr; MAX_SEGMENTS], [libc::iovec; MAX_SEGMENTS]) =
        unsafe { (zeroed(), zeroed()) };
    let mut count = 0;
    for ((message, vector), datagram) in messages.iter_mut().zip(&mut vectors).zip(datagrams) {
        vector.iov_base = datagram.as_ptr().cast_mut().cast();
        vector.iov_len = datagram.len();
        let header = &mut message.msg_hdr;
        header.msg_iov = vector;
        header.msg_iovlen = 1;
        header.msg_name = destination.as_ptr().cast_mut().cast();
        header.msg_namelen = destination.len();
        header.msg_control = control.as_ptr().cast_mut().cast();
        header.msg_controllen = control.len();
        count += 1;
    }
    // SAFETY: the first `count` headers are filled in; all they point at outlives the call, and
    // sendmmsg(2) writes nothing but their `msg_len`.
    let sent =
        unsafe { libc::sendmmsg(socket.as_fd().as_raw_fd(), messages.as_mut_ptr(), count, 0) };
    usize::try_from(sent).map_err(|_| io::Error::last_os_error())
}

/// One entry of an error queue.
pub(crate) struct QueuedError {
    /// Where the datagram in question was sent.
    pub(crate) destination: SockAddr,
    /// Octets of it that are known.
    pub(crate) quoted: usize,
    /// Octets of control messages.
    pub(crate) control: usize,
}

/// Takes one entry from the socket's error queue; `None` when it is empty.
pub(crate) fn receive_error(
    socket: impl AsFd,
    quoted: &mut [u8],
    control: &mut [u8],
) -> io::Result<Option<QueuedError>> {
    let mut name = SockAddrStorage::zeroed();
    let mut vector = libc::iovec { iov_base: quoted.as_mut_ptr().cast(), iov_len: quoted.len() };
    // SAFETY: a plain C structure of integers and pointers, for which zero is valid.
    let mut header: libc::msghdr = unsafe { zeroed() };
    header.msg_name = (&raw mut name).cast();
    header.msg_namelen = name.size_of();
    header.msg_iov = &raw mut vector;
    header.msg_iovlen = 1;
    header.msg_control = control.as_mut_ptr().cast();
    header.msg_controllen = control.len();
    let flags = libc::MSG_ERRQUEUE | libc::MSG_DONTWAIT;
    // SAFETY: every buffer outlives the call and has the length that the header gives.
    let received = unsafe { libc::recvmsg(socket.as_fd().as_raw_fd(), &raw mut header, flags) };
    let Ok(quoted) = usize::try_from(received) else {
        let error = io::Error::last_os_error();
        return if error.kind() == io::ErrorKind::WouldBlock { Ok(None) } else { Err(error) };
    };
    // SAFETY: the kernel wrote an address of the length it then gave.
    let destination = unsafe { SockAddr::new(name, header.msg_namelen) };
    Ok(Some(QueuedError { destination, quoted, control: header.msg_controllen }))
}
