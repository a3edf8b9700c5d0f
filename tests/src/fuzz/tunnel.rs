//! The data plane with peers that hold the keys: the input is a program of what they send, of
//! what systems send, and of what IKE, policy and time do meanwhile.

use packet::{Headers, VnetHeader, fragment};

use super::input::Input;
use super::octets::{Ip, Upper};
use super::tunnel_world::World;

/// Steps of one program.
const MAX_STEPS: usize = 96;

/// The input is a list of steps, each an octet that says what happens and octets that say how.
///
/// # Panics
///
/// When the gateway panics, lets through what nobody permits, or grows.
pub fn run(input: &[u8]) {
    let mut input = Input::new(input);
    let mut world = World::default();
    for _ in 0..MAX_STEPS {
        if input.is_empty() {
            break;
        }
        step(&mut world, &mut input);
        world.check();
    }
    // All waiting is over some time, and everything can be taken away.
    world.pass(100_000);
    assert_eq!(world.gateway.held().1, 0, "flows outlive their time");
    while !world.children.is_empty() {
        world.remove(0);
    }
    world.pass(100_000);
    world.check();
}

fn step(world: &mut World, input: &mut Input<'_>) {
    match input.octet() {
        choice @ 240.. => step_on_ip_vpn(world, input, choice % 8),
        choice => step_of_tunnels(world, input, choice % 15),
    }
}

/// What the IP-VPN brings, and what ends flows on any road.
fn step_on_ip_vpn(world: &mut World, input: &mut Input<'_>, choice: u8) {
    match choice {
        0..=2 => {
            let vnet = if choice == 2 { vnet(input) } else { VnetHeader::default() };
            let packet = from_ip_vpn(input);
            let packet = mutated(packet, input);
            world.enter(vnet, &packet);
        }
        3 => {
            let vnet = vnet(input);
            world.enter(vnet, input.piece());
        }
        4 => fragments_on_ip_vpn(world, input),
        5 => world.end_flow(input.octet()),
        6 => world.set_clock_back(input.octet()),
        _ => world.finish(),
    }
}

fn step_of_tunnels(world: &mut World, input: &mut Input<'_>, choice: u8) {
    match choice {
        0 => world.install(u64::from(input.octet() % 3), input.octet(), input.octet()),
        1 => world.remove(input.octet()),
        2 => world.moved(u64::from(input.octet() % 3), input.octet()),
        3 => world.set_policy(input.octet()),
        4 => world.pass([0, 1, 3, 16, 40, 200, 4000, 30_000][input.below(8)]),
        5 => {
            let octets = input.piece();
            seal(world, input, octets);
        }
        6 | 7 => {
            let packet = inward(input);
            let packet = mutated(packet, input);
            seal(world, input, &packet);
        }
        8 => {
            let how = input.octet();
            world.receive(input.piece(), how);
        }
        9 => again(world, input),
        10 => in_fragments(world, input),
        11 => {
            let vnet = vnet(input);
            world.send(vnet, input.piece());
        }
        12 => answer(world, input),
        13 => {
            let (choice, mtu) = (input.octet(), input.short());
            let (spi, sequence) = world.sent;
            let back = if choice & 128 == 0 { 0 } else { u32::from(input.octet()) };
            world.path_mtu(choice, (spi, sequence.wrapping_sub(back)), mtu);
        }
        _ => match input.octet() {
            choice if choice & 1 == 0 => {
                world.gateway.announce(1 << 40, 1, vec!["10.0.0.0/8".parse().unwrap()]);
            }
            _ => world.gateway.withdraw(1 << 40),
        },
    }
}

/// Seals what a peer wants inside, and sends it.
fn seal(world: &mut World, input: &mut Input<'_>, inner: &[u8]) {
    let (choice, how) = (input.octet(), input.octet());
    let Some(id) = world.nth(choice >> 2) else { return };
    let version = inner.first().map_or(0, |first| first >> 4);
    let next_header = match (choice & 3, version) {
        (0, _) => how,
        (_, 6) => 41,
        _ => 4,
    };
    if let Some(packet) = world.seal(id, inner, next_header) {
        world.receive(&packet, how);
    }
}

/// A packet that somebody on the IP-VPN might send, whether anybody registered its source or not.
fn from_ip_vpn(input: &mut Input<'_>) -> Vec<u8> {
    let (who, what) = (input.octet(), input.octet());
    let ends = match who & 3 {
        3 => ["2001:db8:5::1", ["2001:db8:1::10", "2001:db8:2::1"][usize::from(who >> 7)]],
        _ => [
            ["172.16.0.1", "172.16.1.1", "10.2.0.1", "172.17.0.1"][usize::from(who >> 4 & 3)],
            ["192.0.2.10", "192.0.2.20", "172.16.1.1", "192.0.2.10"][usize::from(who >> 6)],
        ],
    };
    between(ends, what, input)
}

/// A packet that a peer might send: to a system or elsewhere, from within its prefix or not.
fn inward(input: &mut Input<'_>) -> Vec<u8> {
    let (who, what) = (input.octet(), input.octet());
    let ends = match who & 3 {
        3 => [client_v6(who), ["2001:db8:1::10", "2001:db8:2::1"][usize::from(who >> 7)]],
        _ => [
            ["10.2.0.1", "10.2.0.2", "10.3.0.1", "10.9.0.1"][usize::from(who >> 4 & 3)],
            ["192.0.2.10", "192.0.2.20", "10.3.0.1", "192.0.2.10"][usize::from(who >> 6)],
        ],
    };
    between(ends, what, input)
}

fn between(ends: [&str; 2], what: u8, input: &mut Input<'_>) -> Vec<u8> {
    let ports = [1000 + u16::from(what & 3), [443, 53, 55, 22][usize::from(what >> 2 & 3)]];
    let kind = if ends[0].contains(':') { 128 } else { 8 };
    let upper = match what >> 4 & 7 {
        0 => Upper::Tcp(ports, 1, 2, false),
        1 => Upper::Tcp(ports, 1, 0x10, true),
        2 | 3 => Upper::Udp(ports),
        4 | 5 => Upper::Icmp([kind, 0], [0, what & 3, 0, 1]),
        6 => return quoting(&ends, ports, input),
        _ => Upper::Other(input.octet()),
    };
    made(ends, upper, input)
}

fn client_v6(choice: u8) -> &'static str {
    ["2001:db8:2::1", "2001:db8:3::1"][usize::from(choice >> 6 & 1)]
}

fn made(ends: [&str; 2], upper: Upper, input: &mut Input<'_>) -> Vec<u8> {
    let shape = input.octet();
    let len = match shape & 7 {
        7 => 3000 + usize::from(shape) * 16,
        6 => 1400,
        len => usize::from(len) * 40,
    };
    Ip {
        ends: ends.map(|end| end.parse().unwrap()),
        class: shape >> 6,
        dont_fragment: shape & 8 != 0,
        identification: shape.into(),
        upper,
        payload: vec![shape; len],
    }
    .build(shape & 16 != 0)
}

/// An ICMP error about a packet that came the other way, to its sender or to somebody else.
fn quoting(ends: &[&str; 2], [client, system]: [u16; 2], input: &mut Input<'_>) -> Vec<u8> {
    let choice = input.octet();
    let v4 = !ends[0].contains(':');
    let cause = match choice & 1 {
        0 => Upper::Udp([system, client]),
        _ => Upper::Icmp([if v4 { 0 } else { 129 }, 0], [0, client as u8 & 3, 0, 1]),
    };
    let back = [ends[1], ends[0]];
    let mut quoted = made(back, cause, input);
    quoted.truncate(if choice & 2 == 0 { 600 } else { 40 });
    let to = match choice & 12 {
        12 => ["8.8.8.8", "2001:db8:9::9"][usize::from(!v4)],
        _ => ends[1],
    };
    let kind = if v4 { [3, 3] } else { [1, 4] };
    Ip {
        ends: [ends[0], to].map(|end| end.parse().unwrap()),
        class: 0,
        dont_fragment: true,
        identification: 0,
        upper: Upper::Icmp(kind, [0; 4]),
        payload: quoted,
    }
    .build(false)
}

/// Some octets of it are others, and it is longer or shorter.
fn mutated(mut packet: Vec<u8>, input: &mut Input<'_>) -> Vec<u8> {
    let choice = input.octet();
    for _ in 0..choice & 3 {
        let at = usize::from(input.octet()) % packet.len();
        packet[at] = input.octet();
    }
    match choice >> 6 {
        2 => packet.truncate(packet.len() - usize::from(input.octet()) % packet.len()),
        3 => packet.extend(vec![choice; usize::from(input.octet())]),
        _ => {}
    }
    packet
}

/// What came comes again, perhaps damaged, perhaps with another SPI.
fn again(world: &mut World, input: &mut Input<'_>) {
    let (which, how) = (input.octet(), input.octet());
    let Some(packet) = world.came.get(usize::from(which) % world.came.len().max(1)) else { return };
    if packet.is_empty() {
        return;
    }
    let packet = mutated(packet.clone(), input);
    world.receive(&packet, how);
}

/// Fragments of a packet, some of them damaged, left out, or in another order.
fn in_fragments(world: &mut World, input: &mut Input<'_>) {
    let packet = inward(input);
    let mut pieces = cut(packet, input);
    while !pieces.is_empty() {
        let at = input.below(pieces.len());
        let piece = pieces.swap_remove(at);
        if input.octet() & 15 == 15 {
            continue;
        }
        let piece = mutated(piece, input);
        if input.octet() & 1 == 0 {
            seal(world, input, &piece);
        } else {
            world.send(VnetHeader::default(), &piece);
        }
    }
}

/// The same on the IP-VPN, or of a system's answer to somebody there.
fn fragments_on_ip_vpn(world: &mut World, input: &mut Input<'_>) {
    let which = input.octet();
    let (packet, is_answer) = match which & 1 {
        0 => (from_ip_vpn(input), false),
        _ => match answer_to(world, which >> 1, input) {
            Some((_, packet)) => (packet, true),
            None => return,
        },
    };
    let mut pieces = cut(packet, input);
    while !pieces.is_empty() {
        let at = input.below(pieces.len());
        let piece = mutated(pieces.swap_remove(at), input);
        match is_answer {
            true => world.send(VnetHeader::default(), &piece),
            false => world.enter(VnetHeader::default(), &piece),
        }
    }
}

/// A packet in pieces, as a router or its source cuts it.
fn cut(mut packet: Vec<u8>, input: &mut Input<'_>) -> Vec<Vec<u8>> {
    let Ok(headers) = Headers::parse(&packet) else { return Vec::new() };
    let mtu = 68 + usize::from(input.octet()) * 8;
    let mut pieces = Vec::new();
    if headers.source.is_ipv6() {
        let mut room = vec![0; mtu];
        if let Ok(mut cut) = fragment::fragments6(&packet, &headers, 7, mtu) {
            while let Some(len) = cut.write_next(&mut room)
                && pieces.len() < 16
            {
                pieces.push(room[..len].to_vec());
            }
        }
    } else if let Ok(mut cut) = fragment::fragments(&mut packet, &headers, mtu) {
        while let Some(piece) = cut.next()
            && pieces.len() < 16
        {
            pieces.push(piece.to_vec());
        }
    }
    pieces
}

fn vnet(input: &mut Input<'_>) -> VnetHeader {
    VnetHeader::parse(&std::array::from_fn(|_| input.octet()))
}

/// A system answers something that was let through, or says anything.
fn answer(world: &mut World, input: &mut Input<'_>) {
    let which = input.octet();
    let Some((vnet, packet)) = answer_to(world, which, input) else { return };
    let packet = mutated(packet, input);
    let vnet = match vnet {
        Some(vnet) => VnetHeader { gso_size: u16::from(input.octet()) * 8, ..vnet },
        None => VnetHeader::default(),
    };
    world.send(vnet, &packet);
}

/// What a system may answer; with a header that lacks the size of its segments if it is a
/// super-packet.
fn answer_to(
    world: &World,
    which: u8,
    input: &mut Input<'_>,
) -> Option<(Option<VnetHeader>, Vec<u8>)> {
    let which = usize::from(which) % world.passed.len().max(1);
    let headers = world.passed.get(which).and_then(|one| Headers::parse(one).ok())?;
    let (from, to) = (headers.destination.to_string(), headers.source.to_string());
    let (v4, choice) = (headers.source.is_ipv4(), input.octet());
    let (upper, kind, offset) = match headers.transport {
        packet::Transport::Tcp(tcp) => {
            let upper =
                Upper::Tcp([tcp.destination, tcp.source], 1, choice & 0x1a, choice & 1 != 0);
            (upper, if v4 { VnetHeader::TCPV4 } else { VnetHeader::TCPV6 }, 16)
        }
        packet::Transport::Udp(udp) => {
            (Upper::Udp([udp.destination, udp.source]), VnetHeader::UDP_L4, 6)
        }
        packet::Transport::Icmp(icmp) => {
            let [high, low] = icmp.identifier.to_be_bytes();
            let kind = if v4 { 0 } else { 129 };
            (Upper::Icmp([kind, 0], [high, low, 0, 1]), VnetHeader::NONE, 2)
        }
        packet::Transport::Other | packet::Transport::Absent => return None,
    };
    let payload = vec![choice; usize::from(input.octet()) * 200];
    let (ends, df) = ([from, to].map(|end| end.parse().unwrap()), choice & 64 != 0);
    let is_super = choice & 128 != 0 && kind != VnetHeader::NONE;
    let made = Ip {
        ends,
        class: choice >> 4 & 3,
        dont_fragment: df,
        identification: choice.into(),
        upper,
        payload,
    };
    let vnet = VnetHeader {
        flags: VnetHeader::NEEDS_CSUM,
        gso_type: kind,
        csum_start: if v4 { 20 } else { 40 },
        csum_offset: offset,
        ..VnetHeader::default()
    };
    Some((is_super.then_some(vnet), made.build(is_super)))
}
