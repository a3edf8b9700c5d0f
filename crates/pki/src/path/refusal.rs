//! Why a peer's certificate is not accepted.

use reason::reasons;

use crate::Weakness;

reasons! {
    /// Why a peer's certificate is not accepted.
    pub enum PathError {
        /// It, or an authority's certificate in its path, cannot be parsed.
        Malformed = "certificate.malformed",
            ja "証明書（またはその発行局の証明書）を解釈できません（X.509 バージョン 3 が必要）。",
            en "the certificate, or one of its CAs', cannot be parsed (X.509 version 3 is required)";
        /// More certificates than a path needs.
        TooLong = "certificate.too-long",
            ja "送られた証明書が多すぎるか、発行の段数が多すぎます。証明書と中間 CA だけを送るよう設定してください。",
            en "too many certificates were sent, or the chain is too long: send the certificate and its intermediate CAs only";
        /// A key in the path is too weak (CRYPTREC 高セキュリティ型).
        WeakKey = "certificate.weak-key",
            ja "証明書（またはその発行局）の鍵が弱すぎます（RSA 2048 ビット・P-256 以上が必要）。",
            en "the key of the certificate, or of one of its CAs, is too weak (RSA 2048 and P-256 are the least)";
        /// A signature in the path is too weak (CRYPTREC 高セキュリティ型).
        WeakSignature = "certificate.weak-signature",
            ja "証明書（またはその発行局の証明書）の署名が弱すぎます（SHA-256 以上が必要）。",
            en "the signature on the certificate, or on one of its CAs', is too weak (SHA-256 is the least)";
        /// Not issued by a trusted CA.
        UnknownIssuer = "certificate.unknown-ca",
            ja "証明書の発行元が信頼されていません。K-MIX R 用の証明書を選んでください。",
            en "the certificate's issuer is not trusted: choose the certificate issued for this network";
        /// A notAfter in the path has passed.
        Expired = "certificate.expired",
            ja "証明書（またはその発行局の証明書）の有効期限が切れています。更新してください。",
            en "the certificate, or one of its CAs', has expired: renew it";
        /// A notBefore in the path has not come.
        NotYetValid = "certificate.not-yet-valid",
            ja "証明書（またはその発行局の証明書）の有効期間がまだ始まっていません。時計を確かめてください。",
            en "the certificate, or one of its CAs', is not valid yet: check the clocks";
        /// On a CRL.
        Revoked = "certificate.revoked",
            ja "証明書（またはその発行局）は失効しています。新しい証明書の発行を受けてください。",
            en "the certificate, or one of its CAs, is revoked: have a new one issued";
        /// No CRL covers its issuer.
        RevocationUnknown = "certificate.revocation-unknown",
            ja "失効情報（CRL）がないため証明書を確認できません。発行局の CRL を加えてください。",
            en "no CRL covers the certificate's issuer: add it";
        /// The CRL is past its nextUpdate.
        CrlExpired = "certificate.crl-expired",
            ja "失効リスト（CRL）の期限が切れています。sekisho ca crl で更新してください。",
            en "the CRL is past its nextUpdate: renew it with 'sekisho ca crl'";
        /// The CRL is not the CA's own, or damaged.
        CrlInvalid = "certificate.crl-invalid",
            ja "失効リスト（CRL）を使用できません。発行局の証明書と CRL の組み合わせを確かめてください。",
            en "a CRL cannot be used: is it signed by the CA of the same name that is configured?";
        /// Its key is not for this use (key usage, extended key usage), or it is a CA's.
        WrongPurpose = "certificate.purpose",
            ja "この証明書は IKE の認証用ではありません（KU・EKU）。",
            en "the certificate is not for authentication in IKE (KU, EKU)";
        /// An issuer in its path may not issue it (basic constraints).
        IssuerNotPermitted = "certificate.issuer-not-permitted",
            ja "証明書の発行元に、この証明書を発行する権限がありません（基本制約）。",
            en "the certificate's issuer was not permitted to issue it (basic constraints)";
        /// A name in it is one that a CA above may not certify.
        NameConstraint = "certificate.name-constraint",
            ja "証明書の名前は、発行局に許された範囲の外です（名前制約）。",
            en "a name in the certificate is outside what its CA may certify (name constraints)";
        /// A critical extension nobody here understands.
        CriticalExtension = "certificate.critical-extension",
            ja "証明書に、対応していない必須の拡張が含まれています。",
            en "the certificate has a critical extension that is not supported";
        /// A bad signature in the path.
        Signature = "certificate.signature",
            ja "証明書の署名が正しくありません。",
            en "a signature in the certificate's chain is wrong";
    }
}

impl std::error::Error for PathError {}

impl From<Weakness> for PathError {
    fn from(weakness: Weakness) -> Self {
        match weakness {
            Weakness::Signature { .. } => Self::WeakSignature,
            Weakness::RsaKey { .. } | Weakness::EcKey { .. } | Weakness::KeyAlgorithm { .. } => {
                Self::WeakKey
            }
        }
    }
}

/// The one place where webpki's errors become ours.
impl From<webpki::Error> for PathError {
    #[allow(clippy::wildcard_enum_match_arm, reason = "webpki's errors are an open list")]
    fn from(error: webpki::Error) -> Self {
        use webpki::Error as Fault;
        match error {
            Fault::UnknownIssuer => Self::UnknownIssuer,
            Fault::CertExpired { .. } => Self::Expired,
            Fault::CertNotValidYet { .. } => Self::NotYetValid,
            Fault::CertRevoked => Self::Revoked,
            Fault::UnknownRevocationStatus => Self::RevocationUnknown,
            Fault::CrlExpired { .. } => Self::CrlExpired,
            Fault::InvalidCrlSignatureForPublicKey
            | Fault::IssuerNotCrlSigner
            | Fault::UnsupportedCrlSignatureAlgorithmContext(_)
            | Fault::UnsupportedCrlSignatureAlgorithmForPublicKeyContext(_) => Self::CrlInvalid,
            Fault::RequiredEkuNotFoundContext(_) | Fault::CaUsedAsEndEntity => Self::WrongPurpose,
            Fault::EndEntityUsedAsCa | Fault::PathLenConstraintViolated => Self::IssuerNotPermitted,
            Fault::NameConstraintViolation => Self::NameConstraint,
            Fault::UnsupportedCriticalExtension => Self::CriticalExtension,
            Fault::UnsupportedSignatureAlgorithmContext(_) => Self::WeakSignature,
            Fault::InvalidSignatureForPublicKey
            | Fault::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => Self::Signature,
            Fault::MaximumPathDepthExceeded
            | Fault::MaximumPathBuildCallsExceeded
            | Fault::MaximumSignatureChecksExceeded
            | Fault::MaximumNameConstraintComparisonsExceeded => Self::TooLong,
            _ => Self::Malformed,
        }
    }
}
