//! The five connected systems as small servers of the right protocols, for the demos, for
//! the whole-system tests and for trying the gateway by hand; and what the demos share.
#![forbid(unsafe_code)]

pub mod image;
pub mod report;
pub mod systems;

/// An HL7 v2 message in its MLLP frame: the admission of nobody.
pub const HL7_MESSAGE: &[u8] =
    b"\x0bMSH|^~\\&|DEMO|3710101|CHIIKI|KMIX|20261122||ADT^A08|42|P|2.5\r\x1c\r";

/// What the answer to [`HL7_MESSAGE`] holds when it was taken.
pub const HL7_ACCEPTED: &str = "MSA|AA|42";
