//! Reads a whole ClientHello, in however many pieces it comes, before anything is chosen.

use std::io;

use rustls::Error;
use rustls::server::Acceptor;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::server::StartHandshake;

use crate::reasons::Refusal;
use crate::rejected::Rejected;

/// Fatal alert `protocol_version` (RFC 8446 §6.2) in a plaintext record.
const PROTOCOL_VERSION: [u8; 7] = [21, 3, 3, 0, 2, 2, 70];
/// The most that one read takes; a usual ClientHello fits.
const PIECE: usize = 2048;

/// The first bytes of a connection, as far as `client_version`: record header (5), handshake
/// header (4), version (2); RFC 8446 §4.1.2, §5.1.
#[derive(Default)]
struct Beginning {
    bytes: [u8; 11],
    length: usize,
}

/// Waits for the ClientHello until `deadline`.
pub(crate) async fn read(
    mut tcp: TcpStream,
    deadline: Instant,
) -> Result<StartHandshake<TcpStream>, Rejected> {
    let mut acceptor = Acceptor::default();
    let mut beginning = Beginning::default();
    let mut piece = [0; PIECE];
    loop {
        let count = match timeout_at(deadline, tcp.read(&mut piece)).await {
            Err(_elapsed) => return Err(Refusal::ClientHelloTimeout.into()),
            Ok(Err(error)) => return Err(Rejected::from_handshake(&error, None, true)),
            Ok(Ok(0)) if beginning.length == 0 => return Err(Refusal::ClosedBeforeHello.into()),
            Ok(Ok(0)) => return Err(Refusal::ClosedInHandshake.into()),
            Ok(Ok(count)) => count,
        };
        let mut rest = piece.get(..count).unwrap_or_default();
        beginning.note(rest);
        while !rest.is_empty() {
            let fed = acceptor.read_tls(&mut rest);
            match fed.map_err(|error| Rejected::from_handshake(&error, None, false)) {
                Ok(_) => {}
                Err(rejected) => return Err(Rejected { tcp: Some(tcp), ..rejected }),
            }
            match acceptor.accept() {
                Ok(None) => {}
                // What follows a ClientHello at once belongs to no answered handshake.
                Ok(Some(_)) if !rest.is_empty() => return Err(Refusal::Malformed.into()),
                Ok(Some(accepted)) => return Ok(StartHandshake::from_parts(accepted, tcp)),
                Err((error, mut alert)) => {
                    let mut bytes = Vec::new();
                    // Into memory: it cannot fail.
                    let _ = alert.write_all(&mut bytes);
                    return Err(refuse(tcp, &beginning, error, &bytes));
                }
            }
        }
    }
}

/// An old client also lacks what rustls asks for before the version: the version comes first.
fn refuse(tcp: TcpStream, beginning: &Beginning, error: Error, alert: &[u8]) -> Rejected {
    let error = io::Error::new(io::ErrorKind::InvalidData, error);
    let rejected = Rejected::from_handshake(&error, None, false);
    let (rejected, alert) = if beginning.is_before_tls12() {
        let refusal: Rejected = Refusal::ProtocolVersion.into();
        (Rejected { detail: rejected.detail, ..refusal }, &PROTOCOL_VERSION[..])
    } else {
        (rejected, alert)
    };
    // A few bytes into an empty socket buffer: they fit, or the client is gone.
    let _ = tcp.try_write(alert);
    Rejected { tcp: Some(tcp), ..rejected }
}

impl Beginning {
    fn note(&mut self, bytes: &[u8]) {
        let free = self.bytes.iter_mut().skip(self.length);
        self.length += free.zip(bytes).map(|(to, from)| *to = *from).count();
    }

    /// A ClientHello for SSL 3.0, TLS 1.0 or 1.1. (TLS 1.3 writes 1.2's version there.)
    fn is_before_tls12(&self) -> bool {
        const HANDSHAKE: u8 = 22;
        const CLIENT_HELLO: u8 = 1;
        let [content, _, _, _, _, message, _, _, _, major, minor] = self.bytes;
        self.length == self.bytes.len()
            && content == HANDSHAKE
            && message == CLIENT_HELLO
            && (major, minor) < (3, 3)
    }
}
