//! What to do about proposals that have nothing in common.

#[cfg(test)]
mod tests;

use ike_wire::{Proposal, Protocol, Transform, TransformType};
use reason::reasons;

use crate::algorithm::{NONE, is_additional, is_key_exchange};
use crate::menu::Menu;
use crate::name;

reasons! {
    /// What to do about proposals that have nothing in common.
    pub enum Remedy {
        /// No proposal for the protocol in question.
        NothingOffered = "ike.proposal-none",
            ja "相手機器は暗号の提案を 1 つも送っていません。機器の IKEv2 と ESP の設定を確かめてください。",
            en "the device offers no proposal at all: check its IKEv2 and ESP settings";
        /// AH, which does not encrypt.
        Ah = "ike.proposal-ah",
            ja "相手機器は AH を使おうとしています。AH は暗号化しません。機器の設定を ESP に変えてください。",
            en "the device wants AH, which does not encrypt: set it to ESP";
        /// Group 2 only.
        WindowsDefault = "ike.proposal-windows-default",
            ja "相手機器は modp1024（グループ 2）しか提案していません。Windows の初期設定がこれに当たります。\
                接続キットを導入してください。",
            en "the device offers modp1024 (group 2) only, as Windows does by default: install the \
                connection kit";
        /// Nothing above the floor of one type.
        Legacy = "ike.proposal-legacy",
            ja "相手機器は DES、3DES、MD5、SHA-1、グループ 1・2・5 など、今は使えない古い方式しか提案していません。\
                AES-256、SHA-256、グループ 14 以上に設定してください。Windows では接続キットを導入してください。",
            en "the device offers nothing better than DES, 3DES, MD5, SHA-1 or groups 1, 2 and 5, \
                which are broken: set it to AES-256, SHA-256 and group 14 or above; on Windows \
                install the connection kit";
        /// No NIST curve, and only those configured.
        WithoutEcp = "ike.proposal-without-ecp",
            ja "相手機器は ECP グループを持っていません。Android の標準機能がこれに当たります。\
                こちらの設定に x25519 か modp3072 を加えてください。",
            en "the device has no ECP group, as Android's own client: add x25519 or modp3072 to the \
                configured proposal";
        /// Forward secrecy that the peer does not offer.
        PfsMissing = "ike.proposal-pfs-missing",
            ja "こちらの設定は PFS を必須としていますが、相手機器は提案していません。機器で PFS を有効にするか、\
                こちらの設定のグループに none を加えてください。",
            en "forward secrecy (PFS) is required here and the device does not offer it: enable PFS \
                on it, or add none to the configured groups";
        /// Forward secrecy that is not configured.
        PfsUnexpected = "ike.proposal-pfs-unexpected",
            ja "相手機器は PFS を必須としていますが、こちらの設定にはグループがありません。\
                こちらの設定に相手のグループを加えてください。",
            en "the device requires forward secrecy (PFS) and no group is configured here: add one \
                of its groups to the configured proposal";
        /// An additional key exchange that one end requires and the other lacks.
        AdditionalKeyExchange = "ike.proposal-additional-key-exchange",
            ja "追加の鍵交換（ML-KEM など）が一致しません。両端を同じ方式にするか、片方で任意（ke1_none）にしてください。",
            en "the ends do not agree on additional key exchanges (such as ML-KEM): configure the \
                same at both, or make them optional at one (ke1_none)";
        /// No AEAD, and only those configured.
        WithoutAead = "ike.proposal-without-aead",
            ja "相手機器は AES-GCM などの認証付き暗号を提案していません。機器で AES-GCM を有効にするか、\
                こちらの設定に aes256-sha256 の提案を加えてください。",
            en "the device offers no cipher with built-in integrity such as AES-GCM: enable one on \
                it, or configure a proposal with aes256-sha256 too";
        /// Numbers that IANA has not assigned, or transform types RFC 7296 and RFC 9370 lack.
        UnknownAlgorithm = "ike.proposal-unknown-algorithm",
            ja "相手機器は、番号の割り当てがない（または新しすぎる）アルゴリズムを必要としています。\
                機器の設定を標準の方式に変えてください。",
            en "the device needs algorithms whose numbers are unassigned or too new: set it to \
                standard ones";
        /// Extended sequence numbers at one end only.
        SequenceNumbers = "ike.proposal-sequence-numbers",
            ja "拡張シーケンス番号（ESN）の要否が一致しません。こちらの設定に esn-noesn を加えてください。",
            en "one end requires extended sequence numbers and the other has none: configure \
                esn-noesn here";
        /// Any other: settings that differ.
        Align = "ike.proposal-align",
            ja "一致しない種類のアルゴリズムについて、こちらの設定にあるものを 1 つ、相手機器で有効にしてください。",
            en "enable on the device one of the algorithms configured here, of each type that does \
                not match";
    }
}

/// AEADs: AES-CCM, AES-GCM, Camellia-CCM, ChaCha20-Poly1305.
const AEADS: [u16; 10] = [14, 15, 16, 18, 19, 20, 25, 26, 27, 28];
const ECP: [u16; 3] = [19, 20, 21];
const MODP1024: u16 = 2;

impl Remedy {
    /// The most precise one. `misses` are those of the nearest proposal.
    pub(crate) fn find(
        menus: &[&Menu],
        protocol: Protocol,
        offered: &[Proposal],
        misses: &[TransformType],
    ) -> Self {
        let offers = Ends { menus, protocol, offered };
        if offers.is_empty() {
            return offers.nothing();
        }
        if let Some(profile) = offers.profile() {
            return profile;
        }
        misses.iter().find_map(|&kind| offers.remedy_of(kind)).unwrap_or(Self::Align)
    }
}

/// Both ends' algorithms.
struct Ends<'a> {
    menus: &'a [&'a Menu],
    protocol: Protocol,
    offered: &'a [Proposal],
}

impl Ends<'_> {
    fn is_empty(&self) -> bool {
        !self.offered.iter().any(|one| one.protocol == self.protocol)
    }

    fn nothing(&self) -> Remedy {
        let is_ah = self.offered.iter().any(|one| one.protocol == Protocol::Ah);
        if is_ah { Remedy::Ah } else { Remedy::NothingOffered }
    }

    /// What a well-known product offers until someone sets it up.
    fn profile(&self) -> Option<Remedy> {
        let all = |kind, is: fn(&Transform) -> bool| {
            let mut some = self.offered(kind).filter(|one| one.id != NONE).peekable();
            some.peek().is_some() && some.all(|one| is(&one))
        };
        if self.protocol == Protocol::Ike
            && all(TransformType::KEY_EXCHANGE, |one| one.id == MODP1024)
        {
            return Some(Remedy::WindowsDefault);
        }
        let has_aead = self.offered(TransformType::ENCRYPTION).any(|one| AEADS.contains(&one.id));
        let is_legacy = all(TransformType::ENCRYPTION, is_weak)
            || all(TransformType::PRF, is_weak)
            || all(TransformType::KEY_EXCHANGE, is_weak)
            || !has_aead && all(TransformType::INTEGRITY, is_weak);
        is_legacy.then_some(Remedy::Legacy)
    }

    fn remedy_of(&self, kind: TransformType) -> Option<Remedy> {
        let mut offered = self.offered(kind).peekable();
        if offered.peek().is_some() && offered.all(|one| !name::is_known(one)) {
            return Some(Remedy::UnknownAlgorithm);
        }
        match kind {
            TransformType::ENCRYPTION => self.cipher(),
            TransformType::KEY_EXCHANGE => self.key_exchange(),
            TransformType::SEQUENCE_NUMBERS => Some(Remedy::SequenceNumbers),
            kind if is_additional(kind) => Some(Remedy::AdditionalKeyExchange),
            TransformType(_) => None,
        }
    }

    fn cipher(&self) -> Option<Remedy> {
        let is_aead = |one: Transform| AEADS.contains(&one.id);
        let kind = TransformType::ENCRYPTION;
        let aead_only = self.configured(kind).all(is_aead) && !self.offered(kind).any(is_aead);
        aead_only.then_some(Remedy::WithoutAead)
    }

    fn key_exchange(&self) -> Option<Remedy> {
        let kind = TransformType::KEY_EXCHANGE;
        let is_group = |one: &Transform| one.id != NONE;
        let is_ecp = |one: Transform| ECP.contains(&one.id);
        let any_offered = self.offered(kind).any(|one| is_group(&one));
        let any_configured = self.configured(kind).any(|one| is_group(&one));
        if !any_offered {
            Some(Remedy::PfsMissing)
        } else if !any_configured {
            Some(Remedy::PfsUnexpected)
        } else if self.configured(kind).filter(is_group).all(is_ecp)
            && !self.offered(kind).any(is_ecp)
        {
            Some(Remedy::WithoutEcp)
        } else {
            None
        }
    }

    fn offered(&self, kind: TransformType) -> impl Iterator<Item = Transform> {
        let of_protocol = self.offered.iter().filter(|one| one.protocol == self.protocol);
        of_protocol.flat_map(|one| &one.transforms).copied().filter(move |one| one.kind == kind)
    }

    fn configured(&self, kind: TransformType) -> impl Iterator<Item = Transform> {
        self.menus.iter().flat_map(move |menu| menu.of_kind(kind)).copied()
    }
}

/// Below the floor of RFC 8247 and CRYPTREC's list.
fn is_weak(one: &Transform) -> bool {
    match one.kind {
        TransformType::ENCRYPTION => matches!(one.id, 1..=9 | 11),
        TransformType::PRF => matches!(one.id, 1..=3),
        TransformType::INTEGRITY => matches!(one.id, 1..=4 | 6 | 7),
        kind if is_key_exchange(kind) => matches!(one.id, 1 | 2 | 5 | 22..=27),
        TransformType(_) => false,
    }
}
