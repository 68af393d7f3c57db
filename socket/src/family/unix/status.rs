//! What the two sides of a connection, and the sender and receiver of a datagram, see of each other at a glance.

use core::sync::atomic::{AtomicU16, Ordering};

use super::shutdown::Shutdown;
use crate::error::{Errno, Error};

/// Which directions of an end are shut, and what else is to be known of it without its lock.
///
/// The bits of [`Shutdown`]; [`KNOWS_SENDERS`] and [`GONE`]; behind them the number of the error that waits to be reported, 0
/// for none. Two bytes, so that an idle end stays as small as it is.
#[derive(Default)]
pub(crate) struct Status(AtomicU16);

/// Besides the bits of [`Shutdown`]: the socket wants to know who sends what it receives (SO_PASSCRED, SO_PASSPIDFD).
const KNOWS_SENDERS: u16 = 4;
/// Likewise: the socket is closed.
const GONE: u16 = 8;
/// Where the error begins; Linux's greatest number (MAX_ERRNO, 4095) has room there.
const ERROR: u32 = 4;
const FLAGS: u16 = (1 << ERROR) - 1;

impl Status {
    #[inline]
    fn has(&self, bits: u16) -> bool {
        self.0.load(Ordering::Acquire) & bits != 0
    }

    /// The directions that are shut.
    #[inline]
    pub(crate) fn shutdown(&self) -> Shutdown {
        Shutdown::from_bits_truncate(self.0.load(Ordering::Acquire) as u8)
    }

    /// Shuts directions. Call it under the lock of what is received, so that nothing is added behind what was the end.
    pub(super) fn shut(&self, directions: Shutdown) {
        self.0.fetch_or(directions.bits().into(), Ordering::AcqRel);
    }

    /// The socket is closed, and its directions are shut: see [`Status::shut`].
    pub(super) fn set_gone(&self) {
        self.0.fetch_or(GONE | u16::from(Shutdown::all().bits()), Ordering::AcqRel);
    }

    /// Whether the socket is closed.
    #[inline]
    pub(super) fn is_gone(&self) -> bool {
        self.has(GONE)
    }

    /// Whether nothing stands in the way of sending: no error waits, and the direction is open.
    #[inline]
    pub(super) fn may_send(&self) -> bool {
        !self.has(!FLAGS | u16::from(Shutdown::SEND.bits()))
    }

    /// Whether an error waits.
    #[inline]
    pub(super) fn has_error(&self) -> bool {
        self.has(!FLAGS)
    }

    /// From now on an error waits.
    pub(crate) fn set_error(&self, errno: Errno) {
        let replace = |bits| Some(bits & FLAGS | errno.number() << ERROR);
        // It never declines.
        let _ = self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, replace);
    }

    /// The peer is gone, or gave this one up, and what it should have received is lost; or the connection was never accepted.
    pub(super) fn set_reset(&self) {
        self.set_error(Errno::ECONNRESET);
    }

    /// The pending error, which is thereby reported.
    #[inline]
    pub(crate) fn take_error(&self) -> Option<Error> {
        if !self.has_error() {
            return None;
        }
        let number = self.0.fetch_and(FLAGS, Ordering::AcqRel) >> ERROR;
        (number != 0).then(|| Errno::from_number(number).into())
    }

    /// Whether the socket wants to know who sends what it receives.
    #[inline]
    pub(crate) fn knows_senders(&self) -> bool {
        self.0.load(Ordering::Relaxed) & KNOWS_SENDERS != 0
    }

    pub(crate) fn set_knows_senders(&self, wanted: bool) {
        if wanted {
            self.0.fetch_or(KNOWS_SENDERS, Ordering::Relaxed);
        } else {
            self.0.fetch_and(!KNOWS_SENDERS, Ordering::Relaxed);
        }
    }
}
