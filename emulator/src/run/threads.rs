//! The threads of the targets, as far as they have called: a handle on each, through which its descriptors are reached.

use std::{
    cell::RefCell,
    collections::HashMap,
    io,
    os::fd::{AsFd, OwnedFd},
    rc::Rc,
};

use rustix::process::{PidfdGetfdFlags, pidfd_getfd};

use super::{
    status::Status,
    sys,
    watch::{Subject, Watch},
};

/// A thread of a target.
pub(super) struct Thread {
    /// Its number, as the supervisor sees it.
    pub(super) number: i32,
    /// That of its process.
    pub(super) process: i32,
    handle: OwnedFd,
}

impl Thread {
    fn open(number: i32) -> io::Result<Self> {
        let process = Status::of(number)?.process;
        Ok(Self { number, process, handle: sys::open_thread(number, process)? })
    }

    /// The open file behind one of its descriptors.
    ///
    /// # Errors
    /// EBADF where there is none, ESRCH where the thread has ended.
    pub(super) fn file(&self, descriptor: i32) -> io::Result<OwnedFd> {
        Ok(pidfd_getfd(&self.handle, descriptor, PidfdGetfdFlags::empty())?)
    }
}

/// All of them.
#[derive(Default)]
pub(super) struct Threads(RefCell<HashMap<i32, Rc<Thread>>>);

impl Threads {
    /// The thread of that number, which waits in a call at this moment.
    ///
    /// # Errors
    /// Where it has been killed.
    pub(super) fn get(&self, number: i32, watch: &Watch) -> io::Result<Rc<Thread>> {
        if let Some(thread) = self.0.borrow().get(&number) {
            return Ok(thread.clone());
        }
        let thread = Rc::new(Thread::open(number)?);
        // Its end is seen there, and makes room for another thread of the same number.
        watch.add_readable(thread.handle.as_fd(), Subject::Thread(number))?;
        self.0.borrow_mut().insert(number, thread.clone());
        Ok(thread)
    }

    /// A thread has ended.
    pub(super) fn remove(&self, number: i32) {
        self.0.borrow_mut().remove(&number);
    }

    /// Ends every process that has called.
    pub(super) fn kill_all(&self) {
        for thread in self.0.borrow().values() {
            // One that has ended already is as it should be.
            let _ = rustix::process::pidfd_send_signal(&thread.handle, rustix::process::Signal::KILL);
        }
    }
}
