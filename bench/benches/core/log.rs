//! Connections through the durable log: open, on disk, close.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use bench::log::{Log, now};
use connlog::{Record, Traffic};
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, SamplingMode, Throughput};
use logstore::Recorder;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;

use crate::record;

/// An open and a close record for every connection.
const RECORDS: u64 = 2;

pub(crate) fn bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("log");
    group.sample_size(10).sampling_mode(SamplingMode::Flat);
    group.warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(3));
    group.throughput(Throughput::Elements(RECORDS));
    for openers in [1, 64, 1024] {
        append(&mut group, "disk", Path::new(env!("CARGO_TARGET_TMPDIR")), openers);
    }
    append(&mut group, "memory", Path::new("/dev/shm"), 1024);
    group.finish();
}

fn append(group: &mut BenchmarkGroup<'_, WallTime>, medium: &str, parent: &Path, openers: u64) {
    let log = Log::start(parent);
    let runtime = Builder::new_current_thread().build().unwrap();
    group.bench_function(BenchmarkId::new(medium, openers), |bencher| {
        bencher.iter_custom(|connections| run(&runtime, &log.recorder, openers, connections));
    });
    log.stop();
}

/// The time until `connections` have been opened and closed by `openers` at once, and
/// every record is on disk.
fn run(runtime: &Runtime, recorder: &Recorder, openers: u64, connections: u64) -> Duration {
    let begun = Arc::new(AtomicU64::new(0));
    let start = Instant::now();
    let opened = record::opened(now());
    runtime.block_on(async {
        let mut tasks = JoinSet::new();
        for _ in 0..openers.min(connections) {
            let (recorder, opened) = (recorder.clone(), opened.clone());
            let begun = Arc::clone(&begun);
            tasks.spawn(async move {
                while begun.fetch_add(1, Ordering::Relaxed) < connections {
                    connection(&recorder, &opened).await;
                }
            });
        }
        tasks.join_all().await;
    });
    while recorder.figures().waiting > 0 {
        thread::sleep(Duration::from_micros(20));
    }
    start.elapsed()
}

async fn connection(recorder: &Recorder, opened: &Record) {
    let mut ticket = recorder.open(Record { time: now(), ..opened.clone() }).unwrap();
    ticket.durable().await.unwrap();
    ticket.close("close.client", Traffic::default(), now());
}
