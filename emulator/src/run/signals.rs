//! Signals that interrupt calls which wait.
//!
//! A thread whose call the supervisor has taken sleeps on until it is answered or killed: the kernel wakes it for no signal
//! that has a handler, so that no result can get lost. Such signals therefore have to be looked for.

use std::{thread, time::Duration};

use socket::error::Errno;

use super::{listener::RESTART, parked::Parked, status::Status, supervisor::Supervisor, sys};

impl Supervisor {
    /// Interrupts a call if a signal is pending for its thread.
    pub(super) fn look_for_signals(&mut self, id: u64) {
        let Some(call) = self.parking.get(id) else { return };
        let Ok(status) = Status::of(call.target.thread.number) else { return };
        if status.thread_signals != 0 {
            self.interrupt(id);
        } else if status.process_signals != 0 {
            self.interrupt(self.first_thread(status.process).unwrap_or(id));
        }
    }

    /// The call of a process's first thread, if a signal for the process may be its own: Linux prefers it.
    fn first_thread(&self, process: i32) -> Option<u64> {
        let (id, _) = self.parking.iter().find(|(_, call)| call.target.thread.number == process)?;
        Status::of(process).is_ok_and(|status| status.process_signals != 0).then_some(id)
    }

    fn interrupt(&mut self, id: u64) {
        let timed = self.parking.get(id).is_some_and(Parked::has_deadline);
        let Some((target, answer, mut operation)) = self.take_parked(id) else { return };
        match operation.interrupt(&target) {
            // Linux makes calls without a time limit anew, if the signal's action wants it so.
            Err(error) if error.errno == Errno::EINTR && !timed => {
                drop(operation);
                *target.installed.borrow_mut() = Vec::new();
                self.restart(target.id, target.thread.number);
            }
            result => self.finish(&target, answer, result),
        }
    }

    /// Has the kernel decide between EINTR and another try. It does so where a signal is pending; another thread may have
    /// taken that by now, and the program would see an error number that is not for it. To be traced for a moment makes the
    /// kernel look in any case.
    fn restart(&self, id: u64, number: i32) {
        if sys::seize(number).is_err() {
            // Somebody else traces it. EINTR is what every program has to reckon with.
            return self.listener.error(id, libc::EINTR);
        }
        self.listener.error(id, RESTART);
        loop {
            match sys::stopped(number) {
                Ok(Some(status)) => {
                    // A stop for our sake is reported as one for SIGTRAP, and another signal is passed on.
                    let signal = if status & 0xff == libc::SIGTRAP { 0 } else { status & 0xff };
                    let _ = sys::let_go(number, signal);
                    return;
                }
                // It stops within microseconds, unless it has been killed.
                Ok(None) if std::path::Path::new(&format!("/proc/{number}")).exists() => {
                    thread::sleep(Duration::from_micros(20));
                }
                _ => return,
            }
        }
    }
}
