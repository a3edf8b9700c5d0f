//! Two endpoints, the network between them, and what must hold at every moment.

mod fixtures;
mod handshake;
mod scenario;
mod simulation;
mod world;
