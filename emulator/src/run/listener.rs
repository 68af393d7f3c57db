//! The descriptor at which calls of targets arrive, and are answered.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use super::sys::{self, Notification};

/// ERESTARTSYS: the kernel makes the call anew once a signal is dealt with, or has it fail with EINTR, as the signal's action
/// says. No program ever sees the number.
pub(super) const RESTART: i32 = 512;

/// The filter's listener.
pub(super) struct Listener(OwnedFd);

impl Listener {
    /// `fd` is that of a listener.
    pub(super) fn new(fd: OwnedFd) -> Self {
        Self(fd)
    }

    /// Whether supervisor and target can run in turns on one CPU (Linux 6.6).
    pub(super) fn keep_together(&self) -> bool {
        sys::wake_on_same_cpu(self.0.as_fd()).is_ok()
    }

    /// The next call; `None` where the target has gone again.
    ///
    /// # Errors
    /// What the kernel says, but for that.
    pub(super) fn receive(&self) -> io::Result<Option<Notification>> {
        match sys::receive(self.0.as_fd()) {
            Ok(notification) => Ok(Some(notification)),
            Err(error) if matches!(error.raw_os_error(), Some(libc::ENOENT | libc::EINTR)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether the target still waits for an answer.
    pub(super) fn is_valid(&self, id: u64) -> bool {
        sys::is_valid(self.0.as_fd(), id)
    }

    /// Has the target make the call itself.
    pub(super) fn proceed(&self, id: u64) {
        self.answer(id, 0, 0, libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE as u32);
    }

    /// The call's value.
    pub(super) fn value(&self, id: u64, value: usize) {
        self.answer(id, value as i64, 0, 0);
    }

    /// The call fails. `errno` is positive.
    pub(super) fn error(&self, id: u64, errno: i32) {
        self.answer(id, 0, -errno, 0);
    }

    /// A target that has been killed meanwhile wants no answer, and nothing else goes wrong here.
    fn answer(&self, id: u64, value: i64, error: i32, flags: u32) {
        let _ = sys::answer(self.0.as_fd(), id, value, error, flags);
    }

    /// See [`sys::add_descriptor`].
    ///
    /// # Errors
    /// EMFILE in the target; ENOENT where that is gone.
    pub(super) fn add_descriptor(
        &self,
        id: u64,
        source: BorrowedFd<'_>,
        close_on_exec: bool,
    ) -> io::Result<i32> {
        sys::add_descriptor(self.0.as_fd(), id, source, close_on_exec)
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
