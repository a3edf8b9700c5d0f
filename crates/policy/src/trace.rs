//! Following a judgement, check by check.

use crate::model::words;

words! {
    /// What the policy looks at, in this order. The first that speaks against the caller decides.
    Check {
        /// Whose the source address, certificate or IKE identity is.
        Identity = "identity" / "接続元",
        /// Whether the certificate or IKE identity may be used.
        Credential = "credential" / "認証情報",
        /// Whether the certificate is within its time.
        Validity = "validity" / "有効期間",
        /// Whether the terminal may connect.
        Terminal = "terminal" / "端末",
        /// Whether the institution may connect.
        Institution = "institution" / "機関",
        /// Whether it may use this road.
        Road = "road" / "接続方式",
        /// Which system it is that is asked for, and whether it serves the port.
        Destination = "destination" / "宛先",
        /// Whether the institution may use the system.
        Permission = "permission" / "利用許可",
        /// Whether it is within the institution's hours.
        Hours = "hours" / "利用時間",
        /// Whether the system is closed for maintenance.
        Maintenance = "maintenance" / "保守作業",
    }
}

/// Whoever follows a judgement.
pub(crate) trait Trace {
    /// This check is made next. Those that do not concern the caller are left out.
    fn begin(&mut self, check: Check);
}

/// Nobody follows, which costs nothing.
impl Trace for () {
    #[inline]
    fn begin(&mut self, _: Check) {}
}

impl Trace for Vec<Check> {
    fn begin(&mut self, check: Check) {
        self.push(check);
    }
}
