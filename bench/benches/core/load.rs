//! Work on packets in rounds, of which a part only is timed.

use std::time::{Duration, Instant};

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput};

/// Rounds of one load before it is the other's turn, and how often it is.
const IN_TURN: u32 = 10;
const TURNS: usize = 501;

/// Something that is done to a number of packets at once.
pub(crate) struct Load<'a> {
    packets: u32,
    round: Box<dyn FnMut() -> Duration + 'a>,
}

impl<'a> Load<'a> {
    /// `round` does it to so many packets, and says how long that took without what it had to
    /// make ready.
    pub(crate) fn new(packets: usize, round: impl FnMut() -> Duration + 'a) -> Self {
        Self { packets: u32::try_from(packets).unwrap(), round: Box::new(round) }
    }

    /// The time of `packets`, from that of as many whole rounds as they need.
    fn run(&mut self, packets: u64) -> Duration {
        let rounds = packets.div_ceil(self.packets.into());
        let taken: Duration = (0..rounds).map(|_| (self.round)()).sum();
        let done = rounds * u64::from(self.packets);
        taken.mul_f64(packets as f64 / done as f64)
    }

    /// The time of one packet, in nanoseconds.
    fn in_turn(&mut self) -> f64 {
        let packets = self.packets * IN_TURN;
        self.run(packets.into()).as_secs_f64() * 1e9 / f64::from(packets)
    }

    /// Measures it; an iteration is one packet of `octets`.
    pub(crate) fn bench(
        &mut self,
        group: &mut BenchmarkGroup<'_, WallTime>,
        name: &str,
        octets: usize,
    ) {
        group.throughput(Throughput::Bytes(octets as u64));
        group.bench_function(name, |bencher| bencher.iter_custom(|packets| self.run(packets)));
    }
}

/// Two loads measured in turns, so that what else the machine does meets both; medians.
pub(crate) struct Compared {
    /// Of one packet, in nanoseconds.
    pub(crate) base: f64,
    /// Of one packet, in nanoseconds.
    pub(crate) load: f64,
    /// How many times as long as the base the load takes.
    pub(crate) ratio: f64,
}

pub(crate) fn compare(base: &mut Load<'_>, load: &mut Load<'_>) -> Compared {
    let turns: Vec<(f64, f64)> = (0..TURNS).map(|_| (base.in_turn(), load.in_turn())).collect();
    let median = |of: fn(&(f64, f64)) -> f64| {
        let mut all: Vec<f64> = turns.iter().map(of).collect();
        *all.select_nth_unstable_by(TURNS / 2, f64::total_cmp).1
    };
    Compared {
        base: median(|(base, _)| *base),
        load: median(|(_, load)| *load),
        ratio: median(|(base, load)| load / base),
    }
}

/// The time that `work` takes.
pub(crate) fn timed<T>(work: impl FnOnce() -> T) -> Duration {
    let start = Instant::now();
    std::hint::black_box(work());
    start.elapsed()
}

/// A group of short measurements: there are many.
pub(crate) fn group<'c>(criterion: &'c mut Criterion, name: &str) -> BenchmarkGroup<'c, WallTime> {
    let mut group = criterion.benchmark_group(name);
    group.sample_size(20);
    group.warm_up_time(Duration::from_millis(100)).measurement_time(Duration::from_millis(400));
    group
}
