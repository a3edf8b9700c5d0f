//! The sentence for any code in a record, whichever part of the gateway wrote it.

use connlog::Dismissed;
use ike_wire::MalformedReason;
use iked::{Discarded, Milestone, Withdrawal};
use logstore::LogReason;
use pki::PathError;
use policy::Denial;
use reason::{Language, Reason};
use terminator::{Ending, Refusal};

use crate::gateway::GatewayEvent;

/// Every reason there is, with its sentences in Japanese and English.
pub(crate) fn all() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    listed::<Denial>()
        .chain(listed::<Refusal>())
        .chain(listed::<Ending>())
        .chain(listed::<Dismissed>())
        .chain(listed::<PathError>())
        .chain(listed::<ike::Refusal>())
        .chain(listed::<ike::Ending>())
        .chain(listed::<ike::Dropped>())
        .chain(listed::<MalformedReason>())
        .chain(listed::<Milestone>())
        .chain(listed::<Withdrawal>())
        .chain(listed::<Discarded>())
        .chain(listed::<tunnel::Dropped>())
        .chain(listed::<tunnel::Ending>())
        .chain(listed::<datapath::Lost>())
        .chain(listed::<LogReason>())
        .chain(listed::<GatewayEvent>())
}

fn listed<R: Reason>() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    R::ALL.iter().map(|&reason| {
        (reason.code(), reason.text(Language::Japanese), reason.text(Language::English))
    })
}

/// What `code` means, in words for people.
pub(crate) fn sentence(code: &str, language: Language) -> Option<&'static str> {
    let (_, japanese, english) = all().find(|&(listed, ..)| listed == code)?;
    Some(match language {
        Language::Japanese => japanese,
        Language::English => english,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_code_means_one_thing_in_both_languages() {
        let codes: HashSet<&str> = all().map(|(code, ..)| code).collect();
        assert_eq!(codes.len(), all().count());
        assert!(all().all(|(_, japanese, english)| !japanese.is_empty() && !english.is_empty()));
    }
}
