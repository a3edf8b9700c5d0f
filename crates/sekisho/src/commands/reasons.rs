//! `sekisho reasons`

use reason::Language;
use serde_json::json;

use crate::cli::Json;
use crate::{Failure, output, reasons};

pub(super) fn run(json: Json, language: Language) -> Result<(), Failure> {
    if json.json {
        let all: Vec<_> = reasons::all()
            .map(|(code, ja, en)| json!({ "code": code, "ja": ja, "en": en }))
            .collect();
        return output::json(&all);
    }
    let rows: Vec<Vec<String>> = reasons::all()
        .map(|(code, japanese, english)| {
            let text = match language {
                Language::Japanese => japanese,
                Language::English => english,
            };
            vec![code.to_owned(), text.to_owned()]
        })
        .collect();
    output::table(&["reason", "meaning"], &rows)
}
