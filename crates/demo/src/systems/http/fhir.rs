//! The FHIR entry point: `GET /metadata` (HL7 FHIR R4, §3.1.0.9 capabilities).

use serde_json::{Value, json};

/// The media type of a FHIR resource as JSON (R4, §2.6.3).
pub(crate) const MEDIA_TYPE: &str = "application/fhir+json; charset=utf-8";

/// The smallest valid `CapabilityStatement` of a running server: every required
/// element, and `implementation`, which invariant cpb-15 asks of an instance.
pub(crate) fn capability_statement() -> Value {
    json!({
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": "2021-04-01",
        "kind": "instance",
        "software": { "name": env!("CARGO_PKG_NAME"), "version": env!("CARGO_PKG_VERSION") },
        "implementation": { "description": "地域患者情報システム (demo)" },
        "fhirVersion": "4.0.1",
        "format": ["json"],
        "rest": [{ "mode": "server" }]
    })
}
