//! Who is whose child, and in which group and session (credentials(7)).
//!
//! All of that changes under one lock, so that what is seen of it fits together: a process that ends leaves its children
//! to another at the same moment at which it is there for its parent to be waited for.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    vec::Vec,
};
use core::sync::atomic::Ordering;

use linux_raw_sys::general::SIGCHLD;
use ostd::sync::{SpinLock, SpinLockGuard};

use socket::error::{Errno, Error, Result};

use super::{
    Process,
    exit::Ending,
    id::{free_id, thread_by_id},
};

/// The number of the first process, which orphans go to and whose end is that of the machine.
pub(crate) const FIRST: i32 = 1;

/// What a parent can be told of a child that lives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Change {
    /// It was stopped by this signal.
    Stopped(u32),
    /// It goes on.
    Continued,
}

/// A process among the others. It is there until it has been waited for.
pub(super) struct Entry {
    pub(super) process: Arc<Process>,
    pub(super) children: BTreeSet<i32>,
    /// What the parent gets when it ends; 0 for nothing. Who has another one than SIGCHLD is waited for with `__WCLONE`.
    pub(super) exit_signal: u32,
    /// Set once it has ended.
    pub(super) ending: Option<Ending>,
    /// What nobody has been told of yet.
    pub(super) change: Option<Change>,
    /// Whether it takes in the orphans below it (PR_SET_CHILD_SUBREAPER).
    pub(super) subreaper: bool,
}

struct Group {
    session: i32,
    members: BTreeSet<i32>,
}

/// All processes.
///
/// Lock order: this one is taken before those of a process and of a thread; nothing is dropped under it.
pub(super) struct Tree {
    processes: BTreeMap<i32, Entry>,
    groups: BTreeMap<i32, Group>,
    /// How many groups a session has.
    sessions: BTreeMap<i32, usize>,
}

static TREE: SpinLock<Tree> =
    SpinLock::new(Tree { processes: BTreeMap::new(), groups: BTreeMap::new(), sessions: BTreeMap::new() });

/// Holds everything still.
pub(super) fn lock() -> SpinLockGuard<'static, Tree, ostd::sync::PreemptDisabled> {
    TREE.lock()
}

/// The process of that number, whether it runs or has ended and was not waited for yet.
pub(crate) fn process_by_id(pid: i32) -> Option<Arc<Process>> {
    lock().get(pid).map(|entry| entry.process.clone())
}

/// The process of that number, or the one that has a thread of that number.
pub(crate) fn process_of(id: i32) -> Option<Arc<Process>> {
    process_by_id(id).or_else(|| thread_by_id(id).map(|thread| thread.process.clone()))
}

/// All processes, those that have ended and were not waited for included, by number.
pub(crate) fn all() -> Vec<Arc<Process>> {
    lock().processes.values().map(|entry| entry.process.clone()).collect()
}

/// The members of a process group.
pub(crate) fn members(group: i32) -> Vec<Arc<Process>> {
    let tree = lock();
    let Some(group) = tree.groups.get(&group) else { return Vec::new() };
    group.members.iter().filter_map(|pid| tree.get(*pid)).map(|entry| entry.process.clone()).collect()
}

/// Whether no member of a process group has a parent in another group of its session, who could let it go on (an orphaned
/// process group).
pub(crate) fn is_orphaned(group: i32) -> bool {
    let tree = lock();
    let Some(members) = tree.groups.get(&group).map(|group| &group.members) else { return true };
    !members.iter().filter_map(|pid| tree.get(*pid)).filter(|entry| entry.ending.is_none()).any(|entry| {
        tree.get(entry.process.parent()).is_some_and(|parent| {
            parent.process.group() != group && parent.process.session() == entry.process.session()
        })
    })
}

/// Takes in the first process, in a group and a session of its own.
pub(crate) fn plant(process: &Arc<Process>) {
    let mut tree = lock();
    tree.sessions.insert(process.pid, 0);
    process.session.store(process.pid, Ordering::Relaxed);
    tree.insert(process, SIGCHLD);
    tree.enter_group(process, process.pid);
}

impl Tree {
    pub(super) fn get(&self, pid: i32) -> Option<&Entry> {
        self.processes.get(&pid)
    }

    pub(super) fn get_mut(&mut self, pid: i32) -> Option<&mut Entry> {
        self.processes.get_mut(&pid)
    }

    fn insert(&mut self, process: &Arc<Process>, exit_signal: u32) {
        let entry = Entry {
            process: process.clone(),
            children: BTreeSet::new(),
            exit_signal,
            ending: None,
            change: None,
            subreaper: false,
        };
        self.processes.insert(process.pid, entry);
    }

    /// Takes in a new process: a child of `maker`, or with `sibling` of the maker's parent; in the maker's group.
    pub(super) fn add_child(
        &mut self,
        maker: &Process,
        process: &Arc<Process>,
        sibling: bool,
        exit_signal: u32,
    ) {
        let parent = if sibling { maker.parent() } else { maker.pid };
        process.parent.store(parent, Ordering::Relaxed);
        process.session.store(maker.session(), Ordering::Relaxed);
        self.insert(process, exit_signal);
        if let Some(parent) = self.get_mut(parent) {
            parent.children.insert(process.pid);
        }
        self.enter_group(process, maker.group());
    }

    /// Makes the process a member of a group, a new one where there is none of that number, in its session.
    fn enter_group(&mut self, process: &Process, group: i32) {
        let session = process.session();
        process.group.store(group, Ordering::Relaxed);
        let mut fresh = false;
        let group = self.groups.entry(group).or_insert_with(|| {
            fresh = true;
            Group { session, members: BTreeSet::new() }
        });
        group.members.insert(process.pid);
        if fresh {
            *self.sessions.entry(session).or_insert(0) += 1;
        }
    }

    /// Takes a process out of a group, which ends with its last member, as its session does with its last group.
    fn leave_group(&mut self, pid: i32, number: i32) {
        let Some(group) = self.groups.get_mut(&number) else { return };
        group.members.remove(&pid);
        if !group.members.is_empty() {
            return;
        }
        let session = group.session;
        self.groups.remove(&number);
        if let Some(groups) = self.sessions.get_mut(&session) {
            *groups -= 1;
            if *groups == 0 {
                self.sessions.remove(&session);
            }
        }
    }

    /// Gives those numbers back that nothing bears any more.
    fn free_numbers(&self, numbers: &[i32]) {
        for (at, number) in numbers.iter().enumerate() {
            let borne = self.processes.contains_key(number)
                || self.groups.contains_key(number)
                || self.sessions.contains_key(number);
            // Once only: it may be taken again at once.
            if !borne && !numbers[..at].contains(number) {
                free_id(*number);
            }
        }
    }

    /// Forgets a process that has ended: it was waited for, or nobody wants to know. To be dropped without the lock.
    #[must_use]
    pub(super) fn release(&mut self, pid: i32) -> Option<Entry> {
        let entry = self.processes.remove(&pid)?;
        if let Some(parent) = self.get_mut(entry.process.parent()) {
            parent.children.remove(&pid);
        }
        let (group, session) = (entry.process.group(), entry.process.session());
        self.leave_group(pid, group);
        self.free_numbers(&[pid, group, session]);
        Some(entry)
    }

    /// Who takes in the orphans of a process: the nearest ancestor that offered to, or the first process.
    fn reaper(&self, of: &Process) -> i32 {
        let mut candidate = of.parent();
        while let Some(entry) = self.get(candidate) {
            if entry.subreaper && entry.ending.is_none() {
                return candidate;
            }
            candidate = entry.process.parent();
        }
        FIRST
    }

    /// Gives the children of a process that ends to another. Returns that one's number, and the children.
    pub(super) fn orphan(&mut self, process: &Process) -> (i32, BTreeSet<i32>) {
        let orphans =
            self.get_mut(process.pid).map(|entry| core::mem::take(&mut entry.children)).unwrap_or_default();
        if orphans.is_empty() {
            return (FIRST, orphans);
        }
        let reaper = self.reaper(process);
        for pid in &orphans {
            if let Some(orphan) = self.get_mut(*pid) {
                orphan.process.parent.store(reaper, Ordering::Relaxed);
                orphan.exit_signal = SIGCHLD;
            }
        }
        if let Some(reaper) = self.get_mut(reaper) {
            reaper.children.extend(&orphans);
        }
        (reaper, orphans)
    }
}

/// setpgid(2): moves a process, 0 for the caller's own, to a group of its session, 0 for one of its own.
///
/// # Errors
/// EINVAL for a negative group, ESRCH where the process is neither the caller's nor its child, EPERM for a leader of a
/// session, a child in another session, or a group that is not in the session; EACCES for a child that has executed a
/// program.
pub(crate) fn set_group(caller: &Process, pid: i32, group: i32) -> Result<()> {
    let pid = if pid == 0 { caller.pid } else { pid };
    let group = if group == 0 { pid } else { group };
    if group < 0 {
        return Err(Errno::EINVAL.into());
    }
    let mut tree = lock();
    let process = match tree.get(pid) {
        Some(entry) => entry.process.clone(),
        None if thread_by_id(pid).is_some() => {
            return Err(Error::new(Errno::EINVAL, "it is a thread's number"));
        }
        None => return Err(Errno::ESRCH.into()),
    };
    let refused = if process.pid == caller.pid {
        Ok(())
    } else if process.parent() != caller.pid {
        Err(Errno::ESRCH.into())
    } else if process.session() != caller.session() {
        Err(Error::new(Errno::EPERM, "the child is in another session"))
    } else if process.has_executed.load(Ordering::Relaxed) {
        Err(Error::new(Errno::EACCES, "the child has executed a program"))
    } else {
        Ok(())
    };
    let outcome = refused.and_then(|()| tree.move_to_group(&process, group));
    drop(tree);
    drop(process);
    outcome
}

/// setsid(2): makes the caller's process the leader of a new session and of a group in it; gives their number.
///
/// # Errors
/// EPERM where there is a group of that number already.
pub(crate) fn new_session(process: &Process) -> Result<i32> {
    let mut tree = lock();
    if tree.groups.contains_key(&process.pid) || process.session() == process.pid {
        return Err(Error::new(Errno::EPERM, "it leads a group"));
    }
    let (group, session) = (process.group(), process.session());
    process.session.store(process.pid, Ordering::Relaxed);
    tree.enter_group(process, process.pid);
    tree.leave_group(process.pid, group);
    tree.free_numbers(&[group, session]);
    Ok(process.pid)
}

impl Tree {
    fn move_to_group(&mut self, process: &Process, group: i32) -> Result<()> {
        if process.session() == process.pid {
            return Err(Error::new(Errno::EPERM, "it leads a session"));
        }
        let old = process.group();
        if group == old {
            return Ok(());
        }
        match self.groups.get(&group) {
            Some(there) if there.session != process.session() => {
                return Err(Error::new(Errno::EPERM, "the group is in another session"));
            }
            None if group != process.pid => return Err(Error::new(Errno::EPERM, "there is no such group")),
            _ => {}
        }
        self.enter_group(process, group);
        self.leave_group(process.pid, old);
        self.free_numbers(&[old]);
        Ok(())
    }
}

/// PR_SET_CHILD_SUBREAPER: whether the process takes in the orphans below it.
pub(crate) fn set_subreaper(process: &Process, on: bool) {
    if let Some(entry) = lock().get_mut(process.pid) {
        entry.subreaper = on;
    }
}

/// Whether the process takes in the orphans below it.
pub(crate) fn is_subreaper(process: &Process) -> bool {
    lock().get(process.pid).is_some_and(|entry| entry.subreaper)
}
