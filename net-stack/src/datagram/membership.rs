//! Groups that a socket joins and leaves.

use alloc::vec::Vec;

use super::DatagramSocket;
use crate::{address::IpAddr, net::InterfaceId};

pub use crate::membership::{Filter, MembershipError};

impl DatagramSocket {
    /// Joins a group and hears all its sources: IP_ADD_MEMBERSHIP, IPV6_JOIN_GROUP.
    ///
    /// # Errors
    /// [`MembershipError`].
    pub fn join(&self, interface: InterfaceId, group: IpAddr) -> Result<(), MembershipError> {
        let all = Filter::Exclude(Vec::new());
        self.0.state.lock().memberships.join(&self.0.stack, interface, group, all)
    }

    /// Leaves a group: IP_DROP_MEMBERSHIP, IPV6_LEAVE_GROUP.
    ///
    /// # Errors
    /// [`MembershipError`].
    pub fn leave(&self, interface: InterfaceId, group: IpAddr) -> Result<(), MembershipError> {
        self.0.state.lock().memberships.leave(&self.0.stack, interface, group)
    }

    /// Hears one more source of a group: IP_ADD_SOURCE_MEMBERSHIP.
    ///
    /// # Errors
    /// [`MembershipError`].
    pub fn add_source(
        &self,
        interface: InterfaceId,
        group: IpAddr,
        source: IpAddr,
    ) -> Result<(), MembershipError> {
        self.0.state.lock().memberships.add_source(&self.0.stack, interface, group, source)
    }

    /// Hears one source less: IP_DROP_SOURCE_MEMBERSHIP.
    ///
    /// # Errors
    /// [`MembershipError`].
    pub fn drop_source(
        &self,
        interface: InterfaceId,
        group: IpAddr,
        source: IpAddr,
    ) -> Result<(), MembershipError> {
        self.0.state.lock().memberships.drop_source(&self.0.stack, interface, group, source)
    }

    /// Does not hear one source, or hears it again: IP_BLOCK_SOURCE, IP_UNBLOCK_SOURCE.
    ///
    /// # Errors
    /// [`MembershipError`].
    pub fn block_source(
        &self,
        interface: InterfaceId,
        group: IpAddr,
        source: IpAddr,
        block: bool,
    ) -> Result<(), MembershipError> {
        self.0.state.lock().memberships.block(interface, group, source, block)
    }
}
