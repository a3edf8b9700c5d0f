//! How much of the flow table each institution has.

use std::collections::{BTreeSet, HashMap};

use policy::InstitutionCode;
use slab::Slab;

use crate::links::List;

/// Who has how many.
#[derive(Debug, Default)]
pub(crate) struct Shares {
    by_code: HashMap<InstitutionCode, u32>,
    all: Slab<Share>,
    /// Flows and place of each, the largest last.
    by_size: BTreeSet<(u32, u32)>,
}

#[derive(Debug)]
struct Share {
    code: InstitutionCode,
    flows: u32,
    list: List,
}

impl Shares {
    pub(crate) fn of(&self, code: &InstitutionCode) -> u32 {
        let share = self.by_code.get(code).and_then(|&at| self.all.get(at as usize));
        share.map_or(0, |share| share.flows)
    }

    /// Its flows, the one that was silent longest first.
    pub(crate) fn list(&mut self, at: u32) -> Option<&mut List> {
        self.all.get_mut(at as usize).map(|share| &mut share.list)
    }

    pub(crate) fn largest(&self) -> Option<List> {
        let &(_, at) = self.by_size.last()?;
        self.all.get(at as usize).map(|share| share.list)
    }

    /// An institution has one more.
    pub(crate) fn join(&mut self, code: &InstitutionCode) -> u32 {
        let at = match self.by_code.get(code) {
            Some(&at) => at,
            None => {
                let share = Share { code: code.clone(), flows: 0, list: List::default() };
                let at = self.all.insert(share) as u32;
                self.by_code.insert(code.clone(), at);
                at
            }
        };
        self.resize(at, |flows| flows + 1);
        at
    }

    /// It has one less.
    pub(crate) fn leave(&mut self, at: u32) {
        self.resize(at, |flows| flows.saturating_sub(1));
        if self.all.get(at as usize).is_some_and(|share| share.flows == 0) {
            self.by_size.remove(&(0, at));
            if let Some(share) = self.all.try_remove(at as usize) {
                self.by_code.remove(&share.code);
            }
        }
    }

    fn resize(&mut self, at: u32, size: impl FnOnce(u32) -> u32) {
        let Some(share) = self.all.get_mut(at as usize) else { return };
        self.by_size.remove(&(share.flows, at));
        share.flows = size(share.flows);
        self.by_size.insert((share.flows, at));
    }
}
