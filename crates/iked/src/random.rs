//! Randomness of the operating system.

use ike::Random;
use rustix::io::Errno;
use rustix::rand::{GetRandomFlags, getrandom};

/// The kernel's generator.
pub(crate) struct OsRandom;

impl Random for OsRandom {
    fn fill(&mut self, octets: &mut [u8]) {
        let mut rest = octets;
        while !rest.is_empty() {
            match getrandom(&mut *rest, GetRandomFlags::empty()) {
                Ok(filled) => rest = rest.get_mut(filled..).unwrap_or_default(),
                Err(Errno::INTR) => {}
                // Predictable SPIs and nonces would be worse than no gateway.
                Err(_) => std::process::abort(),
            }
        }
    }
}
