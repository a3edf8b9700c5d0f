//! The Delete payload (RFC 7296 §3.11).

use crate::octets::Reader;
use crate::{Malformed, MalformedReason, Protocol};

/// SPIs of one payload: more SAs than one peer can have.
pub const MAX_DELETE_SPIS: usize = 1024;

/// Octets of the SPI of ESP or AH.
const CHILD_SPI_SIZE: u8 = 4;

/// SAs that their owner has deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delete {
    /// [`Protocol::Ike`] is the IKE SA that the message travels in.
    pub protocol: Protocol,
    /// The sender's inbound SPIs; none for the IKE SA.
    pub spis: Vec<u32>,
}

impl Delete {
    pub(crate) fn parse(mut reader: Reader<'_>) -> Result<Self, Malformed> {
        let unknown = reader.malformed(MalformedReason::Protocol);
        let protocol = Protocol::from_octet(reader.u8()?).ok_or(unknown)?;
        let size = reader.u8()?;
        let count = usize::from(reader.u16()?);
        let fits = match protocol {
            Protocol::Ike => size == 0 && count == 0,
            Protocol::Ah | Protocol::Esp => size == CHILD_SPI_SIZE,
        };
        if !fits {
            return Err(reader.malformed(MalformedReason::SpiSize));
        }
        if count > MAX_DELETE_SPIS {
            return Err(reader.malformed(MalformedReason::TooManySpis));
        }
        let spis = (0..count).map(|_| reader.u32()).collect::<Result<_, _>>()?;
        reader.finish()?;
        Ok(Self { protocol, spis })
    }

    /// `None` when there are more SPIs than their count can say.
    pub(crate) fn emit(&self) -> Option<Vec<u8>> {
        let size = if self.protocol == Protocol::Ike { 0 } else { CHILD_SPI_SIZE };
        let mut out = vec![self.protocol.octet(), size];
        out.extend(u16::try_from(self.spis.len()).ok()?.to_be_bytes());
        self.spis.iter().for_each(|spi| out.extend(spi.to_be_bytes()));
        Some(out)
    }
}
