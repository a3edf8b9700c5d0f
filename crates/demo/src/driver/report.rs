//! What people see: the table of attempts, the records, and how to try it by hand.

use std::collections::HashMap;
use std::path::Path;

use demo::systems::Kind;
use serde_json::{Value, json};
use unicode_width::UnicodeWidthStr as _;

use super::Failure;
use super::attempts::Row;
use super::records::field;
use super::stage::{Stage, host};

/// Prints attempt, expected, got and reason.
pub(super) fn table(stage: &Stage, rows: &[Row]) -> Result<(), Failure> {
    let meanings = meanings(stage)?;
    let head = ["", "attempt", "expected", "got", "reason"].map(str::to_owned);
    let mut lines = vec![head];
    for row in rows {
        let mark = if row.as_expected() { "ok" } else { "NO" };
        let meaning = meanings.get(&row.got).cloned().unwrap_or_default();
        let (attempt, got) = (row.attempt.clone(), row.got.clone());
        lines.push([mark.to_owned(), attempt, row.expected.to_owned(), got, meaning]);
    }
    let mut widths = [0; 5];
    for line in &lines {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = cell.width().max(*width);
        }
    }
    for line in &lines {
        let mut text = String::new();
        for (cell, width) in line.iter().zip(widths) {
            text.push_str(cell);
            text.extend(std::iter::repeat_n(' ', width + 2 - cell.width()));
        }
        println!("{}", text.trim_end());
    }
    for row in rows.iter().filter(|row| !row.as_expected()) {
        println!("\nnot as expected: {}\n  the client said: {}", row.attempt, row.said);
    }
    let good = rows.iter().filter(|row| row.as_expected()).count();
    println!("\n{good} of {} attempts went as expected", rows.len());
    Ok(())
}

/// Code of a reason → its sentence, in the language of the environment.
fn meanings(stage: &Stage) -> Result<HashMap<String, String>, Failure> {
    let locale = ["LC_ALL", "LC_MESSAGES", "LANG"];
    let locale = locale.iter().find_map(|name| std::env::var(name).ok().filter(|v| !v.is_empty()));
    let language = if locale.is_some_and(|locale| locale.starts_with("ja")) { "ja" } else { "en" };
    let listed: Vec<Value> = serde_json::from_str(&stage.sekisho(&["reasons", "--json"])?)?;
    let pair =
        |reason: &Value| (field(reason, "code").to_owned(), field(reason, language).to_owned());
    Ok(listed.iter().map(pair).collect())
}

/// Writes the rows for programs.
pub(super) fn json(file: &Path, rows: &[Row]) -> Result<(), Failure> {
    let rows: Vec<Value> = rows
        .iter()
        .map(|row| {
            json!({
                "attempt": row.attempt,
                "expected": row.expected,
                "got": row.got,
                "as_expected": row.as_expected(),
                "client_said": row.said,
            })
        })
        .collect();
    Ok(std::fs::write(file, serde_json::to_string_pretty(&rows)?)?)
}

/// Prints the last records of the connection log.
pub(super) fn records(stage: &Stage) -> Result<(), Failure> {
    println!("\nthe connection log (sekisho log tail):\n");
    println!("{}", stage.sekisho(&["log", "tail", "-n", "12"])?);
    Ok(())
}

/// Prints commands to copy.
pub(super) fn by_hand(stage: &Stage) {
    let (front, dicom) = (stage.ports.front, stage.ports.dicom);
    let directory = stage.directory.display();
    let program = stage.program().display();
    let ca = stage.ca_file();
    println!("try it by hand, in another terminal:\n");
    println!("  cd {directory}");
    for (kind, client) in [(Kind::KmixRBasic, "3720001-pc-1"), (Kind::KmixPlus, "3710002-pc-1")] {
        let name = host(kind);
        println!(
            "  curl --noproxy '*' --cacert ca/ca.pem --resolve {name}:{front}:127.0.0.1 \\\n    \
             --cert terminals/{client}.pem --key terminals/{client}.key \\\n    \
             https://{name}:{front}/"
        );
    }
    println!(
        "  echoscu --enable-tls terminals/3710001-ct-1.key terminals/3710001-ct-1.pem \\\n    \
         --add-cert-file {ca} --call {} 127.0.0.1 {dicom}",
        demo::systems::AE_TITLE
    );
    println!("\n  export SEKISHO_CONFIG={directory}/sekisho.toml");
    for command in ["log tail -f", "status", "institution list", "terminal suspend 3720001/pc-1"] {
        println!("  {program} {command}");
    }
    println!("\nCtrl-C stops the gateway and the systems.");
}
