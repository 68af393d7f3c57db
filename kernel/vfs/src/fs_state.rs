//! What a process knows of the file tree: root, working directory, umask (path_resolution(7), umask(2)).

use alloc::sync::Arc;
use core::sync::atomic::{AtomicU32, Ordering};

use spin::Mutex;

use crate::inode::Inode;

/// Root, working directory and umask; shared by the threads of a process (`CLONE_FS`).
pub struct FsState {
    root: Mutex<Arc<Inode>>,
    working_directory: Mutex<Arc<Inode>>,
    umask: AtomicU32,
}

/// The umask that Linux gives the first process.
const FIRST_UMASK: u32 = 0o022;

impl FsState {
    /// In the root directory.
    #[must_use]
    pub fn new(root: &Arc<Inode>) -> Arc<Self> {
        Arc::new(Self {
            root: Mutex::new(root.clone()),
            working_directory: Mutex::new(root.clone()),
            umask: AtomicU32::new(FIRST_UMASK),
        })
    }

    /// A copy for a child process (fork(2)).
    #[must_use]
    pub fn duplicate(&self) -> Arc<Self> {
        Arc::new(Self {
            root: Mutex::new(self.root()),
            working_directory: Mutex::new(self.working_directory()),
            umask: AtomicU32::new(self.umask()),
        })
    }

    /// The root directory.
    #[must_use]
    pub fn root(&self) -> Arc<Inode> {
        self.root.lock().clone()
    }

    /// Changes the root directory (chroot(2)); that it is one, may be searched, and that the caller may do this, was checked.
    pub fn set_root(&self, directory: Arc<Inode>) {
        let old = core::mem::replace(&mut *self.root.lock(), directory);
        drop(old);
    }

    /// The working directory.
    #[must_use]
    pub fn working_directory(&self) -> Arc<Inode> {
        self.working_directory.lock().clone()
    }

    /// Changes the working directory; that it is one, and may be searched, was checked.
    pub fn set_working_directory(&self, directory: Arc<Inode>) {
        let old = core::mem::replace(&mut *self.working_directory.lock(), directory);
        drop(old);
    }

    /// The permission bits that new files do not get.
    #[must_use]
    pub fn umask(&self) -> u32 {
        self.umask.load(Ordering::Relaxed)
    }

    /// Sets the umask; returns the old one.
    pub fn set_umask(&self, umask: u32) -> u32 {
        self.umask.swap(umask & 0o777, Ordering::Relaxed)
    }
}
