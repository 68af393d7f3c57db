//! The families AF_INET and AF_INET6, over the loopback interface.

pub(crate) mod errors;
pub(crate) mod every;
pub(crate) mod groups;
pub(crate) mod help;
pub(crate) mod interfaces;
pub(crate) mod names;
pub(crate) mod options;
pub(crate) mod said;
pub(crate) mod segments;
pub(crate) mod tcp;
pub(crate) mod tcp_states;
pub(crate) mod told;
pub(crate) mod udp;
