//! Locks on files: of whole files (flock(2)), and of ranges (fcntl(2)), which processes or open files own.
//!
//! Locks are advice: they bind those who ask for them. Those of a file are gone with the open file (flock, OFD), or as
//! soon as their process closes any descriptor of the file (POSIX).

mod ranges;
mod waits;

use alloc::{sync::Arc, vec::Vec};

use socket::{
    error::{Errno, Error, Result},
    ready::{Events, Pollee},
};
use spin::Mutex;

pub use self::ranges::LockedRange;
use self::ranges::Ranges;
pub(crate) use self::waits::LockWaits;
use crate::{inode::Inode, open_file::OpenFile, table::FileTable};

/// What others may do meanwhile.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LockKind {
    /// Lock it for themselves, too, but not exclusively.
    Shared,
    /// Nothing.
    Exclusive,
}

/// Who has a lock: the address of an open file or of a descriptor table, whose locks go before it does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Owner(usize);

impl Owner {
    pub(crate) fn file(file: &OpenFile) -> Self {
        Self(core::ptr::from_ref(file).addr())
    }

    pub(crate) fn table(table: &FileTable) -> Self {
        Self(core::ptr::from_ref(table).addr())
    }
}

/// On whose behalf a range is locked.
#[derive(Clone, Copy)]
pub enum RangeOwner<'a> {
    /// The process with this descriptor table and number (`F_SETLK`).
    Process(&'a FileTable, i32),
    /// The open file itself (`F_OFD_SETLK`).
    File,
}

/// The locks of an inode.
pub(crate) struct Locks {
    held: Mutex<Held>,
    /// Where it is announced (as OUT) that something was unlocked.
    pollee: Arc<Pollee>,
}

#[derive(Default)]
struct Held {
    whole: Vec<(Owner, LockKind)>,
    ranges: Ranges,
}

impl Locks {
    pub(crate) fn new() -> Self {
        Self { held: Mutex::default(), pollee: Arc::default() }
    }

    /// Somebody may now have what they waited for.
    fn announce(&self) {
        self.pollee.notify(Events::OUT);
    }
}

impl Inode {
    /// Gives up what a process (`table`) has locked: it has closed a descriptor of the file.
    pub(crate) fn release_process_locks(&self, table: &FileTable) {
        self.release_locks(Owner::table(table));
    }

    /// Gives up everything that `owner` has locked.
    pub(crate) fn release_locks(&self, owner: Owner) {
        let Some(locks) = self.locks_held() else { return };
        let mut held = locks.held.lock();
        let before = held.whole.len();
        held.whole.retain(|(other, _)| *other != owner);
        let released = held.ranges.release(owner);
        if released == 0 && held.whole.len() == before {
            return;
        }
        let environment = self.file_system().environment();
        environment.lock_waits().unlocked(self, released);
        drop(held);
        locks.announce();
    }
}

/// flock(2).
impl OpenFile {
    /// Locks the file, or with `None` unlocks it. A lock of another kind that this open file has is given up first,
    /// whatever comes of it.
    ///
    /// # Errors
    /// EAGAIN where somebody else's lock is in the way: wait for OUT at [`OpenFile::unlocked`].
    pub fn lock_whole(&self, kind: Option<LockKind>) -> Result<()> {
        let owner = Owner::file(self);
        let locks = self.inode().locks();
        let mut held = locks.held.lock();
        let own = held.whole.iter().position(|(other, _)| *other == owner);
        if let Some(index) = own {
            if Some(held.whole[index].1) == kind {
                return Ok(());
            }
            held.whole.swap_remove(index);
        }
        let result = match kind {
            Some(LockKind::Exclusive) if !held.whole.is_empty() => Err(Errno::EAGAIN.into()),
            Some(LockKind::Shared) if held.whole.iter().any(|(_, kind)| *kind == LockKind::Exclusive) => {
                Err(Errno::EAGAIN.into())
            }
            Some(kind) => {
                held.whole.push((owner, kind));
                Ok(())
            }
            None => Ok(()),
        };
        drop(held);
        if own.is_some() {
            locks.announce();
        }
        result
    }

    /// Where it is announced, as OUT, that a lock of the file was given up.
    #[must_use]
    pub fn unlocked(&self) -> &Arc<Pollee> {
        &self.inode().locks().pollee
    }
}

/// fcntl(2): F_SETLK, F_GETLK and their kin.
impl OpenFile {
    fn owner(&self, owner: RangeOwner<'_>) -> Owner {
        match owner {
            RangeOwner::Process(table, _) => Owner::table(table),
            RangeOwner::File => Owner::file(self),
        }
    }

    /// The first lock that is in the way of locking `range`; with `kind` being `None`, the first that `owner` has there.
    #[must_use]
    pub fn find_lock(
        &self,
        owner: RangeOwner<'_>,
        kind: Option<LockKind>,
        range: (u64, u64),
    ) -> Option<LockedRange> {
        let owner = self.owner(owner);
        let held = self.inode().locks_held()?.held.lock();
        match kind {
            Some(kind) => held.ranges.conflict(owner, kind, range).map(|(_, lock)| lock),
            None => held.ranges.own(owner, range),
        }
    }

    /// Locks the bytes from the first to the last of `range`, or with `None` unlocks them.
    ///
    /// # Errors
    /// EAGAIN where somebody else's lock is in the way, ENOLCK where there are too many.
    pub fn lock_range(&self, owner: RangeOwner<'_>, kind: Option<LockKind>, range: (u64, u64)) -> Result<()> {
        self.try_range(owner, kind, range, None)
    }

    /// As [`OpenFile::lock_range`], for one who will wait: attempts are made with [`RangeWait::attempt`].
    #[must_use]
    pub fn wait_for_range<'a>(
        &'a self,
        owner: RangeOwner<'a>,
        kind: Option<LockKind>,
        range: (u64, u64),
    ) -> RangeWait<'a> {
        let number = self.inode().file_system().environment().lock_waits().new_number();
        RangeWait { file: self, owner, kind, range, number }
    }

    fn try_range(
        &self,
        owner: RangeOwner<'_>,
        kind: Option<LockKind>,
        range: (u64, u64),
        waiter: Option<u64>,
    ) -> Result<()> {
        let who = self.owner(owner);
        let inode = self.inode();
        let waits = inode.file_system().environment().lock_waits();
        let pid = match owner {
            RangeOwner::Process(_, pid) => Some(pid),
            RangeOwner::File => None,
        };
        let locks = inode.locks();
        let mut held = locks.held.lock();
        if let Some(kind) = kind
            && let Some((blocker, lock)) = held.ranges.conflict(who, kind, range)
        {
            // Only processes are known to wait for each other: a file has no thread that could be stuck.
            if let (Some(number), Some(_), Some(_)) = (waiter, pid, lock.pid) {
                waits.wait(number, inode, who, blocker)?;
            }
            return Err(Errno::EAGAIN.into());
        }
        if let Some(number) = waiter {
            waits.done(number);
        }
        let (before, room) = (held.ranges.len(), waits.room());
        if kind.is_some() && room < 2 {
            return Err(Error::new(Errno::ENOLCK, "too many locks"));
        }
        let changed = held.ranges.set(who, pid, kind, range);
        waits.counted(before, held.ranges.len());
        if changed {
            waits.unlocked(inode, 0);
        }
        drop(held);
        if changed {
            locks.announce();
        }
        Ok(())
    }
}

/// A lock of a range that somebody waits for (F_SETLKW). Dropping it ends the wait.
pub struct RangeWait<'a> {
    file: &'a OpenFile,
    owner: RangeOwner<'a>,
    kind: Option<LockKind>,
    range: (u64, u64),
    number: u64,
}

impl RangeWait<'_> {
    /// Tries once more.
    ///
    /// # Errors
    /// EAGAIN where it has to wait on for OUT at [`OpenFile::unlocked`], EDEADLK where the one who has the lock waits for
    /// this process, ENOLCK.
    pub fn attempt(&self) -> Result<()> {
        self.file.try_range(self.owner, self.kind, self.range, Some(self.number))
    }
}

impl Drop for RangeWait<'_> {
    fn drop(&mut self) {
        self.file.inode().file_system().environment().lock_waits().done(self.number);
    }
}
