//! Sending signals.

use alloc::sync::Arc;

use linux_raw_sys::general::{CAP_KILL, RLIMIT_SIGPENDING, SIGCONT, SIGKILL};
use socket::{
    error::{Errno, Error, Result},
    ready::Events,
};

use super::{
    Disposition, Info, Set,
    action::STOPPING,
    bit, halt,
    queue::{Full, is_real_time},
};
use crate::process::{Credentials, ExitStatus, Process, Thread};

/// Sends a signal to a thread: no other may take it. One that is ignored, or waits already, is lost.
pub(crate) fn send_to_thread(thread: &Arc<Thread>, info: Info) {
    // What is not told because of a limit is a signal all the same.
    let _ = post(&thread.process, Some(thread), info);
}

/// Sends a signal to a process: any of its threads may take it. One that is ignored, or waits already, is lost.
pub(crate) fn send_to_process(process: &Arc<Process>, info: Info) {
    let _ = post(process, None, info);
}

/// Sends a signal to a process, or to one of its threads.
///
/// # Errors
/// EAGAIN where the signal is a real-time one with something to tell, and as many are queued as may be.
pub(crate) fn post(process: &Arc<Process>, thread: Option<&Arc<Thread>>, info: Info) -> Result<()> {
    let signal = info.signal();
    if process.is_ending() {
        return Ok(());
    }
    if signal == SIGKILL {
        process.end(ExitStatus::Killed(SIGKILL as u8));
        return Ok(());
    }
    if bit(signal) & STOPPING != 0 {
        discard(process, bit(SIGCONT));
    } else if signal == SIGCONT {
        discard(process, STOPPING);
        halt::resume(process);
    }
    if process.signals.action(signal).disposition(signal) == Disposition::Ignore {
        let kept = match thread {
            Some(thread) => thread.signals.lock().keeps(bit(signal)),
            None => process.leader().is_some_and(|leader| leader.signals.lock().keeps(bit(signal))),
        };
        if !kept {
            return Ok(());
        }
    }
    let (user, limit) = if is_real_time(signal) { charge(process, thread) } else { (0, 0) };
    let pushed = match thread {
        Some(thread) => thread.signals.lock().queue.push(info, user, limit),
        None => process.signals.queue.lock().push(info, user, limit),
    };
    if let Err(Full) = pushed {
        // Of kill(2), what there is to tell may be lost, the signal may not.
        if info.code() != 0 {
            return Err(Error::new(Errno::EAGAIN, "RLIMIT_SIGPENDING"));
        }
        match thread {
            Some(thread) => thread.signals.lock().queue.push_bare(signal),
            None => process.signals.queue.lock().push_bare(signal),
        }
    }
    match thread {
        Some(thread) => {
            if !thread.signals.lock().blocks(bit(signal)) {
                thread.attend_to_signals();
            }
        }
        None => tell(process, signal),
    }
    process.signals.arrived.notify(Events::READABLE);
    Ok(())
}

/// Who is charged with a queued signal, and how many they may have.
fn charge(process: &Process, thread: Option<&Arc<Thread>>) -> (u32, u64) {
    let user = match thread {
        Some(thread) => thread.credentials.lock().user.real,
        None => process.leader().map_or(0, |leader| leader.credentials.lock().user.real),
    };
    let limit = process.limits.lock().get(RLIMIT_SIGPENDING).map_or(0, |limit| limit.soft);
    (user, limit)
}

/// Tells a thread that does not block `signal` that it waits for the process.
fn tell(process: &Process, signal: u32) {
    let chosen = {
        let threads = process.threads.lock();
        threads.values().find(|thread| !thread.signals.lock().blocks(bit(signal))).cloned()
    };
    if let Some(thread) = chosen {
        thread.attend_to_signals();
    }
}

/// Tells other threads of signals that wait for the process and that one which was told does not take.
pub(super) fn pass_on(process: &Process, mut signals: Set) {
    while signals != 0 {
        tell(process, signals.trailing_zeros() + 1);
        signals &= signals - 1;
    }
}

/// Tells other threads of what waits for the process: a thread that may have been told ends.
pub(in crate::process) fn pass_on_all(process: &Process) {
    let waiting = process.signals.queue.lock().set();
    pass_on(process, waiting);
}

/// Takes signals out of all queues of a process.
pub(crate) fn discard(process: &Process, signals: Set) {
    process.signals.queue.lock().discard(signals);
    let threads = process.threads.lock();
    for thread in threads.values() {
        thread.signals.lock().queue.discard(signals);
    }
}

/// Has a thread take a signal that it cannot do without: a fault. Where it blocks or ignores it, the process ends.
pub(crate) fn force(thread: &Arc<Thread>, info: Info) {
    force_unless(thread, info, false);
}

/// As [`force`], but no handler may run.
pub(super) fn force_fatally(thread: &Arc<Thread>, info: Info) {
    force_unless(thread, info, true);
}

fn force_unless(thread: &Arc<Thread>, info: Info, fatally: bool) {
    let signal = info.signal();
    let set = bit(signal);
    let blocked = {
        let mut state = thread.signals.lock();
        let blocked = state.mask & set != 0;
        state.mask &= !set;
        blocked
    };
    let actions = thread.process.signals.actions();
    {
        let mut actions = actions.lock();
        let ignored = actions.get(signal).is_ok_and(|action| action.is_ignored_explicitly());
        if blocked || ignored || fatally {
            actions.reset(signal);
        }
    }
    // Faults are standard signals: there is no limit.
    let _ = thread.signals.lock().queue.push(info, 0, 0);
    thread.note_signals();
}

/// Whether who has `sender`'s credentials may send `signal` to a thread with `target`'s (kill(2)). That SIGCONT may go to
/// all of a session is the caller's to know.
pub(crate) fn may_signal(sender: &Credentials, target: &Credentials) -> bool {
    let (from, to) = (sender.user, target.user);
    [from.real, from.effective].iter().any(|user| [to.real, to.saved].contains(user)) || sender.can(CAP_KILL)
}
