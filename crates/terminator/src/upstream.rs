//! The way to a system, which only a permit opens.

use std::io;

use policy::{Permit, SystemId};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use crate::proxy_v2::Header;
use crate::reasons::Ending;
use crate::sockets;

/// Where a service of a system is connected to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    /// The system.
    pub system: SystemId,
    /// `HOST:PORT`; a name is looked up at each connection.
    pub address: String,
    /// Whether the connection begins with a PROXY protocol v2 header.
    pub proxy_protocol: bool,
}

/// Connects to the permit's system, at the first of `upstreams` that is of it, and
/// introduces the client if the system wants that.
pub(crate) async fn connect<'u>(
    permit: &Permit,
    mut upstreams: impl Iterator<Item = &'u Upstream>,
    header: &Header<'_>,
    deadline: Instant,
) -> Result<TcpStream, Ending> {
    let Some(upstream) = upstreams.find(|up| up.system == *permit.system()) else {
        return Err(Ending::SystemUnreachable);
    };
    let connecting = async {
        let mut tcp = TcpStream::connect(&upstream.address).await?;
        tcp.set_nodelay(true)?;
        sockets::keep_alive(&tcp)?;
        if upstream.proxy_protocol {
            tcp.write_all(&header.encode()).await?;
        }
        io::Result::Ok(tcp)
    };
    match timeout_at(deadline, connecting).await {
        Ok(Ok(tcp)) => Ok(tcp),
        Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => {
            Err(Ending::SystemRefused)
        }
        Ok(Err(_)) => Err(Ending::SystemUnreachable),
        Err(_elapsed) => Err(Ending::SystemTimeout),
    }
}
