//! What the supervisor is told of besides calls: the ends of sockets and of threads.

use std::{
    cell::RefCell,
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use rustix::{
    buffer::spare_capacity,
    event::{Timespec, epoll},
};

/// Whose end it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Subject {
    /// A socket's, by the cookie of its placeholder: the last descriptor is closed.
    Socket(u64),
    /// A thread's, by its number.
    Thread(i32),
    /// No end: a file of the host's may be ready, for which the call of a thread waits.
    Waiting(i32),
}

/// Threads have this bit. Cookies count sockets from 1 on, and never come that far.
const THREAD: u64 = 1 << 63;
/// Threads that wait have this one.
const WAITING: u64 = 1 << 62;

impl Subject {
    fn pack(self) -> epoll::EventData {
        epoll::EventData::new_u64(match self {
            Self::Socket(cookie) => cookie,
            Self::Thread(number) => THREAD | u64::from(number as u32),
            Self::Waiting(number) => WAITING | u64::from(number as u32),
        })
    }

    fn unpack(data: epoll::EventData) -> Self {
        match data.u64() {
            number if number & THREAD != 0 => Self::Thread(number as u32 as i32),
            number if number & WAITING != 0 => Self::Waiting(number as u32 as i32),
            cookie => Self::Socket(cookie),
        }
    }
}

/// An epoll instance. It tells of everything once.
pub(super) struct Watch {
    epoll: OwnedFd,
    /// What it has told already, and nobody has asked for.
    told: RefCell<Vec<Subject>>,
}

impl Watch {
    /// One that watches nothing.
    ///
    /// # Errors
    /// EMFILE.
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self { epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?, told: RefCell::default() })
    }

    /// Until it is closed, tells of the end of what is at `fd`: that its other end is closed.
    ///
    /// # Errors
    /// ENOSPC: the user watches too many files.
    pub(super) fn add_end(&self, fd: BorrowedFd<'_>, subject: Subject) -> io::Result<()> {
        Ok(epoll::add(&self.epoll, fd, subject.pack(), epoll::EventFlags::ET)?)
    }

    /// Until it is closed, tells when there is something to read: with a thread's handle, its end.
    ///
    /// # Errors
    /// As [`Watch::add_end`].
    pub(super) fn add_readable(&self, fd: BorrowedFd<'_>, subject: Subject) -> io::Result<()> {
        Ok(epoll::add(&self.epoll, fd, subject.pack(), epoll::EventFlags::IN | epoll::EventFlags::ET)?)
    }

    /// Until it is closed, tells whenever the file may be ready, of a thread whose call waits for that.
    ///
    /// # Errors
    /// As [`Watch::add_end`]; EPERM where one cannot wait for it.
    pub(super) fn add_any(&self, fd: BorrowedFd<'_>, thread: i32) -> io::Result<()> {
        let flags = epoll::EventFlags::IN | epoll::EventFlags::OUT | epoll::EventFlags::ET;
        Ok(epoll::add(&self.epoll, fd, Subject::Waiting(thread).pack(), flags)?)
    }

    /// Those that have ended: some of them, and all of them if it is called until there are none.
    pub(super) fn ended(&self) -> Vec<Subject> {
        let told = self.told.take();
        if told.is_empty() { self.ask() } else { told }
    }

    /// What was told of `subject` so far was the supervisor's own doing.
    pub(super) fn forget(&self, subject: Subject) {
        loop {
            let told = self.ask();
            if told.is_empty() {
                return;
            }
            self.told.borrow_mut().extend(told.into_iter().filter(|told| *told != subject));
        }
    }

    /// Whether something waits to be asked for that poll(2) does not show.
    pub(super) fn has_told(&self) -> bool {
        !self.told.borrow().is_empty()
    }

    fn ask(&self) -> Vec<Subject> {
        let mut events = Vec::with_capacity(64);
        // Nothing but an interruption can go wrong, and who calls does so again.
        let _ = epoll::wait(&self.epoll, spare_capacity(&mut events), Some(&Timespec::default()));
        events.into_iter().map(|event: epoll::Event| Subject::unpack(event.data)).collect()
    }
}

impl AsFd for Watch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.epoll.as_fd()
    }
}
