//! Exchanges of a living session: the responder's part.

use std::time::Duration;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, Throughput};
use ike::{Config, SessionId, Timers};

use crate::ends::{Proofs, config};
use crate::pair::Pair;

/// After so much silence the initiator asks.
const SILENCE: Duration = Duration::from_secs(30);

pub(crate) fn bench(criterion: &mut Criterion) {
    let mut group = group(criterion, "ike-exchange");
    let quiet = || config("x25519");
    let asking = || {
        let Config { timers, .. } = quiet();
        Config { timers: Timers { liveness: SILENCE, ..timers }, ..quiet() }
    };
    each(&mut group, "dpd", asking(), |pair, _| pair.ask_for_life(SILENCE));
    each(&mut group, "rekey-child", quiet(), Pair::rekey_child);
    each(&mut group, "rekey-ike", quiet(), Pair::rekey);
    group.finish();
}

pub(crate) fn group<'a>(criterion: &'a mut Criterion, name: &str) -> BenchmarkGroup<'a, WallTime> {
    let mut group = criterion.benchmark_group(name);
    group.sample_size(20).throughput(Throughput::Elements(1));
    group.warm_up_time(Duration::from_millis(200)).measurement_time(Duration::from_millis(800));
    group
}

fn each(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    config: Config,
    mut act: impl FnMut(&mut Pair, SessionId),
) {
    let mut pair = Pair::new(&Proofs::SharedKey, config);
    let id = pair.begin();
    group.bench_function(BenchmarkId::new(name, "x25519"), |bencher| {
        bencher.iter_custom(|exchanges| {
            pair.take_spent();
            (0..exchanges).for_each(|_| act(&mut pair, id));
            pair.take_spent()
        });
    });
}
