//! Pipes with names (fifo(7)).

use alloc::sync::{Arc, Weak};

use socket::{
    error::{Errno, Error, Result},
    ready::Pollee,
};
use spin::Mutex;

use super::{End, Pipe};
use crate::identity::Access;

/// What an inode of type fifo holds: its pipe, as long as somebody has it open.
pub(crate) struct Fifo {
    pipe: Mutex<Weak<Pipe>>,
    /// Whether it was made with a name. One that was not can be opened too (`/dev/fd/3`), and nobody is waited for then.
    named: bool,
}

impl Fifo {
    pub(crate) fn new() -> Self {
        Self { pipe: Mutex::new(Weak::new()), named: true }
    }

    /// For the inode of a pipe without a name.
    pub(crate) fn of(pipe: &Arc<Pipe>) -> Self {
        Self { pipe: Mutex::new(Arc::downgrade(pipe)), named: false }
    }

    /// Opens an end; with the partner that the call has to wait for (fifo(7)).
    ///
    /// # Errors
    /// ENXIO for writing without a reader, if the call may not wait.
    pub(crate) fn open(&self, access: Access, nonblocking: bool) -> Result<(End, Option<Partner>)> {
        if access.is_empty() {
            return Err(Error::new(Errno::EINVAL, "neither for reading nor for writing"));
        }
        let fresh = Pipe::new();
        let pipe = {
            let mut held = self.pipe.lock();
            held.upgrade().unwrap_or_else(|| {
                *held = Arc::downgrade(&fresh);
                fresh
            })
        };
        let mut state = pipe.state.lock();
        if self.named && nonblocking && access == Access::WRITE && state.readers == 0 {
            return Err(Error::new(Errno::ENXIO, "nobody reads"));
        }
        let end = End::opened(&pipe, &mut state, access, self.named);
        let missing = match access {
            Access::READ => state.writers == 0,
            Access::WRITE => state.readers == 0,
            _ => false,
        };
        let partner = (missing && self.named && !nonblocking).then(|| Partner {
            pipe: pipe.clone(),
            writer: access == Access::READ,
            before: if access == Access::READ { state.writers_ever } else { state.readers_ever },
        });
        drop(state);
        let end = end.announced();
        Ok((end, partner))
    }
}

/// Whom the open of a fifo waits for.
pub struct Partner {
    pipe: Arc<Pipe>,
    writer: bool,
    before: u64,
}

impl Partner {
    /// Where the arrival is announced.
    #[must_use]
    pub fn pollee(&self) -> &Arc<Pollee> {
        &self.pipe.pollee
    }

    /// Whether somebody came, even if only to leave again.
    #[must_use]
    pub fn arrived(&self) -> bool {
        let state = self.pipe.state.lock();
        self.before != if self.writer { state.writers_ever } else { state.readers_ever }
    }
}
