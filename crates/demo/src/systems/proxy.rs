//! PROXY protocol v2 (HAProxy, `proxy-protocol.txt`), receiving side.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use proxy_header::{ParseConfig, ProxyHeader, SslInfo, Tlvs};
use serde::Serialize;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::timeout;

/// Signature, version and command, family and protocol, length (§2.2).
const FIXED_LEN: usize = 16;
/// The sender writes the header at once; a sender that does not is not a proxy.
const HEADER_TIMEOUT: Duration = Duration::from_secs(5);
/// Version 2 only: version 1 cannot carry the client's certificate.
const V2_ONLY: ParseConfig = ParseConfig { include_tlvs: true, allow_v1: false, allow_v2: true };

/// What a PROXY protocol v2 header says about the connection behind it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct ProxyInfo {
    /// The client's address; absent for a LOCAL connection (the proxy's own).
    pub(crate) source: Option<SocketAddr>,
    /// The address the client connected to; absent for a LOCAL connection.
    pub(crate) destination: Option<SocketAddr>,
    /// PP2_TYPE_AUTHORITY: the server name the client asked for.
    pub(crate) authority: Option<String>,
    /// PP2_TYPE_UNIQUE_ID; bytes other than printable ASCII are escaped as `\xNN`.
    pub(crate) unique_id: Option<String>,
    /// PP2_TYPE_SSL, when the client came by TLS.
    pub(crate) tls: Option<TlsInfo>,
}

/// PP2_TYPE_SSL and its sub-types.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct TlsInfo {
    pub(crate) version: Option<String>,
    pub(crate) cipher: Option<String>,
    /// The common name of the client certificate's subject.
    pub(crate) client_cn: Option<String>,
    /// The client showed a certificate, on this connection or when its session began.
    pub(crate) client_certificate: bool,
    /// The proxy verified that certificate.
    pub(crate) client_certificate_verified: bool,
}

/// Why a connection did not begin with an acceptable PROXY protocol v2 header.
#[derive(Debug)]
enum Refusal {
    /// The header as a whole cannot be read.
    Header(proxy_header::Error),
    /// A type-length-value field cannot be read, or overruns the header.
    Field(proxy_header::Error),
    /// The header's length field and its contents disagree.
    Length,
}

/// Reads exactly the header from `stream`, leaving the next byte unread.
///
/// # Errors
///
/// [`io::ErrorKind::InvalidData`] when there is no well-formed version 2 header,
/// [`io::ErrorKind::TimedOut`] when it does not come in time, or the stream's own.
pub(crate) async fn read_header(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<ProxyInfo> {
    let bytes = timeout(HEADER_TIMEOUT, read_bytes(stream)).await??;
    Ok(parse(&bytes)?)
}

/// The length stands at a fixed place, so that no byte past the header is taken.
async fn read_bytes(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Vec<u8>> {
    let mut fixed = [0; FIXED_LEN];
    stream.read_exact(&mut fixed).await?;
    match ProxyHeader::parse(&fixed, V2_ONLY) {
        Ok(_) | Err(proxy_header::Error::BufferTooShort) => {}
        Err(error) => return Err(Refusal::Header(error).into()),
    }
    let [.., high, low] = fixed;
    let mut bytes = fixed.to_vec();
    bytes.resize(FIXED_LEN + usize::from(u16::from_be_bytes([high, low])), 0);
    if let Some(rest) = bytes.get_mut(FIXED_LEN..) {
        stream.read_exact(rest).await?;
    }
    Ok(bytes)
}

fn parse(bytes: &[u8]) -> Result<ProxyInfo, Refusal> {
    let (header, len) = ProxyHeader::parse(bytes, V2_ONLY).map_err(Refusal::Header)?;
    if len != bytes.len() {
        return Err(Refusal::Length);
    }
    check_fields(header.tlvs())?;
    let tls = header.ssl();
    if let Some(tls) = &tls {
        check_fields(tls.tlvs())?;
    }
    let address = header.proxied_address();
    Ok(ProxyInfo {
        source: address.map(|address| address.source),
        destination: address.map(|address| address.destination),
        authority: header.authority().map(str::to_owned),
        unique_id: header.unique_id().map(|id| id.escape_ascii().to_string()),
        tls: tls.as_ref().map(TlsInfo::new),
    })
}

/// The accessors of `ProxyHeader` pass over a field they cannot read; here it counts.
fn check_fields(mut fields: Tlvs<'_>) -> Result<(), Refusal> {
    fields.try_for_each(|field| field.map(drop)).map_err(Refusal::Field)
}

impl TlsInfo {
    fn new(tls: &SslInfo<'_>) -> Self {
        let client_certificate = tls.client_cert_conn() || tls.client_cert_sess();
        Self {
            version: tls.version().map(str::to_owned),
            cipher: tls.cipher().map(str::to_owned),
            client_cn: tls.cn().map(str::to_owned),
            client_certificate,
            client_certificate_verified: client_certificate && tls.verify() == 0,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header(error) => write!(f, "the peer sent no PROXY protocol v2 header: {error}"),
            Self::Field(error) => write!(f, "the peer's PROXY header has a bad field: {error}"),
            Self::Length => f.write_str("the peer's PROXY header is longer than its contents"),
        }
    }
}

impl std::error::Error for Refusal {}

impl From<Refusal> for io::Error {
    fn from(refusal: Refusal) -> Self {
        Self::new(io::ErrorKind::InvalidData, refusal)
    }
}
