//! Everything that was sent: no message id serves twice (RFC 7296 §2.1, §2.2).

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use ike_wire::{Content, Envelope, Flags};

use crate::Path;

/// What must name one sealed datagram: sender, SPIs, request or response, message id,
/// fragment.
type Name = (usize, (u64, u64), bool, u32, (u16, u16));

#[derive(Default)]
pub(super) struct Wire {
    sealed: HashMap<Name, Vec<u8>>,
}

impl Wire {
    pub(super) fn note(&mut self, host: usize, path: &Path, datagram: &[u8]) {
        let Envelope { header, content } = Envelope::parse(datagram).unwrap();
        let fragment = match content {
            Content::Clear { .. } => return,
            Content::Encrypted { .. } => (0, 0),
            Content::Fragment { number, total, .. } => (number, total),
        };
        assert_eq!(path.local.port(), 4500, "not the port that NATs let through: {header:?}");
        let spis = (header.initiator_spi, header.responder_spi);
        let response = header.flags.contains(Flags::RESPONSE);
        match self.sealed.entry((host, spis, response, header.message_id, fragment)) {
            Entry::Occupied(before) => {
                assert_eq!(before.get(), datagram, "a message id serves twice: {header:?}");
            }
            Entry::Vacant(vacant) => {
                vacant.insert(datagram.to_vec());
            }
        }
    }
}
