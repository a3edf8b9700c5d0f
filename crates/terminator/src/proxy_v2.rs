//! PROXY protocol version 2: tells the system behind who is connected, and with which
//! certificate (HAProxy's `proxy-protocol.txt`, sections 2.2 and 2.2.1 to 2.2.8).

use std::net::{IpAddr, SocketAddr};

const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
/// Version 2, command PROXY.
const VERSION_COMMAND: u8 = 0x21;
const TCP_OVER_IPV4: u8 = 0x11;
const TCP_OVER_IPV6: u8 = 0x21;

const PP2_TYPE_AUTHORITY: u8 = 0x02;
const PP2_TYPE_UNIQUE_ID: u8 = 0x05;
const PP2_TYPE_SSL: u8 = 0x20;
const PP2_SUBTYPE_SSL_VERSION: u8 = 0x21;
const PP2_SUBTYPE_SSL_CN: u8 = 0x22;
const PP2_SUBTYPE_SSL_CIPHER: u8 = 0x23;
/// The first of the types left to applications (section 2.2.8).
const TYPE_TERMINAL: u8 = 0xe0;

const PP2_CLIENT_SSL: u8 = 0x01;
const PP2_CLIENT_CERT_CONN: u8 = 0x02;
const PP2_CLIENT_CERT_SESS: u8 = 0x04;

/// What the system is told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Header<'a> {
    /// The client.
    pub(crate) source: SocketAddr,
    /// The gateway's address it reached.
    pub(crate) destination: SocketAddr,
    /// The host name it asked for.
    pub(crate) authority: Option<&'a str>,
    /// The connection's id in the record.
    pub(crate) unique_id: &'a str,
    /// As `TLSv1.3`.
    pub(crate) tls_version: &'a str,
    /// As `TLS13_AES_256_GCM_SHA384`.
    pub(crate) cipher: &'a str,
    /// The client certificate's common name.
    pub(crate) common_name: Option<&'a str>,
    /// `INSTITUTION/TERMINAL`, as the policy knows it.
    pub(crate) terminal: Option<&'a str>,
}

impl Header<'_> {
    /// The bytes that go before the first byte of the client.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut body = Vec::with_capacity(256);
        let family = self.addresses(&mut body);
        if let Some(authority) = self.authority {
            tlv(&mut body, PP2_TYPE_AUTHORITY, authority.as_bytes());
        }
        tlv(&mut body, PP2_TYPE_UNIQUE_ID, self.unique_id.as_bytes());
        tlv(&mut body, PP2_TYPE_SSL, &self.ssl());
        if let Some(terminal) = self.terminal {
            tlv(&mut body, TYPE_TERMINAL, terminal.as_bytes());
        }

        let mut header = Vec::with_capacity(16 + body.len());
        header.extend_from_slice(SIGNATURE);
        header.extend_from_slice(&[VERSION_COMMAND, family]);
        header.extend_from_slice(&length(&body));
        header.extend_from_slice(&body);
        header
    }

    /// Both addresses in one family: IPv4 where both are, else IPv6 (mapped).
    fn addresses(&self, body: &mut Vec<u8>) -> u8 {
        let source = self.source.ip().to_canonical();
        let destination = self.destination.ip().to_canonical();
        let family = match (source, destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                body.extend_from_slice(&source.octets());
                body.extend_from_slice(&destination.octets());
                TCP_OVER_IPV4
            }
            (source, destination) => {
                body.extend_from_slice(&mapped(source));
                body.extend_from_slice(&mapped(destination));
                TCP_OVER_IPV6
            }
        };
        body.extend_from_slice(&self.source.port().to_be_bytes());
        body.extend_from_slice(&self.destination.port().to_be_bytes());
        family
    }

    /// The value of `PP2_TYPE_SSL`: the client's certificate was verified.
    fn ssl(&self) -> Vec<u8> {
        let mut value = vec![PP2_CLIENT_SSL | PP2_CLIENT_CERT_CONN | PP2_CLIENT_CERT_SESS];
        value.extend_from_slice(&0u32.to_be_bytes());
        tlv(&mut value, PP2_SUBTYPE_SSL_VERSION, self.tls_version.as_bytes());
        tlv(&mut value, PP2_SUBTYPE_SSL_CIPHER, self.cipher.as_bytes());
        if let Some(name) = self.common_name {
            tlv(&mut value, PP2_SUBTYPE_SSL_CN, name.as_bytes());
        }
        value
    }
}

fn mapped(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => address.octets(),
    }
}

/// A value too long for the format is left out whole rather than cut.
fn tlv(body: &mut Vec<u8>, kind: u8, value: &[u8]) {
    if value.len() <= 1024 {
        body.push(kind);
        body.extend_from_slice(&length(value));
        body.extend_from_slice(value);
    }
}

/// All values together stay far below 64 KiB: six of at most 1 KiB each.
fn length(bytes: &[u8]) -> [u8; 2] {
    u16::try_from(bytes.len()).unwrap_or(u16::MAX).to_be_bytes()
}
