//! TLS clients on rustls, for what has to be held, timed or done badly.

use std::fmt;
use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::version::{TLS12, TLS13};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion,
};
use socket2::{Domain, Socket, Type};

use crate::PATIENCE;
use crate::site::{PLUS, Site};

/// TLS 1.2 and no other.
pub const ONLY_12: Versions = &[&TLS12];
/// TLS 1.3 and no other.
pub const ONLY_13: Versions = &[&TLS13];
const BOTH: Versions = &[&TLS13, &TLS12];

/// Which versions a client offers.
pub type Versions = &'static [&'static SupportedProtocolVersion];

/// A kind of client. Without further words it offers TLS 1.3 and 1.2, comes from 127.0.0.1
/// and asks for `kmix-plus`.
#[derive(Clone, Debug)]
pub struct Client {
    config: Arc<ClientConfig>,
    name: &'static str,
    source: Option<IpAddr>,
}

impl Client {
    /// The client of a terminal, as `H1/pc-1`.
    pub fn of(site: &Site, terminal: &str) -> Self {
        Self::offering(site, terminal, BOTH)
    }

    /// The same with these TLS versions only.
    pub fn offering(site: &Site, terminal: &str, versions: Versions) -> Self {
        let (certificate, key) = site.terminal(terminal);
        Self::new(site, &certificate, &key, versions)
    }

    /// A client with a certificate from elsewhere.
    pub fn with_files(site: &Site, certificate: &Path, key: &Path) -> Self {
        Self::new(site, certificate, key, BOTH)
    }

    /// A client with any certificate and key, whether they belong together or not.
    pub fn new(site: &Site, certificate: &Path, key: &Path, versions: Versions) -> Self {
        let mut roots = RootCertStore::empty();
        for ca in certificates(&site.ca()) {
            roots.add(ca).unwrap();
        }
        let key = PrivateKeyDer::from_pem_file(key).unwrap();
        let key = aws_lc_rs::sign::any_supported_type(&key).unwrap();
        let identity = CertifiedKey::new(certificates(certificate), key);
        let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(roots)
            .with_client_cert_resolver(Arc::new(SingleCertAndKey::from(identity)));
        Self { config: Arc::new(config), name: PLUS, source: None }
    }

    /// Changes what rustls does.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut ClientConfig)) -> Self {
        change(Arc::make_mut(&mut self.config));
        self
    }

    /// Asks for another host name.
    #[must_use]
    pub fn asking_for(self, name: &'static str) -> Self {
        Self { name, ..self }
    }

    /// Comes from another address of this machine.
    #[must_use]
    pub fn coming_from(self, source: impl Into<IpAddr>) -> Self {
        Self { source: Some(source.into()), ..self }
    }

    /// A TCP connection, without a byte sent.
    pub fn dial(&self, to: SocketAddr) -> TcpStream {
        self.try_dial(to).expect("the gateway accepts")
    }

    fn try_dial(&self, to: SocketAddr) -> io::Result<TcpStream> {
        try_dial(self.source.unwrap_or(unspecified(to)), to)
    }

    /// The client's side of TLS, without a socket.
    pub fn session(&self) -> ClientConnection {
        let name = ServerName::try_from(self.name).unwrap();
        ClientConnection::new(Arc::clone(&self.config), name).unwrap()
    }

    /// Connects, without waiting for anything.
    pub fn begin(&self, to: SocketAddr) -> Connection {
        self.try_begin(to).expect("the gateway accepts")
    }

    /// Connects, if there is anybody.
    ///
    /// # Errors
    ///
    /// TCP's.
    pub fn try_begin(&self, to: SocketAddr) -> io::Result<Connection> {
        Ok(Connection { tls: StreamOwned::new(self.session(), self.try_dial(to)?) })
    }

    /// Connects, and finishes the handshake as this side sees it: a TLS 1.3 client hears
    /// of its refusal only when it reads.
    ///
    /// # Panics
    ///
    /// When the handshake fails.
    pub fn connect(&self, to: SocketAddr) -> Connection {
        let mut connection = self.begin(to);
        connection.handshake().expect("the handshake succeeds");
        connection
    }

    /// Connects to a system that answers with what it is sent, and has had an answer.
    ///
    /// # Panics
    ///
    /// When there is none.
    pub fn converse(&self, to: SocketAddr) -> Connection {
        let mut connection = self.connect(to);
        connection.echo(b"hello").expect("the system answers");
        connection
    }

    /// Connects to a system that answers with what it is sent, and says how it was refused.
    ///
    /// # Panics
    ///
    /// When it was not.
    pub fn refused(&self, to: SocketAddr) -> (SocketAddr, io::Error) {
        let mut connection = self.begin(to);
        let source = connection.local();
        (source, connection.echo(b"hello").expect_err("it is refused"))
    }
}

/// A TCP connection from `source`, on which nothing waits for ever.
pub fn dial(source: IpAddr, to: SocketAddr) -> TcpStream {
    try_dial(source, to).expect("the gateway accepts")
}

fn try_dial(source: IpAddr, to: SocketAddr) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(to), Type::STREAM, None)?;
    socket.bind(&SocketAddr::new(source, 0).into())?;
    socket.connect_timeout(&to.into(), PATIENCE)?;
    let tcp = TcpStream::from(socket);
    tcp.set_nodelay(true)?;
    tcp.set_read_timeout(Some(PATIENCE))?;
    tcp.set_write_timeout(Some(PATIENCE))?;
    Ok(tcp)
}

fn unspecified(to: SocketAddr) -> IpAddr {
    if to.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { std::net::Ipv6Addr::UNSPECIFIED.into() }
}

fn certificates(path: &Path) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_file_iter(path).unwrap().map(Result::unwrap).collect()
}

/// One TLS connection.
pub struct Connection {
    /// The TLS stream.
    pub tls: StreamOwned<ClientConnection, TcpStream>,
}

impl Connection {
    /// This side's address.
    pub fn local(&self) -> SocketAddr {
        self.tls.sock.local_addr().unwrap()
    }

    /// Finishes the handshake.
    ///
    /// # Errors
    ///
    /// The connection's.
    pub fn handshake(&mut self) -> io::Result<()> {
        while self.tls.conn.is_handshaking() {
            self.tls.conn.complete_io(&mut self.tls.sock)?;
        }
        Ok(())
    }

    /// Sends bytes and waits for the same.
    ///
    /// # Errors
    ///
    /// The connection's.
    pub fn echo(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.tls.write_all(bytes)?;
        self.tls.flush()?;
        let mut answer = vec![0; bytes.len()];
        self.tls.read_exact(&mut answer)?;
        assert_eq!(answer, bytes);
        Ok(())
    }

    /// Reads until the other side has finished.
    ///
    /// # Errors
    ///
    /// The connection's; `UnexpectedEof` where close_notify is missing.
    pub fn rest(&mut self) -> io::Result<Vec<u8>> {
        let mut rest = Vec::new();
        self.tls.read_to_end(&mut rest)?;
        Ok(rest)
    }

    /// Says that this side has finished, and goes on reading.
    pub fn finish(&mut self) {
        self.tls.conn.send_close_notify();
        self.tls.flush().unwrap();
    }

    /// Lets the connection break with a TCP reset.
    pub fn reset(self) {
        reset(self.tls.into_parts().1);
    }

    /// Ends the TCP connection without close_notify.
    pub fn vanish(self) {
        drop(self.tls.into_parts().1);
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Connection").field(&self.local()).finish()
    }
}

/// Closes so that the other side gets a reset (SO_LINGER of zero).
pub fn reset(tcp: TcpStream) {
    let socket = Socket::from(tcp);
    socket.set_linger(Some(std::time::Duration::ZERO)).unwrap();
}

/// The TLS alert that ended a connection, as rustls names it.
pub fn alert(error: &io::Error) -> String {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::AlertReceived(alert)) => format!("{alert:?}"),
        _ => format!("no alert but: {error}"),
    }
}
