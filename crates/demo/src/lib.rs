//! The five connected systems as small servers of the right protocols, for the demo, for
//! the whole-system tests and for trying the gateway by hand.
#![forbid(unsafe_code)]

pub mod systems;
