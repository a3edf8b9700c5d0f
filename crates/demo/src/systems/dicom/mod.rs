//! The tele-radiology system: a DICOM service class provider for Verification
//! (PS3.4 annex A) and Storage (PS3.4 annex B).
//!
//! What is stored is counted and hashed as it passes, never decoded or kept.

mod command;
mod inbox;
mod session;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use dicom_ul::Pdu;
use dicom_ul::association::server::{
    AcceptAny, AsyncServerAssociation, DefaultNegotiation, ServerAssociationOptions,
};
use dicom_ul::pdu::{PDataValue, PDataValueType};
use tokio::net::TcpStream;

pub(crate) use self::inbox::Inbox;
pub use self::inbox::{Instance, Received};
use self::session::{ProtocolError, Session};
use super::listener::{Accepted, Protocol};

/// The application entity title of the store. Associations that call another are
/// accepted too.
pub const AE_TITLE: &str = "ENKAKU";

/// The longest PDU taken, in bytes; the most that DCMTK sends.
const MAX_PDU: u32 = 131_072;

/// Serves associations and puts what they store into an inbox.
#[derive(Clone)]
pub(crate) struct Scp {
    inbox: Arc<Inbox>,
    idle_limit: Duration,
}

/// Why an association ended other than by release.
#[derive(Debug)]
pub(crate) enum Error {
    /// The connection failed, was silent for too long, or carried malformed PDUs.
    Association(Box<dicom_ul::association::Error>),
    /// The peer aborted the association.
    Aborted,
    /// The peer broke the message exchange; the association was aborted.
    Protocol(ProtocolError),
}

impl Scp {
    pub(crate) fn new(inbox: Arc<Inbox>, idle_limit: Duration) -> Self {
        Self { inbox, idle_limit }
    }

    /// Any storage class is welcome, so that vendors' private ones are too;
    /// services other than storage and verification are refused per request.
    fn options(&self) -> ServerAssociationOptions<'static, AcceptAny, DefaultNegotiation> {
        ServerAssociationOptions::new()
            .accept_any()
            .ae_title(AE_TITLE)
            .promiscuous(true)
            .strict(true)
            .max_pdu_length(MAX_PDU)
            .read_timeout(self.idle_limit)
            .write_timeout(self.idle_limit)
    }
}

impl Protocol for Scp {
    type Error = Error;

    async fn serve(self, connection: Accepted) -> Result<(), Error> {
        let mut association = self.options().establish_async(connection.stream).await?;
        let mut session = Session::new(&self.inbox);
        loop {
            match association.receive().await? {
                Pdu::PData { data } => {
                    if let Err(error) = exchange(&mut association, &mut session, data).await? {
                        association.abort().await?;
                        return Err(Error::Protocol(error));
                    }
                }
                Pdu::ReleaseRQ => return Ok(association.send(&Pdu::ReleaseRP).await?),
                Pdu::AbortRQ { .. } => return Err(Error::Aborted),
                Pdu::AssociationRQ(_)
                | Pdu::AssociationAC(_)
                | Pdu::AssociationRJ(_)
                | Pdu::ReleaseRP
                | Pdu::Unknown { .. } => {
                    association.abort().await?;
                    return Err(Error::Protocol(ProtocolError::UnexpectedPdu));
                }
            }
        }
    }
}

/// Feeds received fragments to the session and sends what it answers.
async fn exchange(
    association: &mut AsyncServerAssociation<TcpStream>,
    session: &mut Session<'_>,
    fragments: Vec<PDataValue>,
) -> Result<Result<(), ProtocolError>, dicom_ul::association::Error> {
    for fragment in fragments {
        let context = fragment.presentation_context_id;
        let transfer_syntax = association
            .presentation_contexts()
            .iter()
            .find(|accepted| accepted.id == context)
            .map(|accepted| accepted.transfer_syntax.as_str());
        let reply = match session.handle_fragment(&fragment, transfer_syntax) {
            Ok(reply) => reply,
            Err(error) => return Ok(Err(error)),
        };
        if let Some(command) = reply {
            association.send(&command_pdu(context, command)).await?;
        }
    }
    Ok(Ok(()))
}

fn command_pdu(presentation_context_id: u8, data: Vec<u8>) -> Pdu {
    let value_type = PDataValueType::Command;
    Pdu::PData {
        data: vec![PDataValue { presentation_context_id, value_type, is_last: true, data }],
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Association(error) => write!(f, "the association failed: {error}"),
            Self::Aborted => f.write_str("the peer aborted the association"),
            Self::Protocol(error) => write!(f, "the association was aborted: {error}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Association(error) => Some(error),
            Self::Protocol(error) => Some(error),
            Self::Aborted => None,
        }
    }
}

impl From<dicom_ul::association::Error> for Error {
    fn from(error: dicom_ul::association::Error) -> Self {
        Self::Association(Box::new(error))
    }
}
