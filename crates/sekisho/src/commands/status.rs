//! `sekisho status`

use reason::Language;
use serde_json::Value;

use crate::cli::Json;
use crate::config::Config;
use crate::gateway::Request;
use crate::{Failure, gateway, output, reasons};

pub(super) fn run(config: &Config, json: Json, language: Language) -> Result<(), Failure> {
    let status = gateway::ask(&config.socket, &Request::Status {})?;
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
    if let Some(ipsec) = status.get("ipsec").filter(|ipsec| !ipsec.is_null()) {
        sessions(ipsec)?;
        output::line("")?;
    }
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

/// IPsec sessions, each with its CHILD_SAs below it.
fn sessions(ipsec: &Value) -> Result<(), Failure> {
    let of = |value: &Value, key: &str| match value.get(key) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(items)) => {
            let items: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
            items.join(" ")
        }
        Some(Value::Number(seconds)) => format!("{seconds} s"),
        Some(_) | None => String::new(),
    };
    let mut rows = Vec::new();
    for session in ipsec.get("sessions").and_then(Value::as_array).into_iter().flatten() {
        let nat = session.get("nat").and_then(|nat| nat.get("peer")) == Some(&Value::Bool(true));
        let remote = format!("{}{}", of(session, "remote"), if nat { " (NAT)" } else { "" });
        let [terminal, identity, suite, age] =
            ["terminal", "identity", "suite", "age_seconds"].map(|key| of(session, key));
        rows.push(vec![terminal, identity, remote, suite, age]);
        for child in session.get("children").and_then(Value::as_array).into_iter().flatten() {
            let [spi_in, spi_out, local, remote, suite, age] =
                ["spi_in", "spi_out", "local", "remote", "suite", "age_seconds"]
                    .map(|key| of(child, key));
            let spis = format!("  {spi_in} {spi_out}");
            rows.push(vec![spis, format!("{local} =="), remote, suite, age]);
        }
    }
    let half_open = ipsec.get("half_open").map(Value::to_string).unwrap_or_default();
    output::line(format_args!("ipsec: {half_open} half-open"))?;
    output::table(&["terminal / SPIs", "identity / here", "address / there", "suite", "age"], &rows)
}
