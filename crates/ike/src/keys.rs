//! Keying material (RFC 7296 §2.14, §2.17, §2.18; RFC 8784 §3; RFC 9370 §2.2).

#[cfg(test)]
mod tests;

use crypto::prf::Prf;
use crypto::{Error, Secret};

use crate::protection::{Cipher, DirectionKeys};

/// The nonces of the exchange that keys are made in, without their payload headers.
#[derive(Clone, Copy, Debug)]
pub struct Nonces<'a> {
    /// Ni.
    pub initiator: &'a [u8],
    /// Nr.
    pub responder: &'a [u8],
}

/// The SPIs of the IKE SA that keys are made for.
#[derive(Clone, Copy, Debug)]
pub struct Spis {
    /// SPIi.
    pub initiator: [u8; 8],
    /// SPIr.
    pub responder: [u8; 8],
}

/// What the key exchanges of a CREATE_CHILD_SA exchange gave (RFC 9370 §2.2.4).
#[derive(Clone, Copy, Debug)]
pub struct SharedSecrets<'a> {
    /// SK(0), of the CREATE_CHILD_SA exchange itself.
    pub first: &'a Secret,
    /// SK(1) and so on, of the IKE_FOLLOWUP_KE exchanges after it.
    pub additional: &'a [Secret],
}

/// The algorithms of an IKE SA that decide about its keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Algorithms {
    /// The pseudorandom function.
    pub prf: Prf,
    /// What protects the messages.
    pub cipher: Cipher,
}

/// The keys of an IKE SA.
#[derive(Clone, Debug)]
pub struct IkeKeys {
    /// SK_d, from which the keys of other SAs are made.
    pub sk_d: Secret,
    /// SK_pi, which the initiator authenticates its identity with.
    pub sk_pi: Secret,
    /// SK_pr, which the responder authenticates its identity with.
    pub sk_pr: Secret,
    /// SK_ei and SK_ai, for the messages of the initiator of the SA.
    pub initiator: DirectionKeys,
    /// SK_er and SK_ar, for the messages of the responder of the SA.
    pub responder: DirectionKeys,
}

impl IkeKeys {
    /// The keys after IKE_SA_INIT (RFC 7296 §2.14).
    ///
    /// # Errors
    /// [`Error::Internal`] when the cryptographic library fails.
    pub fn initial(
        algorithms: Algorithms,
        nonces: Nonces<'_>,
        spis: Spis,
        shared: &Secret,
    ) -> Result<Self, Error> {
        let key = [nonces.initiator, nonces.responder].concat();
        let skeyseed = algorithms.prf.compute(&key, &[shared.as_bytes()])?;
        Self::from_skeyseed(&skeyseed, algorithms, nonces, spis)
    }

    /// The keys after an additional key exchange in IKE_INTERMEDIATE (RFC 9370 §2.2.2), from the
    /// keys before it. Nonces and SPIs are those of IKE_SA_INIT.
    ///
    /// # Errors
    /// [`Error::Internal`] when the cryptographic library fails.
    pub fn after_intermediate(
        &self,
        algorithms: Algorithms,
        nonces: Nonces<'_>,
        spis: Spis,
        shared: &Secret,
    ) -> Result<Self, Error> {
        let shared = SharedSecrets { first: shared, additional: &[] };
        self.rekeyed(algorithms.prf, algorithms, nonces, spis, shared)
    }

    /// The keys of the IKE SA that replaces the one of these keys (RFC 7296 §2.18,
    /// RFC 9370 §2.2.4). `old_prf` is that of the old SA; the algorithms, nonces and SPIs are
    /// those that the rekeying exchange brought.
    ///
    /// # Errors
    /// [`Error::Internal`] when the cryptographic library fails.
    pub fn rekeyed(
        &self,
        old_prf: Prf,
        algorithms: Algorithms,
        nonces: Nonces<'_>,
        spis: Spis,
        shared: SharedSecrets<'_>,
    ) -> Result<Self, Error> {
        let seed = child_seed(Some(shared), nonces);
        let skeyseed = old_prf.compute(self.sk_d.as_bytes(), &seed)?;
        Self::from_skeyseed(&skeyseed, algorithms, nonces, spis)
    }

    /// The keys with a post-quantum preshared key mixed in (RFC 8784 §3): it changes SK_d, SK_pi
    /// and SK_pr. What AUTH covers without the PPK (NO_PPK_AUTH) needs the keys from before.
    ///
    /// The keys of the directions stay as they are: keep the [`Sealer`](crate::protection::Sealer)
    /// of this end, as a new one would use its initialization vectors again.
    ///
    /// # Errors
    /// [`Error::Internal`] when the cryptographic library fails.
    pub fn with_ppk(&self, prf: Prf, ppk: &Secret) -> Result<Self, Error> {
        let mix =
            |key: &Secret| prf.expand(ppk.as_bytes(), &[key.as_bytes()], key.as_bytes().len());
        Ok(Self {
            sk_d: mix(&self.sk_d)?,
            sk_pi: mix(&self.sk_pi)?,
            sk_pr: mix(&self.sk_pr)?,
            initiator: self.initiator.clone(),
            responder: self.responder.clone(),
        })
    }

    /// The keys of a Child SA (RFC 7296 §2.17), with fresh shared secrets where the exchange that
    /// creates it has a key exchange (RFC 9370 §2.2.4).
    ///
    /// # Errors
    /// [`Error::Internal`] when the cryptographic library fails.
    pub fn child(
        &self,
        prf: Prf,
        cipher: Cipher,
        nonces: Nonces<'_>,
        shared: Option<SharedSecrets<'_>>,
    ) -> Result<ChildKeys, Error> {
        let encryption = cipher.encryption_key_len();
        let integrity = cipher.integrity_key_len();
        let seed = child_seed(shared, nonces);
        let keymat = prf.expand(self.sk_d.as_bytes(), &seed, 2 * (encryption + integrity))?;
        let mut keymat = Keymat(keymat.as_bytes());
        // Evaluated in this order, which is the order of the keys (RFC 7296 §2.17).
        Ok(ChildKeys {
            initiator: DirectionKeys {
                encryption: keymat.take(encryption)?,
                integrity: keymat.take(integrity)?,
            },
            responder: DirectionKeys {
                encryption: keymat.take(encryption)?,
                integrity: keymat.take(integrity)?,
            },
        })
    }

    fn from_skeyseed(
        skeyseed: &Secret,
        Algorithms { prf, cipher }: Algorithms,
        nonces: Nonces<'_>,
        spis: Spis,
    ) -> Result<Self, Error> {
        let [derivation, integrity, encryption] =
            [prf.output_len(), cipher.integrity_key_len(), cipher.encryption_key_len()];
        let seed = [nonces.initiator, nonces.responder, &spis.initiator, &spis.responder];
        let len = 3 * derivation + 2 * (integrity + encryption);
        let keymat = prf.expand(skeyseed.as_bytes(), &seed, len)?;
        let mut keymat = Keymat(keymat.as_bytes());
        let sk_d = keymat.take(derivation)?;
        let [sk_ai, sk_ar] = [keymat.take(integrity)?, keymat.take(integrity)?];
        let [sk_ei, sk_er] = [keymat.take(encryption)?, keymat.take(encryption)?];
        let [sk_pi, sk_pr] = [keymat.take(derivation)?, keymat.take(derivation)?];
        Ok(Self {
            sk_d,
            sk_pi,
            sk_pr,
            initiator: DirectionKeys { encryption: sk_ei, integrity: sk_ai },
            responder: DirectionKeys { encryption: sk_er, integrity: sk_ar },
        })
    }
}

/// The keys of a Child SA. The directions are named by who initiated the exchange that created
/// the Child SA, which need not be the initiator of the IKE SA (RFC 7296 §2.17).
#[derive(Clone, Debug)]
pub struct ChildKeys {
    /// For what the initiator of the exchange sends.
    pub initiator: DirectionKeys,
    /// For what the responder of the exchange sends.
    pub responder: DirectionKeys,
}

/// `SK(0) | Ni | Nr | SK(1) | …`, or without shared secrets `Ni | Nr`.
fn child_seed<'a>(shared: Option<SharedSecrets<'a>>, nonces: Nonces<'a>) -> Vec<&'a [u8]> {
    let first = shared.map(|shared| shared.first.as_bytes());
    let additional = shared.map_or(&[][..], |shared| shared.additional);
    first
        .into_iter()
        .chain([nonces.initiator, nonces.responder])
        .chain(additional.iter().map(Secret::as_bytes))
        .collect()
}

/// Keying material, from which keys are taken from the front.
struct Keymat<'a>(&'a [u8]);

impl Keymat<'_> {
    fn take(&mut self, len: usize) -> Result<Secret, Error> {
        let (key, rest) = self.0.split_at_checked(len).ok_or(Error::Internal)?;
        self.0 = rest;
        Ok(Secret::new(key.to_vec()))
    }
}
