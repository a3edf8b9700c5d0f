//! Whole connections: TCP, handshake with client certificate and CRL, policy, record,
//! the system's greeting, and the close from both ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bench::cpu;
use criterion::{BenchmarkId, Criterion, SamplingMode, Throughput};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;

use crate::client::Client;
use crate::setting::Setting;

/// Clients that keep the worker busy.
const CROWD: u64 = 16;

pub(crate) fn bench(criterion: &mut Criterion, setting: &Setting) {
    let runtime = Builder::new_current_thread().enable_io().build().unwrap();
    let mut group = criterion.benchmark_group("connection");
    group.sample_size(10).sampling_mode(SamplingMode::Flat).throughput(Throughput::Elements(1));
    group.warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_millis(1200));
    for road in &setting.roads {
        group.bench_function(BenchmarkId::new("one-at-a-time", road.name), |bencher| {
            bencher.iter_custom(|visits| run(&runtime, &road.client, 1, visits));
        });
        group.bench_function(BenchmarkId::new("sixteen-at-once", road.name), |bencher| {
            bencher.iter_custom(|visits| run(&runtime, &road.client, CROWD, visits));
        });
        group.bench_function(BenchmarkId::new("cpu", road.name), |bencher| {
            bencher.iter_custom(|visits| {
                let before = cpu::of_threads(road.threads);
                run(&runtime, &road.client, CROWD, visits);
                cpu::of_threads(road.threads) - before
            });
        });
    }
    group.finish();
}

/// The time for `visits`, `at_once` of them under way.
fn run(runtime: &Runtime, client: &Client, at_once: u64, visits: u64) -> Duration {
    let begun = Arc::new(AtomicU64::new(0));
    let start = Instant::now();
    runtime.block_on(async {
        let mut tasks = JoinSet::new();
        for _ in 0..at_once.min(visits) {
            let (client, begun) = (client.clone(), Arc::clone(&begun));
            tasks.spawn(async move {
                while begun.fetch_add(1, Ordering::Relaxed) < visits {
                    client.visit().await.unwrap();
                }
            });
        }
        tasks.join_all().await;
    });
    start.elapsed()
}
