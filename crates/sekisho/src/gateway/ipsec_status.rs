//! The roads of layer 3 as status answers show them.

use std::sync::Arc;

use datapath::Handle;
use iked::{ChildStatus, Service, SessionStatus, Snapshot};
use serde_json::{Value, json};

/// Whom to ask.
pub(super) struct Road {
    pub(super) ike: Option<Arc<Service>>,
    pub(super) plane: Arc<Handle>,
}

impl Road {
    /// Every reason with its count since the start, by code; some come twice.
    pub(super) fn counts(&self) -> Vec<(&'static str, u64)> {
        let of_ike = self.ike.iter().flat_map(|ike| ike.counts());
        of_ike.chain(self.plane.counts()).collect()
    }
}

/// The IPsec road's sessions by terminal, and what each worker of the data plane holds; `null`
/// without that road, when the IKE thread does not answer, or for a worker that does not.
pub(super) fn describe(road: &Road) -> Value {
    let snapshot = road.ike.as_ref().and_then(|ike| ike.snapshot());
    let Some(Snapshot { half_open, mut sessions }) = snapshot else {
        return Value::Null;
    };
    sessions.sort_by(|one, other| one.terminal.cmp(&other.terminal).then(one.age.cmp(&other.age)));
    json!({
        "half_open": half_open,
        "sessions": sessions.iter().map(session).collect::<Vec<_>>(),
        "workers": road.plane.status().into_iter().map(worker).collect::<Vec<_>>(),
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

fn worker(held: Option<datapath::Status>) -> Value {
    held.map_or(Value::Null, |held| json!({ "children": held.children, "flows": held.flows }))
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
