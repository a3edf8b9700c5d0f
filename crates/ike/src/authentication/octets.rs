//! The octets that AUTH covers (RFC 7296 §2.15, RFC 9242 §3.3).

use crypto::prf::Prf;
use crypto::{Error, Secret};

use crate::protection::{HEADER_LEN, plain_headers};

/// What one end authenticates of an exchange.
#[derive(Clone, Copy, Debug)]
pub struct Signed<'a> {
    /// RealMessage1 or RealMessage2: the IKE_SA_INIT message that this end sent, from the IKE
    /// header on. (After a COOKIE or INVALID_KE_PAYLOAD: the one that was answered in full.)
    pub message: &'a [u8],
    /// The nonce that the *other* end sent, without its payload header.
    pub nonce: &'a [u8],
    /// RestOfIDPayload: the ID payload of this end, without its payload header.
    pub id_body: &'a [u8],
    /// SK_pi if this end is the initiator, SK_pr if it is the responder; with the PPK mixed in
    /// for the AUTH payload, without it for NO_PPK_AUTH (RFC 8784 §3).
    pub sk_p: &'a Secret,
    /// What is authenticated of IKE_INTERMEDIATE exchanges, if there were any.
    pub intermediate: Option<IntermediateAuth<'a>>,
}

/// IntAuth (RFC 9242 §3.3.1): both ends authenticate the messages of both.
#[derive(Clone, Copy, Debug)]
pub struct IntermediateAuth<'a> {
    /// IntAuth_iN: [`intermediate_auth`] of the initiator's last message.
    pub initiator: &'a Secret,
    /// IntAuth_rN: [`intermediate_auth`] of the responder's last message.
    pub responder: &'a Secret,
    /// The message id of the first IKE_AUTH exchange.
    pub ike_auth_message_id: u32,
}

/// InitiatorSignedOctets or ResponderSignedOctets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedOctets(Vec<u8>);

impl SignedOctets {
    /// Computes them.
    ///
    /// # Errors
    /// [`Error::Internal`] when the cryptographic library fails.
    pub fn new(prf: Prf, signed: &Signed<'_>) -> Result<Self, Error> {
        let maced_id = prf.compute(signed.sk_p.as_bytes(), &[signed.id_body])?;
        let mut octets = [signed.message, signed.nonce, maced_id.as_bytes()].concat();
        if let Some(intermediate) = &signed.intermediate {
            octets.extend(intermediate.initiator.as_bytes());
            octets.extend(intermediate.responder.as_bytes());
            octets.extend(intermediate.ike_auth_message_id.to_be_bytes());
        }
        Ok(Self(octets))
    }

    /// What is signed.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// IntAuth_i or IntAuth_r after one more IKE_INTERMEDIATE message of one end (RFC 9242 §3.3.2).
///
/// `sk_p` is SK_pi or SK_pr of the keys that protected the message; `previous` is what this gave
/// for the message before it. `header` is the message's IKE header or that of any of its
/// fragments; `first_inner` and `plaintext` are its payloads. There are no payloads outside of
/// the encrypted one.
///
/// # Errors
/// [`Error::Length`] when the plaintext is longer than a message can be.
pub fn intermediate_auth(
    prf: Prf,
    sk_p: &Secret,
    previous: Option<&Secret>,
    header: &[u8; HEADER_LEN],
    first_inner: u8,
    plaintext: &[u8],
) -> Result<Secret, Error> {
    let headers = plain_headers(header, first_inner, plaintext.len())
        .ok_or(Error::Length { what: "IKE_INTERMEDIATE message", actual: plaintext.len() })?;
    let previous = previous.map(Secret::as_bytes).unwrap_or_default();
    prf.compute(sk_p.as_bytes(), &[previous, &headers, plaintext])
}
