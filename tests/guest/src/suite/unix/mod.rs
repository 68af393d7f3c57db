//! Stream sockets of the UNIX family.

pub(super) mod create;
mod help;
