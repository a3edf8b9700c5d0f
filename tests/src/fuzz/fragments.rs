//! Fragments in any order and number, against a model of what reassembly has to do
//! (RFC 7383 §2.6).

use std::collections::BTreeMap;

use ike::protection::{MAX_FRAGMENTS, MAX_PLAINTEXT};
use ike::reassembly::{Complete, Fragment, FragmentRefusal, Reassembly};

use super::input::Input;

/// The input is a list of fragments: number, total, next payload, length, octets. The upper
/// half of a length stands for many octets, so that inputs stay small.
///
/// # Panics
///
/// When reassembly does something else than the model.
pub fn run(input: &[u8]) {
    let mut input = Input::new(input);
    let mut reassembly = Reassembly::new();
    let mut model = Model::default();
    while !input.is_empty() {
        let [number, total] = [input.short(), input.short()];
        let next_payload = input.octet();
        let plaintext = match input.octet() {
            length @ ..128 => input.take(length.into()).to_vec(),
            length => vec![length; usize::from(length & 0x7f) * 512],
        };
        let fragment = Fragment { number, total, next_payload, plaintext: &plaintext };
        let result = reassembly.insert(&fragment);
        if let Err(refusal) = result {
            assert!(!refusal.to_string().is_empty());
        }
        assert_eq!(result, model.insert(&fragment));
    }
}

/// What is there of the message.
#[derive(Default)]
struct Model {
    total: u16,
    parts: BTreeMap<u16, (u8, Vec<u8>)>,
}

impl Model {
    fn insert(&mut self, fragment: &Fragment<'_>) -> Result<Option<Complete>, FragmentRefusal> {
        let Fragment { number, total, next_payload, plaintext } = *fragment;
        if total > MAX_FRAGMENTS {
            return Err(FragmentRefusal::TooMany { total });
        }
        if !(1..=total).contains(&number) {
            return Err(FragmentRefusal::Numbering { number, total });
        }
        if total < self.total {
            return Err(FragmentRefusal::OutdatedSet);
        }
        if total > self.total {
            *self = Self { total, parts: BTreeMap::new() };
        }
        if self.parts.contains_key(&number) {
            return Err(FragmentRefusal::Duplicate);
        }
        let octets = self.parts.values().map(|(_, part)| part.len()).sum::<usize>();
        let octets = octets + plaintext.len();
        if octets > MAX_PLAINTEXT {
            return Err(FragmentRefusal::TooLarge { octets });
        }
        self.parts.insert(number, (next_payload, plaintext.to_vec()));
        if self.parts.len() < usize::from(total) {
            return Ok(None);
        }
        let parts = std::mem::take(self).parts;
        let first_inner = parts.get(&1).map(|(next, _)| *next).unwrap_or_default();
        let plaintext = parts.into_values().flat_map(|(_, part)| part).collect();
        Ok(Some(Complete { first_inner, plaintext }))
    }
}
