//! The simplest forwarder there can be: accept, connect, `copy_bidirectional`. It asks no
//! policy, keeps no limits and writes no log.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::thread;

use rustls::ServerConfig;
use tokio::io::{self, AsyncRead, AsyncWrite, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;
use tokio_rustls::TlsAcceptor;

/// Starts one on a thread of this name, which lives as long as the process; with `tls`
/// it terminates TLS.
pub(crate) fn start(
    thread: &str,
    system: SocketAddr,
    tls: Option<Arc<ServerConfig>>,
) -> SocketAddr {
    let runtime = Builder::new_current_thread().enable_io().build().unwrap();
    let listening = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let listener = runtime.block_on(listening).unwrap();
    let address = listener.local_addr().unwrap();
    let acceptor = tls.map(TlsAcceptor::from);
    let serve = async move {
        loop {
            let (tcp, _) = listener.accept().await.unwrap();
            tokio::spawn(forward(tcp, system, acceptor.clone()));
        }
    };
    thread::Builder::new().name(thread.into()).spawn(move || runtime.block_on(serve)).unwrap();
    address
}

async fn forward(
    tcp: TcpStream,
    system: SocketAddr,
    acceptor: Option<TlsAcceptor>,
) -> io::Result<()> {
    tcp.set_nodelay(true)?;
    match acceptor {
        Some(acceptor) => copy(acceptor.accept(tcp).await?, system).await,
        None => copy(tcp, system).await,
    }
}

async fn copy(
    mut client: impl AsyncRead + AsyncWrite + Unpin,
    system: SocketAddr,
) -> io::Result<()> {
    let mut system = TcpStream::connect(system).await?;
    system.set_nodelay(true)?;
    copy_bidirectional(&mut client, &mut system).await.map(drop)
}
