//! A set of transforms by type.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use ike_wire::{Proposal, Transform, TransformType};

use crate::name::Named;

/// What one end accepts: for each transform type, one of these, the preferred ones first.
///
/// One proposal is for AEADs or for ciphers that need an integrity algorithm, never for both
/// (RFC 7296 §3.3.3): a menu with integrity algorithms has no AEAD.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Menu(BTreeMap<TransformType, Vec<Transform>>);

impl Menu {
    /// A peer's proposal.
    pub(crate) fn of(proposal: &Proposal) -> Self {
        let mut menu = Self::default();
        for &transform in &proposal.transforms {
            menu.push(transform);
        }
        menu
    }

    pub(crate) fn push(&mut self, transform: Transform) {
        self.0.entry(transform.kind).or_default().push(transform);
    }

    /// The transforms of one type.
    pub(crate) fn of_kind(&self, kind: TransformType) -> &[Transform] {
        self.0.get(&kind).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn kinds(&self) -> BTreeSet<TransformType> {
        self.0.keys().copied().collect()
    }

    pub(crate) fn transforms(&self) -> impl Iterator<Item = Transform> {
        self.0.values().flatten().copied()
    }

    pub(crate) fn contains(&self, transform: Transform) -> bool {
        self.of_kind(transform.kind).contains(&transform)
    }
}

/// In strongSwan's notation.
impl fmt::Display for Menu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, transform) in self.transforms().enumerate() {
            let dash = if index == 0 { "" } else { "-" };
            write!(f, "{dash}{}", Named(transform))?;
        }
        Ok(())
    }
}
