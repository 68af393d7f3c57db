//! The address families.

pub mod inet;
pub mod netlink;
pub mod unix;
pub(crate) mod vsock;
