//! The system behind: greets, then takes or gives as many bytes as it is asked to.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::thread;

use tokio::io::{self, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;

use crate::transfer::{give, take};

/// The first byte of every connection, and the last of what was taken.
pub(crate) const GREETING: u8 = b'!';

/// What a client may ask for: one byte, and a length of eight.
#[derive(Clone, Copy)]
pub(crate) enum Ask {
    /// Take this many bytes, then say so.
    Take(u64),
    /// Give this many bytes.
    Give(u64),
}

impl Ask {
    const LENGTH: usize = 9;

    pub(crate) fn encode(self) -> [u8; Self::LENGTH] {
        let (verb, length) = match self {
            Self::Take(length) => (0, length),
            Self::Give(length) => (1, length),
        };
        let mut bytes = [verb; Self::LENGTH];
        let [_, rest @ ..] = &mut bytes;
        *rest = length.to_be_bytes();
        bytes
    }

    fn decode([verb, length @ ..]: [u8; Self::LENGTH]) -> Self {
        let length = u64::from_be_bytes(length);
        if verb == 0 { Self::Take(length) } else { Self::Give(length) }
    }
}

/// Starts a thread of its own for it, which lives as long as the process.
pub(crate) fn start() -> SocketAddr {
    let runtime = Builder::new_current_thread().enable_io().build().unwrap();
    let listening = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let listener = runtime.block_on(listening).unwrap();
    let address = listener.local_addr().unwrap();
    let serve = async move {
        loop {
            let (tcp, _) = listener.accept().await.unwrap();
            tokio::spawn(serve(tcp));
        }
    };
    thread::Builder::new().name("system".into()).spawn(move || runtime.block_on(serve)).unwrap();
    address
}

async fn serve(mut tcp: TcpStream) -> io::Result<Infallible> {
    tcp.set_nodelay(true)?;
    tcp.write_all(&[GREETING]).await?;
    let mut ask = [0; Ask::LENGTH];
    // Ends with the error of a client that asks for no more.
    loop {
        tcp.read_exact(&mut ask).await?;
        match Ask::decode(ask) {
            Ask::Take(length) => {
                take(&mut tcp, length).await?;
                tcp.write_all(&[GREETING]).await?;
            }
            Ask::Give(length) => give(&mut tcp, length).await?,
        }
    }
}
