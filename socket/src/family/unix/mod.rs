//! The UNIX family (`unix(7)`).
//!
//! | file | what |
//! |---|---|
//! | `address` | `struct sockaddr_un`: path names, abstract names, no name |
//! | `names` | who has which name |
//! | `shutdown` | directions that are shut |
//! | `status` | what the other side sees of an end at a glance |
//! | `connection/` | what sockets have in common that connect, listen and accept: SOCK_STREAM and SOCK_SEQPACKET |
//! | `stream/` | bytes on their way over a connection: SOCK_STREAM |
//! | `record/` | records on their way from socket to socket: SOCK_SEQPACKET and SOCK_DGRAM |
//! | `datagram` | sockets of type SOCK_DGRAM |

pub mod address;
pub(crate) mod connection;
pub(crate) mod datagram;
pub mod names;
pub mod record;
pub mod shutdown;
pub(crate) mod status;
pub mod stream;
