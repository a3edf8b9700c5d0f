//! What `--help` prints.

/// `cargo xtask --help`.
pub(crate) const OVERVIEW: &str = "\
Installs what this machine lacks (Debian and Ubuntu), then builds and runs.

Usage: cargo xtask COMMAND [ARGUMENTS]

Commands:
  demo    the gateway in front of five demo systems
  test    every test
  ci      what .ci/run calls: formatting, lints, docs, architecture, dependency policy,
          every test, and the demo once
  bench   benchmarks, as a table and as JSON
  fuzz    fuzz targets, each for a while

Each command explains itself: cargo xtask COMMAND --help
Exit status: 0 done, 1 failed, 2 the command line was wrong.
";

/// `cargo xtask demo --help`.
pub(crate) const DEMO: &str = "\
Installs what the demo needs, builds the gateway and the five demo systems, and runs them
until Ctrl-C. Arguments are passed on to the demo; its exit status is returned.

Usage: cargo xtask demo [ARGUMENTS]

  --once        try every road once, print the verdicts, and stop
  --json FILE   write the verdicts to FILE as well
  --roads       IP-VPN, IPsec and TLS instead of TLS alone, in network namespaces that are
                removed afterwards (needs root)

Examples:
  cargo xtask demo --once
  cargo xtask demo --roads --once
";

/// `cargo xtask test --help`.
pub(crate) const TEST: &str = "\
Installs what the tests need and runs them all, however many fail. Arguments are passed on
to `cargo test`. Checks that this machine cannot run are named at the end; when the
environment says CI=true, they count as failed.

Usage: cargo xtask test [ARGUMENTS]

Examples:
  cargo xtask test
  cargo xtask test -p policy expired
";

/// `cargo xtask ci --help`.
pub(crate) const CI: &str = "\
Runs every check in turn and stops at the first that fails: formatting, lints, docs,
architecture (crates/README.md), dependency policy (deny.toml), every test, the demo once.
Ends with a table of the steps and their times.

Usage: cargo xtask ci

Example:
  CI=true cargo xtask ci
";

/// `cargo xtask bench --help`.
pub(crate) const BENCH: &str = "\
Runs one family of benchmarks and prints the medians with their 95 % confidence interval.

Usage: cargo xtask bench core|tls|ike|tunnel [--peers] [--json FILE]

  core          the pure parts: policy, records, certificates
  tls           handshakes and relayed bytes through the TLS front
  ike           IKEv2 handshakes and exchanges, and the memory of sessions
  tunnel        TCP, UDP, round trips, CPU and memory through both ends of a tunnel, in network
                namespaces (needs root), beside plain forwarding
  --peers       ike: the gateway beside strongSwan, in network namespaces (needs root)
                tunnel: beside strongSwan, WireGuard in user space and OpenVPN
  --json FILE   write the results, and the machine they are from, to FILE as well; for tunnel
                also a plot, beside it with the ending .svg

Of tunnel only:
  --seconds N   how long each number is measured in each round (default: 3)
  --rounds N    rounds of which the median counts (default: 3)
  --only A,B    those alone, beside plain forwarding

Examples:
  cargo xtask bench core --json core.json
  cargo xtask bench ike --peers
  cargo xtask bench tunnel --peers --json tunnel.json
";

/// `cargo xtask fuzz --help`.
pub(crate) const FUZZ: &str = "\
Runs a fuzz target of tests/fuzz under libFuzzer, or each of them in turn. What is found is
kept in cargo's target directory, so the next run goes on from there. An input that finds a
fault is left in tests/fuzz/artifacts; moved to tests/fuzz/corpus/TARGET it is a test.

Usage: cargo xtask fuzz [TARGET] [--seconds N] [--keep]

  TARGET        ike_fragments, ike_inner, ike_negotiation, ike_payloads, ike_sequence,
                packets or tunnel
  --seconds N   for each target (default: 60)
  --keep        add what reaches something new to tests/fuzz/corpus, for every later test

Example:
  cargo xtask fuzz ike_sequence --seconds 600
";
