//! How connections stand, and how they end.

use crate::{icmp::Trouble, net::PathError};

/// Why a connection ended, or was not established.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Disposition {
    /// The peer does not listen (ECONNREFUSED).
    Refused,
    /// The peer reset the connection (ECONNRESET).
    Reset,
    /// The peer reset it after it had closed (EPIPE).
    ResetAfterClose,
    /// The peer did not answer in time (ETIMEDOUT).
    TimedOut,
    /// This host gave it up (ECONNABORTED).
    Aborted,
    /// Somebody on the way says that the peer cannot be reached.
    Trouble(Trouble),
    /// There is no way any more.
    Path(PathError),
}

/// The states of RFC 9293, 3.3.2.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the RFC's names")]
pub enum State {
    Listen,
    SynSent,
    SynReceived,
    Established,
    FinWait1,
    FinWait2,
    CloseWait,
    Closing,
    LastAck,
    TimeWait,
    Closed,
}
