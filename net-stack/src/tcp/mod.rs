//! TCP: RFC 9293.
//!
//! A connection is a [`flow`]: handshake, teardown, TIME-WAIT, keep-alive and all checks of RFC 5961 and RFC 7323 are this
//! crate's; transfer of data is smoltcp's, in an [`engine`] of its own that a flow has only while there is data on the
//! way. A connection that says nothing has none.

mod close;
mod connect;
mod cookie;
mod cork;
mod device;
mod disposition;
mod engine;
mod flow;
mod guard;
mod handshake;
mod input;
mod listener;
mod live;
mod options;
mod recovery;
mod request;
mod segment;
mod sequence;
mod stream;
mod tally;
mod tick;
mod time_wait;
mod timers;

pub use connect::ConnectError;
pub use disposition::{Disposition, State};
pub(crate) use engine::Pool;
pub use listener::{ListenError, TcpListener};
pub use options::TcpOptions;
pub use stream::{Info, ReadError, TcpStream, WriteError};
pub use tally::Tally;
pub(crate) use {input::Entry, listener::Listening, timers::Timers};
