//! Memory of processes, as the kernel counts it: what every library in them allocates.

use std::fs;

/// Octets of anonymous memory that a process has touched: heaps and stacks, no files
/// (<https://docs.kernel.org/filesystems/proc.html>).
///
/// # Panics
///
/// When the kernel does not tell.
pub fn of_process(id: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    let kibibytes = line.and_then(|line| line.trim().strip_suffix(" kB"));
    kibibytes.and_then(|number| number.parse::<u64>().ok()).unwrap() * 1024
}
