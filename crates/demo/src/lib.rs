//! Five demo systems of the right protocols, and the clients that try the gateway

#![forbid(unsafe_code)]

pub mod systems;
