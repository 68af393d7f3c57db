//! Signals that interrupt calls which wait.
//!
//! A thread whose call the supervisor has taken sleeps on until it is answered or killed: the kernel wakes it for no signal
//! that has a handler, so that no result can get lost. Such signals therefore have to be looked for.

use std::{collections::BTreeSet, thread, time::Duration};

use socket::error::Errno;

use super::{listener::RESTART, status::Status, supervisor::Supervisor, sys};

impl Supervisor {
    /// Interrupts calls of threads for which signals are pending.
    pub(super) fn look_for_signals(&mut self, _now: Duration) {
        let mut interrupted = Vec::new();
        // A signal for a process as a whole is one thread's: Linux prefers the first.
        let mut processes = BTreeSet::new();
        for (id, call) in self.parking.iter() {
            let Ok(status) = Status::of(call.target.thread.number) else { continue };
            let own = status.thread_signals != 0;
            if own || status.process_signals != 0 && processes.insert(status.process) {
                interrupted.push(id);
            }
        }
        for id in interrupted {
            self.interrupt(id);
        }
    }

    fn interrupt(&mut self, id: u64) {
        let timed =
            self.parking.iter().find(|(it, _)| *it == id).is_some_and(|(_, call)| call.has_deadline());
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
