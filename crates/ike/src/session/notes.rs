//! Notifications in short.

use ike_wire::{Malformed, Notify, NotifyType, Payload};

/// A notification about the message or the IKE SA itself.
pub(crate) fn note(kind: NotifyType, data: &[u8]) -> Payload<'_> {
    Payload::Notify(Notify::new(kind, data))
}

/// What to answer to a malformed message (RFC 7296 §2.21.3, §2.5).
pub(crate) fn refusal_of(malformed: Malformed) -> (NotifyType, Vec<u8>) {
    let data = match malformed {
        Malformed::UnsupportedCritical(kind) => vec![kind.0],
        Malformed::Version { .. }
        | Malformed::Missing(_)
        | Malformed::Doubled(_)
        | Malformed::Octets { .. } => Vec::new(),
    };
    (malformed.answer(), data)
}
