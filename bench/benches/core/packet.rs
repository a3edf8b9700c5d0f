//! Packets without cryptography: checksums, headers, super-packets split and merged.

use std::hint::black_box;
use std::io::IoSlice;
use std::net::{Ipv4Addr, SocketAddrV4};

use ::packet::{Headers, Merger, Offload, checksum};
use criterion::Criterion;
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Throughput};

use crate::ip::{self, Ends, LENGTHS, SuperPacket, Upper};
use crate::load::{self, Load, timed};

const ENDS: Ends = (
    SocketAddrV4::new(Ipv4Addr::new(100, 64, 0, 1), 50_000),
    SocketAddrV4::new(Ipv4Addr::new(192, 0, 2, 1), 443),
);

pub(crate) fn bench(criterion: &mut Criterion) {
    let mut group = load::group(criterion, "packet");
    let mut packet = [0; 1408];
    ip::write(&mut packet, Upper::Tcp, ENDS, 0);
    let packet = &packet[..];
    group.throughput(Throughput::Bytes(1408));
    group.bench_function("checksum/1408", |bencher| {
        bencher.iter(|| checksum::sum(black_box(packet)));
    });
    group.bench_function("headers/tcp", |bencher| {
        bencher.iter(|| Headers::parse(black_box(packet)));
    });
    for length in LENGTHS {
        split(&mut group, length);
        merge(&mut group, length);
    }
    group.finish();
}

fn split(group: &mut BenchmarkGroup<'_, WallTime>, length: usize) {
    let mut whole = SuperPacket::new(Upper::Tcp, length);
    let (vnet, packets) = (whole.vnet, whole.packets);
    let mut load = Load::new(packets, || {
        let octets = whole.read(ENDS);
        timed(|| {
            let headers = Headers::parse(octets).unwrap();
            let mut segments = ::packet::split(&vnet, &headers, octets).unwrap();
            while let Some(segment) = segments.next() {
                black_box(segment);
            }
        })
    });
    load.bench(group, &format!("split/{length}"), length);
}

/// With the headers read, as they are by the time a packet comes here.
fn merge(group: &mut BenchmarkGroup<'_, WallTime>, length: usize) {
    let mut octets = vec![0; 65_535 / length * length];
    for (place, packet) in octets.chunks_mut(length).enumerate() {
        ip::write(packet, Upper::Tcp, ENDS, place);
    }
    let packets: Vec<(&[u8], Headers)> =
        octets.chunks(length).map(|packet| (packet, Headers::parse(packet).unwrap())).collect();
    let mut load = Load::new(packets.len(), || {
        timed(|| {
            let mut merger = Merger::new(Offload { uso: true });
            let mut write = |slices: &[IoSlice<'_>]| _ = black_box(slices);
            for (packet, headers) in &packets {
                merger.push(packet, headers, &mut write);
            }
            merger.finish(&mut write);
        })
    });
    load.bench(group, &format!("merge/{length}"), length);
}
