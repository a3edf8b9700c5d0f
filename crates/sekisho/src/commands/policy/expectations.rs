//! `sekisho policy test`: a file of expectations against the policy.

use std::ops::Range;
use std::path::Path;

use policy::{Denial, Network};
use reason::{Language, Reason as _};
use serde::Deserialize;
use serde_json::json;
use toml::Spanned;

use super::{Account, Book, Question, Words};
use crate::cli::PolicyTest;
use crate::config::{Problem, Problems};
use crate::{Failure, output};

type Text = Spanned<String>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// When, for every expectation that does not say.
    at: Option<Text>,
    #[serde(default)]
    expect: Vec<RawExpectation>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawExpectation {
    road: Text,
    from: Text,
    to: Text,
    at: Option<Text>,
    expect: Text,
    #[serde(default)]
    note: String,
}

/// What should come of a question.
struct Expectation {
    line: usize,
    question: Question,
    /// `None` for a permit.
    expected: Option<Denial>,
    note: String,
}

pub(super) fn run(book: &Book<'_>, asked: &PolicyTest, language: Language) -> Result<(), Failure> {
    let path = asked.file.as_path();
    let source = std::fs::read_to_string(path)
        .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    let expectations =
        read(book, &source).map_err(|problems| Problems::new(path, &source, problems))?;
    let mut rows = Vec::new();
    let mut failed = 0;
    for expectation in &expectations {
        let explanation = book.explain(&expectation.question);
        let now = expectation.question.now;
        let account = Account { explanation: &explanation, book, language, now };
        let as_expected = account.reason() == expectation.expected;
        failed += usize::from(!as_expected);
        if asked.json.json {
            rows.push(json!({
                "line": expectation.line,
                "note": expectation.note,
                "expected": word(expectation.expected),
                "passed": as_expected,
                "explanation": account.json(),
            }));
        } else if !as_expected {
            output::line(complaint(path, expectation, &account))?;
        }
    }
    let all = expectations.len();
    if asked.json.json {
        output::json(&rows)?;
    } else {
        output::line(format_args!("{} of {all} as expected", all - failed))?;
    }
    if failed == 0 { Ok(()) } else { Err(format!("{failed} of {all} expectations failed").into()) }
}

/// One line: where, what was expected, what came, and by which rule.
fn complaint(path: &Path, expectation: &Expectation, account: &Account<'_>) -> String {
    let Expectation { line, expected, note, .. } = expectation;
    let note = if note.is_empty() { String::new() } else { format!("{note}: ") };
    let rule = account.decisive().map(|rule| format!(" ({rule})")).unwrap_or_default();
    let (path, expected, came) = (path.display(), word(*expected), account.verdict());
    format!("{path}:{line}: {note}expected {expected}, came {came}{rule}")
}

const PERMIT: &str = "permit";

fn word(expected: Option<Denial>) -> &'static str {
    expected.map_or(PERMIT, |reason| reason.code())
}

/// All expectations of the file, or all that is wrong with it.
fn read(book: &Book<'_>, source: &str) -> Result<Vec<Expectation>, Vec<Problem>> {
    let remedy = "conf/policy-test.toml shows the form of every key";
    let file: File = toml::from_str(source).map_err(|error| {
        vec![Problem {
            span: error.span(),
            message: error.message().to_owned(),
            remedy: remedy.to_owned(),
        }]
    })?;
    if file.expect.is_empty() {
        return Err(vec![Problem::whole("the file expects nothing", "add an [[expect]]")]);
    }
    let mut problems = Vec::new();
    let mut expectations = Vec::new();
    for raw in file.expect {
        match expectation(book, source, file.at.as_ref(), raw) {
            Ok(expectation) => expectations.push(expectation),
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() { Ok(expectations) } else { Err(problems) }
}

fn expectation(
    book: &Book<'_>,
    source: &str,
    at: Option<&Text>,
    raw: RawExpectation,
) -> Result<Expectation, Problem> {
    let at = raw.at.as_ref().or(at);
    let road: Network = raw.road.get_ref().parse().map_err(|error| {
        let message = format!("'{}' {error}", raw.road.get_ref());
        Problem::at(raw.road.span(), message, "give one of them")
    })?;
    let words = Words {
        road,
        from: raw.from.get_ref(),
        to: raw.to.get_ref(),
        at: at.map(|at| at.get_ref().as_str()),
    };
    let question = Question::read(book, &words).map_err(|unclear| {
        let place: Option<&Text> = match unclear.word {
            "from" => Some(&raw.from),
            "to" => Some(&raw.to),
            _ => at,
        };
        let span: Option<Range<usize>> = place.map(Spanned::span);
        Problem { span, message: unclear.message, remedy: unclear.remedy }
    })?;
    let line = source.get(..raw.expect.span().start).unwrap_or_default().lines().count();
    Ok(Expectation { line, question, expected: expected(&raw.expect)?, note: raw.note })
}

fn expected(text: &Text) -> Result<Option<Denial>, Problem> {
    if text.get_ref() == PERMIT {
        return Ok(None);
    }
    let reason = Denial::ALL.iter().find(|reason| reason.code() == text.get_ref());
    reason.map(|&reason| Some(reason)).ok_or_else(|| {
        let message = format!("'{}' is no verdict of the policy", text.get_ref());
        let remedy = "give permit, or a code as policy.outside-hours; 'sekisho reasons' lists them";
        Problem::at(text.span(), message, remedy)
    })
}
