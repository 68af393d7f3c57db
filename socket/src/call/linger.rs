//! What close(2) waits for: SO_LINGER (`socket(7)`).

use alloc::sync::Arc;
use core::time::Duration;

use crate::{
    caller::Caller,
    error::Result,
    socket::{How, Socket},
    step::{Operation, Patience, Step},
};

/// A connection that is being closed, and that is to have arrived first.
pub struct Lingering {
    socket: Arc<Socket>,
    timeout: Duration,
    patience: Patience,
    begun: bool,
}

/// What closing the last descriptor of a socket has to wait for; nothing, mostly. Who closes it performs this, and then lets
/// go of the socket.
#[inline]
#[must_use]
pub fn lingering(socket: &Arc<Socket>) -> Option<Lingering> {
    let timeout = socket.lingers()?;
    // Whoever else has the socket closes it.
    (Arc::strong_count(socket) == 1).then(|| Lingering {
        socket: socket.clone(),
        timeout,
        patience: Patience::default(),
        begun: false,
    })
}

impl<C: Caller> Operation<C> for Lingering {
    fn step(&mut self, caller: &C) -> Step {
        let Some(internet) = self.socket.internet() else { return Step::Done(Ok(0)) };
        if !self.begun {
            self.begun = true;
            if internet.unread().is_ok_and(|unread| unread > 0) {
                // It is reset.
                return Step::Done(Ok(0));
            }
            let _ = internet.shutdown(How::Both, &super::internet::context(caller));
        }
        let Some(blocked) = internet.arrival() else { return Step::Done(Ok(0)) };
        // Whether O_NONBLOCK is set does not matter. Its time is over: the rest is left to itself.
        match self.patience.wait(caller, blocked, false, Some(self.timeout)) {
            Step::Done(_) => Step::Done(Ok(0)),
            wait => wait,
        }
    }

    fn interrupt(&mut self, _caller: &C) -> Result<usize> {
        Ok(0)
    }
}
