//! The payloads of a message, and how they go wrong.

use ike_wire::{Payload, emit_payloads};

use super::input::Input;

/// Payloads as octets: what is sealed, or goes in the clear.
#[derive(Clone, Debug, Default)]
pub struct Content {
    /// Type of the first payload.
    pub first: u8,
    /// The payloads.
    pub octets: Vec<u8>,
}

impl Content {
    /// These payloads, well formed.
    ///
    /// # Panics
    ///
    /// When they are too long.
    #[must_use]
    pub fn of(payloads: &[Payload<'_>]) -> Self {
        let (first, octets) = emit_payloads(payloads).unwrap();
        Self { first, octets }
    }

    /// Payloads of chosen types and bodies with headers that fit.
    #[must_use]
    pub fn framed(input: &mut Input<'_>) -> Self {
        let mut units = Vec::new();
        while !input.is_empty() && units.len() < 80 {
            units.push((input.octet(), input.piece().to_vec()));
        }
        Self::linked(&units)
    }

    /// Changes as many things as the input says; usually none.
    #[must_use]
    pub fn mutated(mut self, input: &mut Input<'_>) -> Self {
        for _ in 0..input.below(4) {
            self = self.mutated_once(input);
        }
        self
    }

    fn mutated_once(mut self, input: &mut Input<'_>) -> Self {
        let choice = input.octet() % 10;
        let mut units = self.units();
        let [one, other] = [input.below(units.len()), input.below(units.len())];
        match choice {
            0 => self.overwrite(input),
            1 => {
                let length = input.below(self.octets.len());
                self.octets.truncate(length);
            }
            2 => self.octets.extend(input.piece()),
            3 => self.first = input.octet(),
            _ if units.is_empty() => {}
            4 => drop(units.remove(one)),
            5 => units.insert(other, units[one].clone()),
            6 => units.swap(one, other),
            7 => units[one].0 = input.octet(),
            8 => units[one].1 = input.piece().to_vec(),
            _ => {
                let at = usize::from(input.short()) % (units[one].1.len() + 1);
                let piece = input.piece();
                units[one].1.splice(at..at, piece.iter().copied());
            }
        }
        if choice < 4 { self } else { Self::linked(&units) }
    }

    fn overwrite(&mut self, input: &mut Input<'_>) {
        let at = usize::from(input.short()) % self.octets.len().max(1);
        if let Some(octet) = self.octets.get_mut(at) {
            *octet = input.octet();
        }
    }

    /// Types and bodies.
    fn units(&self) -> Vec<(u8, Vec<u8>)> {
        let (mut kind, mut rest) = (self.first, &*self.octets);
        let mut units = Vec::new();
        while let Some((&[next, _, high, low], _)) = rest.split_first_chunk() {
            let length = usize::from(u16::from_be_bytes([high, low])).clamp(4, rest.len());
            units.push((kind, rest[4..length].to_vec()));
            (kind, rest) = (next, &rest[length..]);
        }
        units
    }

    fn linked(units: &[(u8, Vec<u8>)]) -> Self {
        let first = units.first().map(|(kind, _)| *kind).unwrap_or_default();
        let mut octets = Vec::new();
        for (index, (_, body)) in units.iter().enumerate() {
            let next = units.get(index + 1).map(|(kind, _)| *kind).unwrap_or_default();
            let length = u16::try_from(body.len() + 4).unwrap_or(u16::MAX);
            octets.extend([next, 0]);
            octets.extend(length.to_be_bytes());
            octets.extend(body);
        }
        Self { first, octets }
    }
}
