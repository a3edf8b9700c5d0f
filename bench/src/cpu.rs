//! CPU time of threads, as the kernel counts it. It lags by what they have used since the last
//! timer tick: a few milliseconds.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What all threads of this process with these names have used so far.
///
/// # Panics
///
/// When the kernel does not tell.
pub fn of_threads(names: &[&str]) -> Duration {
    let named = |task: &PathBuf| {
        let name = fs::read_to_string(task.join("comm")).unwrap();
        names.contains(&name.trim_end())
    };
    tasks(std::process::id()).filter(named).map(|task| used(&task)).sum()
}

/// What the living threads of a process have used so far.
///
/// # Panics
///
/// When the kernel does not tell.
pub fn of_process(id: u32) -> Duration {
    tasks(id).map(|task| used(&task)).sum()
}

fn tasks(process: u32) -> impl Iterator<Item = PathBuf> {
    fs::read_dir(format!("/proc/{process}/task")).unwrap().map(|task| task.unwrap().path())
}

/// The first number of `schedstat`
/// (<https://docs.kernel.org/scheduler/sched-stats.html>): nanoseconds on a CPU.
fn used(task: &Path) -> Duration {
    let text = fs::read_to_string(task.join("schedstat")).unwrap();
    let nanoseconds = text.split_whitespace().next().and_then(|number| number.parse().ok());
    Duration::from_nanos(nanoseconds.unwrap())
}
