//! `sekisho policy …`

mod account;
mod expectations;
mod question;

use std::fmt;

use ::policy::{Explanation, Policy, Roster};
use reason::Language;

use super::open_registry;
use crate::cli::{self, PolicyExplain};
use crate::config::Config;
use crate::{Failure, output};

use account::Account;
use question::{Question, Words};

pub(super) fn run(
    config: &Config,
    command: cli::Policy,
    language: Language,
) -> Result<(), Failure> {
    let book = Book::open(config)?;
    match command {
        cli::Policy::Explain(asked) => explain(&book, &asked, language),
        cli::Policy::Test(asked) => expectations::run(&book, &asked, language),
    }
}

/// The policy as it would be served now, and what it was made from.
struct Book<'c> {
    config: &'c Config,
    roster: Roster,
    policy: Policy,
}

impl<'c> Book<'c> {
    fn open(config: &'c Config) -> Result<Self, Failure> {
        let (version, roster) = open_registry(config)?.reader().roster()?;
        let policy = Policy::compile(version, config.offset, config.systems.clone(), &roster)?;
        Ok(Self { config, roster, policy })
    }

    fn explain(&self, question: &Question) -> Explanation {
        self.policy.explain(&question.request())
    }
}

fn explain(book: &Book<'_>, asked: &PolicyExplain, language: Language) -> Result<(), Failure> {
    let words =
        Words { road: asked.road, from: &asked.from, to: &asked.to, at: asked.at.as_deref() };
    let question = Question::read(book, &words).map_err(|unclear| {
        format!("--{}: {}; {}", unclear.word, unclear.message, unclear.remedy)
    })?;
    let explanation = book.explain(&question);
    let account = Account { explanation: &explanation, book, language, now: question.now };
    let told = if asked.json.json { output::json(&account.json()) } else { account.print() };
    told?;
    explanation.outcome.map(drop).map_err(|_| Refused.into())
}

/// The answer was given, and it was no.
#[derive(Debug)]
pub(crate) struct Refused;

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("denied")
    }
}

impl std::error::Error for Refused {}
