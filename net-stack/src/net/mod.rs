//! Interfaces, their addresses, and the routes between them.

mod change;
mod interface;
mod network;
mod route;

pub use change::{Change, Observer};
pub use interface::{Address, AddressScope, Interface, InterfaceId, Kind, Statistics, Virtual};
pub use network::{AddError, Network, Path, PathError, Reach};
pub(crate) use network::{link_local, with_identifier};
pub use route::{Action, Origin, Route, Routes};
