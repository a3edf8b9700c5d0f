//! The IKE header (RFC 7296 §3.1).

use crate::code_points::code_points;
use crate::octets::Reader;
use crate::{Malformed, MalformedReason};

code_points! {
    /// Exchange types (RFC 7296 §3.1).
    pub struct ExchangeType(u8) {
        /// RFC 7296 §1.2
        IKE_SA_INIT = 34;
        /// RFC 7296 §1.2
        IKE_AUTH = 35;
        /// RFC 7296 §1.3
        CREATE_CHILD_SA = 36;
        /// RFC 7296 §1.4
        INFORMATIONAL = 37;
        /// RFC 9242
        IKE_INTERMEDIATE = 43;
        /// RFC 9370 §2.2.4
        IKE_FOLLOWUP_KE = 44;
    }
}

/// The header's flags; bits that RFC 7296 does not name are ignored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags(pub u8);

impl Flags {
    /// The sender is the IKE SA's original initiator.
    pub const INITIATOR: Self = Self(0x08);
    /// The sender could speak a higher major version.
    pub const VERSION: Self = Self(0x10);
    /// The message answers the request of the same message ID.
    pub const RESPONSE: Self = Self(0x20);

    /// All flags of `other` are set.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The flags of both.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// What every message begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Chosen by the original initiator; never zero in a valid exchange.
    pub initiator_spi: u64,
    /// Chosen by the responder; zero in the first message.
    pub responder_spi: u64,
    /// Type of the first payload.
    pub next_payload: u8,
    /// The exchange this message belongs to.
    pub exchange: ExchangeType,
    /// Who sends, and which way.
    pub flags: Flags,
    /// Pairs requests with responses; counts from zero each way.
    pub message_id: u32,
    /// Octets of the whole message.
    pub length: u32,
}

/// Major and minor version 2.0, as the header holds them.
const VERSION_2_0: u8 = 0x20;

impl Header {
    /// Octets of a header.
    pub const LEN: usize = 28;

    /// Reads the header of a datagram (without a non-ESP marker).
    ///
    /// # Errors
    /// [`Malformed`]: shorter than a header, not IKEv2, or of another length than it says.
    pub fn parse(datagram: &[u8]) -> Result<Self, Malformed> {
        let (version, header) = Self::read(datagram).map_err(|_| Malformed::Octets {
            reason: MalformedReason::TooShort,
            at: datagram.len(),
        })?;
        let (major, minor) = (version >> 4, version & 0x0f);
        if major != VERSION_2_0 >> 4 {
            return Err(Malformed::Version { major, minor });
        }
        if usize::try_from(header.length) != Ok(datagram.len()) {
            return Err(Malformed::Octets { reason: MalformedReason::Length, at: Self::LEN - 4 });
        }
        Ok(header)
    }

    /// The fields as they stand, whatever the version and length: to answer a message that
    /// [`Header::parse`] refuses.
    pub fn peek(datagram: &[u8]) -> Option<Self> {
        Self::read(datagram).ok().map(|(_, header)| header)
    }

    fn read(datagram: &[u8]) -> Result<(u8, Self), Malformed> {
        let mut reader = Reader::new(datagram);
        let initiator_spi = u64::from_be_bytes(reader.array()?);
        let responder_spi = u64::from_be_bytes(reader.array()?);
        let next_payload = reader.u8()?;
        let version = reader.u8()?;
        let exchange = ExchangeType(reader.u8()?);
        let flags = Flags(reader.u8()?);
        let message_id = reader.u32()?;
        let length = reader.u32()?;
        let header = Self {
            initiator_spi,
            responder_spi,
            next_payload,
            exchange,
            flags,
            message_id,
            length,
        };
        Ok((version, header))
    }

    /// The header's octets, as version 2.0.
    #[must_use]
    pub fn emit(&self) -> [u8; Self::LEN] {
        let fields = self
            .initiator_spi
            .to_be_bytes()
            .into_iter()
            .chain(self.responder_spi.to_be_bytes())
            .chain([self.next_payload, VERSION_2_0, self.exchange.0, self.flags.0])
            .chain(self.message_id.to_be_bytes())
            .chain(self.length.to_be_bytes());
        let mut out = [0; Self::LEN];
        out.iter_mut().zip(fields).for_each(|(octet, value)| *octet = value);
        out
    }
}
