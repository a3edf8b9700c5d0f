//! What a peer's key is used for.

use der::oid::db::rfc5280::{ANY_EXTENDED_KEY_USAGE, ID_KP_CLIENT_AUTH, ID_KP_SERVER_AUTH};
use webpki::{
    Error, ExtendedKeyUsageValidator, KeyPurposeId, KeyPurposeIdIter, KeyUsage,
    RequiredEkuNotFoundContext,
};

use crate::ObjectIdentifier;

/// `id-kp-ipsecIKE` (RFC 4945 §5.1.3.12).
const IPSEC_IKE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.17");

/// `iKEIntermediate`, which Apple and Microsoft ask of gateways; never standardised.
const IKE_INTERMEDIATE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.8.2.2");

/// The part a peer plays in IKE.
///
/// Where a certificate or an authority above it restricts the extended key usage, one for IKE or
/// for anything will do (RFC 4945 §5.1.3.12), and so will the one TLS has for the part: with it
/// a terminal uses one certificate on both roads, and Windows and Apple ask it of gateways.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PeerUsage {
    /// A terminal or a site's router, which comes to the gateway: or `clientAuth`.
    Client,
    /// A gateway that is come to: or `serverAuth`.
    Server,
}

impl PeerUsage {
    fn permitted_by(self, purpose: KeyPurposeId<'_>) -> bool {
        let of_tls = match self {
            Self::Client => ID_KP_CLIENT_AUTH,
            Self::Server => ID_KP_SERVER_AUTH,
        };
        [of_tls, IPSEC_IKE, IKE_INTERMEDIATE, ANY_EXTENDED_KEY_USAGE]
            .iter()
            .any(|permitted| KeyPurposeId::new(permitted.as_bytes()) == purpose)
    }
}

impl ExtendedKeyUsageValidator for PeerUsage {
    fn validate(&self, purposes: KeyPurposeIdIter<'_, '_>) -> Result<(), Error> {
        let mut restricted = false;
        for purpose in purposes {
            if self.permitted_by(purpose?) {
                return Ok(());
            }
            restricted = true;
        }
        if !restricted {
            return Ok(());
        }
        let required = match self {
            Self::Client => KeyUsage::client_auth(),
            Self::Server => KeyUsage::server_auth(),
        };
        let context = RequiredEkuNotFoundContext { required, present: Vec::new() };
        Err(Error::RequiredEkuNotFoundContext(context))
    }
}
