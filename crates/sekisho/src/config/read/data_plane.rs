//! The sections `[data_plane]` and `[ip_vpn]`.

use std::ops::RangeInclusive;
use std::time::Duration;

use toml::Spanned;

use super::Reader;
use crate::config::raw::{RawDataPlane, RawIpVpn, Text};
use crate::config::{DataPlane, IpVpn};

/// More would be a mistake rather than a network.
const MOST_INTERFACES: usize = 16;

impl Reader<'_> {
    pub(super) fn data_plane(&mut self, raw: RawDataPlane) -> DataPlane {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let cores = u16::try_from(cores).unwrap_or(u16::MAX);
        DataPlane {
            device: self.device(raw.device.as_ref(), "sekisho0"),
            // Tables 253 to 255 are the kernel's own, and so are the rules beside 1 to 32765. The
            // next two of each are taken as well.
            routing_table: self.within(raw.routing_table, 4500, 256..=u32::MAX - 2),
            rule_priority: self.within(raw.rule_priority, 4500, 1..=32_763),
            workers: usize::from(self.at_least_one(&raw.workers, cores)),
            busy_poll: self.busy_poll(raw.busy_poll.as_ref()),
            clamp_mss: raw.clamp_mss.unwrap_or(true),
            fragment_inner: raw.fragment_inner.unwrap_or(true),
            flows: self.at_least_one(&raw.flows, 262_144) as usize,
            flows_per_institution: self.at_least_one(&raw.flows_per_institution, 32_768),
            flow_rate: self.at_least_one(&raw.flow_rate, 10_000),
        }
    }

    /// `inside` is the device of [`Reader::data_plane`].
    pub(super) fn ip_vpn(&mut self, raw: &RawIpVpn, inside: &str) -> IpVpn {
        let device = self.device(raw.device.as_ref(), "sekisho-vpn");
        if device == inside {
            let span = raw.device.as_ref().map_or(raw.interfaces.span(), Spanned::span);
            let remedy = "give it a name of its own: the two tell where a packet came from";
            self.problem(span, format!("{device} is the device of [data_plane] already"), remedy);
        }
        let given = raw.interfaces.as_ref();
        if !(1..=MOST_INTERFACES).contains(&given.len()) {
            let message = format!("{} interfaces are given", given.len());
            let remedy = "name the interfaces to the closed network, 1 to 16, as [\"ens5\"]";
            self.problem(raw.interfaces.span(), message, remedy);
        }
        let mut interfaces: Vec<Spanned<String>> = Vec::new();
        for name in given {
            if !is_interface(name.as_ref()) {
                let remedy = "as 'ip link' shows it, without what follows an @";
                self.fault(name, "is not a name of an interface", remedy);
            }
            if [inside, &device].contains(&name.as_ref().as_str()) {
                let remedy = "name the interface to the closed network; the gateway makes its own";
                self.fault(name, "is a device of the gateway itself", remedy);
            }
            if interfaces.iter().any(|other| other.as_ref() == name.as_ref()) {
                self.fault(name, "is given twice", "name every interface once");
            }
            interfaces.push(name.clone());
        }
        IpVpn { interfaces, device }
    }

    fn device(&mut self, given: Option<&Text>, default: &str) -> String {
        let Some(given) = given else { return default.to_owned() };
        let is_ours = |octet: u8| octet.is_ascii_alphanumeric() || octet == b'-';
        if !is_interface(given.as_ref()) || !given.as_ref().bytes().all(is_ours) {
            self.fault(given, "is not a name of a device", "1 to 15 letters, digits or hyphens");
        }
        given.as_ref().clone()
    }

    pub(super) fn within(
        &mut self,
        given: Option<Spanned<u32>>,
        default: u32,
        range: RangeInclusive<u32>,
    ) -> u32 {
        let Some(given) = given else { return default };
        if !range.contains(given.as_ref()) {
            let remedy = format!("give {} to {}", range.start(), range.end());
            self.problem(given.span(), "out of range", &remedy);
        }
        given.into_inner()
    }

    fn busy_poll(&mut self, given: Option<&Text>) -> Duration {
        const DEFAULT: Duration = Duration::from_micros(50);
        const LONGEST: Duration = Duration::from_millis(100);
        let Some(given) = given else { return DEFAULT };
        let parsed = given.as_ref().parse::<jiff::SignedDuration>().ok();
        let parsed = parsed.and_then(|duration| Duration::try_from(duration).ok());
        parsed.filter(|duration| *duration <= LONGEST).unwrap_or_else(|| {
            self.fault(given, "is not a time to look for packets", "give 0s to 100ms, as '50us'");
            DEFAULT
        })
    }
}

/// Whether Linux takes it (dev_valid_name), and nftables as it is: IFNAMSIZ with the final zero.
fn is_interface(name: &str) -> bool {
    let usable = |octet: u8| octet.is_ascii_alphanumeric() || b"-_.".contains(&octet);
    (1..=15).contains(&name.len()) && name.bytes().all(usable) && name != "." && name != ".."
}
