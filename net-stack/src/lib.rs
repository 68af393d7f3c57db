//! IP below AF_INET and AF_INET6: flows, ports, routes, links.
//!
//! This crate knows neither file descriptors nor user memory nor errno: those belong to `socket`. What can go wrong is
//! said by enumerations with a name for each disposition. Time is a parameter of every call that needs it, so that the
//! whole stack runs on a virtual clock in a test.

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod address;
pub mod configure;
pub mod cover;
pub mod datagram;
pub mod demux;
pub mod icmp;
mod ip;
pub mod link;
mod membership;
pub mod neighbour;
pub mod net;
mod outbox;
mod packet;
pub mod port;
pub mod random;
mod stack;
pub mod tcp;
pub mod time;

pub use outbox::{Notice, Watcher};
pub use stack::{Counters, Stack};
