//! Which of the five systems, and what they are called.

use std::fmt;

/// The five systems connected to the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Viewing of insurers' claims data; web.
    KmixRBasic,
    /// Regional sharing of patient records; web, FHIR, HL7 v2 over MLLP.
    ChiikiKanja,
    /// Record sharing around core hospitals; web with uploads.
    KmixPlus,
    /// Tele-radiology; DICOM.
    EnkakuDokuei,
    /// Shared care-pathway documents; web.
    RenkeiPath,
}

impl Kind {
    /// All five.
    pub const ALL: [Self; 5] =
        [Self::KmixRBasic, Self::ChiikiKanja, Self::KmixPlus, Self::EnkakuDokuei, Self::RenkeiPath];

    /// The system's identifier, as policy and configuration name it.
    pub const fn id(self) -> &'static str {
        match self {
            Self::KmixRBasic => "kmix-r-basic",
            Self::ChiikiKanja => "chiiki-kanja",
            Self::KmixPlus => "kmix-plus",
            Self::EnkakuDokuei => "enkaku-dokuei",
            Self::RenkeiPath => "renkei-path",
        }
    }

    /// Its name in Japanese.
    pub const fn name_ja(self) -> &'static str {
        match self {
            Self::KmixRBasic => "K-MIX R BASIC（レセプト閲覧）",
            Self::ChiikiKanja => "地域患者情報システム",
            Self::KmixPlus => "K-MIX+",
            Self::EnkakuDokuei => "遠隔読影システム",
            Self::RenkeiPath => "地域連携クリティカルパスシステム",
        }
    }

    /// Its name in English.
    pub const fn name_en(self) -> &'static str {
        match self {
            Self::KmixRBasic => "K-MIX R BASIC (claims viewer)",
            Self::ChiikiKanja => "Regional patient information system",
            Self::KmixPlus => "K-MIX+",
            Self::EnkakuDokuei => "Remote image reading system",
            Self::RenkeiPath => "Regional clinical pathway system",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}
