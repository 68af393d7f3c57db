//! The family AF_NETLINK (`netlink(7)`, `rtnetlink(7)`): messages between programs and the kernel, and among programs.
//!
//! Messages are parsed and built here, with checked views over bytes: `netlink-packet-core`, `netlink-packet-route` and
//! `neli` need std; `wl-nl80211` and the like build on them.
//!
//! | file | what |
//! |---|---|
//! | `address` | `struct sockaddr_nl` |
//! | `uapi` | the numbers of the headers, as wide as messages have them |
//! | `message` | messages and attributes: read, and built |
//! | `endpoint` | a socket as others know it: its number, its groups, what waits for it |
//! | `ports` | who has which number, and who listens to which group |
//! | `socket` | bind(2), connect(2), sending and receiving |
//! | `options` | options of the level SOL_NETLINK |
//! | `request` | what is asked of the kernel, and how it is acknowledged |
//! | `diag` | NETLINK_SOCK_DIAG: the sockets that there are |
//! | `dump` | answers of many messages |
//! | `uevent` | NETLINK_KOBJECT_UEVENT: what becomes of devices |
//! | `route` | NETLINK_ROUTE: links, addresses, routes, neighbours, rules |

mod address;
mod diag;
mod dump;
mod endpoint;
mod message;
mod options;
mod ports;
mod request;
mod route;
mod socket;
mod uapi;
mod uevent;

pub use self::socket::Status;
pub(crate) use self::{
    ports::Ports,
    request::{Context, Program},
    socket::{Netlink, SOL_NETLINK},
};
