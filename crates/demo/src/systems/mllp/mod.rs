//! HL7 v2 over MLLP: a receiver that acknowledges every message.
//!
//! Framing: HL7 Implementation Guide "Minimal Lower Layer Protocol", release 1:
//! `0x0B` message `0x1C 0x0D`.

mod hl7;
#[cfg(test)]
mod tests;

use std::fmt;
use std::io;
use std::time::Duration;

use jiff::Timestamp;
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufStream};

use super::idle::Idle;
use super::listener::{Accepted, Protocol};

const START_BLOCK: u8 = 0x0b;
const END_BLOCK: u8 = 0x1c;
const CARRIAGE_RETURN: u8 = 0x0d;
/// The longest message taken, in bytes.
const MAX_MESSAGE: u64 = 1 << 20;

/// Takes HL7 v2 messages and answers each with an acknowledgement.
#[derive(Clone)]
pub(crate) struct Receiver {
    idle_limit: Duration,
}

/// Why a connection could not be kept.
#[derive(Debug)]
pub(crate) enum Error {
    /// The peer sent something other than a start block where a message begins.
    NoStartBlock(u8),
    /// The peer's message is longer than [`MAX_MESSAGE`].
    TooLong,
    /// The peer's end block is not followed by a carriage return.
    NoCarriageReturn,
    /// The connection failed, or was silent for too long.
    Connection(io::Error),
}

impl Receiver {
    pub(crate) fn new(idle_limit: Duration) -> Self {
        Self { idle_limit }
    }
}

impl Protocol for Receiver {
    type Error = Error;

    async fn serve(self, connection: Accepted) -> Result<(), Error> {
        let mut stream = BufStream::new(Idle::new(connection.stream, self.idle_limit));
        while let Some(message) = read_frame(&mut stream).await? {
            let reply = hl7::acknowledge(&message, Timestamp::now());
            stream.write_u8(START_BLOCK).await?;
            stream.write_all(&reply).await?;
            stream.write_all(&[END_BLOCK, CARRIAGE_RETURN]).await?;
            stream.flush().await?;
        }
        Ok(())
    }
}

/// The next message, or none when the peer has closed between messages.
async fn read_frame(stream: &mut (impl AsyncBufRead + Unpin)) -> Result<Option<Vec<u8>>, Error> {
    match stream.read_u8().await {
        Ok(START_BLOCK) => {}
        Ok(other) => return Err(Error::NoStartBlock(other)),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error.into()),
    }
    let mut message = Vec::new();
    stream.take(MAX_MESSAGE + 1).read_until(END_BLOCK, &mut message).await?;
    if message.pop() != Some(END_BLOCK) {
        return Err(if message.len() as u64 >= MAX_MESSAGE {
            Error::TooLong
        } else {
            io::Error::from(io::ErrorKind::UnexpectedEof).into()
        });
    }
    match stream.read_u8().await? {
        CARRIAGE_RETURN => Ok(Some(message)),
        _ => Err(Error::NoCarriageReturn),
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoStartBlock(byte) => {
                write!(f, "the peer sent {byte:#04x} where an MLLP message begins with 0x0b")
            }
            Self::TooLong => write!(f, "the peer's message exceeds {MAX_MESSAGE} bytes"),
            Self::NoCarriageReturn => f.write_str("the peer's message does not end with 0x1c 0x0d"),
            Self::Connection(error) => write!(f, "the connection failed: {error}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Connection(error) => Some(error),
            Self::NoStartBlock(_) | Self::TooLong | Self::NoCarriageReturn => None,
        }
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::Connection(error)
    }
}
