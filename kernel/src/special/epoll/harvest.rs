//! Looking at what may have happened, and waiting until something has.

use alloc::sync::Arc;
use core::time::Duration;

use socket::{
    error::{Errno, Result},
    ready::Events,
};
use vfs::UserMemory;

use super::{
    Epoll,
    list::{List, Look, Report, Reported},
};
use crate::{
    context::Context,
    process::Thread,
    wait::{self, WaitError},
};

/// `sizeof(struct epoll_event)`, which is packed.
pub(crate) const EVENT: usize = 12;

/// How many reports are handed over at a time.
const BATCH: usize = 8;

/// Reports in the program's layout, and what they are of.
struct Told {
    bytes: [u8; BATCH * EVENT],
    of: [Reported; BATCH],
    count: usize,
}

impl Told {
    #[inline]
    fn push(&mut self, report: &Report) {
        let at = self.count * EVENT;
        if let (Some(bytes), Some(of)) = (self.bytes.get_mut(at..at + EVENT), self.of.get_mut(self.count)) {
            bytes[..4].copy_from_slice(&report.events.bits().to_ne_bytes());
            bytes[4..].copy_from_slice(&report.data.to_ne_bytes());
            *of = report.of;
            self.count += 1;
        }
    }
}

/// Where to and how many.
#[derive(Clone, Copy)]
pub(crate) struct Room {
    /// The program's array of struct epoll_event.
    pub(crate) at: usize,
    /// How many fit in.
    pub(crate) most: usize,
}

impl Epoll {
    /// Hands over what has happened; `None` where nothing has.
    ///
    /// # Errors
    /// EFAULT where not even one event could be handed over.
    #[inline]
    pub(crate) fn harvest(&self, context: &Context, room: Room) -> Option<Result<usize>> {
        let mut done = 0;
        // What is put in the list from now on is for the next time.
        let mut budget = usize::MAX;
        loop {
            let mut told = Told { bytes: [0; BATCH * EVENT], of: [Reported::default(); BATCH], count: 0 };
            let wanted = (room.most - done).min(BATCH);
            self.collect(&mut told, wanted, &mut budget);
            let count = told.count;
            if count == 0 {
                break;
            }
            let address = room.at.wrapping_add(done * EVENT);
            if let Err(fault) = UserMemory::write(context, address, &told.bytes[..count * EVENT]) {
                let whole = fault.copied / EVENT;
                self.take_back(&told.of[whole..count]);
                done += whole;
                return Some(if done > 0 { Ok(done) } else { Err(Errno::EFAULT.into()) });
            }
            done += count;
            if count < wanted || done == room.most {
                break;
            }
        }
        (done > 0).then_some(Ok(done))
    }

    /// Looks at what is in the list, the first `budget` at most, until there are as many reports as are wanted.
    #[inline]
    fn collect(&self, told: &mut Told, wanted: usize, budget: &mut usize) {
        let mut list = self.list.lock();
        *budget = list.linked().min(*budget);
        while told.count < wanted && *budget > 0 {
            *budget -= 1;
            let Some(mut look) = list.take() else { break };
            drop(list);
            let happened = self.see(&mut look);
            list = self.list.lock();
            if let Some(report) = list.looked(&look, happened, false) {
                told.push(&report);
            }
        }
        let next = next_sleeper(&mut list);
        drop(list);
        wake(next);
    }

    /// What has happened at a file. Afterwards it is not held any more: it may have been closed meanwhile, and go now.
    #[inline]
    fn see(&self, look: &mut Look) -> Events {
        match look.file.take() {
            Some(file) => file.poll() & Events::from_bits_truncate(look.events),
            None => {
                // There may be nobody else who tells.
                look.forget(self);
                Events::empty()
            }
        }
    }

    /// Whether something has happened. What has, stays in the list; what has not, leaves it.
    pub(super) fn has_any(&self) -> bool {
        let mut found = false;
        let mut list = self.list.lock();
        let mut budget = list.linked();
        while !found && budget > 0 {
            budget -= 1;
            let Some(mut look) = list.take() else { break };
            drop(list);
            let happened = self.see(&mut look);
            list = self.list.lock();
            found = list.looked(&look, happened, true).is_some();
        }
        // Somebody may have found the list empty while the last of it was looked at.
        let next = next_sleeper(&mut list);
        drop(list);
        wake(next);
        found
    }

    #[cold]
    fn take_back(&self, reports: &[Reported]) {
        let mut list = self.list.lock();
        list.take_back(reports);
        let next = next_sleeper(&mut list);
        drop(list);
        wake(next);
    }

    /// Waits until something has happened and hands it over; 0 after the deadline (monotonic clock).
    ///
    /// # Errors
    /// EFAULT, EINTR.
    #[cold]
    pub(crate) fn wait(&self, context: &Context, room: Room, deadline: Option<Duration>) -> Result<usize> {
        let sleeper = Sleeper { epoll: self, thread: &context.thread };
        let result = wait::until(context, deadline, || {
            loop {
                if let Some(result) = self.harvest(context, room) {
                    return Some(result);
                }
                if sleeper.queue() {
                    return None;
                }
            }
        });
        match result {
            Ok(result) => result,
            Err(error) => {
                sleeper.pass_on();
                match error {
                    WaitError::TimedOut => Ok(0),
                    WaitError::Interrupted => Err(Errno::EINTR.into()),
                }
            }
        }
    }
}

impl Look {
    /// The file has been closed.
    #[cold]
    fn forget(&self, epoll: &Epoll) {
        epoll.forget(self.key, self.first_generation);
    }
}

/// The thread to wake where something is in the list.
#[inline]
fn next_sleeper(list: &mut List) -> Option<Arc<Thread>> {
    if list.linked() > 0 { list.sleepers.pop() } else { None }
}

#[inline]
fn wake(sleeper: Option<Arc<Thread>>) {
    if let Some(sleeper) = sleeper {
        sleeper.wake();
    }
}

/// A thread among those that wait, until dropped.
struct Sleeper<'a> {
    epoll: &'a Epoll,
    thread: &'a Arc<Thread>,
}

impl Sleeper<'_> {
    fn position(&self, list: &List) -> Option<usize> {
        list.sleepers.iter().rposition(|sleeper| Arc::ptr_eq(sleeper, self.thread))
    }

    /// Is among the sleepers from now on, to be woken once; false where something is in the list.
    fn queue(&self) -> bool {
        let mut list = self.epoll.list.lock();
        if list.linked() > 0 {
            return false;
        }
        if self.position(&list).is_none() {
            list.sleepers.push(self.thread.clone());
        }
        true
    }

    /// Leaves without having looked. Where it was woken just now, another one takes its place.
    fn pass_on(&self) {
        let mut list = self.epoll.list.lock();
        let next = if self.position(&list).is_none() { next_sleeper(&mut list) } else { None };
        drop(list);
        wake(next);
    }
}

impl Drop for Sleeper<'_> {
    fn drop(&mut self) {
        let mut list = self.epoll.list.lock();
        let removed = self.position(&list).map(|position| list.sleepers.remove(position));
        drop(list);
        drop(removed);
    }
}
