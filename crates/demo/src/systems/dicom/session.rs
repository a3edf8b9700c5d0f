//! The exchange of messages on one association (PS3.7 §6.3, PS3.8 annex E): a
//! command, then perhaps a data set, each in one or more fragments.

use std::fmt;

use dicom_ul::pdu::{PDataValue, PDataValueType};

use super::command::{CommandError, Operation, Request, Status};
use super::inbox::{Inbox, Instance};
use crate::systems::checksum::Checksum;

/// The longest command set taken, in bytes; real ones are a few hundred.
const MAX_COMMAND: usize = 16_384;

/// One association's place in the exchange.
pub(crate) struct Session<'a> {
    inbox: &'a Inbox,
    awaiting: Awaiting,
}

/// What the peer is sending.
enum Awaiting {
    /// A command set, of which this much has come.
    Command(Vec<u8>),
    /// The data set of a request.
    DataSet(Transfer),
}

/// A data set under way.
struct Transfer {
    request: Request,
    context: u8,
    transfer_syntax: String,
    checksum: Checksum,
}

/// How a peer broke the exchange of messages.
#[derive(Debug)]
pub(crate) enum ProtocolError {
    /// A PDU that has no place in an established association.
    UnexpectedPdu,
    /// A data set fragment where a command is due, or the reverse.
    OutOfOrder,
    /// A fragment in a presentation context that was never proposed, or that
    /// changed in the middle of a message.
    WrongContext(u8),
    /// A command set longer than [`MAX_COMMAND`].
    CommandTooLong,
    /// A command set that cannot be read.
    Command(CommandError),
}

impl<'a> Session<'a> {
    pub(crate) fn new(inbox: &'a Inbox) -> Self {
        Self { inbox, awaiting: Awaiting::Command(Vec::new()) }
    }

    /// Takes in one fragment, whose presentation context has `transfer_syntax`;
    /// returns the response when the fragment completes a message.
    pub(crate) fn handle_fragment(
        &mut self,
        fragment: &PDataValue,
        transfer_syntax: Option<&str>,
    ) -> Result<Option<Vec<u8>>, ProtocolError> {
        let context = fragment.presentation_context_id;
        let transfer_syntax = transfer_syntax.ok_or(ProtocolError::WrongContext(context))?;
        match (&mut self.awaiting, &fragment.value_type) {
            (Awaiting::Command(command), PDataValueType::Command) => {
                if command.len() + fragment.data.len() > MAX_COMMAND {
                    return Err(ProtocolError::CommandTooLong);
                }
                command.extend_from_slice(&fragment.data);
                if !fragment.is_last {
                    return Ok(None);
                }
                let request = Request::parse(command).map_err(ProtocolError::Command)?;
                Ok(self.handle_request(request, context, transfer_syntax))
            }
            (Awaiting::DataSet(transfer), PDataValueType::Data) => {
                if context != transfer.context {
                    return Err(ProtocolError::WrongContext(context));
                }
                transfer.checksum.update(&fragment.data);
                Ok(if fragment.is_last { self.finish_transfer() } else { None })
            }
            (Awaiting::Command(_), PDataValueType::Data)
            | (Awaiting::DataSet(_), PDataValueType::Command) => Err(ProtocolError::OutOfOrder),
        }
    }

    fn handle_request(
        &mut self,
        request: Request,
        context: u8,
        transfer_syntax: &str,
    ) -> Option<Vec<u8>> {
        if request.has_data_set {
            self.awaiting = Awaiting::DataSet(Transfer {
                request,
                context,
                transfer_syntax: transfer_syntax.to_owned(),
                checksum: Checksum::new(),
            });
            return None;
        }
        self.awaiting = Awaiting::Command(Vec::new());
        Some(request.respond(match request.operation {
            Operation::Echo => Status::Success,
            Operation::Store => Status::CannotUnderstand,
            Operation::Other(_) => Status::UnrecognizedOperation,
        }))
    }

    fn finish_transfer(&mut self) -> Option<Vec<u8>> {
        let finished = std::mem::replace(&mut self.awaiting, Awaiting::Command(Vec::new()));
        let Awaiting::DataSet(transfer) = finished else { return None };
        let request = transfer.request;
        let status = match request.operation {
            Operation::Store => {
                let sum = transfer.checksum.finish();
                self.inbox.put(Instance {
                    sop_class: request.sop_class.clone(),
                    sop_instance: request.sop_instance.clone(),
                    transfer_syntax: transfer.transfer_syntax,
                    bytes: sum.bytes,
                    sha256: sum.sha256,
                });
                Status::Success
            }
            Operation::Echo => Status::CannotUnderstand,
            Operation::Other(_) => Status::UnrecognizedOperation,
        };
        Some(request.respond(status))
    }
}

impl fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnexpectedPdu => f.write_str("the peer sent a PDU out of place"),
            Self::OutOfOrder => f.write_str("the peer mixed up commands and data sets"),
            Self::WrongContext(id) => {
                write!(f, "the peer used presentation context {id} out of place")
            }
            Self::CommandTooLong => {
                write!(f, "the peer's command set exceeds {MAX_COMMAND} bytes")
            }
            Self::Command(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ProtocolError {}
