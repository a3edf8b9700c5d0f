//! `sekisho status`

use reason::Language;
use serde_json::Value;

use crate::cli::Json;
use crate::config::Config;
use crate::{Failure, gateway, output, reasons};

pub(super) fn run(config: &Config, json: Json, language: Language) -> Result<(), Failure> {
    let status = gateway::ask_status(&config.socket)?;
    if json.json {
        return output::json(&status);
    }
    let plain = |key: &str| match status.get(key) {
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
        None => String::new(),
    };
    let keys = ["version", "uptime_seconds", "policy_generation", "handshakes", "connections"];
    let mut rows: Vec<Vec<String>> =
        keys.iter().map(|key| vec![(*key).to_owned(), plain(key)]).collect();
    rows.push(vec!["log".to_owned(), plain("log")]);
    for expiry in status.get("expiries").and_then(Value::as_array).into_iter().flatten() {
        let text = |key| expiry.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        rows.push(vec![text("what"), format!("until {}", text("at"))]);
    }
    output::table(&["gateway", &plain("gateway")], &rows)?;
    output::line("")?;
    let counts = status.get("counts").and_then(Value::as_object);
    let rows: Vec<Vec<String>> = counts
        .into_iter()
        .flatten()
        .map(|(code, count)| {
            let meaning = reasons::sentence(code, language).unwrap_or_default();
            vec![count.to_string(), code.clone(), meaning.to_owned()]
        })
        .collect();
    output::table(&["count", "reason", "meaning"], &rows)
}
