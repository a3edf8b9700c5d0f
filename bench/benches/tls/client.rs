//! A client of one road.

use std::net::SocketAddr;
use std::sync::Arc;

use bench::certificates::server_name;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{self, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// Both ways of a connection, with TLS or without.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

#[derive(Clone)]
pub(crate) struct Client {
    address: SocketAddr,
    tls: Option<TlsConnector>,
}

impl Client {
    pub(crate) fn new(address: SocketAddr, tls: Option<Arc<ClientConfig>>) -> Self {
        Self { address, tls: tls.map(TlsConnector::from) }
    }

    /// Connects, and waits for the system's greeting: only then is it certain, in
    /// TLS 1.3 too, that the client has been let in.
    pub(crate) async fn connect(&self) -> io::Result<Box<dyn Stream>> {
        let tcp = TcpStream::connect(self.address).await?;
        tcp.set_nodelay(true)?;
        let mut stream: Box<dyn Stream> = match &self.tls {
            Some(tls) => {
                let name = ServerName::try_from(server_name()).unwrap();
                Box::new(tls.connect(name, tcp).await?)
            }
            None => Box::new(tcp),
        };
        stream.read_u8().await?;
        Ok(stream)
    }

    /// A whole connection: let in, greeted, and closed by both ends.
    pub(crate) async fn visit(&self) -> io::Result<()> {
        let mut stream = self.connect().await?;
        stream.shutdown().await?;
        while stream.read(&mut [0]).await? > 0 {}
        Ok(())
    }
}
