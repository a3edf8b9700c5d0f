//! The decision, with its reasons: for whoever asks why.

mod change;
mod particulars;

use crate::model::words;
use crate::{Check, Denied, Permit, Policy, Request, UnixSeconds};

pub use change::Change;

/// A decision, what led to it, and what would change it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// What [`Policy::authorize`] says.
    pub outcome: Result<Permit, Denied>,
    /// The checks in the order in which they were made. Of a refusal the last one decided; the
    /// others were passed.
    pub steps: Vec<Step>,
    /// Each of these alone would change the deciding check; waiting, where it is listed, the
    /// verdict as a whole. Empty where nothing ever would.
    pub changes: Vec<Change>,
}

/// A check that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Which.
    pub check: Check,
    /// What was looked at.
    pub particulars: Vec<(Particular, Value)>,
}

words! {
    /// What was looked at in a check.
    Particular {
        /// A source address on the IP-VPN.
        Source = "source" / "送信元",
        /// The registered prefix that holds the source address.
        Prefix = "prefix" / "登録アドレス",
        /// A certificate by its SHA-256 fingerprint.
        Certificate = "certificate" / "証明書",
        /// An IKE identity.
        IkeIdentity = "ike-identity" / "IKE ID",
        /// A terminal or site router.
        Terminal = "terminal" / "端末",
        /// An institution.
        Institution = "institution" / "機関",
        /// In use, suspended or revoked.
        Status = "status" / "状態",
        /// The first second of a certificate's validity.
        NotBefore = "not-before" / "有効期間開始",
        /// The last second of a certificate's validity.
        NotAfter = "not-after" / "有効期限",
        /// The road by which the caller came.
        Network = "network" / "接続方式",
        /// What the institution is permitted of the kind.
        Permitted = "permitted" / "許可",
        /// A connected system.
        System = "system" / "システム",
        /// The address asked for.
        Address = "address" / "宛先アドレス",
        /// The protocol and port asked for.
        Service = "service" / "サービス",
        /// The system's prefix that holds the address.
        Destination = "destination" / "公開アドレス",
        /// The protocols and ports that are served there.
        Served = "served" / "公開サービス",
        /// The institution's prefix that holds the address.
        Session = "session" / "機関側アドレス",
        /// The institution's hours.
        Hours = "hours" / "利用時間",
        /// When the hours next begin.
        Opens = "opens" / "開始",
        /// When the hours next end.
        Closes = "closes" / "終了",
        /// When maintenance begins.
        From = "from" / "保守開始",
        /// When maintenance ends.
        Until = "until" / "保守終了",
    }
}

/// The value of a particular.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// As it is registered or configured.
    Text(String),
    /// A moment.
    Time(UnixSeconds),
}

impl Policy {
    /// Decides as [`Policy::authorize`] does, by the same judge, and says how it came to that.
    pub fn explain(&self, request: &Request<'_>) -> Explanation {
        let case = self.case(request);
        let mut checks = Vec::new();
        let outcome = self.decide(&case, request, &mut checks);
        let particulars = |check| self.particulars(check, &case, request);
        let step = |check| Step { check, particulars: particulars(check) };
        let changes = match &outcome {
            Ok(permit) => permit.recheck_at().map(Change::Time).into_iter().collect(),
            Err(denied) => self.changes(denied, &case, request),
        };
        Explanation { outcome, steps: checks.into_iter().map(step).collect(), changes }
    }
}

impl Explanation {
    /// The check that refused; `None` for a permit.
    pub fn decisive(&self) -> Option<&Step> {
        self.outcome.as_ref().err().and_then(|_| self.steps.last())
    }
}

#[cfg(test)]
mod tests;
