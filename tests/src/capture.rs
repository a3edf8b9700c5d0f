//! What passes through a namespace, seen by nobody's leave.

use std::io::Read as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};

use crate::netns::Namespace;

/// ETH_P_ALL of <linux/if_ether.h>.
const ALL: u16 = 0x0003;

/// IP packets that come into and leave all devices of a namespace; ends when dropped.
#[derive(Debug)]
pub struct Capture {
    packets: Arc<Mutex<Vec<Vec<u8>>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Capture {
    /// Begins now, with packets that `wanted` takes; it sees them from the IP header on.
    pub fn begin(namespace: &Namespace, wanted: impl Fn(&[u8]) -> bool + Send + 'static) -> Self {
        let protocol = Protocol::from(i32::from(ALL.to_be()));
        let open = || Socket::new(Domain::PACKET, Type::DGRAM, Some(protocol));
        let socket = namespace.within(open).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        let (packets, stop) = (Arc::<Mutex<Vec<Vec<u8>>>>::default(), Arc::<AtomicBool>::default());
        let (seen, told) = (Arc::clone(&packets), Arc::clone(&stop));
        let thread = thread::spawn(move || {
            let mut octets = vec![0; 65_536];
            while !told.load(Ordering::Relaxed) {
                if let Ok(length) = (&socket).read(&mut octets)
                    && wanted(&octets[..length])
                {
                    seen.lock().unwrap().push(octets[..length].to_vec());
                }
            }
        });
        Self { packets, stop, thread: Some(thread) }
    }

    /// What was seen so far.
    pub fn packets(&self) -> Vec<Vec<u8>> {
        self.packets.lock().unwrap().clone()
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(thread::panicking() || ended.is_ok(), "the capture panicked");
        }
    }
}
