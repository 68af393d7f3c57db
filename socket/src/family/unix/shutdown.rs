//! Directions that are shut.

use bitflags::bitflags;

use crate::ready::Events;

bitflags! {
    /// Directions that are shut, as `sk_shutdown` has them.
    #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
    pub struct Shutdown: u8 {
        /// Nothing more will come.
        const RECEIVE = 1;
        /// Nothing more may be sent.
        const SEND = 2;
    }
}

impl Shutdown {
    /// What the peer's shutdown of these directions means here.
    #[must_use]
    pub(super) fn mirrored(self) -> Self {
        let mut mirrored = Self::empty();
        mirrored.set(Self::SEND, self.contains(Self::RECEIVE));
        mirrored.set(Self::RECEIVE, self.contains(Self::SEND));
        mirrored
    }

    /// What poll shows of it.
    #[must_use]
    pub(super) fn events(self) -> Events {
        let mut events = Events::empty();
        events.set(Events::HUP, self == Self::all());
        events.set(Events::RDHUP | Events::READABLE, self.contains(Self::RECEIVE));
        events
    }
}
