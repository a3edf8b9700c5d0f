//! What gateways and machine have used so far.

use std::fs;
use std::time::Duration;

use bench::cpu;

/// CPU time.
#[derive(Clone, Copy)]
pub(crate) struct Used {
    /// Of the processes of both gateways, by the scheduler's accounting.
    pub(crate) gateways: Duration,
    /// Of the whole machine: of all CPUs, whatever for.
    pub(crate) machine: Duration,
}

/// What `/proc/stat` counts in (`USER_HZ`): the same on all of Linux's architectures of today.
const TICK: Duration = Duration::from_millis(10);

impl Used {
    pub(crate) fn so_far(gateways: &[u32]) -> Self {
        Self { gateways: gateways.iter().copied().map(cpu::of_process).sum(), machine: machine() }
    }

    pub(crate) fn since(self, earlier: Self) -> Self {
        Self {
            gateways: self.gateways.saturating_sub(earlier.gateways),
            machine: self.machine.saturating_sub(earlier.machine),
        }
    }
}

/// The first line of `/proc/stat`, without idle times and what other machines on the same host
/// used (<https://docs.kernel.org/filesystems/proc.html>).
fn machine() -> Duration {
    let stat = fs::read_to_string("/proc/stat").unwrap();
    let all = stat.lines().next().unwrap();
    let ticks: Vec<u32> =
        all.split_whitespace().skip(1).map(|number| number.parse().unwrap_or(u32::MAX)).collect();
    let [user, nice, system, _idle, _iowait, irq, softirq, ..] = ticks[..] else {
        panic!("/proc/stat: {all}")
    };
    TICK * (user + nice + system + irq + softirq)
}

/// Octets of memory of these processes, what they share with others divided among those.
pub(crate) fn memory(processes: &[u32]) -> f64 {
    let of = |process: &u32| {
        let rollup = fs::read_to_string(format!("/proc/{process}/smaps_rollup")).unwrap();
        let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:")).unwrap();
        let kibibytes = line.trim().trim_end_matches(" kB");
        kibibytes.parse::<f64>().unwrap() * 1024.0
    };
    processes.iter().map(of).sum()
}
