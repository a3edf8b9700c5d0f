//! The machine that measurements are from.

use std::env::consts::ARCH;
use std::fs;
use std::process::Command;
use std::thread;

use serde_json::{Value, json};

use crate::process;

/// Processor, memory, kernel, system and compiler; what cannot be found out is `null`.
pub(crate) fn describe() -> Value {
    json!({
        "architecture": ARCH,
        "cpu": field("/proc/cpuinfo", "model name", ':'),
        "cpus": thread::available_parallelism().ok().map(usize::from),
        "memory": field("/proc/meminfo", "MemTotal", ':'),
        "kernel": kernel(),
        "system": field("/etc/os-release", "PRETTY_NAME", '='),
        "rustc": rustc(),
    })
}

/// The value of the first `NAME <separator> VALUE` in a file of such lines.
fn field(path: &str, name: &str, separator: char) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let mut fields = text.lines().filter_map(|line| line.split_once(separator));
    let (_, value) = fields.find(|(found, _)| found.trim() == name)?;
    Some(value.trim().trim_matches('"').to_owned())
}

fn kernel() -> Option<String> {
    fs::read_to_string("/proc/sys/kernel/osrelease").ok().map(|release| release.trim().to_owned())
}

fn rustc() -> Option<String> {
    let version = process::read(Command::new("rustc").arg("--version")).ok()?;
    String::from_utf8(version).ok().map(|version| version.trim().to_owned())
}
