//! The vsock family (`vsock(7)`): streams and records between a machine and those that it carries, or within one.
//!
//! What passes between two sockets are the packets of the virtio socket device (Virtual I/O Device 1.3, 5.10.6), with its
//! credit: a sender never has more on its way than the receiver has said that it takes. Here they pass over the loopback
//! transport, from one socket of the system to another, as Linux's `vsock_loopback` has it.
//!
//! | file | what |
//! |---|---|
//! | `address` | `struct sockaddr_vm` |
//! | `packet` | what passes between two sockets |
//! | `hub` | who has which port, and which connection |
//! | `state` | how a connection stands, and its credit |
//! | `endpoint` | a socket as others know it: what packets do to it |
//! | `socket` | a socket as a program has it |
//! | `transfer` | what goes out and comes in |
//! | `options` | options of the level AF_VSOCK |

mod address;
mod endpoint;
mod hub;
mod options;
mod packet;
mod socket;
mod state;
mod transfer;

pub(crate) use self::{hub::Hub, socket::Vsock};

/// What a socket carries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// SOCK_STREAM
    Stream,
    /// SOCK_SEQPACKET
    Seqpacket,
}
