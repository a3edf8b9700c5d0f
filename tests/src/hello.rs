//! Hand-made ClientHellos, for what no client of today would send, and what is answered.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::client::dial;
use crate::site::PLUS;

const HANDSHAKE: u8 = 22;
const ALERT: u8 = 21;

/// SSL 3.0 (RFC 6101).
pub const SSL3: u16 = 0x0300;
/// TLS 1.0 (RFC 2246).
pub const TLS10: u16 = 0x0301;
/// TLS 1.1 (RFC 4346).
pub const TLS11: u16 = 0x0302;
/// TLS 1.2 (RFC 5246).
pub const TLS12: u16 = 0x0303;

/// TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 (RFC 5289)
pub const ECDHE_ECDSA_AES256_GCM: u16 = 0xc02c;
/// secp256r1 (RFC 8422)
pub const P256: u16 = 23;

/// A TLS 1.2 ClientHello (RFC 5246 §7.4.1.2). Without further words one that is welcome.
#[derive(Clone, Debug)]
pub struct Hello {
    /// The version, in record and message.
    pub version: u16,
    /// Cipher suites, best first.
    pub suites: Vec<u16>,
    /// Compression methods, best first.
    pub compression: Vec<u8>,
    /// Groups (RFC 8422 §5.1.1).
    pub groups: Vec<u16>,
    /// The session to resume.
    pub session: Vec<u8>,
    /// Extended master secret (RFC 7627).
    pub extended_master_secret: bool,
    /// No extension at all, as before TLS 1.0.
    pub bare: bool,
}

impl Default for Hello {
    fn default() -> Self {
        Self {
            version: TLS12,
            suites: vec![ECDHE_ECDSA_AES256_GCM],
            compression: vec![0],
            groups: vec![P256],
            session: Vec::new(),
            extended_master_secret: true,
            bare: false,
        }
    }
}

/// What the gateway answered first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// An alert's description (RFC 8446 §6).
    Alert(u8),
    /// A ServerHello.
    ServerHello(ServerHello),
    /// The end of the connection.
    Nothing,
}

/// A TLS 1.2 ServerHello (RFC 5246 §7.4.1.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerHello {
    /// `server_version`
    pub version: u16,
    /// The session, if it could be resumed.
    pub session: Vec<u8>,
    /// The suite chosen.
    pub suite: u16,
    /// The compression chosen.
    pub compression: u8,
    /// Which extensions there are.
    pub extensions: Vec<u16>,
}

/// `handshake_failure`
pub const HANDSHAKE_FAILURE: u8 = 40;
/// `protocol_version`
pub const PROTOCOL_VERSION: u8 = 70;
/// `renegotiation_info` (RFC 5746)
pub const RENEGOTIATION_INFO: u16 = 0xff01;
/// `session_ticket` (RFC 5077)
pub const SESSION_TICKET: u16 = 35;
/// `extended_master_secret` (RFC 7627)
pub const EXTENDED_MASTER_SECRET: u16 = 23;

impl Hello {
    /// The bytes: one record.
    pub fn encode(&self) -> Vec<u8> {
        let mut body = self.version.to_be_bytes().to_vec();
        body.extend([0x5a; 32]);
        body.extend(counted::<1>(&self.session));
        body.extend(counted::<2>(&words(&self.suites)));
        body.extend(counted::<1>(&self.compression));
        if !self.bare {
            body.extend(counted::<2>(&self.extensions()));
        }
        let message = [vec![1], counted::<3>(&body)].concat();
        let version = self.version.to_be_bytes();
        [vec![HANDSHAKE], version.to_vec(), counted::<2>(&message)].concat()
    }

    fn extensions(&self) -> Vec<u8> {
        let name = counted::<2>(&[vec![0], counted::<2>(PLUS.as_bytes())].concat());
        let groups = counted::<2>(&words(&self.groups));
        // rsa_pss_rsae_sha256, ecdsa_secp256r1_sha256, rsa_pkcs1_sha256
        let schemes = counted::<2>(&words(&[0x0804, 0x0403, 0x0401]));
        let mut extensions = vec![
            (0, name),
            (10, groups),
            (11, vec![1, 0]),
            (13, schemes),
            (SESSION_TICKET, Vec::new()),
            (RENEGOTIATION_INFO, vec![0]),
        ];
        if self.extended_master_secret {
            extensions.push((EXTENDED_MASTER_SECRET, Vec::new()));
        }
        let encode = |(kind, value): (u16, Vec<u8>)| {
            [kind.to_be_bytes().to_vec(), counted::<2>(&value)].concat()
        };
        extensions.into_iter().flat_map(encode).collect()
    }

    /// Sends it and reads the first answer.
    ///
    /// # Panics
    ///
    /// When the answer is no TLS.
    pub fn send(&self, to: SocketAddr) -> Answer {
        let mut tcp = dial(IpAddr::V4(Ipv4Addr::UNSPECIFIED), to);
        tcp.write_all(&self.encode()).unwrap();
        let mut head = [0; 5];
        if tcp.read_exact(&mut head).is_err() {
            return Answer::Nothing;
        }
        let mut record = vec![0; usize::from(u16::from_be_bytes([head[3], head[4]]))];
        tcp.read_exact(&mut record).unwrap();
        match head[0] {
            ALERT => Answer::Alert(record[1]),
            HANDSHAKE => Answer::ServerHello(ServerHello::parse(&record[4..])),
            other => panic!("a record of type {other}"),
        }
    }
}

impl ServerHello {
    fn parse(body: &[u8]) -> Self {
        let word = |bytes: &[u8]| u16::from_be_bytes([bytes[0], bytes[1]]);
        let (session, rest) = body[35..].split_at(body[34].into());
        let mut extensions = Vec::new();
        // Suite, compression and the length of the extensions go before them.
        let mut list = rest.get(5..).unwrap_or_default();
        while let [kind @ .., _, _] = list.get(..4).unwrap_or_default() {
            extensions.push(word(kind));
            list = &list[4 + usize::from(word(&list[2..]))..];
        }
        Self {
            version: word(body),
            session: session.to_vec(),
            suite: word(rest),
            compression: rest[2],
            extensions,
        }
    }
}

fn words(values: &[u16]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_be_bytes()).collect()
}

/// A vector with its length before it, in `N` bytes (RFC 8446 §3.4).
fn counted<const N: usize>(bytes: &[u8]) -> Vec<u8> {
    [&bytes.len().to_be_bytes()[size_of::<usize>() - N..], bytes].concat()
}
