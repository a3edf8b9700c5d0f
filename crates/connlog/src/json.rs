//! A record as a JSON object.

use serde_json::{Map, Value as Json};

use crate::{ConnectionId, FIELDS, Record, Value};

/// The record as a JSON object: the fields that are known, and the `verdict`
/// (`permitted` or `denied`) that its kind stands for. Times are Unix microseconds.
pub fn to_json(record: &Record) -> Json {
    let verdict = match record.kind() {
        "denied" => Some("denied"),
        "open" | "close" => Some("permitted"),
        _ => None,
    };
    let mut object: Map<String, Json> = FIELDS
        .iter()
        .zip(record.values())
        .filter_map(|(field, value)| Some((field.name.to_owned(), json(value)?)))
        .collect();
    if let Some(verdict) = verdict {
        object.insert("verdict".to_owned(), verdict.into());
    }
    Json::Object(object)
}

fn json(value: Value<'_>) -> Option<Json> {
    match value {
        Value::Null => None,
        Value::Integer(number) => Some(number.into()),
        Value::Text(text) => Some(text.into_owned().into()),
        Value::Bytes(bytes) => Some(ConnectionId(bytes).to_string().into()),
    }
}
