//! Why an IKE SA is refused or ended, from whichever part it comes.

use connlog::Dismissed;
use ike::{Ending, Refusal};
use logstore::{LogReason, Unwritable};
use pki::PathError;
use policy::Denial;
use reason::Reason as _;

use crate::Withdrawal;

/// Whose reason it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// The endpoint has counted it.
    Refused(Refusal),
    /// Likewise.
    Ended(Ending),
    Policy(Denial),
    Certificate(PathError),
    Log(LogReason),
    Own(Withdrawal),
    /// An operator ended it; the session says who.
    Dismissed(Dismissed),
}

impl Cause {
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::Refused(refusal) => refusal.code(),
            Self::Ended(ending) => ending.code(),
            Self::Policy(denial) => denial.code(),
            Self::Certificate(error) => error.code(),
            Self::Log(reason) => reason.code(),
            Self::Own(withdrawal) => withdrawal.code(),
            Self::Dismissed(dismissed) => dismissed.code(),
        }
    }
}

impl From<Unwritable> for Cause {
    fn from(unwritable: Unwritable) -> Self {
        Self::Log(unwritable.reason())
    }
}
