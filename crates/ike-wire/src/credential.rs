//! Certificate, Certificate Request and Authentication payloads (RFC 7296 §§3.6–3.8).

use crate::Malformed;
use crate::code_points::code_points;
use crate::octets::Reader;

code_points! {
    /// Certificate encodings (RFC 7296 §3.6).
    pub struct CertificateEncoding(u8) {
        /// RFC 7296 §3.6
        PKCS7 = 1;
        /// A DER certificate whose key signs (RFC 7296 §3.6).
        X509_SIGNATURE = 4;
        /// RFC 7296 §3.6
        CRL = 7;
        /// RFC 7296 §3.6
        HASH_AND_URL_X509 = 12;
        /// RFC 7296 §3.6
        HASH_AND_URL_BUNDLE = 13;
        /// RFC 4806
        OCSP_CONTENT = 14;
        /// RFC 7670
        RAW_PUBLIC_KEY = 15;
    }
}

code_points! {
    /// Authentication methods (RFC 7296 §3.8).
    pub struct AuthMethod(u8) {
        /// RSASSA-PKCS1-v1_5 with SHA-1 (RFC 7296 §3.8).
        RSA_SIGNATURE = 1;
        /// RFC 7296 §2.15
        SHARED_KEY = 2;
        /// RFC 4754
        ECDSA_SHA256_P256 = 9;
        /// RFC 4754
        ECDSA_SHA384_P384 = 10;
        /// RFC 4754
        ECDSA_SHA512_P521 = 11;
        /// RFC 7619
        NULL = 13;
        /// RFC 7427 §3
        DIGITAL_SIGNATURE = 14;
    }
}

/// A Certificate payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Certificate<'a> {
    /// What `data` holds.
    pub encoding: CertificateEncoding,
    /// As DER for [`CertificateEncoding::X509_SIGNATURE`]; never empty once parsed.
    pub data: &'a [u8],
}

/// A Certificate Request payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CertificateRequest<'a> {
    /// Which certificates are wanted.
    pub encoding: CertificateEncoding,
    /// The trusted CAs: SHA-1 hashes of their public keys, 20 octets each (RFC 7296 §3.7).
    pub data: &'a [u8],
}

/// An Authentication payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Authentication<'a> {
    /// How it was made.
    pub method: AuthMethod,
    /// Signature or MAC; never empty once parsed.
    pub data: &'a [u8],
}

impl<'a> Certificate<'a> {
    pub(crate) fn parse(mut reader: Reader<'a>) -> Result<Self, Malformed> {
        let encoding = CertificateEncoding(reader.u8()?);
        Ok(Self { encoding, data: reader.nonempty_remainder()? })
    }

    pub(crate) fn emit(&self) -> Vec<u8> {
        [&[self.encoding.0], self.data].concat()
    }
}

impl<'a> CertificateRequest<'a> {
    pub(crate) fn parse(mut reader: Reader<'a>) -> Result<Self, Malformed> {
        let encoding = CertificateEncoding(reader.u8()?);
        Ok(Self { encoding, data: reader.remainder() })
    }

    pub(crate) fn emit(&self) -> Vec<u8> {
        [&[self.encoding.0], self.data].concat()
    }
}

impl<'a> Authentication<'a> {
    pub(crate) fn parse(mut reader: Reader<'a>) -> Result<Self, Malformed> {
        let [method, ..] = reader.array::<4>()?;
        Ok(Self { method: AuthMethod(method), data: reader.nonempty_remainder()? })
    }

    pub(crate) fn emit(&self) -> Vec<u8> {
        [&[self.method.0, 0, 0, 0], self.data].concat()
    }
}
