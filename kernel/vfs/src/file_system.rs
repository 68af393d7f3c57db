//! A file system: the numbers its inodes share, and its limits.

use alloc::{
    boxed::Box,
    collections::BTreeMap,
    sync::{Arc, Weak},
    vec::Vec,
};
use core::{
    sync::atomic::{AtomicU64, AtomicUsize, Ordering},
    time::Duration,
};

use socket::error::{Errno, Error, Result};
use spin::Mutex;

use crate::{
    device::Device,
    inode::Inode,
    lock::LockWaits,
    pages::{HeapPages, PageStore},
};

/// What all files of one system share: the clock, the devices, the count of open files.
pub struct Environment {
    clock: Box<dyn Fn() -> Duration + Send + Sync>,
    devices: Mutex<BTreeMap<u64, Arc<dyn Device>>>,
    open_files: AtomicUsize,
    lock_waits: LockWaits,
    pages: Box<dyn PageStore>,
}

impl Environment {
    /// A system without devices, whose files cannot be mapped. `clock` gives the time since the epoch.
    #[must_use]
    pub fn new(clock: impl Fn() -> Duration + Send + Sync + 'static) -> Arc<Self> {
        Self::with_pages(clock, HeapPages)
    }

    /// A system without devices, whose files are kept in `pages`.
    #[must_use]
    pub fn with_pages(
        clock: impl Fn() -> Duration + Send + Sync + 'static,
        pages: impl PageStore + 'static,
    ) -> Arc<Self> {
        Arc::new(Self {
            clock: Box::new(clock),
            devices: Mutex::new(BTreeMap::new()),
            open_files: AtomicUsize::new(0),
            lock_waits: LockWaits::default(),
            pages: Box::new(pages),
        })
    }

    /// Where the pages of files come from.
    pub(crate) fn pages(&self) -> &dyn PageStore {
        &*self.pages
    }

    /// The time since the epoch, for timestamps.
    #[must_use]
    pub fn now(&self) -> Duration {
        (self.clock)()
    }

    /// Puts `device` behind the character device nodes of number `rdev` (see [`device_number`]).
    pub fn register_device(&self, rdev: u64, device: Arc<dyn Device>) {
        let replaced = self.devices.lock().insert(rdev, device);
        drop(replaced);
    }

    /// The device behind character device nodes of number `rdev`.
    pub(crate) fn device(&self, rdev: u64) -> Option<Arc<dyn Device>> {
        self.devices.lock().get(&rdev).cloned()
    }

    pub(crate) fn lock_waits(&self) -> &LockWaits {
        &self.lock_waits
    }

    /// How many open file descriptions exist (the first number of `/proc/sys/fs/file-nr`, without sockets).
    #[must_use]
    pub fn open_files(&self) -> usize {
        self.open_files.load(Ordering::Relaxed)
    }

    pub(crate) fn count_open_file(&self) {
        self.open_files.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn uncount_open_file(&self) {
        self.open_files.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A device number as stat(2) shows it, from its parts (makedev(3)).
#[must_use]
pub const fn device_number(major: u32, minor: u32) -> u64 {
    let (major, minor) = (major as u64, minor as u64);
    (minor & 0xff) | (major & 0xfff) << 8 | (minor & !0xff) << 12 | (major & !0xfff) << 32
}

/// The parts of a device number (major(3), minor(3)).
#[must_use]
pub const fn device_parts(number: u64) -> (u32, u32) {
    (
        ((number >> 8 & 0xfff) | (number >> 32 & !0xfff)) as u32,
        ((number & 0xff) | (number >> 12 & 0xffff_ff00)) as u32,
    )
}

/// An amount with a limit.
struct Quota {
    used: AtomicU64,
    limit: u64,
}

impl Quota {
    fn take(&self, amount: u64) -> bool {
        self.used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
                used.checked_add(amount).filter(|sum| *sum <= self.limit)
            })
            .is_ok()
    }

    fn give_back(&self, amount: u64) {
        self.used.fetch_sub(amount, Ordering::Relaxed);
    }
}

/// The limits of a file system.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of file contents and symlink texts; contents borrowed from the boot image are free.
    pub bytes: u64,
    /// Directory entries.
    pub entries: u64,
}

impl Limits {
    /// No limits: for file systems that programs do not write to.
    pub const NONE: Self = Self { bytes: u64::MAX, entries: u64::MAX };
}

/// A file system. It lives as long as one of its inodes.
pub struct FileSystem {
    environment: Arc<Environment>,
    device: u64,
    magic: u32,
    next_inode: AtomicU64,
    live_inodes: AtomicU64,
    bytes: Quota,
    entries: Quota,
    /// Bytes of copies of the boot image, made for those who map its files.
    copied: AtomicU64,
    /// The inodes that have such copies.
    with_copies: Mutex<Vec<Weak<Inode>>>,
    /// Held by whatever locks more than one directory (rename, rmdir): only its holder may do so.
    pub(crate) structure: Mutex<()>,
}

impl FileSystem {
    /// An empty file system on the anonymous device `0:minor`; `magic` is its `f_type` (statfs(2)).
    #[must_use]
    pub fn new(environment: &Arc<Environment>, minor: u32, magic: u32, limits: Limits) -> Arc<Self> {
        Arc::new(Self {
            environment: environment.clone(),
            device: device_number(0, minor),
            magic,
            next_inode: AtomicU64::new(1),
            live_inodes: AtomicU64::new(0),
            bytes: Quota { used: AtomicU64::new(0), limit: limits.bytes },
            entries: Quota { used: AtomicU64::new(0), limit: limits.entries },
            copied: AtomicU64::new(0),
            with_copies: Mutex::new(Vec::new()),
            structure: Mutex::new(()),
        })
    }

    /// The system it belongs to.
    #[must_use]
    pub fn environment(&self) -> &Arc<Environment> {
        &self.environment
    }

    /// `st_dev` of its inodes.
    #[must_use]
    pub fn device(&self) -> u64 {
        self.device
    }

    /// Its statfs(2) magic number.
    #[must_use]
    pub fn magic(&self) -> u32 {
        self.magic
    }

    /// How many inodes exist.
    #[must_use]
    pub fn live_inodes(&self) -> u64 {
        self.live_inodes.load(Ordering::Relaxed)
    }

    /// Used and allowed bytes.
    #[must_use]
    pub fn bytes(&self) -> (u64, u64) {
        (self.bytes.used.load(Ordering::Relaxed), self.bytes.limit)
    }

    /// Used and allowed directory entries.
    #[must_use]
    pub fn entries(&self) -> (u64, u64) {
        (self.entries.used.load(Ordering::Relaxed), self.entries.limit)
    }

    /// Bytes of memory in copies of the boot image's contents, made for those who map its files: [`FileSystem::shrink`] gives
    /// up what is not in use.
    #[must_use]
    pub fn copied(&self) -> u64 {
        self.copied.load(Ordering::Relaxed)
    }

    /// Gives up copies of the boot image's contents that nobody has mapped; says how many bytes.
    pub fn shrink(&self) -> u64 {
        let mut inodes = core::mem::take(&mut *self.with_copies.lock());
        let mut freed = 0;
        inodes.retain(|inode| {
            let Some(inode) = inode.upgrade() else { return false };
            let (lost, left) = inode.give_up_copies();
            freed += lost;
            left
        });
        self.with_copies.lock().append(&mut inodes);
        freed
    }

    /// Remembers an inode that has its first copy.
    pub(crate) fn has_copies(&self, inode: &Arc<Inode>) {
        self.with_copies.lock().push(Arc::downgrade(inode));
    }

    pub(crate) fn count_copied(&self, bytes: u64) {
        self.copied.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn uncount_copied(&self, bytes: u64) {
        self.copied.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Whether there is a limit to what files may take.
    pub(crate) fn is_limited(&self) -> bool {
        self.bytes.limit != u64::MAX
    }

    /// A number for a new inode; none is used twice.
    pub(crate) fn next_inode(&self) -> u64 {
        self.live_inodes.fetch_add(1, Ordering::Relaxed);
        self.next_inode.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn inode_gone(&self) {
        self.live_inodes.fetch_sub(1, Ordering::Relaxed);
    }

    pub(crate) fn take_bytes(&self, amount: u64) -> Result<()> {
        if self.bytes.take(amount) {
            Ok(())
        } else {
            Err(Error::new(Errno::ENOSPC, "the file system is full"))
        }
    }

    pub(crate) fn give_back_bytes(&self, amount: u64) {
        self.bytes.give_back(amount);
    }

    pub(crate) fn take_entry(&self) -> Result<()> {
        if self.entries.take(1) {
            Ok(())
        } else {
            Err(Error::new(Errno::ENOSPC, "the file system has no room for another name"))
        }
    }

    pub(crate) fn give_back_entry(&self) {
        self.entries.give_back(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn device_numbers_are_those_of_makedev() {
        assert_eq!(device_number(1, 3), 0x103);
        assert_eq!(device_number(0x12345, 0x6789a), 0x0001_2000_6783_459a);
        for (major, minor) in [(0, 0), (5, 1), (0xfff, 0xff), (0x1000, 0x100), (u32::MAX, u32::MAX)] {
            assert_eq!(device_parts(device_number(major, minor)), (major, minor));
        }
    }
}
