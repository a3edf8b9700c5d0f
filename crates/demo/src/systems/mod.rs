//! The five connected systems, as small servers that speak the real protocols.
//!
//! They stand where a hospital network has its systems: behind the gateway.
//! They keep no state but the latest image identifiers, need no files, and tell
//! a caller what they saw of the connection, so that what the gateway forwards
//! can be checked from outside.

mod checksum;
mod dicom;
mod http;
mod idle;
mod kind;
mod listener;
mod mllp;
mod proxy;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinSet;

use self::dicom::Inbox;
pub use self::dicom::{AE_TITLE, Instance, Received};
pub use self::kind::Kind;
use self::listener::Listener;

/// How a demo system is run.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Require a PROXY protocol v2 header at the start of every connection, on
    /// every port of the system; a connection without one is closed.
    pub proxy_protocol: bool,
    /// How long a connection may stay silent in both directions.
    pub idle_limit: Duration,
    /// Port of the HL7 v2 (MLLP) listener of [`Kind::ChiikiKanja`], on the same
    /// address as its HTTP listener; 0 takes a free port. Unused by the others.
    pub mllp_port: u16,
}

impl Default for Options {
    /// No PROXY protocol, five minutes of silence, a free port for MLLP.
    fn default() -> Self {
        Self { proxy_protocol: false, idle_limit: Duration::from_secs(300), mllp_port: 0 }
    }
}

/// A running demo system. Dropping it closes its listeners and connections.
#[derive(Debug)]
pub struct Running {
    kind: Kind,
    address: SocketAddr,
    mllp_address: Option<SocketAddr>,
    inbox: Option<Arc<Inbox>>,
    listeners: JoinSet<()>,
}

/// Starts a demo system on `listen` (port 0 takes a free port), inside the
/// current tokio runtime.
///
/// # Errors
///
/// The operating system's, when an address cannot be bound.
pub async fn start(kind: Kind, listen: SocketAddr, options: Options) -> io::Result<Running> {
    let main = TcpListener::bind(listen).await?;
    let mut running = Running {
        kind,
        address: main.local_addr()?,
        mllp_address: None,
        inbox: None,
        listeners: JoinSet::new(),
    };
    let main = Listener::new(main, options.proxy_protocol);
    if kind == Kind::EnkakuDokuei {
        let inbox = Arc::new(Inbox::default());
        running.inbox = Some(Arc::clone(&inbox));
        running.listeners.spawn(main.run(dicom::Scp::new(inbox, options.idle_limit)));
    } else {
        running.listeners.spawn(main.run(http::Site::new(kind, options.idle_limit)));
    }
    if kind == Kind::ChiikiKanja {
        let mllp = TcpListener::bind((running.address.ip(), options.mllp_port)).await?;
        running.mllp_address = Some(mllp.local_addr()?);
        let mllp = Listener::new(mllp, options.proxy_protocol);
        running.listeners.spawn(mllp.run(mllp::Receiver::new(options.idle_limit)));
    }
    Ok(running)
}

impl Running {
    /// Which of the five systems this is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Where it listens: DICOM for [`Kind::EnkakuDokuei`], HTTP for the others.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it takes HL7 v2 messages; [`Kind::ChiikiKanja`] only.
    pub fn mllp_address(&self) -> Option<SocketAddr> {
        self.mllp_address
    }

    /// What its DICOM store has taken in; [`Kind::EnkakuDokuei`] only.
    pub fn received(&self) -> Option<Received> {
        self.inbox.as_ref().map(|inbox| inbox.snapshot())
    }

    /// Stops listening, ends every connection, and returns when the ports are free.
    pub async fn stop(mut self) {
        self.listeners.shutdown().await;
    }
}
