//! Why nothing was agreed, in words.

#[cfg(test)]
mod tests;

use std::error::Error;
use std::fmt::{self, Write as _};

use ike_wire::{Proposal, Protocol, Transform, TransformType};
use reason::{Language, Reason as _};

use crate::algorithm::{is_additional, is_key_exchange};
use crate::choice::{Rules, choose};
use crate::menu::Menu;
use crate::name::Named;
use crate::remedy::Remedy;

/// No proposal is acceptable to both ends: the answer is NO_PROPOSAL_CHOSEN. Both are to blame,
/// the peer's settings more often.
///
/// Keeps and shows a bounded part of what was offered: at most 8,192 characters of text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    remedy: Remedy,
    misses: Vec<Miss>,
    offered: List<List<Transform>>,
    configured: List<List<Transform>>,
}

/// A type without a common algorithm, in the proposal that has fewest of those.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Miss {
    kind: TransformType,
    offered: List<Transform>,
    configured: List<Transform>,
}

/// The first of several, and how many more there were.
#[derive(Clone, Debug, PartialEq, Eq)]
struct List<T> {
    shown: Vec<T>,
    more: usize,
}

const MAX_PROPOSALS: usize = 6;
const MAX_TRANSFORMS: usize = 20;
/// A peer can make up more types than anyone wants to read of.
const MAX_MISSES: usize = 4;

impl Mismatch {
    pub(crate) fn new(
        menus: &[&Menu],
        protocol: Protocol,
        offered: &[Proposal],
        rules: Rules,
    ) -> Self {
        let offers: Vec<Menu> =
            offered.iter().filter(|one| one.protocol == protocol).map(Menu::of).collect();
        let pairs = offers.iter().flat_map(|offer| menus.iter().map(move |menu| (menu, offer)));
        let nearest = pairs
            .filter_map(|(menu, offer)| Some((menu, offer, choose(menu, offer, rules).err()?)))
            // Of a cipher in common only the rest needs to be told.
            .min_by_key(|(_, _, misses)| {
                (misses.len(), misses.contains(&TransformType::ENCRYPTION))
            });
        let misses = nearest.as_ref().map_or(&[][..], |(_, _, misses)| misses);
        let remedy = Remedy::find(menus, protocol, offered, misses);
        let misses = nearest.iter().flat_map(|(menu, offer, misses)| {
            misses.iter().take(MAX_MISSES).map(|&kind| Miss::new(kind, menu, offer))
        });
        Self {
            remedy,
            misses: misses.collect(),
            offered: proposals(offers.iter()),
            configured: proposals(menus.iter().copied()),
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn remedy(&self) -> Remedy {
        self.remedy
    }

    /// What does not match, what was offered, what is configured, and the remedy.
    #[must_use]
    pub fn explain(&self, language: Language) -> String {
        let mut text = String::new();
        for miss in &self.misses {
            miss.explain(language, &mut text);
        }
        let offered = whole(&self.offered, language);
        let configured = whole(&self.configured, language);
        let remedy = self.remedy.text(language);
        text + &match language {
            Language::English => {
                format!("Offered: {offered}. Configured: {configured}. Remedy: {remedy}.")
            }
            Language::Japanese => {
                format!("提案の全体: {offered}。設定の全体: {configured}。対処: {remedy}")
            }
        }
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.explain(Language::English))
    }
}

impl Error for Mismatch {}

impl Miss {
    fn new(kind: TransformType, menu: &Menu, offer: &Menu) -> Self {
        let list = |menu: &Menu| List::of(menu.of_kind(kind).iter().copied(), MAX_TRANSFORMS);
        Self { kind, offered: list(offer), configured: list(menu) }
    }

    fn explain(&self, language: Language, text: &mut String) {
        let kind = type_name(self.kind, language);
        let offered = words(&self.offered, language);
        let configured = words(&self.configured, language);
        text.push_str(&match language {
            Language::English => {
                format!("No common {kind}: offered {offered}; configured {configured}. ")
            }
            Language::Japanese => {
                format!("{kind}が一致しません: 相手の提案 {offered}、こちらの設定 {configured}。")
            }
        });
    }
}

impl<T> List<T> {
    fn of(mut all: impl Iterator<Item = T>, limit: usize) -> Self {
        let shown = all.by_ref().take(limit).collect();
        Self { shown, more: all.count() }
    }

    /// The shown ones with `between` them, and how many more there are.
    fn join(&self, between: &str, language: Language, name: impl Fn(&T) -> String) -> String {
        if self.shown.is_empty() {
            return match language {
                Language::English => "nothing".to_owned(),
                Language::Japanese => "なし".to_owned(),
            };
        }
        let mut text = self.shown.iter().map(name).collect::<Vec<_>>().join(between);
        if self.more > 0 {
            text += &match language {
                Language::English => format!(" … and {} more", self.more),
                Language::Japanese => format!(" … ほか {} 件", self.more),
            };
        }
        text
    }
}

fn proposals<'a>(menus: impl Iterator<Item = &'a Menu>) -> List<List<Transform>> {
    List::of(menus.map(|menu| List::of(menu.transforms(), MAX_TRANSFORMS)), MAX_PROPOSALS)
}

/// Proposals as one would configure them.
fn whole(proposals: &List<List<Transform>>, language: Language) -> String {
    proposals.join(", ", language, |one| one.join("-", language, |one| Named(*one).to_string()))
}

/// Algorithms of one type. Router settings call groups by their numbers.
fn words(transforms: &List<Transform>, language: Language) -> String {
    transforms.join(", ", language, |one| {
        let mut text = Named(*one).to_string();
        if is_key_exchange(one.kind) && one.id != 0 {
            let group = match language {
                Language::English => "group",
                Language::Japanese => "グループ",
            };
            let _ = write!(text, " ({group} {})", one.id);
        }
        text
    })
}

fn type_name(kind: TransformType, language: Language) -> String {
    let (en, ja) = match kind {
        TransformType::ENCRYPTION => ("cipher", "暗号方式"),
        TransformType::PRF => ("PRF", "PRF（鍵導出関数）"),
        TransformType::INTEGRITY => ("integrity algorithm", "完全性アルゴリズム"),
        TransformType::KEY_EXCHANGE => ("key-exchange group", "鍵交換グループ"),
        TransformType::SEQUENCE_NUMBERS => ("kind of sequence numbers", "シーケンス番号の方式"),
        kind if is_additional(kind) => ("additional key exchange", "追加の鍵交換"),
        TransformType(number) => {
            return match language {
                Language::English => format!("transform type {number}"),
                Language::Japanese => format!("変換種別 {number} "),
            };
        }
    };
    match language {
        Language::English => en.to_owned(),
        Language::Japanese => ja.to_owned(),
    }
}
