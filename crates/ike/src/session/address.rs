//! The Configuration payload (RFC 7296 §3.15).

use std::net::IpAddr;

use ike_wire::{Attribute, Configuration, ConfigurationType, Malformed, Payload, Payloads};

use crate::config::Config;
use crate::pool::{Lease, Wanted};

/// Prefix length of the address that a peer gets; it is alone on its link.
const V6_PREFIX: u8 = 128;

/// What a CFG_REQUEST asks for.
pub(crate) fn wanted(payloads: &Payloads<'_>) -> Result<Wanted, Malformed> {
    let Some(request) = payloads.configuration()? else { return Ok(Wanted::default()) };
    let asks = |test: fn(&Attribute<'_>) -> bool| {
        request.kind == ConfigurationType::CFG_REQUEST && request.attributes.iter().any(test)
    };
    Ok(Wanted {
        v4: asks(|one| matches!(one, Attribute::InternalIp4Address(_))),
        v6: asks(|one| matches!(one, Attribute::InternalIp6Address(_))),
    })
}

/// A CFG_REQUEST for virtual addresses and name servers.
pub(crate) fn request(wanted: Wanted) -> Payload<'static> {
    let mut attributes = Vec::new();
    if wanted.v4 {
        attributes.extend([Attribute::InternalIp4Address(None), Attribute::InternalIp4Dns(None)]);
    }
    if wanted.v6 {
        attributes.extend([Attribute::InternalIp6Address(None), Attribute::InternalIp6Dns(None)]);
    }
    Payload::Configuration(Configuration { kind: ConfigurationType::CFG_REQUEST, attributes })
}

/// The addresses in a CFG_REPLY.
pub(crate) fn assigned(payloads: &Payloads<'_>) -> Result<Vec<IpAddr>, Malformed> {
    let reply = payloads.configuration()?;
    let reply = reply.filter(|reply| reply.kind == ConfigurationType::CFG_REPLY);
    let attributes = reply.map(|reply| reply.attributes.as_slice()).unwrap_or_default();
    Ok(attributes
        .iter()
        .filter_map(|attribute| match attribute {
            Attribute::InternalIp4Address(address) => address.map(IpAddr::V4),
            Attribute::InternalIp6Address(address) => address.map(|(v6, _)| IpAddr::V6(v6)),
            Attribute::InternalIp4Netmask(_)
            | Attribute::InternalIp4Dns(_)
            | Attribute::InternalIp4Subnet(_)
            | Attribute::InternalIp6Dns(_)
            | Attribute::InternalIp6Subnet(_)
            | Attribute::ApplicationVersion(_)
            | Attribute::Unknown { .. } => None,
        })
        .collect())
}

/// The answer to a CFG_REQUEST.
pub(crate) struct Configured(Vec<Attribute<'static>>);

impl Configured {
    /// What a lease brings, with the name servers of its families.
    pub(crate) fn of(config: &Config, lease: &Lease) -> Self {
        let mut attributes = Vec::new();
        if let Some(v4) = lease.v4 {
            attributes.push(Attribute::InternalIp4Address(Some(v4)));
            let dns = config.pool.dns_v4().map(|server| Attribute::InternalIp4Dns(Some(server)));
            attributes.extend(dns);
        }
        if let Some(v6) = lease.v6 {
            attributes.push(Attribute::InternalIp6Address(Some((v6, V6_PREFIX))));
            let dns = config.pool.dns_v6().map(|server| Attribute::InternalIp6Dns(Some(server)));
            attributes.extend(dns);
        }
        Self(attributes)
    }

    pub(crate) fn payload(&self) -> Payload<'static> {
        let kind = ConfigurationType::CFG_REPLY;
        Payload::Configuration(Configuration { kind, attributes: self.0.clone() })
    }
}
