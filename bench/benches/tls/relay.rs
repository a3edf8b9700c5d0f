//! Bytes through one open connection.

use std::time::{Duration, Instant};

use bench::cpu;
use criterion::{BenchmarkId, Criterion, SamplingMode, Throughput};
use tokio::io::{self, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::runtime::Builder;

use crate::client::Stream;
use crate::setting::{Road, Setting};
use crate::system::Ask;
use crate::transfer::{give, take};

/// Bytes an iteration moves: 64 MiB.
const TRANSFER: u64 = 64 << 20;
const ROADS: [&str; 3] = ["plain-tcp", "naive-tls12-p256", "gateway-tls12-p256"];
const WAYS: [(&str, Ask); 2] = [("up", Ask::Take(TRANSFER)), ("down", Ask::Give(TRANSFER))];

pub(crate) fn bench(criterion: &mut Criterion, setting: &Setting) {
    let mut group = criterion.benchmark_group("relay");
    group.sample_size(10).sampling_mode(SamplingMode::Flat);
    group.throughput(Throughput::Bytes(TRANSFER));
    group.warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
    for (way, ask) in WAYS {
        for road in setting.roads.iter().filter(|road| ROADS.contains(&road.name)) {
            group.bench_function(BenchmarkId::new(way, road.name), |bencher| {
                bencher.iter_custom(|transfers| run(road, ask, transfers).0);
            });
            group.bench_function(BenchmarkId::new(format!("{way}-cpu"), road.name), |bencher| {
                bencher.iter_custom(|transfers| run(road, ask, transfers).1);
            });
        }
    }
    group.finish();
}

/// The time for `transfers`, and the CPU time of what stands between.
fn run(road: &Road, ask: Ask, transfers: u64) -> (Duration, Duration) {
    let runtime = Builder::new_current_thread().enable_io().build().unwrap();
    runtime.block_on(async {
        let mut stream = road.client.connect().await.unwrap();
        let (start, before) = (Instant::now(), cpu::of_threads(road.threads));
        for _ in 0..transfers {
            transfer(&mut stream, ask).await.unwrap();
        }
        (start.elapsed(), cpu::of_threads(road.threads) - before)
    })
}

async fn transfer(stream: &mut impl Stream, ask: Ask) -> io::Result<()> {
    stream.write_all(&ask.encode()).await?;
    match ask {
        Ask::Take(length) => {
            give(stream, length).await?;
            stream.read_u8().await.map(drop)
        }
        Ask::Give(length) => {
            stream.flush().await?;
            take(stream, length).await
        }
    }
}
