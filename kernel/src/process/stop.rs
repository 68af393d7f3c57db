//! What a parent learns of a child that stops and goes on.

use socket::ready::Events;

use super::{
    Process,
    tree::{self, Change},
};

impl Process {
    /// All its threads have been stopped by `signal`: its parent can be told (WUNTRACED).
    pub(crate) fn stopped(&self, signal: u32) {
        self.changed(Change::Stopped(signal));
    }

    /// It goes on after it was stopped: its parent can be told (WCONTINUED).
    pub(crate) fn continued(&self) {
        self.changed(Change::Continued);
    }

    /// Notes the change in place of one that nobody has been told of, and wakes who waits for it.
    fn changed(&self, change: Change) {
        let parent = {
            let mut tree = tree::lock();
            if let Some(entry) = tree.get_mut(self.pid) {
                entry.change = Some(change);
            }
            tree.get(self.parent()).map(|entry| entry.process.clone())
        };
        if let Some(parent) = parent {
            parent.child_events.notify(Events::IN);
        }
    }
}
