//! Neighbours on Ethernet: who has which address. ARP (RFC 826) for IPv4, neighbour discovery (RFC 4861) for IPv6.

mod ethernet;
mod message;
mod table;

pub(crate) use table::Neighbours;
pub use table::{Certainty, Known};

/// The address of a device on Ethernet.
pub type Mac = [u8; 6];

/// All devices.
pub(crate) const BROADCAST: Mac = [0xff; 6];
