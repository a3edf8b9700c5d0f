//! What an SA that is rekeyed may become.
//!
//! New keys are for the same algorithms: RFC 7296 §2.8 permits others, but nobody who rekeys
//! expects weaker ones, and with another PRF implementations differ: strongSwan makes the new IKE
//! SA's keys by the old one's PRF, where RFC 7296 §2.18 wants the new one's.

#[cfg(test)]
mod tests;

use ike_wire::Transform;

use crate::algorithm::{Algorithm as _, Encryption, is_key_exchange, sequence_numbers};
use crate::menu::Menu;
use crate::suite::Cipher;
use crate::{ChildProposal, ChildSuite, IkeProposal, IkeSuite};

impl IkeProposal {
    /// Those of `configured` that have cipher and PRF of `suite`, with no others than these; key
    /// exchanges stay as they are. All that are configured, if none has.
    #[must_use]
    pub fn keeping(suite: &IkeSuite, configured: &[Self]) -> Vec<Self> {
        let mut kept = transforms(suite.cipher);
        kept.push(suite.prf.transform());
        let kept: Vec<_> = configured.iter().filter_map(|one| keep(&one.0, &kept)).collect();
        if kept.is_empty() { configured.to_vec() } else { kept.into_iter().map(Self).collect() }
    }
}

impl ChildProposal {
    /// Those of `configured` that have cipher and sequence numbers of `suite`, likewise.
    #[must_use]
    pub fn keeping(suite: &ChildSuite, configured: &[Self]) -> Vec<Self> {
        let mut kept = transforms(suite.cipher);
        kept.push(sequence_numbers(suite.esn));
        let kept: Vec<_> = configured.iter().filter_map(|one| keep(&one.0, &kept)).collect();
        if kept.is_empty() { configured.to_vec() } else { kept.into_iter().map(Self).collect() }
    }
}

fn transforms(cipher: Cipher) -> Vec<Transform> {
    match cipher {
        Cipher::Aead(algorithm) => vec![Encryption::Aead(algorithm).transform()],
        Cipher::Cbc { key, integrity } => {
            vec![Encryption::Cbc(key).transform(), integrity.transform()]
        }
    }
}

fn keep(menu: &Menu, kept: &[Transform]) -> Option<Menu> {
    if !kept.iter().all(|&one| menu.contains(one)) {
        return None;
    }
    let mut narrowed = Menu::default();
    menu.transforms()
        .filter(|one| is_key_exchange(one.kind) || kept.contains(one))
        .for_each(|one| narrowed.push(one));
    Some(narrowed)
}
