//! Signals that wait to be taken.

use alloc::collections::{BTreeMap, VecDeque};

use linux_raw_sys::general::{SIGBUS, SIGFPE, SIGILL, SIGRTMIN, SIGSEGV, SIGSYS, SIGTRAP};
use ostd::sync::SpinLock;

use super::{Info, Set, bit};

/// Faults: taken before all others, so that the handler sees the registers of the fault.
const SYNCHRONOUS: Set = bit(SIGSEGV) | bit(SIGBUS) | bit(SIGILL) | bit(SIGTRAP) | bit(SIGFPE) | bit(SIGSYS);

/// How many real-time signals are queued for each user, who is charged with those sent to their processes. Users with
/// none are not in here.
static QUEUED: SpinLock<BTreeMap<u32, u64>> = SpinLock::new(BTreeMap::new());

/// How many signals are queued for a user's processes (`SigQ` of `/proc/PID/status`).
pub(crate) fn queued(user: u32) -> u64 {
    QUEUED.lock().get(&user).copied().unwrap_or(0)
}

struct Entry {
    info: Info,
    /// Who is charged with it, if anybody.
    user: Option<u32>,
}

impl Drop for Entry {
    fn drop(&mut self) {
        let Some(user) = self.user else { return };
        let mut queued = QUEUED.lock();
        if let Some(count) = queued.get_mut(&user) {
            *count -= 1;
            if *count == 0 {
                queued.remove(&user);
            }
        }
    }
}

/// Whether a signal is one of those of which several may wait.
pub(crate) const fn is_real_time(signal: u32) -> bool {
    signal >= SIGRTMIN
}

/// The signals that wait for a thread or a process.
#[derive(Default)]
pub(crate) struct Queue {
    /// Which ones.
    set: Set,
    /// What is told of them, in the order in which they came. One of those in `set` that is not in here is told of as
    /// kill(2) by nobody: the limit was reached.
    entries: VecDeque<Entry>,
}

/// The queue is full (RLIMIT_SIGPENDING).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Full;

impl Queue {
    /// Which signals wait.
    pub(crate) fn set(&self) -> Set {
        self.set
    }

    /// Adds a signal. A standard one that waits already is not added again. A real-time one counts towards `limit`, the
    /// RLIMIT_SIGPENDING of `user`.
    ///
    /// # Errors
    /// The limit is reached.
    pub(super) fn push(&mut self, info: Info, user: u32, limit: u64) -> Result<(), Full> {
        let signal = info.signal();
        let mut charged = None;
        if is_real_time(signal) {
            let mut queued = QUEUED.lock();
            let count = queued.entry(user).or_insert(0);
            if *count >= limit {
                if *count == 0 {
                    queued.remove(&user);
                }
                return Err(Full);
            }
            *count += 1;
            charged = Some(user);
        } else if self.set & bit(signal) != 0 {
            return Ok(());
        }
        self.set |= bit(signal);
        self.entries.push_back(Entry { info, user: charged });
        Ok(())
    }

    /// Has a signal wait of which nothing is told.
    pub(super) fn push_bare(&mut self, signal: u32) {
        self.set |= bit(signal);
    }

    /// The number of the signal that [`Self::take`] would take.
    pub(super) fn first(&self, wanted: Set) -> Option<u32> {
        let available = self.set & wanted;
        let faults = available & SYNCHRONOUS;
        let first = if faults != 0 { faults } else { available };
        (first != 0).then(|| first.trailing_zeros() + 1)
    }

    /// Takes the next signal of `wanted`: faults first, then by number, those of one number in the order in which they
    /// came.
    pub(super) fn take(&mut self, wanted: Set) -> Option<Info> {
        let signal = self.first(wanted)?;
        let mut matching = self.entries.iter().enumerate().filter(|(_, entry)| entry.info.signal() == signal);
        let first = matching.next().map(|(at, _)| at);
        if matching.next().is_none() {
            self.set &= !bit(signal);
        }
        let entry = first.and_then(|at| self.entries.remove(at));
        Some(entry.map_or(Info::user(signal, 0, 0), |entry| entry.info))
    }

    /// Takes all signals of `unwanted` out.
    pub(super) fn discard(&mut self, unwanted: Set) {
        if self.set & unwanted != 0 {
            self.set &= !unwanted;
            self.entries.retain(|entry| bit(entry.info.signal()) & unwanted == 0);
        }
    }
}
