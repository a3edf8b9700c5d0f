//! What all five systems have in common.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use super::testing::{PATIENCE, start_on_loopback};
use super::*;

#[tokio::test]
async fn a_peer_that_falls_silent_is_let_go() {
    let options = Options { idle_limit: Duration::from_millis(300), ..Options::default() };
    for kind in Kind::ALL {
        let system = start_on_loopback(kind, options).await;
        // The first byte of a request, of an A-ASSOCIATE-RQ, of an MLLP frame.
        let first_byte = if kind == Kind::EnkakuDokuei { 0x01 } else { b'G' };
        let ports =
            [Some((system.address(), first_byte)), system.mllp_address().map(|a| (a, 0x0b))];
        for (address, first_byte) in ports.into_iter().flatten() {
            let begun = Instant::now();
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(&[first_byte]).await.unwrap();
            let closed = timeout(PATIENCE, stream.read_to_end(&mut Vec::new())).await;
            assert!(closed.is_ok(), "{kind} on {address} keeps silent connections");
            assert!(begun.elapsed() >= options.idle_limit, "{kind} on {address} is impatient");
        }
    }
}

#[tokio::test]
async fn a_stopped_system_frees_its_ports_and_ends_its_connections() {
    let system = start_on_loopback(Kind::ChiikiKanja, Options::default()).await;
    let (address, mllp) = (system.address(), system.mllp_address().unwrap());
    let mut stream = TcpStream::connect(mllp).await.unwrap();
    stream.write_all(b"\x0b").await.unwrap();
    system.stop().await;
    let _ = timeout(PATIENCE, stream.read_to_end(&mut Vec::new())).await.unwrap();

    let options = Options { mllp_port: mllp.port(), ..Options::default() };
    let again = start(Kind::ChiikiKanja, address, options).await.unwrap();
    assert_eq!((again.address(), again.mllp_address()), (address, Some(mllp)));
}
