//! [`SigningKey`] as the certificate builder sees a signer.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::RSA_PKCS1_SHA256;
use der::asn1::BitString;
use der::oid::db::rfc5912::{ECDSA_WITH_SHA_256, ECDSA_WITH_SHA_384, SHA_256_WITH_RSA_ENCRYPTION};
use signature::{Keypair, Signer};
use x509_cert::spki::{
    self, AlgorithmIdentifierOwned, DynSignatureAlgorithmIdentifier, SignatureBitStringEncoding,
};

use super::{Pair, PublicKey, SigningKey};

/// The octets of a signature, in the encoding of RFC 5912.
pub(crate) struct Signature(Vec<u8>);

impl SignatureBitStringEncoding for Signature {
    fn to_bitstring(&self) -> der::Result<BitString> {
        BitString::from_bytes(&self.0)
    }
}

impl Signer<Signature> for SigningKey {
    fn try_sign(&self, message: &[u8]) -> Result<Signature, signature::Error> {
        let random = SystemRandom::new();
        let octets = match &self.pair {
            Pair::P256(pair) | Pair::P384(pair) => {
                pair.sign(&random, message).map(|signature| signature.as_ref().to_vec())
            }
            Pair::Rsa(pair) => {
                let mut octets = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut octets).map(|()| octets)
            }
        };
        octets.map(Signature).map_err(|_| signature::Error::new())
    }
}

impl Keypair for SigningKey {
    type VerifyingKey = PublicKey;

    fn verifying_key(&self) -> PublicKey {
        self.public_key.clone()
    }
}

impl DynSignatureAlgorithmIdentifier for SigningKey {
    /// RFC 5758 §3.2: no parameters with ECDSA. RFC 4055 §5: NULL with RSA.
    fn signature_algorithm_identifier(&self) -> spki::Result<AlgorithmIdentifierOwned> {
        let (oid, parameters) = match &self.pair {
            Pair::P256(_) => (ECDSA_WITH_SHA_256, None),
            Pair::P384(_) => (ECDSA_WITH_SHA_384, None),
            Pair::Rsa(_) => (SHA_256_WITH_RSA_ENCRYPTION, Some(der::asn1::Any::null())),
        };
        Ok(AlgorithmIdentifierOwned { oid, parameters })
    }
}
