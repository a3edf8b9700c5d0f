//! What IKE_SA_INIT settles, for either side (RFC 7296 §1.2).

use crypto::signature::Hash;
use ike_wire::{
    CertificateEncoding, CertificateRequest, ExchangeType, Flags, Header, NotifyType, Payload,
    Payloads,
};

use crate::config::Config;
use crate::credentials::Credentials;
use crate::path::{Nat, Path};
use crate::session::established::{detect, nat_hashes};
use crate::session::notes::note;
use crate::vendor::vendor;
use pki::path::Trust;

/// Hash of Ed25519, which has its own (RFC 8420 §2).
const IDENTITY_HASH: u16 = 5;

/// The hashes of signatures that we verify (RFC 7427 §4); never SHA-1.
pub(crate) const SIGNATURE_HASHES: [u16; 4] =
    [Hash::Sha256 as u16, Hash::Sha384 as u16, Hash::Sha512 as u16, IDENTITY_HASH];

/// The two messages, which AUTH covers (RFC 7296 §2.15), and both nonces.
#[derive(Debug)]
pub(crate) struct Init {
    pub(crate) request: Vec<u8>,
    pub(crate) response: Vec<u8>,
    pub(crate) initiator_nonce: Vec<u8>,
    pub(crate) responder_nonce: Vec<u8>,
}

/// What the peer can do, and where it is.
#[derive(Debug)]
pub(crate) struct Features {
    pub(crate) fragmentation: bool,
    /// From SIGNATURE_HASH_ALGORITHMS; empty when it did not come.
    pub(crate) hashes: Vec<u16>,
    pub(crate) ppk: bool,
    pub(crate) intermediate: bool,
    pub(crate) nat: Nat,
    pub(crate) vendor: Option<&'static str>,
}

impl Features {
    /// `spis` as they stand in the message.
    pub(crate) fn of(
        config: &Config,
        payloads: &Payloads<'_>,
        spis: (u64, u64),
        path: &Path,
    ) -> Self {
        let has = |kind| payloads.notify(kind).is_some();
        let hashes = payloads.notify(NotifyType::SIGNATURE_HASH_ALGORITHMS);
        let hashes = hashes.map(|notify| notify.data).unwrap_or_default();
        Self {
            fragmentation: has(NotifyType::IKEV2_FRAGMENTATION_SUPPORTED),
            hashes: hashes.as_chunks().0.iter().map(|id| u16::from_be_bytes(*id)).collect(),
            ppk: has(NotifyType::USE_PPK),
            intermediate: has(NotifyType::INTERMEDIATE_EXCHANGE_SUPPORTED),
            nat: detect(config, spis, path, payloads).unwrap_or_default(),
            vendor: payloads.vendor_ids().find_map(vendor),
        }
    }
}

/// Octets that our notifications borrow.
pub(crate) struct Announcement {
    source: [u8; 20],
    destination: [u8; 20],
    hashes: Vec<u8>,
    ppk: bool,
    intermediate: bool,
}

impl Announcement {
    /// `spis` as they stand in our message.
    pub(crate) fn new(
        config: &Config,
        spis: (u64, u64),
        path: &Path,
        (ppk, intermediate): (bool, bool),
    ) -> Self {
        let (source, destination) = nat_hashes(config, spis, path);
        Self {
            source,
            destination,
            hashes: SIGNATURE_HASHES.iter().flat_map(|id| id.to_be_bytes()).collect(),
            ppk,
            intermediate,
        }
    }

    pub(crate) fn payloads(&self) -> Vec<Payload<'_>> {
        let mut payloads = vec![
            note(NotifyType::NAT_DETECTION_SOURCE_IP, &self.source),
            note(NotifyType::NAT_DETECTION_DESTINATION_IP, &self.destination),
            note(NotifyType::IKEV2_FRAGMENTATION_SUPPORTED, &[]),
            note(NotifyType::SIGNATURE_HASH_ALGORITHMS, &self.hashes),
            note(NotifyType::CHILDLESS_IKEV2_SUPPORTED, &[]),
        ];
        if self.ppk {
            payloads.push(note(NotifyType::USE_PPK, &[]));
        }
        if self.intermediate {
            payloads.push(note(NotifyType::INTERMEDIATE_EXCHANGE_SUPPORTED, &[]));
        }
        payloads
    }
}

/// CERTREQ, which names the CAs we accept (RFC 7296 §3.7).
pub(crate) struct Authorities(Vec<u8>);

impl Authorities {
    pub(crate) fn of(credentials: &Credentials) -> Self {
        let ids = credentials.trust.iter().flat_map(Trust::key_ids);
        Self(ids.flatten().copied().collect())
    }

    pub(crate) fn payload(&self) -> Option<Payload<'_>> {
        let encoding = CertificateEncoding::X509_SIGNATURE;
        let request = CertificateRequest { encoding, data: &self.0 };
        (!self.0.is_empty()).then_some(Payload::CertificateRequest(request))
    }
}

/// The header of a clear message.
pub(crate) fn clear_header(spis: (u64, u64), flags: Flags) -> Header {
    Header {
        initiator_spi: spis.0,
        responder_spi: spis.1,
        next_payload: 0,
        exchange: ExchangeType::IKE_SA_INIT,
        flags,
        message_id: 0,
        length: 0,
    }
}
