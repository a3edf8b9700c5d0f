//! The section `[ipsec]`.

use std::net::IpAddr;
use std::str::FromStr;

use ike_negotiation::{ChildProposal, IkeProposal, ProposalError};
use ipnet::IpNet;
use policy::System;
use toml::Spanned;

use super::Reader;
use crate::config::raw::{RawIpsec, RawIpsecLimits, RawPool, RawTunnel, Text};
use crate::config::{Ipsec, IpsecLimits, Pool, Tls, Tunnel};

/// UDP port of IKE (RFC 7296 §2).
const PORT: u16 = 500;
/// UDP port of IKE and ESP behind address translation (RFC 3948).
const NAT_PORT: u16 = 4500;
/// AES-GCM keeps its strength well beyond this: 2^36 blocks of one key.
const CHILD_BYTES: u64 = 1 << 40;
/// Half of what a 32-bit sequence number can count (RFC 4303 §3.3.3).
const CHILD_PACKETS: u64 = 1 << 31;

impl Reader<'_> {
    /// What is not given of CAs and CRLs is that of `tls`.
    pub(super) fn ipsec(&mut self, raw: RawIpsec, tls: &Tls, systems: &[System]) -> Ipsec {
        let (port, nat_port) = self.ports(raw.port, raw.nat_port);
        Ipsec {
            listen: self.addresses(&raw.listen),
            port,
            nat_port,
            identity: self.own_identity(&raw.identity),
            certificates: raw.certificate.iter().map(|files| self.certificate(files)).collect(),
            client_ca: match &raw.client_ca {
                Some(given) => self.client_ca(given),
                None => tls.client_ca.clone(),
            },
            crl: match &raw.crl {
                Some(given) => self.crl(given),
                None => tls.crl.clone(),
            },
            ike_proposals: self.proposals(raw.ike_proposals, IkeProposal::defaults),
            esp_proposals: self.proposals(raw.esp_proposals, ChildProposal::defaults),
            ike_lifetime: self.duration(raw.ike_lifetime, 8 * 3600),
            child_lifetime: self.duration(raw.child_lifetime, 3600),
            child_bytes: self.at_least_one(&raw.child_bytes, CHILD_BYTES),
            child_packets: self.at_least_one(&raw.child_packets, CHILD_PACKETS),
            dpd_interval: self.duration(raw.dpd_interval, 30),
            limits: self.ipsec_limits(&raw.limits),
            pool: raw.pool.map(|pool| self.pool(&pool, systems)),
            tunnel: self.tunnel(raw.tunnel),
        }
    }

    fn ports(&mut self, ike: Option<Spanned<u16>>, nat: Option<Spanned<u16>>) -> (u16, u16) {
        let span = nat.as_ref().or(ike.as_ref()).map(Spanned::span);
        let port = ike.map_or(PORT, Spanned::into_inner);
        let nat_port = nat.map_or(NAT_PORT, Spanned::into_inner);
        if let Some(span) = span.filter(|_| port == nat_port && port != 0) {
            let remedy = "give two: on the second, IKE begins with a marker that the first has not";
            self.problem(span, "port and nat_port are the same", remedy);
        }
        (port, nat_port)
    }

    fn addresses(&mut self, given: &Spanned<Vec<Text>>) -> Vec<IpAddr> {
        if given.as_ref().is_empty() {
            let remedy = "name an address to listen on, as \"0.0.0.0\" or \"[::]\"";
            self.problem(given.span(), "no address is given", remedy);
        }
        let mut addresses = Vec::new();
        for text in given.as_ref() {
            let Some(address) = self.address(text) else { continue };
            if addresses.contains(&address) {
                self.fault(text, "is given twice", "name every address once");
            }
            addresses.push(address);
        }
        addresses
    }

    /// An address; one of IPv6 may stand in brackets, as it does before a port.
    fn address(&mut self, given: &Text) -> Option<IpAddr> {
        let text = given.as_ref();
        let inside = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
        let address = match inside {
            Some(inside) => inside.parse().map(IpAddr::V6).ok(),
            None => text.parse().ok(),
        };
        if address.is_none() {
            self.fault(given, "is not an address", "as 192.0.2.1 or [2001:db8::1], without a port");
        }
        address
    }

    fn own_identity(&mut self, given: &Text) -> Spanned<String> {
        let name = match given.as_ref().parse::<IpAddr>() {
            Ok(address) => address.to_string(),
            Err(_) => self.host(given),
        };
        Spanned::new(given.span(), name)
    }

    fn proposals<T: FromStr<Err = ProposalError>>(
        &mut self,
        given: Option<Spanned<Vec<Text>>>,
        defaults: fn() -> Vec<T>,
    ) -> Vec<T> {
        let remedy = "leave the key out for the defaults, or name what peers may use";
        let Some(given) = given else { return defaults() };
        if given.as_ref().is_empty() {
            self.problem(given.span(), "no proposal is given", remedy);
        }
        let mut proposals = Vec::new();
        for text in given.as_ref() {
            match text.as_ref().parse::<T>() {
                Ok(proposal) => proposals.push(proposal),
                Err(error) => self.problem(text.span(), error.to_string(), remedy),
            }
        }
        proposals
    }

    fn ipsec_limits(&mut self, raw: &RawIpsecLimits) -> IpsecLimits {
        let mut limit = |given, default| self.at_least_one(given, default) as usize;
        IpsecLimits {
            half_open: limit(&raw.half_open, 4096),
            half_open_per_source: limit(&raw.half_open_per_source, 64),
            // 0: everybody proves itself.
            cookie_threshold: raw.cookie_threshold.unwrap_or(128) as usize,
            sas: limit(&raw.sas, 65_536),
        }
    }

    fn tunnel(&mut self, raw: RawTunnel) -> Tunnel {
        let path_mtu = raw.path_mtu.map(|mtu| Spanned::new(mtu.span(), u32::from(*mtu.as_ref())));
        Tunnel {
            // IPv6 inside needs 1280, and the headers around it their room.
            path_mtu: self.within(path_mtu, 1454, 1400..=9216) as u16,
            dont_fragment: raw.dont_fragment.unwrap_or(false),
            replay_window: self.within(raw.replay_window, 8192, 64..=65_536).next_power_of_two(),
        }
    }

    fn pool(&mut self, raw: &RawPool, systems: &[System]) -> Pool {
        if raw.addresses.as_ref().is_empty() {
            let remedy = "name a prefix, as 10.99.0.0/16, or leave [ipsec.pool] out";
            self.problem(raw.addresses.span(), "the pool is empty", remedy);
        }
        let mut addresses: Vec<IpNet> = Vec::new();
        for given in raw.addresses.as_ref() {
            let Some(prefix) = self.prefix(given) else { continue };
            let overlaps = |other: &IpNet| prefix.contains(other) || other.contains(&prefix);
            if let Some(other) = addresses.iter().find(|other| overlaps(other)) {
                self.fault(given, &format!("overlaps {other}"), "give every address once");
            }
            let of = |system: &&System| system.destinations.iter().any(|d| overlaps(&d.network));
            if let Some(system) = systems.iter().find(of) {
                let message = format!("overlaps a destination of {}", system.id);
                self.fault(given, &message, "give terminals addresses that nothing else has");
            }
            addresses.push(prefix);
        }
        let dns = raw.dns.iter().filter_map(|server| self.address(server)).collect();
        Pool { addresses, dns }
    }
}
