//! The IP-VPN of the data plane's target, and what must hold of it.

use std::net::IpAddr;

use packet::{Headers, Icmp, QuotedFlow, Transport, VnetHeader, icmp, split};
use policy::{Caller, Transport as Asked};
use tunnel::Passage;

use super::tunnel_setup::identity;
use super::tunnel_world::World;

/// What a client's packet asks for.
pub(super) struct Asks {
    /// Who: of an ICMP error, whose flow it is about.
    pub(super) client: IpAddr,
    pub(super) protocol: u8,
    /// The system's.
    pub(super) port: u16,
}

/// What a packet to a system asks for.
pub(super) fn asks(headers: &Headers, packet: &[u8]) -> Asks {
    let client = headers.source;
    let of = |protocol, port| Asks { client, protocol, port };
    match headers.transport {
        Transport::Tcp(tcp) => of(6, tcp.destination),
        Transport::Udp(udp) => of(17, udp.destination),
        Transport::Icmp(Icmp { kind: 8 | 128, .. }) => of(1, 0),
        Transport::Icmp(_) => {
            let quoted = icmp::quoted(packet, headers).expect("an error about something");
            assert_eq!(quoted.source, headers.destination, "to whom it concerns");
            let (protocol, port) = match quoted.flow {
                QuotedFlow::Ports(port, _) => (quoted.protocol, port),
                QuotedFlow::Echo(_) => (1, 0),
                QuotedFlow::Protocol => panic!("about no flow"),
            };
            Asks { client: quoted.destination, protocol, port }
        }
        Transport::Other | Transport::Absent => panic!("a protocol that is not forwarded"),
    }
}

impl World {
    /// A packet or super-packet comes from the IP-VPN.
    ///
    /// # Panics
    ///
    /// When what is let through should not be.
    pub fn enter(&mut self, vnet: VnetHeader, packet: &[u8]) {
        let passed = match self.gateway.handle_ip_vpn(self.now, &vnet, packet) {
            Ok(Passage::Through) => packet.to_vec(),
            Ok(Passage::Reassembled) => self.reassembled(),
            Ok(Passage::Held) => {
                let headers = Headers::parse(packet).expect("a fragment");
                assert!(self.policy.is_on_ip_vpn(headers.source), "strangers leave nothing here");
                return;
            }
            Err(discard) => return self.note(discard),
        };
        let headers = Headers::parse(&passed).expect("a packet");
        assert!(headers.fragment.is_none());
        let Asks { client, protocol, port } = asks(&headers, &passed);
        let to = (headers.destination, protocol, port);
        assert!(self.lets(Caller::IpVpn(client), to), "nobody permits it");
        let is_super = Headers::parse(packet).is_ok_and(|headers| headers.fragment.is_none());
        let packets = if is_super { split::count(&vnet, &headers) } else { 1 };
        self.count(&headers, packets);
        self.keep(passed);
    }

    /// What goes out to the IP-VPN belongs to somebody there whom the policy permits to ask for it.
    pub(super) fn check_outward(&self, packet: &[u8]) {
        let headers = Headers::parse(packet).expect("a packet");
        assert!(headers.fragment.is_none());
        let (client, system) = (headers.destination, headers.source);
        let to = match headers.transport {
            Transport::Tcp(tcp) => (system, 6, tcp.source),
            Transport::Udp(udp) => (system, 17, udp.source),
            Transport::Icmp(Icmp { kind: 0 | 129, .. }) => (system, 1, 0),
            Transport::Icmp(_) => {
                let quoted = icmp::quoted(packet, &headers).expect("about something");
                assert_eq!(quoted.source, client, "to whom it concerns");
                let port = match quoted.flow {
                    QuotedFlow::Ports(_, port) => port,
                    QuotedFlow::Echo(_) => 0,
                    QuotedFlow::Protocol => panic!("about no flow"),
                };
                (quoted.destination, quoted.protocol, port)
            }
            Transport::Other | Transport::Absent => panic!("not forwarded"),
        };
        assert!(self.lets(Caller::IpVpn(client), to), "nobody permits it");
    }

    /// What another worker is asked about is for somebody on the IP-VPN.
    pub(super) fn check_unknown(&self, packet: &[u8]) {
        let headers = Headers::parse(packet).expect("a packet");
        assert!(self.policy.is_on_ip_vpn(headers.destination));
        let whole = self.gateway.gathered().map(|(_, whole)| Headers::parse(whole));
        assert_eq!(whole.is_some(), headers.fragment.is_some(), "others have no fragments of it");
        assert!(whole.is_none_or(|whole| whole.is_ok_and(|headers| headers.fragment.is_none())));
    }

    /// All flows were looked at: each is permitted, now.
    pub(super) fn check_flows(&self) {
        for flow in self.gateway.flows(self.now.instant) {
            let (client, system) = (flow.conversation.client, flow.conversation.system);
            let protocol = match flow.conversation.transport.expect("one that is forwarded") {
                Asked::Tcp => 6,
                Asked::Udp => 17,
                Asked::Icmp => 1,
            };
            let to = (system.ip(), protocol, system.port());
            let lets = |caller| self.lets(caller, to);
            let by_tunnel = (0..2).any(|one| lets(Caller::IpsecIdentity(identity(one))));
            assert!(by_tunnel || lets(Caller::IpVpn(client.ip())), "nobody permits {client}");
        }
    }

    /// An operator ends a flow: that one, once.
    ///
    /// # Panics
    ///
    /// When it goes on.
    pub fn end_flow(&mut self, choice: u8) {
        let open = &self.gateway.ledger().open;
        let Some(&entry) = open.iter().nth(usize::from(choice) % open.len().max(1)) else { return };
        assert!(self.gateway.end_flow(entry, "end") && !self.gateway.end_flow(entry, "end"));
    }

    /// Somebody sets the clock back.
    pub fn set_clock_back(&mut self, choice: u8) {
        self.now.unix -= i64::from(choice) * 600;
        self.gateway.handle_timeout(self.now, |_| {});
        self.pass(1);
    }

    /// The gateway ends all flows.
    ///
    /// # Panics
    ///
    /// When one goes on.
    pub fn finish(&mut self) {
        self.gateway.finish();
        assert_eq!(self.gateway.held().1, 0);
    }
}
