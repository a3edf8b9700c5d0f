//! How often what happened.

use ike_wire::MalformedReason;
use reason::Counters as CountersOf;

use crate::{Dropped, Ending, Refusal};

/// Counters of an [`Endpoint`](crate::Endpoint), by reason.
#[derive(Debug, Default)]
pub struct Counters {
    /// Datagrams dropped.
    pub dropped: CountersOf<Dropped>,
    /// Why messages were malformed; all of them are in [`Dropped::Malformed`] or
    /// [`Refusal::InvalidSyntax`] as well.
    pub malformed: CountersOf<MalformedReason>,
    /// Negotiations and authentications refused.
    pub refused: CountersOf<Refusal>,
    /// Sessions and CHILD_SAs ended.
    pub ended: CountersOf<Ending>,
}
