//! Open files that are passed from program to program (SCM_RIGHTS).

use alloc::{sync::Arc, vec::Vec};
use core::any::Any;

use super::flight::{self, Account};
use crate::socket::Socket;

/// An open file. Who has it keeps it open.
#[derive(Clone)]
pub enum OpenFile {
    /// A socket.
    Socket(Arc<Socket>),
    /// Anything else: the caller knows what is behind it.
    Other(Arc<dyn Any + Send + Sync>),
}

impl From<Arc<Socket>> for OpenFile {
    fn from(socket: Arc<Socket>) -> Self {
        Self::Socket(socket)
    }
}

/// The open files of one message: at most 253 (SCM_MAX_FD).
///
/// Once the message is queued they are in flight: counted for the user who sent them, and known to be there, so that sockets
/// which nobody else has open can be found.
pub struct Rights {
    files: Vec<OpenFile>,
    account: Option<Account>,
}

impl Rights {
    /// Files that are about to be sent.
    #[must_use]
    pub fn new(files: Vec<OpenFile>) -> Self {
        Self { files, account: None }
    }

    /// The files.
    #[must_use]
    pub fn files(&self) -> &[OpenFile] {
        &self.files
    }

    /// They are in flight from now on. Call it before the message is queued, and with no lock held.
    pub(crate) fn depart(&mut self, account: Account) {
        flight::depart(&account, &self.files);
        self.account = Some(account);
    }

    /// They are in flight no more: the receiver has the message, or it is thrown away.
    pub(super) fn arrive(&mut self) {
        if let Some(account) = self.account.take() {
            flight::arrive(&account, &self.files);
        }
    }

    /// The same files again, for one who only looks: the message stays where it is.
    #[must_use]
    pub(crate) fn copied(&self) -> Self {
        Self::new(self.files.clone())
    }

    /// Takes the files out.
    #[must_use]
    pub fn into_files(mut self) -> Vec<OpenFile> {
        self.arrive();
        core::mem::take(&mut self.files)
    }
}

impl Drop for Rights {
    fn drop(&mut self) {
        self.arrive();
        if !self.files.is_empty() {
            dispose(core::mem::take(&mut self.files));
        }
    }
}

/// Lets go of files. A socket that is thereby closed may hold messages with further sockets in them, and so on: they are
/// taken apart one after the other, not one within the other, so that no chain of them can exhaust the stack.
#[cold]
pub(crate) fn dispose(mut files: Vec<OpenFile>) {
    while let Some(file) = files.pop() {
        match file {
            OpenFile::Socket(socket) => {
                if let Some(mut socket) = Arc::into_inner(socket) {
                    socket.dismantle(&mut files);
                }
            }
            OpenFile::Other(file) => drop(file),
        }
    }
}
