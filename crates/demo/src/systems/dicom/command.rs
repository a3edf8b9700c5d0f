//! DIMSE command sets (PS3.7 §6.3.1, §9.3, annex E): always implicit VR little
//! endian, always group 0000, whatever the transfer syntax of the data.
//!
//! Read here and not by a general data set parser, because a general one
//! believes an element's 32-bit length and sets that much memory aside.

use std::fmt;

const AFFECTED_SOP_CLASS_UID: u16 = 0x0002;
const COMMAND_FIELD: u16 = 0x0100;
const MESSAGE_ID: u16 = 0x0110;
const MESSAGE_ID_BEING_RESPONDED_TO: u16 = 0x0120;
const COMMAND_DATA_SET_TYPE: u16 = 0x0800;
const STATUS: u16 = 0x0900;
const AFFECTED_SOP_INSTANCE_UID: u16 = 0x1000;

const C_STORE_RQ: u16 = 0x0001;
const C_ECHO_RQ: u16 = 0x0030;
/// Set in the command field of every response.
const RESPONSE: u16 = 0x8000;
/// The command data set type that means: no data set follows.
const NO_DATA_SET: u16 = 0x0101;
/// Group and element number, then the value's length.
const ELEMENT_HEADER_LEN: usize = 8;

/// A request, as far as this provider reads it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) operation: Operation,
    message_id: u16,
    /// Affected SOP Class UID; empty when absent.
    pub(crate) sop_class: String,
    /// Affected SOP Instance UID; empty when absent, which a C-STORE-RQ's is not.
    pub(crate) sop_instance: String,
    pub(crate) has_data_set: bool,
}

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    /// C-ECHO-RQ.
    Echo,
    /// C-STORE-RQ.
    Store,
    /// Another command field.
    Other(u16),
}

/// The outcome of a request (PS3.7 annex C, PS3.4 §B.2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub(crate) enum Status {
    Success = 0x0000,
    UnrecognizedOperation = 0x0211,
    CannotUnderstand = 0xc000,
}

/// What is wrong with a peer's command set.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum CommandError {
    /// An element's length runs past the end.
    Truncated,
    /// An element of this group; only group 0000 may occur.
    ForeignGroup(u16),
    /// The element of this number in group 0000 is absent or of the wrong size.
    Missing(u16),
}

impl Request {
    pub(crate) fn parse(command_set: &[u8]) -> Result<Self, CommandError> {
        let elements = elements(command_set)?;
        let find =
            |number| elements.iter().find(|&&(found, _)| found == number).map(|&(_, value)| value);
        let short = |number| {
            let value = find(number).and_then(|value| value.try_into().ok());
            value.map(u16::from_le_bytes).ok_or(CommandError::Missing(number))
        };
        let operation = match short(COMMAND_FIELD)? {
            C_ECHO_RQ => Operation::Echo,
            C_STORE_RQ => Operation::Store,
            other => Operation::Other(other),
        };
        let sop_class = find(AFFECTED_SOP_CLASS_UID).map(uid).unwrap_or_default();
        let sop_instance = find(AFFECTED_SOP_INSTANCE_UID).map(uid).unwrap_or_default();
        if operation == Operation::Store && sop_instance.is_empty() {
            return Err(CommandError::Missing(AFFECTED_SOP_INSTANCE_UID));
        }
        Ok(Self {
            operation,
            message_id: short(MESSAGE_ID)?,
            sop_class,
            sop_instance,
            has_data_set: short(COMMAND_DATA_SET_TYPE)? != NO_DATA_SET,
        })
    }

    /// The response's command set.
    pub(crate) fn respond(&self, status: Status) -> Vec<u8> {
        let field = match self.operation {
            Operation::Echo => C_ECHO_RQ,
            Operation::Store => C_STORE_RQ,
            Operation::Other(field) => field,
        };
        let mut elements = Vec::new();
        push_uid(&mut elements, AFFECTED_SOP_CLASS_UID, &self.sop_class);
        push_short(&mut elements, COMMAND_FIELD, field | RESPONSE);
        push_short(&mut elements, MESSAGE_ID_BEING_RESPONDED_TO, self.message_id);
        push_short(&mut elements, COMMAND_DATA_SET_TYPE, NO_DATA_SET);
        push_short(&mut elements, STATUS, status as u16);
        push_uid(&mut elements, AFFECTED_SOP_INSTANCE_UID, &self.sop_instance);
        with_group_length(&elements)
    }
}

/// The element numbers and values of a command set.
fn elements(mut rest: &[u8]) -> Result<Vec<(u16, &[u8])>, CommandError> {
    let mut elements = Vec::new();
    while !rest.is_empty() {
        let (header, after) =
            rest.split_first_chunk::<ELEMENT_HEADER_LEN>().ok_or(CommandError::Truncated)?;
        let [group @ .., n0, n1, l0, l1, l2, l3] = *header;
        if group != [0, 0] {
            return Err(CommandError::ForeignGroup(u16::from_le_bytes(group)));
        }
        let len = usize::try_from(u32::from_le_bytes([l0, l1, l2, l3]))
            .map_err(|_| CommandError::Truncated)?;
        let (value, after) = after.split_at_checked(len).ok_or(CommandError::Truncated)?;
        elements.push((u16::from_le_bytes([n0, n1]), value));
        rest = after;
    }
    Ok(elements)
}

/// A UID without the NUL that pads it to even length (PS3.5 §9.1).
fn uid(value: &[u8]) -> String {
    String::from_utf8_lossy(value).trim_end_matches(['\0', ' ']).to_owned()
}

fn push_uid(elements: &mut Vec<u8>, number: u16, uid: &str) {
    if uid.is_empty() {
        return;
    }
    let mut value = uid.as_bytes().to_vec();
    if value.len() % 2 == 1 {
        value.push(0);
    }
    push(elements, number, &value);
}

fn push_short(elements: &mut Vec<u8>, number: u16, value: u16) {
    push(elements, number, &value.to_le_bytes());
}

fn push(elements: &mut Vec<u8>, number: u16, value: &[u8]) {
    elements.extend_from_slice(&[0, 0]);
    elements.extend_from_slice(&number.to_le_bytes());
    elements.extend_from_slice(&(value.len() as u32).to_le_bytes());
    elements.extend_from_slice(value);
}

/// Command group length (0000,0000) stands first (PS3.7 §6.3.1).
fn with_group_length(elements: &[u8]) -> Vec<u8> {
    let mut command_set = Vec::new();
    push(&mut command_set, 0x0000, &(elements.len() as u32).to_le_bytes());
    command_set.extend_from_slice(elements);
    command_set
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated => f.write_str("the peer's command set is cut short"),
            Self::ForeignGroup(group) => {
                write!(f, "the peer's command set has an element of group {group:04x}")
            }
            Self::Missing(number) => {
                write!(f, "the peer's command set lacks a valid element (0000,{number:04x})")
            }
        }
    }
}

impl std::error::Error for CommandError {}
