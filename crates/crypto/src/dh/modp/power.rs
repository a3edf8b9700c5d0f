//! What `boring` lacks for finite-field Diffie-Hellman: BoringSSL's constant-time modular
//! exponentiation (`boring`'s own `mod_exp` leaks the exponent through its timing), and its primes.
#![allow(unsafe_code)]

use std::ptr;

use boring::bn::{BigNum, BigNumContext, BigNumRef};
use foreign_types::{ForeignType as _, ForeignTypeRef as _};

use crate::Error;

/// A prime of RFC 3526.
#[derive(Clone, Copy)]
pub(in crate::dh) enum Prime {
    Modp2048,
    Modp3072,
    Modp4096,
}

impl Prime {
    pub(super) fn number(self) -> Result<BigNum, Error> {
        let prime = match self {
            Self::Modp2048 => boring_sys::BN_get_rfc3526_prime_2048,
            Self::Modp3072 => boring_sys::BN_get_rfc3526_prime_3072,
            Self::Modp4096 => boring_sys::BN_get_rfc3526_prime_4096,
        };
        let number = BigNum::new().map_err(|_| Error::Internal)?;
        // SAFETY: `number` is a live BIGNUM that nobody else uses; the function writes to it, and
        // returns it, or null when there is no memory.
        let written = unsafe { prime(number.as_ptr()) };
        if written.is_null() { Err(Error::Internal) } else { Ok(number) }
    }
}

/// `base ^ exponent mod modulus`, in time that depends on the lengths only.
///
/// The base is less than the modulus, and the modulus is odd.
pub(super) fn power(
    base: &BigNumRef,
    exponent: &BigNumRef,
    modulus: &BigNumRef,
) -> Result<BigNum, Error> {
    let result = BigNum::new().map_err(|_| Error::Internal)?;
    let context = BigNumContext::new().map_err(|_| Error::Internal)?;
    // SAFETY: all five point to live objects; the function writes to `result` and `context` only,
    // which nobody else uses; a null Montgomery context makes it compute its own.
    let done = unsafe {
        boring_sys::BN_mod_exp_mont_consttime(
            result.as_ptr(),
            base.as_ptr(),
            exponent.as_ptr(),
            modulus.as_ptr(),
            context.as_ptr(),
            ptr::null(),
        )
    };
    if done == 1 { Ok(result) } else { Err(Error::Internal) }
}
