//! Interfaces, their addresses, and the routes between them.

mod interface;
mod network;
mod route;

pub use interface::{Address, Interface, InterfaceId, Kind};
pub use network::{AddError, Network, Path, PathError, Reach};
pub use route::{Route, Routes};
