//! What both sockets of a connection need.

use std::io;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;
use tokio::time::Duration;

/// A dead peer is noticed after two minutes even on a connection that never speaks.
pub(crate) fn keep_alive(tcp: &TcpStream) -> io::Result<()> {
    let keepalive = TcpKeepalive::new()
        .with_time(Duration::from_secs(60))
        .with_interval(Duration::from_secs(15))
        .with_retries(4);
    SockRef::from(tcp).set_tcp_keepalive(&keepalive)
}

/// When dropped, `tcp` will be reset instead of ended in order: its peer must not take
/// what it has received for the whole.
pub(crate) fn end_by_reset(tcp: &TcpStream) {
    // Without it the peer merely sees an orderly end.
    let _ = SockRef::from(tcp).set_linger(Some(Duration::ZERO));
}
