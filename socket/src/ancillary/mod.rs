//! Ancillary data: what goes with a message besides its payload (`unix(7)`, `cmsg(3)`).
//!
//! | file | what |
//! |---|---|
//! | `mod` | what a message on its way has, and what a receiver has gathered |
//! | `rights` | the open files of a message: SCM_RIGHTS |
//! | `flight` | where open files on their way are, and how many a user has there |
//! | `garbage` | sockets that only keep each other open |
//! | `outgoing` | from control messages to ancillary data |
//! | `incoming` | from ancillary data to control messages |

pub(crate) mod flight;
pub(crate) mod garbage;
mod incoming;
mod outgoing;
mod rights;

use self::flight::Account;
pub use self::rights::{OpenFile, Rights};
pub(crate) use self::{incoming::deliver, outgoing::Parcel, rights::dispose};
use crate::{caller::Caller, identity::Sender};

/// What a message on its way has besides its payload.
#[derive(Default)]
pub struct Ancillary {
    /// Open files.
    pub rights: Option<Rights>,
    /// Who sent it, where one of the two sides wants that known.
    pub sender: Option<Sender>,
}

impl Ancillary {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rights.is_none() && self.sender.is_none()
    }

    /// The same again, for one who only looks: see [`flight::undisturbed`].
    pub(crate) fn copied(&self) -> Self {
        Self { rights: self.rights.as_ref().map(Rights::copied), sender: self.sender.clone() }
    }

    /// The open files are in flight to the socket in that place from now on. Call it before the message is queued, and with no
    /// lock held.
    pub(crate) fn depart<C: Caller>(&mut self, caller: &C, holder: u32) {
        if let Some(rights) = &mut self.rights {
            rights.depart(Account::new(caller, holder));
        }
    }

    /// They are not: the message found no room there.
    pub(crate) fn stay(&mut self) {
        if let Some(rights) = &mut self.rights {
            rights.arrive();
        }
    }
}

/// What a call that receives has gathered besides payload.
#[derive(Default)]
pub struct Gathered {
    /// Open files.
    pub rights: Option<Rights>,
    /// Who sent it: known from the first message on, where the receiver wants to know, and `Some(None)` where that message
    /// does not say.
    pub sender: Option<Option<Sender>>,
}

impl Gathered {
    /// Whether a message of this sender may be joined to what was gathered: it is the first one, or of the same.
    pub(crate) fn is_of(&mut self, sender: Option<&Sender>) -> bool {
        self.sender.get_or_insert_with(|| sender.cloned()).as_ref() == sender
    }
}
