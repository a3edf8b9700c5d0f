//! Against the real kernel, each test in a network namespace of its own.
#![allow(unsafe_code)]

mod devices;
mod sockets;
mod steering;

use std::env;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use rustix::thread::{UnshareFlags, unshare_unsafe};

/// Runs a test in a new network namespace, with loopback up. Where that is not permitted it says
/// so, and fails in CI.
fn in_namespace(test: impl FnOnce() + Send + 'static) {
    let run = || {
        // SAFETY: only the network namespace is unshared; file descriptors are as before.
        if let Err(error) = unsafe { unshare_unsafe(UnshareFlags::NEWNET) } {
            eprintln!("could not run: a new network namespace is refused ({error})");
            assert!(env::var_os("CI").is_none_or(|ci| ci != "true"), "CI must permit namespaces");
            return;
        }
        ip("link set lo up");
        test();
    };
    if let Err(panic) = thread::spawn(run).join() {
        std::panic::resume_unwind(panic);
    }
}

/// Runs `ip` here, and gives its output.
fn ip(words: &str) -> String {
    let output = Command::new("ip").args(words.split_whitespace()).output().unwrap();
    assert!(output.status.success(), "ip {words}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Tries until there is a result, for two seconds.
fn eventually<T>(mut attempt: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + Duration::from_secs(2);
    loop {
        if let Some(result) = attempt() {
            return result;
        }
        assert!(Instant::now() < end, "nothing came");
        thread::sleep(Duration::from_millis(1));
    }
}
