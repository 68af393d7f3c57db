//! What changes about a network, for those who want to know.

use super::{Address, Interface, InterfaceId, Route};
use crate::neighbour::Known;

/// Something that has changed.
#[derive(Clone, Debug)]
pub enum Change {
    /// An interface is there, or is not as it was.
    Link(Interface),
    /// An interface is there no more.
    LinkGone(Interface),
    /// An interface has an address more, or one less.
    Address {
        /// Whose it is.
        interface: InterfaceId,
        /// The address.
        address: Address,
        /// Whether it was taken away.
        gone: bool,
    },
    /// What is sent to an address of this host, and to its network's broadcast address, is for this host, or no more.
    Own {
        /// Whose the address is.
        interface: InterfaceId,
        /// The address.
        address: Address,
        /// Whether it was taken away.
        gone: bool,
    },
    /// There is a route more, or one less.
    Route {
        /// The route.
        route: Route,
        /// Whether it was taken away.
        gone: bool,
    },
    /// A neighbour is known, or no more.
    Neighbour {
        /// Who it is.
        neighbour: Known,
        /// Whether it was forgotten.
        gone: bool,
    },
}

/// Who wants to know what changes.
pub trait Observer: Send + Sync {
    /// These have changed, in this order. Called without any lock of this crate.
    fn changed(&self, changes: &[Change]);
}
