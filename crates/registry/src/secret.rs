//! Keys shared with site routers: what they must be, and how they are kept.
//!
//! They are kept sealed (AES-256-GCM) under a key from a file outside the database, so that
//! whoever has only the database, or a copy of it, has none of them.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::rand;
use serde::{Serialize, Serializer};
use zeroize::Zeroizing;

use crate::Error;

/// Shortest key that is taken, in octets: guessing at it offline must be hopeless, even
/// where a person has thought it out.
const LEAST: usize = 20;
/// Longest key that is taken, in octets.
const MOST: usize = 256;
/// Five bits a character, and none that is mistaken for another when it is typed over.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
/// Characters of a new key: 260 bits.
const NEW: usize = 52;

/// A key shared with a site router. Cleared when dropped, never shown.
#[derive(Clone)]
pub struct SharedKey(Zeroizing<Vec<u8>>);

/// Why a text is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyProblem {
    /// Shorter than it must be, in octets.
    Short(usize),
    /// Longer than 256 octets.
    Long,
    /// A space, a control character, or one that is not ASCII.
    BadCharacter,
    /// It begins with `0x`, but what follows is not two hexadecimal digits an octet.
    NotHexadecimal,
}

impl fmt::Display for KeyProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Short(least) => write!(
                f,
                "is shorter than {least} octets, and could be guessed: have one made by leaving \
                 it out, or give a longer one"
            ),
            Self::Long => write!(f, "is longer than {MOST} octets: shorten it"),
            Self::BadCharacter => f.write_str(
                "holds a space or a character that is not ASCII: not every router would read it \
                 alike; write it in hexadecimal after 0x",
            ),
            Self::NotHexadecimal => {
                f.write_str("begins with 0x, but is not hexadecimal, two digits an octet")
            }
        }
    }
}

impl std::error::Error for KeyProblem {}

/// Reads a key as people write it (RFC 7296 §2.15): ASCII text, which is the key as it
/// stands, or octets in hexadecimal after `0x`.
impl FromStr for SharedKey {
    type Err = KeyProblem;

    fn from_str(text: &str) -> Result<Self, KeyProblem> {
        let key = match text.strip_prefix("0x") {
            Some(digits) => Self(octets(digits).ok_or(KeyProblem::NotHexadecimal)?),
            None if text.bytes().all(|byte| byte.is_ascii_graphic()) => {
                Self(Zeroizing::new(text.as_bytes().to_vec()))
            }
            None => return Err(KeyProblem::BadCharacter),
        };
        key.at_least(LEAST)?;
        if key.0.len() > MOST { Err(KeyProblem::Long) } else { Ok(key) }
    }
}

impl SharedKey {
    /// A new key as text of 52 letters and digits (260 bits), to be shown once.
    ///
    /// # Errors
    /// [`Error::Cryptography`].
    pub fn generate() -> Result<Zeroizing<String>, Error> {
        let mut random = Zeroizing::new([0; NEW]);
        rand::fill(&mut *random).map_err(|_| Error::Cryptography)?;
        let mut text = Zeroizing::new(String::with_capacity(NEW));
        text.extend(random.iter().filter_map(|byte| character(*byte)));
        Ok(text)
    }

    /// The octets, as IKE takes them.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Says whether the key has `least` octets.
    pub(crate) fn at_least(&self, least: usize) -> Result<(), KeyProblem> {
        if self.0.len() < least { Err(KeyProblem::Short(least)) } else { Ok(()) }
    }
}

impl fmt::Debug for SharedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SharedKey(redacted)")
    }
}

/// 256 is a multiple of 32: every character is as likely as the others.
fn character(random: u8) -> Option<char> {
    ALPHABET.get(usize::from(random) % ALPHABET.len()).map(|&byte| byte.into())
}

fn octets(digits: &str) -> Option<Zeroizing<Vec<u8>>> {
    let nibble = |digit: u8| char::from(digit).to_digit(16).and_then(|n| u8::try_from(n).ok());
    let mut octets = Zeroizing::new(Vec::with_capacity(digits.len() / 2));
    let (pairs, rest) = digits.as_bytes().as_chunks();
    for &[high, low] in pairs {
        octets.push(nibble(high)? << 4 | nibble(low)?);
    }
    rest.is_empty().then_some(octets)
}

/// The key that seals those in the registry.
#[derive(Debug)]
pub struct SealingKey(RandomizedNonceKey);

impl SealingKey {
    /// Length of the key, in octets.
    pub const LEN: usize = 32;

    /// Takes a key over; `octets` are still the caller's to clear.
    ///
    /// # Errors
    /// [`Error::Cryptography`].
    pub fn new(octets: &[u8; Self::LEN]) -> Result<Self, Error> {
        let key = RandomizedNonceKey::new(&AES_256_GCM, octets);
        key.map(Self).map_err(|_| Error::Cryptography)
    }

    /// New octets for [`SealingKey::new`], to be kept in a file outside the registry.
    ///
    /// # Errors
    /// [`Error::Cryptography`].
    pub fn generate() -> Result<Zeroizing<[u8; Self::LEN]>, Error> {
        let mut octets = Zeroizing::new([0; Self::LEN]);
        rand::fill(&mut *octets).map_err(|_| Error::Cryptography)?;
        Ok(octets)
    }

    /// Seals `key` for the one use that `purpose` names.
    pub(crate) fn seal(&self, purpose: &str, key: &SharedKey) -> Result<Sealed, Error> {
        let mut text = key.0.clone();
        let sealed = self.0.seal_in_place_separate_tag(Aad::from(purpose), &mut text);
        let (nonce, tag) = sealed.map_err(|_| Error::Cryptography)?;
        Ok(Sealed([nonce.as_ref().as_slice(), &text, tag.as_ref()].concat()))
    }

    /// Opens what was sealed for `purpose`; `None` when it was sealed with another key, for
    /// another purpose, or was changed.
    pub(crate) fn open(&self, purpose: &str, sealed: &Sealed) -> Option<SharedKey> {
        let (&nonce, text) = sealed.0.split_first_chunk::<NONCE_LEN>()?;
        let mut text = Zeroizing::new(text.to_vec());
        let nonce = Nonce::assume_unique_for_key(nonce);
        let length = self.0.open_in_place(nonce, Aad::from(purpose), &mut text).ok()?.len();
        text.truncate(length);
        Some(SharedKey(text))
    }
}

/// A sealed key: nonce (random, 96 bits), ciphertext, tag. To the audit and to `Debug` it
/// says only that it is set.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed(pub(crate) Vec<u8>);

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("set")
    }
}

impl Serialize for Sealed {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str("set")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &str) -> KeyProblem {
        text.parse::<SharedKey>().unwrap_err()
    }

    #[test]
    fn keys_are_what_both_ends_read_alike_and_nobody_guesses() {
        let text = "correct-horse-battery";
        assert_eq!(text.parse::<SharedKey>().unwrap().as_bytes(), text.as_bytes());
        let hexadecimal = format!("0x{}", "00fF".repeat(10));
        let key: SharedKey = hexadecimal.parse().unwrap();
        assert_eq!(key.as_bytes(), [0x00, 0xff].repeat(10));

        assert_eq!(problem("nineteen-characters"), KeyProblem::Short(LEAST));
        assert_eq!(problem(&hexadecimal[..40]), KeyProblem::Short(LEAST));
        assert_eq!(problem(&hexadecimal[..41]), KeyProblem::NotHexadecimal);
        assert_eq!(problem("0xyz"), KeyProblem::NotHexadecimal);
        assert_eq!(problem("高松中央病院の事前共有鍵"), KeyProblem::BadCharacter);
        assert_eq!(problem("two words, one slip"), KeyProblem::BadCharacter);
        assert_eq!(problem(&"x".repeat(257)), KeyProblem::Long);
    }

    #[test]
    fn a_new_key_is_strong_and_typed_over_without_mistakes() {
        let (one, other) = (SharedKey::generate().unwrap(), SharedKey::generate().unwrap());
        assert_ne!(one, other);
        assert!(one.len() >= 52 && !one.contains(['0', 'O', 'o', '1', 'l', 'I']), "{}", *one);
        assert_eq!(one.parse::<SharedKey>().unwrap().as_bytes(), one.as_bytes());
    }

    #[test]
    fn what_is_sealed_opens_with_its_key_for_its_purpose_only() {
        let sealing = SealingKey::new(&[7; 32]).unwrap();
        let key: SharedKey = "correct-horse-battery".parse().unwrap();
        let sealed = sealing.seal("a", &key).unwrap();
        assert_ne!(sealed, sealing.seal("a", &key).unwrap(), "no nonce is used twice");
        assert!(!sealed.0.windows(6).any(|part| part == b"horse-"));
        assert_eq!(sealing.open("a", &sealed).unwrap().as_bytes(), key.as_bytes());

        assert!(sealing.open("b", &sealed).is_none());
        assert!(SealingKey::new(&[8; 32]).unwrap().open("a", &sealed).is_none());
        let last = sealed.0.len() - 1;
        let mut changed = sealed.clone();
        changed.0[last] ^= 1;
        assert!(sealing.open("a", &changed).is_none());
        assert!(sealing.open("a", &Sealed(sealed.0[..11].to_vec())).is_none());

        let shown = format!("{key:?} {sealed:?} {sealing:?}");
        assert!(!shown.contains("horse") && !shown.contains("7, 7"), "{shown}");
    }
}
