//! Randomness for IKE endpoints.

use ike::Random;
use rustix::rand::{GetRandomFlags, getrandom};

/// The kernel's generator, as in the gateway.
#[derive(Debug)]
pub struct Kernel;

impl Random for Kernel {
    fn fill(&mut self, octets: &mut [u8]) {
        let filled = getrandom(&mut *octets, GetRandomFlags::empty()).unwrap();
        assert_eq!(filled, octets.len(), "so little comes at once");
    }
}
