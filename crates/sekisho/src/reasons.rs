//! The sentence for any code in a record, whichever part of the gateway wrote it.

use logstore::LogReason;
use policy::Denial;
use reason::{Language, describe};
use terminator::{Ending, Refusal};

use crate::gateway::GatewayEvent;

/// What `code` means, in words for people.
pub(crate) fn sentence(code: &str, language: Language) -> Option<&'static str> {
    describe::<Denial>(code, language)
        .or_else(|| describe::<Refusal>(code, language))
        .or_else(|| describe::<Ending>(code, language))
        .or_else(|| describe::<LogReason>(code, language))
        .or_else(|| describe::<GatewayEvent>(code, language))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use reason::Reason;

    use super::*;

    fn codes<R: Reason>() -> impl Iterator<Item = &'static str> {
        R::ALL.iter().map(|reason| reason.code())
    }

    #[test]
    fn every_code_means_one_thing() {
        let all: Vec<&str> = codes::<Denial>()
            .chain(codes::<Refusal>())
            .chain(codes::<Ending>())
            .chain(codes::<LogReason>())
            .chain(codes::<GatewayEvent>())
            .collect();
        let distinct: HashSet<&str> = all.iter().copied().collect();
        assert_eq!(distinct.len(), all.len());
        for code in all {
            for language in [Language::Japanese, Language::English] {
                assert!(sentence(code, language).is_some_and(|text| !text.is_empty()), "{code}");
            }
        }
    }
}
