//! The family AF_VSOCK, over the loopback transport.

pub(crate) mod connections;
pub(crate) mod data;
pub(crate) mod every;
pub(crate) mod help;
pub(crate) mod names;
pub(crate) mod options;
