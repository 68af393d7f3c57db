//! Records on their way from socket to socket: SOCK_SEQPACKET and SOCK_DGRAM.
//!
//! Both send, receive and poll alike, here as in Linux; they differ in how they come to have a peer, and in what becomes of
//! one whose peer is gone.
//!
//! | file | what |
//! |---|---|
//! | `endpoint` | a socket as others know it: its queue, its peer, its name |
//! | `peer` | having a peer, having it no more, and the socket's end |
//! | `send` | a record is made, and put into the receiver's queue |
//! | `receive` | a record is taken out |
//! | `room` | waiting until the receiver's queue has room |
//! | `queue`, `payload` | the records |
//! | `channel` | two endpoints as what is between two sockets of type SOCK_SEQPACKET |

mod channel;
mod endpoint;
mod payload;
mod peer;
mod queue;
mod receive;
mod room;
mod send;

pub use self::receive::Taken;
pub(crate) use self::{
    channel::Sequenced,
    endpoint::{Endpoint, Kind, New},
    send::{Delivery, Unsent},
};
