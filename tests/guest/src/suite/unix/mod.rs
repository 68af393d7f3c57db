//! Sockets of the UNIX family; where nothing else is said, streams.

pub(super) mod abstract_names;
pub(super) mod accept;
pub(super) mod bind;
pub(super) mod connect;
pub(crate) mod control;
pub(super) mod create;
pub(crate) mod credentials;
pub(super) mod data;
pub(super) mod datagram;
pub(super) mod every;
pub(super) mod flags;
pub(crate) mod flight;
pub(crate) mod help;
pub(super) mod listen;
pub(super) mod many;
pub(super) mod names;
pub(crate) mod options;
pub(super) mod permissions;
pub(super) mod races;
pub(super) mod records;
pub(super) mod requests;
pub(super) mod rights;
pub(super) mod seqpacket;
pub(super) mod shutdown;
pub(super) mod vectors;
