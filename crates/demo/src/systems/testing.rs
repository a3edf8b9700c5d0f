//! What the tests share: a running system, and tools written by others.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Output, Stdio};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::time::timeout;

use super::listener::Accepted;
use super::{Kind, Options, Running, start};

pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) async fn start_on_loopback(kind: Kind, options: Options) -> Running {
    start(kind, SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), options).await.unwrap()
}

/// Runs a peer tool to its end and returns what it printed; `package` is what to
/// install when it is missing.
pub(crate) async fn run(package: &str, program: &str, args: &[&str]) -> Output {
    let child = Command::new(program).args(args).stdin(Stdio::null()).kill_on_drop(true).output();
    match timeout(PATIENCE, child).await {
        Ok(Ok(output)) => output,
        Ok(Err(error)) if error.kind() == io::ErrorKind::NotFound => {
            panic!("{program} is missing: apt-get install {package}")
        }
        Ok(Err(error)) => panic!("{program} did not start: {error}"),
        Err(_) => panic!("{program} {args:?} did not end in time"),
    }
}

/// As [`run`]; the tool must succeed. Returns its standard output.
pub(crate) async fn succeed(package: &str, program: &str, args: &[&str]) -> String {
    let output = run(package, program, args).await;
    assert!(output.status.success(), "{program} {args:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Both ends of a fresh connection, so that a protocol can be served in the
/// test's own task, where its panics are seen.
pub(crate) async fn connection() -> (TcpStream, Accepted) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (stream, peer) = listener.accept().await.unwrap();
    (client, Accepted { stream, peer, proxy: None })
}
