//! From net-stack's notices to events.

use alloc::sync::Arc;

use net_stack::{Notice, Watcher};

use crate::ready::{Events, Pollee};

/// Tells a socket's observers of what net-stack notices.
pub(super) struct Announcer(Arc<Pollee>);

impl Announcer {
    pub(super) fn new(pollee: Arc<Pollee>) -> Arc<Self> {
        Arc::new(Self(pollee))
    }

    /// Where it tells.
    pub(super) fn pollee(&self) -> &Arc<Pollee> {
        &self.0
    }
}

impl Watcher for Announcer {
    fn notice(&self, notice: Notice) {
        self.0.notify(events(notice));
    }
}

/// What a notice is in poll(2)'s terms.
pub(super) fn events(notice: Notice) -> Events {
    let mut events = Events::empty();
    for (said, meant) in [
        (Notice::READABLE, Events::IN | Events::RDNORM),
        (Notice::WRITABLE, Events::OUT | Events::WRNORM),
        (Notice::ERROR, Events::ERR),
        (Notice::READ_CLOSED, Events::RDHUP),
        (Notice::CLOSED, Events::HUP),
        (Notice::URGENT, Events::PRI),
    ] {
        if notice.contains(said) {
            events |= meant;
        }
    }
    events
}
