//! The CPU time of threads by their names, as the kernel counts it.

use std::fs;
use std::path::Path;
use std::time::Duration;

/// The CPU time that all threads of these names have used so far. It lags by what they
/// have used since the last timer tick: a few milliseconds.
pub(crate) fn of_threads(names: &[&str]) -> Duration {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    let of_thread = |task: &Path| {
        let name = fs::read_to_string(task.join("comm")).unwrap();
        names.contains(&name.trim_end()).then(|| used(task))
    };
    tasks.filter_map(|task| of_thread(&task.unwrap().path())).sum()
}

/// The first number of `schedstat`
/// (<https://docs.kernel.org/scheduler/sched-stats.html>): nanoseconds on a CPU.
fn used(task: &Path) -> Duration {
    let text = fs::read_to_string(task.join("schedstat")).unwrap();
    let nanoseconds = text.split_whitespace().next().and_then(|number| number.parse().ok());
    Duration::from_nanos(nanoseconds.unwrap())
}
