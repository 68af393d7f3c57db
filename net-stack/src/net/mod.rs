//! Interfaces, their addresses, and the routes between them.

mod change;
mod interface;
mod network;
mod path;
mod route;

pub use change::{Change, Observer};
pub use interface::{Address, AddressScope, Interface, InterfaceId, Kind, Virtual};
pub(crate) use interface::{Statistics, link_local, with_identifier};
pub use network::{AddError, Network};
pub use path::{Path, PathError, Reach};
pub use route::{Action, Origin, Route, Routes};
