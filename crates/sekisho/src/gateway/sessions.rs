//! The IPsec road as status answers show it.

use iked::{ChildStatus, Service, SessionStatus, Snapshot};
use serde_json::{Value, json};

/// Its sessions by terminal; `null` when the IKE thread does not answer.
pub(super) fn describe(service: &Service) -> Value {
    let Some(Snapshot { half_open, mut sessions }) = service.snapshot() else {
        return Value::Null;
    };
    sessions.sort_by(|one, other| one.terminal.cmp(&other.terminal).then(one.age.cmp(&other.age)));
    json!({
        "half_open": half_open,
        "sessions": sessions.iter().map(session).collect::<Vec<_>>(),
    })
}

fn session(session: &SessionStatus) -> Value {
    json!({
        "connection": session.connection.to_string(),
        "terminal": session.terminal,
        "identity": session.identity,
        "certificate": session.certificate,
        "remote": session.remote.to_string(),
        "local": session.local.to_string(),
        "nat": { "gateway": session.nat.local, "peer": session.nat.remote },
        "suite": session.suite,
        "ppk": session.ppk,
        "vendor": session.vendor,
        "age_seconds": session.age.map(|age| age.as_secs()),
        "addresses": session.addresses,
        "children": session.children.iter().map(child).collect::<Vec<_>>(),
    })
}

fn child(child: &ChildStatus) -> Value {
    json!({
        "spi_in": format!("{:08x}", child.spi_in),
        "spi_out": format!("{:08x}", child.spi_out),
        "suite": child.suite,
        "local": child.local,
        "remote": child.remote,
        "age_seconds": child.age.as_secs(),
    })
}
