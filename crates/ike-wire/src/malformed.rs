//! What is wrong with a message, for the counter, the record and the answer.

use std::fmt;

use reason::reasons;

use crate::{NotifyType, PayloadType};

reasons! {
    /// Why a message is malformed.
    pub enum MalformedReason {
        /// Fewer octets than an IKE header.
        TooShort = "ike.malformed.too-short",
            ja "IKE ヘッダに満たない短いデータです。",
            en "the datagram is shorter than an IKE header";
        /// IKEv1 (RFC 2409), which RFC 9395 retired.
        IkeV1 = "ike.malformed.ikev1",
            ja "IKEv1 には対応していません。対向装置を IKEv2 に設定してください。",
            en "the peer speaks IKEv1: set it to IKEv2";
        /// Neither IKEv1 nor IKEv2.
        Version = "ike.malformed.version",
            ja "対応していない IKE バージョンです。対向装置を IKEv2 に設定してください。",
            en "the peer speaks an unknown version of IKE: set it to IKEv2";
        /// The header's length is not the datagram's.
        Length = "ike.malformed.length",
            ja "IKE ヘッダの長さがデータの長さと一致しません。",
            en "the IKE header's length is not the datagram's";
        /// A field or payload reaches beyond what contains it.
        Truncated = "ike.malformed.truncated",
            ja "ペイロードが途中で切れています。",
            en "a payload reaches beyond the end of what contains it";
        /// Octets remain where the format ends.
        TrailingOctets = "ike.malformed.trailing-octets",
            ja "ペイロードの末尾に余分なデータがあります。",
            en "octets remain after the end of a payload or message";
        /// A payload that must hold something is empty.
        Empty = "ike.malformed.empty",
            ja "中身のあるべきペイロードが空です。",
            en "a payload that must hold something is empty";
        /// A message with payloads beyond number.
        TooManyPayloads = "ike.malformed.too-many-payloads",
            ja "ペイロードの数が上限を超えています。",
            en "the message has too many payloads";
        /// A chain of certificates that no PKI has.
        TooManyCertificates = "ike.malformed.too-many-certificates",
            ja "証明書の数が上限を超えています。対向装置の証明書チェーンを確かめてください。",
            en "the message has too many certificates: check the peer's chain";
        /// Proposals beyond number.
        TooManyProposals = "ike.malformed.too-many-proposals",
            ja "プロポーザルの数が上限を超えています。対向装置の暗号設定を絞ってください。",
            en "too many proposals: let the peer offer fewer algorithms";
        /// Transforms beyond number.
        TooManyTransforms = "ike.malformed.too-many-transforms",
            ja "暗号アルゴリズム候補の数が上限を超えています。対向装置の暗号設定を絞ってください。",
            en "too many transforms: let the peer offer fewer algorithms";
        /// A Delete payload with SPIs beyond number.
        TooManySpis = "ike.malformed.too-many-spis",
            ja "削除する SPI の数が上限を超えています。",
            en "a Delete payload names too many SPIs";
        /// A Configuration payload with attributes beyond number.
        TooManyAttributes = "ike.malformed.too-many-attributes",
            ja "設定ペイロードの属性の数が上限を超えています。",
            en "a Configuration payload has too many attributes";
        /// A payload that we must understand and do not (RFC 7296 §2.5).
        UnsupportedCritical = "ike.malformed.unsupported-critical",
            ja "必須とされた未対応のペイロードがあります。対向装置の拡張機能を無効にしてください。",
            en "a payload marked critical is not supported: disable that extension on the peer";
        /// SK or SKF anywhere but as the only outer payload.
        EncryptedMisplaced = "ike.malformed.encrypted-misplaced",
            ja "暗号化ペイロードの位置が正しくありません。",
            en "an Encrypted payload is not the only payload of its message";
        /// Fragment numbers that contradict each other (RFC 7383 §2.5).
        FragmentNumber = "ike.malformed.fragment-number",
            ja "IKE フラグメントの番号が正しくありません。",
            en "an IKE fragment's numbers contradict each other";
        /// Proposals or transforms whose markers or counts are wrong (RFC 7296 §3.3).
        ProposalStructure = "ike.malformed.proposal-structure",
            ja "プロポーザルの構造が正しくありません。",
            en "the markers or counts inside a Security Association payload are wrong";
        /// An SPI whose size does not fit its protocol.
        SpiSize = "ike.malformed.spi-size",
            ja "SPI の長さがプロトコルに合いません。",
            en "an SPI's size does not fit its protocol";
        /// A Delete payload for a protocol nobody has.
        Protocol = "ike.malformed.protocol",
            ja "未知のプロトコル番号です。",
            en "an unknown security protocol is named";
        /// A nonce outside 16 to 256 octets (RFC 7296 §3.9).
        NonceLength = "ike.malformed.nonce-length",
            ja "ノンスの長さが 16～256 オクテットの範囲にありません。",
            en "a nonce is not of 16 to 256 octets";
        /// An identity too long, empty, or not of its type's length.
        IdentificationLength = "ike.malformed.identification-length",
            ja "ID ペイロードの長さが正しくありません。対向装置の ID 設定を確かめてください。",
            en "an identity's length does not fit its type: check the peer's own ID";
        /// A traffic selector that ends before it begins.
        SelectorRange = "ike.malformed.selector-range",
            ja "トラフィックセレクタの範囲が逆転しています。",
            en "a traffic selector ends before it begins";
        /// A configuration attribute that cannot be what its type says.
        Attribute = "ike.malformed.attribute",
            ja "設定属性の値が正しくありません。",
            en "a configuration attribute's value does not fit its type";
        /// A payload that this message needs is not there.
        MissingPayload = "ike.malformed.missing-payload",
            ja "必要なペイロードがありません。",
            en "a payload that this message needs is missing";
        /// A payload that may be there once is there again.
        DoubledPayload = "ike.malformed.doubled-payload",
            ja "一つだけのはずのペイロードが重複しています。",
            en "a payload that may be there once is there twice";
    }
}

/// A message that its sender built wrongly. The peer is to blame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// Not IKEv2. What [`Header::peek`](crate::Header::peek) reads serves the answer.
    Version {
        /// Major version.
        major: u8,
        /// Minor version.
        minor: u8,
    },
    /// A payload of this type is marked critical, and we do not know it.
    UnsupportedCritical(PayloadType),
    /// This payload is missing.
    Missing(PayloadType),
    /// This payload is there twice.
    Doubled(PayloadType),
    /// Anything else.
    Octets {
        /// What is wrong.
        reason: MalformedReason,
        /// Where, in octets from the start of what was parsed.
        at: usize,
    },
}

impl Malformed {
    /// What to count.
    pub const fn reason(self) -> MalformedReason {
        match self {
            Self::Version { major: 1, .. } => MalformedReason::IkeV1,
            Self::Version { .. } => MalformedReason::Version,
            Self::UnsupportedCritical(_) => MalformedReason::UnsupportedCritical,
            Self::Missing(_) => MalformedReason::MissingPayload,
            Self::Doubled(_) => MalformedReason::DoubledPayload,
            Self::Octets { reason, .. } => reason,
        }
    }

    /// What to notify the sender of, where an answer is due (RFC 7296 §2.21).
    /// UNSUPPORTED_CRITICAL_PAYLOAD carries the payload's type as its data.
    pub const fn answer(self) -> NotifyType {
        match self {
            Self::Version { .. } => NotifyType::INVALID_MAJOR_VERSION,
            Self::UnsupportedCritical(_) => NotifyType::UNSUPPORTED_CRITICAL_PAYLOAD,
            Self::Missing(_) | Self::Doubled(_) | Self::Octets { .. } => NotifyType::INVALID_SYNTAX,
        }
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.reason())?;
        match self {
            Self::Version { major, minor } => write!(f, " (version {major}.{minor})"),
            Self::UnsupportedCritical(kind) | Self::Missing(kind) | Self::Doubled(kind) => {
                write!(f, " ({kind})")
            }
            Self::Octets { at, .. } => write!(f, " (octet {at})"),
        }
    }
}

impl std::error::Error for Malformed {}
