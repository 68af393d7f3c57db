//! Stream sockets of the UNIX family.

pub(super) mod abstract_names;
pub(super) mod accept;
pub(super) mod bind;
pub(super) mod connect;
pub(super) mod create;
pub(super) mod listen;
pub(super) mod names;
mod help;
