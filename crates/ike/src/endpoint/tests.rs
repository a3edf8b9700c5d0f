//! What must hold in the tables after every step.

use super::Endpoint;

impl Endpoint {
    /// No table has forgotten, or remembers, what another has not.
    pub(crate) fn check_tables(&self) {
        let armed = self.sessions.iter().filter_map(|(id, entry)| Some((entry.timeout?, *id)));
        assert_eq!(armed.collect::<std::collections::BTreeSet<_>>(), self.timeouts);
        for (key, id) in &self.begun {
            let entry = &self.sessions[id];
            assert!(entry.begun == Some(*key) && entry.stage.is_half_open());
        }
        assert_eq!(self.begun.len(), self.half_open.total());
        assert!(self.spis.owners().all(|id| self.sessions.contains_key(&id)));
    }

    /// Whether an IKE SPI is ours.
    pub(crate) fn owns(&self, spi: u64) -> bool {
        self.spis.session(spi).is_some()
    }
}
