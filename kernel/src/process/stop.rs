//! What a parent learns of a child that stops and goes on.

use linux_raw_sys::general::{CLD_CONTINUED, CLD_STOPPED, SIGCONT};
use socket::ready::Events;

use super::{
    Process,
    signal::{self, Info},
    tree::{self, Change},
};

impl Process {
    /// All its threads have been stopped by `signal`: its parent can be told (WUNTRACED).
    pub(crate) fn stopped(&self, signal: u32) {
        self.changed(Change::Stopped(signal), CLD_STOPPED, signal);
    }

    /// It goes on after it was stopped: its parent can be told (WCONTINUED).
    pub(crate) fn continued(&self) {
        self.changed(Change::Continued, CLD_CONTINUED, SIGCONT);
    }

    /// Notes the change in place of one that nobody has been told of, wakes who waits for it, and sends SIGCHLD to a parent
    /// that wants it for this.
    fn changed(&self, change: Change, code: u32, status: u32) {
        let parent = {
            let mut tree = tree::lock();
            if let Some(entry) = tree.get_mut(self.pid) {
                entry.change = Some(change);
            }
            tree.get(self.parent()).map(|entry| entry.process.clone())
        };
        let Some(parent) = parent else { return };
        if parent.signals.actions().lock().tells_of_stops() {
            let uid = self.leader().map_or(0, |leader| leader.credentials.lock().user.real);
            // Clock ticks of 10 ms.
            let usage = self.usage();
            let [user, system] = [usage.user, usage.system].map(|time| time.as_millis() as u64 / 10);
            signal::send_to_process(&parent, Info::child(code, self.pid, uid, status as i32, user, system));
        }
        parent.child_events.notify(Events::IN);
    }
}
