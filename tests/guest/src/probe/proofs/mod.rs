//! How each declared alternative is proven: a module for each call, a function for each argument and value, by the names
//! that `build.rs` gives them. A proof puts the value into a situation where it means something, and looks at what it did.
//!
//! A proof is made on every kind of socket that the rules declare its value for. What it needs it takes from the
//! [`Situation`](super::situation::Situation), which knows the kind (`at.pair()?`, `at.listener(..)?`); where kinds differ
//! in what the value does, the proof says so (`match at.kind()`).

pub(super) mod accept;
pub(super) mod accept4;
pub(super) mod bind;
pub(super) mod connect;
pub(super) mod getpeername;
pub(super) mod getsockname;
pub(super) mod getsockopt;
mod interfaces;
mod internet;
pub(super) mod ioctl;
pub(super) mod listen;
pub(crate) mod netlink;
pub(super) mod read;
pub(super) mod readv;
mod received_flags;
pub(super) mod recvfrom;
pub(super) mod recvmmsg;
pub(super) mod recvmsg;
pub(super) mod sendfile;
pub(super) mod sendmmsg;
pub(super) mod sendmsg;
pub(super) mod sendto;
pub(super) mod setsockopt;
mod settings;
pub(super) mod shutdown;
pub(super) mod socket;
pub(super) mod socketpair;
pub(super) mod splice;
mod vsock;
pub(super) mod write;
pub(super) mod writev;
