//! Elliptic curves: P-256, P-384 and P-521 (RFC 5903) and Curve25519 (RFC 8031), by AWS-LC.

use aws_lc_rs::agreement::{
    self, Algorithm, ECDH_P256, ECDH_P384, ECDH_P521, PrivateKey, UnparsedPublicKey, X25519,
};

use crate::{Error, Secret};

/// First octet of an uncompressed point (SEC 1 §2.3.3), which IKE leaves out.
const UNCOMPRESSED: u8 = 0x04;

/// A curve.
#[derive(Clone, Copy)]
pub(super) enum Curve {
    P256,
    P384,
    P521,
    X25519,
}

/// A private key on a curve.
pub(super) struct CurveKey {
    private: PrivateKey,
    wire: Wire,
}

/// How a curve's points travel in IKE.
#[derive(Clone, Copy)]
enum Wire {
    /// x and y, each as long as the field (RFC 5903 §7).
    Coordinates,
    /// As the curve's own definition encodes it (RFC 8031 §3.1).
    Native,
}

impl CurveKey {
    pub(super) fn generate(curve: Curve) -> Result<Self, Error> {
        let (algorithm, wire) = parameters(curve);
        let private = PrivateKey::generate(algorithm).map_err(|_| Error::Internal)?;
        Ok(Self { private, wire })
    }

    pub(super) fn public_value(&self) -> Result<Vec<u8>, Error> {
        let public = self.private.compute_public_key().map_err(|_| Error::Internal)?;
        match (self.wire, public.as_ref()) {
            (Wire::Native, octets) | (Wire::Coordinates, [UNCOMPRESSED, octets @ ..]) => {
                Ok(octets.to_vec())
            }
            (Wire::Coordinates, _) => Err(Error::Internal),
        }
    }

    /// The shared secret: the x coordinate, or what X25519 gives.
    ///
    /// AWS-LC refuses points that are not on the curve (RFC 6989 §2.3) and an all-zero output of
    /// X25519 (RFC 7748 §6.1).
    pub(super) fn agree(&self, peer: &[u8]) -> Result<Secret, Error> {
        let point = match self.wire {
            Wire::Coordinates => [&[UNCOMPRESSED], peer].concat(),
            Wire::Native => peer.to_vec(),
        };
        let peer = UnparsedPublicKey::new(self.private.algorithm(), point);
        agreement::agree(&self.private, &peer, Error::PublicValue, |shared| {
            Ok(Secret::new(shared.to_vec()))
        })
    }

    #[cfg(test)]
    pub(super) fn from_private(curve: Curve, private: &[u8]) -> Self {
        let (algorithm, wire) = parameters(curve);
        Self { private: PrivateKey::from_private_key(algorithm, private).unwrap(), wire }
    }
}

fn parameters(curve: Curve) -> (&'static Algorithm, Wire) {
    match curve {
        Curve::P256 => (&ECDH_P256, Wire::Coordinates),
        Curve::P384 => (&ECDH_P384, Wire::Coordinates),
        Curve::P521 => (&ECDH_P521, Wire::Coordinates),
        Curve::X25519 => (&X25519, Wire::Native),
    }
}
