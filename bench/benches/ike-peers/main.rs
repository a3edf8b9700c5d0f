//! IKE handshakes with the gateway and with strongSwan, as processes in network namespaces, by
//! the same initiator: CPU time of the responder in interleaved rounds, and its memory while it
//! holds ten thousand IKE SAs.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a benchmark that cannot be set up stops")]
#![allow(clippy::panic, reason = "a benchmark whose peers disagree stops and says how")]
#![allow(clippy::indexing_slicing, reason = "a benchmark that is mistaken stops")]

mod gateway;
mod load;
mod measure;
mod network;
mod pki_files;
mod sockets;
mod strongswan;
mod wanted;

use bench::figures;
use sekisho_tests::strongswan::lacks_strongswan;

use crate::measure::Stage;
use crate::pki_files::Keys;

fn main() {
    // As the missing are named to people and to `cargo xtask`.
    if lacks_strongswan() {
        return;
    }
    let both = [Keys::P256, Keys::Rsa2048];
    let measured = both.into_iter().flat_map(|keys| Stage::new(keys).measure());
    figures::report(&measured.collect::<Vec<_>>());
}
