//! Bytes on their way: what is between two connected sockets of type SOCK_STREAM.
//!
//! | file | what |
//! |---|---|
//! | `connected` | a connection as one of its two sockets sees it |
//! | `channel` | the same, as the state machine of the sockets sees it |
//! | `end` | what the two sides of a connection know of each other |
//! | `sending` | sending with ancillary data |
//! | `queue`, `segments` | the bytes on their way |
//! | `marks` | what came with some of them |

mod channel;
mod connected;
mod end;
mod marks;
mod queue;
mod segments;
mod sending;

pub use self::connected::{Link, Received};
pub(super) use self::end::writable;
