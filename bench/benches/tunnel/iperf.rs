//! TCP by iperf3 from the client to the system.

use std::thread;
use std::time::Duration;

use sekisho_tests::program::{self, Server};
use serde_json::Value;

use crate::road::{Road, SYSTEM};

/// The server, in the system.
pub(crate) struct Iperf<'a> {
    road: &'a Road,
    _server: Server,
}

/// How often the server is asked, and what is between.
const ATTEMPTS: usize = 50;
const PAUSE: Duration = Duration::from_millis(200);

/// Which way data flows.
#[derive(Clone, Copy)]
pub(crate) enum Direction {
    /// To the system.
    Up,
    /// To the client.
    Down,
}

/// What came through.
pub(crate) struct Transfer {
    /// Bits of payload per second.
    pub(crate) rate: f64,
    /// Octets of payload.
    pub(crate) octets: f64,
}

impl<'a> Iperf<'a> {
    /// Starts the server, and warms everything on the way.
    ///
    /// # Panics
    ///
    /// When nothing comes through.
    pub(crate) fn new(road: &'a Road) -> Self {
        let server = road.system.serve("iperf3", |iperf3| iperf3.arg("--server"));
        let iperf = Self { road, _server: server };
        iperf.transfer(Direction::Up, 1, Duration::from_secs(1));
        iperf
    }

    /// Sends as much as it can.
    ///
    /// # Panics
    ///
    /// When the transfer fails.
    pub(crate) fn transfer(&self, way: Direction, streams: usize, length: Duration) -> Transfer {
        for _ in 0..ATTEMPTS {
            match self.attempt(way, streams, length) {
                // It does not listen yet, or has not done with the last transfer.
                Err(why) if why.contains("refused") || why.contains("busy") => {
                    thread::sleep(PAUSE);
                }
                transfer => return transfer.unwrap_or_else(|why| panic!("iperf3: {why}")),
            }
        }
        panic!("iperf3's server does not become free")
    }

    fn attempt(
        &self,
        way: Direction,
        streams: usize,
        length: Duration,
    ) -> Result<Transfer, String> {
        let (system, seconds) = (SYSTEM.to_string(), length.as_secs().to_string());
        let streams = streams.to_string();
        let mut iperf3 = self.road.client.command("iperf3");
        iperf3.args(["--json", "--connect-timeout", "2000", "--client", &system]);
        iperf3.args(["--time", &seconds, "--parallel", &streams]);
        if matches!(way, Direction::Down) {
            iperf3.arg("--reverse");
        }
        let said = program::finish(&mut iperf3, b"");
        let report: Value = serde_json::from_str(&said.output).map_err(|_| said.to_string())?;
        Transfer::read(&report).ok_or_else(|| report["error"].to_string())
    }
}

impl Transfer {
    fn read(report: &Value) -> Option<Self> {
        let received = &report["end"]["sum_received"];
        let (rate, octets) = (received["bits_per_second"].as_f64()?, received["bytes"].as_f64()?);
        Some(Self { rate, octets })
    }
}
