//! The family AF_NETLINK: messages to and from the kernel (`netlink(7)`, `rtnetlink(7)`).

pub(crate) mod changes;
pub(crate) mod diag;
pub(crate) mod dumps;
pub(crate) mod every;
pub(crate) mod groups;
pub(crate) mod help;
pub(crate) mod messages;
pub(crate) mod names;
pub(crate) mod options;
pub(crate) mod uevents;
