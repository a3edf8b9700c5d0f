//! Accepting connections, with or without a PROXY protocol header before them.

use std::error::Error;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::proxy::{self, ProxyInfo};

/// How long to wait before accepting again when the process is out of descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A connection, at the first byte of its application protocol.
pub(crate) struct Accepted {
    pub(crate) stream: TcpStream,
    /// The other end of the socket: the gateway, when there is one.
    pub(crate) peer: SocketAddr,
    /// What the PROXY protocol header said.
    pub(crate) proxy: Option<ProxyInfo>,
}

/// An application protocol: serves one connection to its end.
pub(crate) trait Protocol: Clone + Send + 'static {
    type Error: Error + Send + 'static;

    fn serve(
        self,
        connection: Accepted,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send + 'static;
}

/// A bound socket and how its connections begin.
pub(crate) struct Listener {
    socket: TcpListener,
    proxy_protocol: bool,
}

impl Listener {
    pub(crate) fn new(socket: TcpListener, proxy_protocol: bool) -> Self {
        Self { socket, proxy_protocol }
    }

    /// Accepts for ever; dropping this future ends the connections it began.
    pub(crate) async fn run<P: Protocol>(self, protocol: P) {
        let mut connections = JoinSet::new();
        loop {
            match self.socket.accept().await {
                Ok((stream, peer)) => {
                    let opening = open(stream, peer, self.proxy_protocol);
                    connections.spawn(converse(opening, peer, protocol.clone()));
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
            while connections.try_join_next().is_some() {}
        }
    }
}

async fn converse<P: Protocol>(
    opening: impl Future<Output = io::Result<Accepted>>,
    peer: SocketAddr,
    protocol: P,
) {
    match opening.await {
        Ok(connection) => {
            if let Err(error) = protocol.serve(connection).await {
                let error: &(dyn Error + 'static) = &error;
                tracing::debug!(%peer, error, "connection failed");
            }
        }
        Err(error) => tracing::debug!(%peer, %error, "connection not opened"),
    }
}

async fn open(
    mut stream: TcpStream,
    peer: SocketAddr,
    proxy_protocol: bool,
) -> io::Result<Accepted> {
    stream.set_nodelay(true)?;
    let proxy = if proxy_protocol { Some(proxy::read_header(&mut stream).await?) } else { None };
    Ok(Accepted { stream, peer, proxy })
}
