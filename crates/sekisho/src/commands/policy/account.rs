//! An explanation for people and for programs.

use policy::{Change, Check, Denial, Particular, Step, UnixSeconds, Value};
use reason::{Language, Reason};
use serde_json::{Map, json};

use super::Book;
use crate::commands::when;
use crate::{Failure, output};

pub(super) struct Account<'a> {
    pub(super) explanation: &'a policy::Explanation,
    pub(super) book: &'a Book<'a>,
    pub(super) language: Language,
    pub(super) now: UnixSeconds,
}

impl Account<'_> {
    /// The reason of a refusal.
    pub(super) fn reason(&self) -> Option<Denial> {
        self.explanation.outcome.as_ref().err().map(|denied| denied.reason)
    }

    /// `permit`, or the reason's code and sentence.
    pub(super) fn verdict(&self) -> String {
        match self.reason() {
            None => "permit".to_owned(),
            Some(reason) => format!("{} — {}", reason.code(), reason.text(self.language)),
        }
    }

    /// The check that refused, with what it looked at.
    pub(super) fn decisive(&self) -> Option<String> {
        let step = self.explanation.decisive()?;
        Some(format!("{}: {}", self.check(step.check), self.particulars(step)))
    }

    /// Verdict, checks and what would change it.
    pub(super) fn print(&self) -> Result<(), Failure> {
        let (permitted, denied) = self.either(("許可", "拒否"), ("permitted", "denied"));
        let at = self.moment(self.now);
        match self.reason() {
            None => output::line(format_args!("{permitted}  ({at})"))?,
            Some(_) => output::line(format_args!("{denied}  {}  ({at})", self.verdict()))?,
        }
        output::line("")?;
        let steps = &self.explanation.steps;
        let rows: Vec<Vec<String>> = steps
            .iter()
            .map(|step| {
                let mark = if self.passed(step) { "ok" } else { "NO" };
                let check = self.check(step.check).to_owned();
                vec![mark.to_owned(), check, self.particulars(step)]
            })
            .collect();
        let (check, what) = self.either(("確認", "内容"), ("check", "what was looked at"));
        output::table(&["", check, what], &rows)?;
        output::line("")?;
        self.print_changes()
    }

    fn print_changes(&self) -> Result<(), Failure> {
        let changes = &self.explanation.changes;
        let permitted = self.reason().is_none();
        output::line(match (permitted, changes.is_empty()) {
            (true, true) => self.either("期限はありません。", "no end of it is in sight"),
            (true, false) => self.either("次の時刻に終わります。", "it ends at this time:"),
            (false, true) => self.either(
                "許可する方法はありません。",
                "nothing changes it: this is never permitted",
            ),
            (false, false) => {
                self.either("次のいずれかで変わります。", "any of these would change it:")
            }
        })?;
        changes
            .iter()
            .try_for_each(|change| output::line(format_args!("  {}", self.change(change))))
    }

    fn change(&self, change: &Change) -> String {
        match change {
            Change::Time(at) if self.reason().is_none() => self.moment(*at),
            Change::Time(at) => {
                let at = self.moment(*at);
                self.either(format!("{at} まで待つ"), format!("wait until {at}"))
            }
            Change::Command(command) => command.clone(),
            Change::Configuration { system, table, key, value } => {
                let of =
                    system.as_ref().map(|id| self.either(format!("（{id}）"), format!(" of {id}")));
                let of = of.unwrap_or_default();
                format!("sekisho.toml: {table}{of} {key}: {value}")
            }
        }
    }

    /// For programs.
    pub(super) fn json(&self) -> serde_json::Value {
        let explanation = self.explanation;
        let (institution, terminal, system) = match &explanation.outcome {
            Ok(permit) => (Some(permit.institution()), permit.terminal(), Some(permit.system())),
            Err(denied) => {
                (denied.institution.as_ref(), denied.terminal.as_ref(), denied.system.as_ref())
            }
        };
        json!({
            "verdict": if explanation.outcome.is_ok() { "permitted" } else { "denied" },
            "reason": self.reason().map(Reason::code),
            "ja": self.reason().map(|reason| reason.text(Language::Japanese)),
            "en": self.reason().map(|reason| reason.text(Language::English)),
            "at": self.rfc3339(self.now),
            "generation": self.book.policy.generation(),
            "institution": institution.map(ToString::to_string),
            "terminal": terminal.map(ToString::to_string),
            "system": system.map(ToString::to_string),
            "steps": explanation.steps.iter().map(|step| json!({
                "check": step.check.as_str(),
                "passed": self.passed(step),
                "particulars": self.particulars_json(step),
            })).collect::<Vec<_>>(),
            "changes": explanation.changes.iter().map(|change| match change {
                Change::Time(at) => json!({ "kind": "time", "at": self.rfc3339(*at) }),
                Change::Command(command) => json!({ "kind": "command", "command": command }),
                Change::Configuration { system, table, key, value } => json!({
                    "kind": "configuration",
                    "system": system.as_ref().map(ToString::to_string),
                    "table": table,
                    "key": key,
                    "value": value,
                }),
            }).collect::<Vec<_>>(),
        })
    }

    fn particulars_json(&self, step: &Step) -> Map<String, serde_json::Value> {
        let entry = |(particular, value): &(Particular, Value)| {
            let value = match value {
                Value::Text(text) => text.clone(),
                Value::Time(at) => self.rfc3339(*at),
            };
            (particular.to_string(), value.into())
        };
        step.particulars.iter().map(entry).collect()
    }

    fn passed(&self, step: &Step) -> bool {
        self.explanation.decisive().is_none_or(|decisive| decisive.check != step.check)
    }

    fn check(&self, check: Check) -> &'static str {
        self.either(check.japanese(), check.as_str())
    }

    fn particulars(&self, step: &Step) -> String {
        let one = |(particular, value): &(Particular, Value)| {
            let name = self.either(particular.japanese(), particular.as_str());
            let value = match value {
                Value::Text(text) if text.is_empty() => "–".to_owned(),
                Value::Text(text) => text.clone(),
                Value::Time(at) => self.moment(*at),
            };
            format!("{name} {value}")
        };
        step.particulars.iter().map(one).collect::<Vec<_>>().join(", ")
    }

    fn either<T>(&self, japanese: T, english: T) -> T {
        match self.language {
            Language::Japanese => japanese,
            Language::English => english,
        }
    }

    fn moment(&self, at: UnixSeconds) -> String {
        when::local(at, self.book.config.offset).strftime("%Y-%m-%d %H:%M:%S").to_string()
    }

    fn rfc3339(&self, at: UnixSeconds) -> String {
        when::local(at, self.book.config.offset).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
    }
}
