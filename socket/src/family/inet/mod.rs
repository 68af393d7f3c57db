//! The families AF_INET and AF_INET6 (`ip(7)`, `ipv6(7)`, `tcp(7)`, `udp(7)`).
//!
//! What goes over the wire is net-stack's business; here are the states that programs see, the errnos, and the addresses
//! as they lie in programs' memory.
//!
//! | file | what |
//! |---|---|
//! | `address` | `struct sockaddr_in` and `struct sockaddr_in6` |
//! | `announcer` | from net-stack's notices to events |
//! | `binding` | bind(2), as both protocols have it |
//! | `cork` | datagrams of several pieces |
//! | `datagram_options` | options that datagram sockets alone have |
//! | `device` | SO_BINDTODEVICE |
//! | `error_queue` | what became of datagrams that were sent |
//! | `failure` | net-stack's reasons as errnos |
//! | `groups` | multicast |
//! | `internet` | a socket of the two families |
//! | `tcp` | streams: what connect(2), listen(2) and shutdown(2) make of them |
//! | `tcp_info` | TCP_INFO |
//! | `udp` | datagrams |
//! | `options` | options of the levels of TCP and IP |
//! | `said` | what goes with a datagram besides its destination |
//! | `told` | what comes with a datagram besides its sender |
//! | `transfer` | what goes out and comes in |

pub mod address;
mod announcer;
mod binding;
mod cork;
mod datagram_options;
mod device;
mod error_queue;
mod failure;
mod groups;
mod internet;
mod options;
mod said;
mod tcp;
mod tcp_info;
mod told;
mod transfer;
mod udp;

pub use self::internet::{Begun, Context, Internet};
pub(crate) use self::{
    internet::Transport,
    told::Told,
    transfer::{Datagram, Manner, Pending},
};
