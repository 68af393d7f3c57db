//! Datagrams of several pieces: MSG_MORE and UDP_CORK (`udp(7)`).

use alloc::vec::Vec;
use core::sync::atomic::{AtomicBool, Ordering};

use net_stack::{
    address::Endpoint,
    datagram::{Ancillary, Draft},
    time::Instant,
};
use spin::Mutex;

use super::{Internet, transfer::TOO_LONG, udp::Udp};
use crate::error::Result;

/// The longest payload of a datagram over IPv4 (65,535 bytes less the headers of IP and UDP).
const PAYLOAD_MAX: usize = 65_535 - 20 - 8;

/// A datagram that waits for its last piece.
struct Begun {
    bytes: Vec<u8>,
    to: Option<Endpoint>,
    ancillary: Ancillary,
}

/// What a socket holds back.
#[derive(Default)]
pub(super) struct Cork {
    /// UDP_CORK
    on: AtomicBool,
    /// Whether there is something.
    holds: AtomicBool,
    begun: Mutex<Option<Begun>>,
}

impl Cork {
    /// UDP_CORK
    pub(super) fn is_on(&self) -> bool {
        self.on.load(Ordering::Relaxed)
    }

    pub(super) fn set(&self, on: bool) {
        self.on.store(on, Ordering::Relaxed);
    }

    /// Whether a datagram has been begun.
    #[inline]
    pub(super) fn holds(&self) -> bool {
        self.holds.load(Ordering::Relaxed)
    }

    fn take(&self) -> Option<Begun> {
        let begun = self.begun.lock().take();
        self.holds.store(false, Ordering::Relaxed);
        begun
    }
}

impl Internet {
    /// Adds a piece to the datagram that waits, or begins one: to whom it goes, the first piece says. It is sent with the
    /// piece after which no more is to come.
    ///
    /// # Errors
    /// EMSGSIZE where it gets too long, and then it is lost; what sending fails with.
    pub(super) fn send_piece(
        &self,
        udp: &Udp,
        piece: &[u8],
        to: Option<Endpoint>,
        ancillary: &Ancillary,
        more: bool,
        now: Instant,
    ) -> Result<usize> {
        let cork = udp.cork();
        if !cork.holds() {
            udp.socket().check_way(to, ancillary).map_err(Udp::failed)?;
        }
        let mut begun = cork.begun.lock();
        let datagram = begun.get_or_insert_with(|| Begun { bytes: Vec::new(), to, ancillary: *ancillary });
        if datagram.bytes.len() + piece.len() > PAYLOAD_MAX {
            drop(begun);
            cork.take();
            return Err(TOO_LONG);
        }
        datagram.bytes.extend_from_slice(piece);
        cork.holds.store(true, Ordering::Relaxed);
        drop(begun);
        if !more {
            self.send_corked(udp, now)?;
        }
        Ok(piece.len())
    }

    /// Sends what waits.
    ///
    /// # Errors
    /// What sending fails with.
    pub(super) fn send_corked(&self, udp: &Udp, now: Instant) -> Result<()> {
        let Some(Begun { bytes, to, ancillary }) = udp.cork().take() else { return Ok(()) };
        let mut draft = Draft::new(bytes.len());
        draft.payload_mut().copy_from_slice(&bytes);
        udp.socket().send(draft, to, &ancillary, now).map(|_| ()).map_err(Udp::failed)
    }
}
