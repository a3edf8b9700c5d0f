//! Why a thing was refused, dropped or ended.
//!
//! Each part of the gateway lists its reasons once, with [`reasons!`]. That list
//! gives the code in the record, the index of the counter, the label on the
//! dashboard, and the sentence a support desk reads out, in Japanese and English.
#![forbid(unsafe_code)]

use std::marker::PhantomData;
use std::sync::atomic::{AtomicU64, Ordering};

/// The language of people-facing text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    /// 日本語
    #[default]
    Japanese,
    /// English
    English,
}

/// One of a closed list of reasons. Implemented by [`reasons!`] only.
pub trait Reason: Copy + Eq + std::fmt::Debug + 'static {
    /// Every reason of this list, in declaration order.
    const ALL: &'static [Self];

    /// The stable word for records, counters and dashboards, as `tls.no-certificate`.
    fn code(self) -> &'static str;

    /// Position in [`Reason::ALL`].
    fn index(self) -> usize;

    /// What happened and what to do about it, for people.
    fn text(self, language: Language) -> &'static str;
}

/// Declares a closed list of reasons and implements [`Reason`] for it.
///
/// ```
/// reason::reasons! {
///     /// Why a parcel was returned.
///     pub enum Returned {
///         /// Nobody lives there.
///         NoSuchHouse = "post.no-such-house",
///             ja "宛先がありません。住所を確かめてください。",
///             en "no such house: check the address";
///     }
/// }
/// use reason::Reason;
/// assert_eq!(Returned::NoSuchHouse.code(), "post.no-such-house");
/// ```
#[macro_export]
macro_rules! reasons {
    (
        $(#[$meta:meta])*
        pub enum $name:ident {
            $( $(#[$vmeta:meta])* $variant:ident = $code:literal, ja $ja:literal, en $en:literal; )+
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u16)]
        pub enum $name { $( $(#[$vmeta])* $variant, )+ }

        impl $crate::Reason for $name {
            const ALL: &'static [Self] = &[ $( Self::$variant, )+ ];

            fn code(self) -> &'static str {
                match self { $( Self::$variant => $code, )+ }
            }

            fn index(self) -> usize {
                self as usize
            }

            fn text(self, language: $crate::Language) -> &'static str {
                match (self, language) {
                    $(
                        (Self::$variant, $crate::Language::Japanese) => $ja,
                        (Self::$variant, $crate::Language::English) => $en,
                    )+
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str($crate::Reason::text(*self, $crate::Language::English))
            }
        }
    };
}

/// A counter for every reason of a list. Any number of threads may count.
#[derive(Debug)]
pub struct Counters<R> {
    counts: Box<[AtomicU64]>,
    of: PhantomData<R>,
}

impl<R: Reason> Default for Counters<R> {
    fn default() -> Self {
        Self { counts: R::ALL.iter().map(|_| AtomicU64::new(0)).collect(), of: PhantomData }
    }
}

impl<R: Reason> Counters<R> {
    /// Counts one occurrence.
    pub fn count(&self, reason: R) {
        self.count_many(reason, 1);
    }

    /// Counts so many.
    pub fn count_many(&self, reason: R, occurrences: u64) {
        if let Some(counter) = self.counts.get(reason.index()) {
            counter.fetch_add(occurrences, Ordering::Relaxed);
        }
    }

    /// Every reason with its count so far.
    pub fn iter(&self) -> impl Iterator<Item = (R, u64)> + '_ {
        R::ALL.iter().zip(&self.counts).map(|(&reason, n)| (reason, n.load(Ordering::Relaxed)))
    }
}
