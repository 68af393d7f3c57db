//! Signals that are read: signalfd(2).

use alloc::{format, string::String, sync::Arc};
use core::sync::atomic::{AtomicU64, Ordering};

use socket::{
    error::{Errno, Error, Result},
    ready::{Events, Pollee},
};
use vfs::{Buffers, Special};

use crate::process::{
    Process, current_thread,
    signal::{Info, Layout, Set, UNBLOCKABLE, dequeue},
};

/// `sizeof(struct signalfd_siginfo)`.
const RECORD: usize = 128;

/// The signals that can be read, of whoever reads.
pub(crate) struct SignalFile {
    /// Those that are read.
    set: AtomicU64,
    /// Where it is announced that one has come to the process that made it.
    pollee: Arc<Pollee>,
}

impl SignalFile {
    /// A file from which the signals of `set` are read.
    pub(crate) fn new(process: &Process, set: Set) -> Arc<Self> {
        let pollee = process.signals.arrived.clone();
        Arc::new(Self { set: AtomicU64::new(set & !UNBLOCKABLE), pollee })
    }

    /// Has other signals read.
    pub(crate) fn set(&self, set: Set) {
        self.set.store(set & !UNBLOCKABLE, Ordering::Relaxed);
        // Some may be there already.
        self.pollee.notify(Events::READABLE);
    }

    fn wanted(&self) -> Set {
        self.set.load(Ordering::Relaxed)
    }
}

impl Special for SignalFile {
    fn name(&self) -> &'static str {
        "anon_inode:[signalfd]"
    }

    fn details(&self) -> String {
        format!("sigmask:\t{:016x}\n", self.wanted())
    }

    fn read(&self, buffers: &mut Buffers<'_>) -> Result<usize> {
        if buffers.remaining() < RECORD {
            return Err(Error::new(Errno::EINVAL, "no room for a record"));
        }
        let thread = current_thread().ok_or(Errno::EINVAL)?;
        let mut done = 0;
        while buffers.remaining() >= RECORD {
            let Some(info) = dequeue(&thread.process, &thread, self.wanted()) else { break };
            // A signal that cannot be told of is lost, as on Linux.
            if buffers.put(&record(&info)) < RECORD {
                return if done == 0 { Err(Errno::EFAULT.into()) } else { Ok(done) };
            }
            done += RECORD;
        }
        if done == 0 { Err(Errno::EAGAIN.into()) } else { Ok(done) }
    }

    fn poll(&self) -> Events {
        let Some(thread) = current_thread() else { return Events::empty() };
        let (own, shared) = thread.process.pending_signals(&thread.signals);
        if (own | shared) & self.wanted() != 0 { Events::READABLE } else { Events::empty() }
    }

    fn pollee(&self) -> Option<&Arc<Pollee>> {
        Some(&self.pollee)
    }
}

/// A struct signalfd_siginfo: fields of their own for what in siginfo_t is a union.
fn record(info: &Info) -> [u8; RECORD] {
    // ssi_signo, ssi_errno, ssi_code.
    const PID: usize = 12;
    const UID: usize = 16;
    const FD: usize = 20;
    const TID: usize = 24;
    const BAND: usize = 28;
    const OVERRUN: usize = 32;
    const STATUS: usize = 40;
    const INT: usize = 44;
    const PTR: usize = 48;
    const UTIME: usize = 56;
    const STIME: usize = 64;
    const ADDR: usize = 72;
    let mut record = [0; RECORD];
    let [head, code, a, b, c, d] = *info.words();
    let mut put = |at: usize, bytes: &[u8]| {
        if let Some(place) = record.get_mut(at..at + bytes.len()) {
            place.copy_from_slice(bytes);
        }
    };
    let low = |word: u64| (word as u32).to_ne_bytes();
    let high = |word: u64| ((word >> 32) as u32).to_ne_bytes();
    put(0, &head.to_ne_bytes());
    put(8, &low(code));
    match info.layout() {
        Layout::Kill => {
            put(PID, &low(a));
            put(UID, &high(a));
        }
        Layout::Timer => {
            put(TID, &low(a));
            put(OVERRUN, &high(a));
            put(PTR, &b.to_ne_bytes());
            put(INT, &low(b));
        }
        Layout::Poll => {
            put(BAND, &low(a));
            put(FD, &low(b));
        }
        Layout::Fault => put(ADDR, &a.to_ne_bytes()),
        Layout::Child => {
            put(PID, &low(a));
            put(UID, &high(a));
            put(STATUS, &low(b));
            put(UTIME, &c.to_ne_bytes());
            put(STIME, &d.to_ne_bytes());
        }
        Layout::Queue => {
            put(PID, &low(a));
            put(UID, &high(a));
            put(PTR, &b.to_ne_bytes());
            put(INT, &low(b));
        }
    }
    record
}
