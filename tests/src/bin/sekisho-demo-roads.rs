//! `cargo xtask demo --roads`: all three roads, tried by those who may come and those who may not.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a demo is for reading")]

use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use std::{fs, thread};

use demo::report::{self, Meanings, Row};
use sekisho_tests::strongswan::lacks_strongswan;
use sekisho_tests::topology::{DROPPED, Topology, rows};
use sekisho_tests::{gateway::Gateway, program};
use signal_hook::consts::{SIGINT, SIGTERM};

const HELP: &str = "\
The gateway at the end of three roads (IP-VPN, IPsec, TLS) in network namespaces, before five
demo systems, tried by real clients. Needs root. Removes everything it made.

Usage: sekisho-demo-roads [--once] [--json FILE]

  --once       stop after the attempts; exit 0 only if each went as expected
  --json FILE  write the attempts there

Example: cargo xtask demo --roads --once --json roads.json";

/// How many of each road's records are shown.
const SHOWN: usize = 12;

/// What was asked for.
#[derive(Default)]
struct Options {
    once: bool,
    json: Option<PathBuf>,
}

fn main() -> ExitCode {
    let options = match options(std::env::args().skip(1)) {
        Ok(Some(options)) => options,
        Ok(None) => {
            println!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err(failure) => {
            eprintln!("demo: {failure}\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    if program::lacks_root() || lacks_strongswan() || ["curl", "storescu"].iter().any(lacks) {
        eprintln!("demo: run `cargo xtask demo --roads` as root: it installs what is missing");
        return ExitCode::FAILURE;
    }
    // What does not come up ends this by a panic, which has said why; what was made is removed.
    match catch_unwind(AssertUnwindSafe(|| run(&options))) {
        Ok(Ok(true)) => ExitCode::SUCCESS,
        Ok(Err(failure)) => {
            eprintln!("demo: {failure}");
            ExitCode::FAILURE
        }
        Ok(Ok(false)) | Err(_) => ExitCode::FAILURE,
    }
}

/// `None` when help is asked for.
fn options(mut arguments: impl Iterator<Item = String>) -> Result<Option<Options>, String> {
    let mut options = Options::default();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--once" => options.once = true,
            "--json" => {
                let file = arguments.next().ok_or("--json needs a value")?;
                options.json = Some(file.into());
            }
            "--help" | "-h" => return Ok(None),
            other => return Err(format!("unknown argument '{other}'")),
        }
    }
    Ok(Some(options))
}

fn lacks(program: &&str) -> bool {
    program::lacks(program)
}

/// Whether every attempt went as expected.
fn run(options: &Options) -> Result<bool, Box<dyn Error>> {
    let stop = Arc::<AtomicBool>::default();
    for signal in [SIGINT, SIGTERM] {
        // The second ends this at once; the next start removes what is left.
        signal_hook::flag::register_conditional_default(signal, Arc::clone(&stop))?;
        signal_hook::flag::register(signal, Arc::clone(&stop))?;
    }
    let is_stopped = || stop.load(Ordering::Relaxed);
    println!("building networks, gateway, systems and peers ...\n");
    let mut topology = Topology::new();
    println!("{}", topology.gateway.sekisho(&format!("check --lang {}", report::language())));
    let rows = rows(&topology.attempt_all(is_stopped));
    if is_stopped() {
        println!("stopped: removing everything");
        return Ok(false);
    }
    tell(&topology.gateway, &rows)?;
    if let Some(file) = &options.json {
        fs::write(file, serde_json::to_string_pretty(&report::json(&rows))?)?;
    }
    if !options.once {
        by_hand(&topology);
        while !is_stopped() {
            thread::sleep(Duration::from_millis(100));
        }
        println!();
    }
    topology.stop();
    Ok(rows.iter().all(Row::as_expected))
}

/// Prints the table and the records of the three roads.
fn tell(gateway: &Gateway, rows: &[Row]) -> Result<(), Box<dyn Error>> {
    let mut meanings = Meanings::parse(&gateway.sekisho("reasons --json"))?;
    meanings.add(
        DROPPED,
        "ゲートウェイの判定の前に破棄され、どのシステムにも届きません。",
        "Discarded before the gateway has to judge it; no system sees it.",
    );
    println!("{}", report::table(rows, &meanings));
    for (network, name) in [("ip-vpn", "IP-VPN"), ("ipsec", "IPsec"), ("tls", "TLS")] {
        let line = format!("log query --network {network} --newest --limit {SHOWN}");
        println!("\n{name} (sekisho {line}):\n");
        let line = format!("{line} --lang {}", report::language());
        println!("{}", gateway.sekisho(&line).trim_end());
    }
    Ok(())
}

/// Prints commands to copy.
fn by_hand(topology: &Topology) {
    println!("\ntry it by hand, in another terminal:\n");
    for (who, namespace, command) in topology.hosts() {
        println!("  # {who}\n  ip netns exec {namespace} {command}");
    }
    let configuration = topology.gateway.site.path("sekisho.toml");
    println!("\n  export SEKISHO_CONFIG={}", configuration.display());
    for command in ["log tail -f", "status", "institution suspend 3710001"] {
        println!("  {} {command}", program::sekisho().display());
    }
    println!("\nCtrl-C stops and removes everything.");
}
