//! What stat(2), statx(2) and statfs(2) tell, in the layouts of the UAPI headers.

use core::mem::offset_of;

use linux_raw_sys::general as uapi;

use crate::{
    file_system::{FileSystem, device_parts},
    inode::{Inode, Timestamp},
};

/// `ST_VALID | ST_RELATIME` (statfs(2)): how times of reading are kept.
const VALID_RELATIME: u64 = 0x1020;

/// The unit of `st_blocks`, in bytes.
const BLOCK: u64 = 512;

/// What stat(2) tells of a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Stat {
    /// Device number of the file system.
    pub device: u64,
    /// Inode number.
    pub inode: u64,
    /// Type and permissions.
    pub mode: u32,
    /// Number of names.
    pub nlink: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Device number of a device node.
    pub rdev: u64,
    /// Length in bytes.
    pub size: u64,
    /// Bytes that are not in holes, in whole pages.
    pub occupied: u64,
    /// Preferred length of transfers, in bytes.
    pub block_size: u32,
    /// Last read.
    pub accessed: Timestamp,
    /// Last change of the contents.
    pub modified: Timestamp,
    /// Last change of anything.
    pub changed: Timestamp,
    /// Made, if that is known.
    pub born: Option<Timestamp>,
    /// Number of the mount.
    pub mount: u64,
    /// Whether it is the root of a file system.
    pub is_root: bool,
}

/// Bytes of a UAPI structure of `N` bytes, filled field by field.
struct Layout<const N: usize>([u8; N]);

impl<const N: usize> Layout<N> {
    fn put<const M: usize>(&mut self, offset: usize, value: [u8; M]) {
        self.0[offset..offset + M].copy_from_slice(&value);
    }
}

/// The size of `struct stat`.
pub const STAT_SIZE: usize = size_of::<uapi::stat>();
/// The size of `struct statx`.
pub const STATX_SIZE: usize = size_of::<uapi::statx>();
/// The size of `struct statfs`.
pub const STATFS_SIZE: usize = size_of::<uapi::statfs>();

impl Inode {
    /// What stat(2) tells of it.
    #[must_use]
    pub fn stat(&self) -> Stat {
        let attributes = self.attributes();
        Stat {
            device: self.file_system().device(),
            inode: self.number(),
            mode: attributes.mode | self.file_type().mode(),
            nlink: attributes.nlink,
            uid: attributes.uid,
            gid: attributes.gid,
            rdev: self.device_number(),
            size: self.length(),
            occupied: self.occupied(),
            block_size: 4096,
            accessed: attributes.accessed,
            modified: attributes.modified,
            changed: attributes.changed,
            born: Some(attributes.born),
            mount: self.file_system().device(),
            is_root: self.is_root(),
        }
    }
}

impl Stat {
    fn blocks(&self) -> u64 {
        self.occupied.div_ceil(BLOCK)
    }

    /// `struct stat` of x86-64.
    #[must_use]
    pub fn to_stat(&self) -> [u8; STAT_SIZE] {
        let mut to = Layout([0; STAT_SIZE]);
        to.put(offset_of!(uapi::stat, st_dev), self.device.to_ne_bytes());
        to.put(offset_of!(uapi::stat, st_ino), self.inode.to_ne_bytes());
        to.put(offset_of!(uapi::stat, st_nlink), u64::from(self.nlink).to_ne_bytes());
        to.put(offset_of!(uapi::stat, st_mode), self.mode.to_ne_bytes());
        to.put(offset_of!(uapi::stat, st_uid), self.uid.to_ne_bytes());
        to.put(offset_of!(uapi::stat, st_gid), self.gid.to_ne_bytes());
        to.put(offset_of!(uapi::stat, st_rdev), self.rdev.to_ne_bytes());
        to.put(offset_of!(uapi::stat, st_size), self.size.to_ne_bytes());
        to.put(offset_of!(uapi::stat, st_blksize), u64::from(self.block_size).to_ne_bytes());
        to.put(offset_of!(uapi::stat, st_blocks), self.blocks().to_ne_bytes());
        let times = [
            (offset_of!(uapi::stat, st_atime), offset_of!(uapi::stat, st_atime_nsec), self.accessed),
            (offset_of!(uapi::stat, st_mtime), offset_of!(uapi::stat, st_mtime_nsec), self.modified),
            (offset_of!(uapi::stat, st_ctime), offset_of!(uapi::stat, st_ctime_nsec), self.changed),
        ];
        for (seconds, nanoseconds, time) in times {
            to.put(seconds, time.seconds.to_ne_bytes());
            to.put(nanoseconds, u64::from(time.nanoseconds).to_ne_bytes());
        }
        to.0
    }

    /// `struct statx`. Everything that is known is told, whatever was asked for, as statx(2) allows.
    #[must_use]
    pub fn to_statx(&self) -> [u8; STATX_SIZE] {
        let mut to = Layout([0; STATX_SIZE]);
        let born = if self.born.is_some() { uapi::STATX_BTIME } else { 0 };
        let mask = uapi::STATX_BASIC_STATS | uapi::STATX_MNT_ID | born;
        to.put(offset_of!(uapi::statx, stx_mask), mask.to_ne_bytes());
        to.put(offset_of!(uapi::statx, stx_blksize), self.block_size.to_ne_bytes());
        let attributes = if self.is_root { u64::from(uapi::STATX_ATTR_MOUNT_ROOT) } else { 0 };
        to.put(offset_of!(uapi::statx, stx_attributes), attributes.to_ne_bytes());
        let known = u64::from(uapi::STATX_ATTR_MOUNT_ROOT);
        to.put(offset_of!(uapi::statx, stx_attributes_mask), known.to_ne_bytes());
        to.put(offset_of!(uapi::statx, stx_nlink), self.nlink.to_ne_bytes());
        to.put(offset_of!(uapi::statx, stx_uid), self.uid.to_ne_bytes());
        to.put(offset_of!(uapi::statx, stx_gid), self.gid.to_ne_bytes());
        to.put(offset_of!(uapi::statx, stx_mode), (self.mode as u16).to_ne_bytes());
        to.put(offset_of!(uapi::statx, stx_ino), self.inode.to_ne_bytes());
        to.put(offset_of!(uapi::statx, stx_size), self.size.to_ne_bytes());
        to.put(offset_of!(uapi::statx, stx_blocks), self.blocks().to_ne_bytes());
        let times = [
            (offset_of!(uapi::statx, stx_atime), Some(self.accessed)),
            (offset_of!(uapi::statx, stx_btime), self.born),
            (offset_of!(uapi::statx, stx_ctime), Some(self.changed)),
            (offset_of!(uapi::statx, stx_mtime), Some(self.modified)),
        ];
        for (offset, time) in times {
            let time = time.unwrap_or_default();
            to.put(offset + offset_of!(uapi::statx_timestamp, tv_sec), time.seconds.to_ne_bytes());
            to.put(offset + offset_of!(uapi::statx_timestamp, tv_nsec), time.nanoseconds.to_ne_bytes());
        }
        let (major, minor) = device_parts(self.rdev);
        to.put(offset_of!(uapi::statx, stx_rdev_major), major.to_ne_bytes());
        to.put(offset_of!(uapi::statx, stx_rdev_minor), minor.to_ne_bytes());
        let (major, minor) = device_parts(self.device);
        to.put(offset_of!(uapi::statx, stx_dev_major), major.to_ne_bytes());
        to.put(offset_of!(uapi::statx, stx_dev_minor), minor.to_ne_bytes());
        to.put(offset_of!(uapi::statx, stx_mnt_id), self.mount.to_ne_bytes());
        to.0
    }
}

impl FileSystem {
    /// `struct statfs`. Where there is no limit, the numbers are 0, as in Linux's file systems of that kind.
    #[must_use]
    pub fn to_statfs(&self) -> [u8; STATFS_SIZE] {
        statfs(self.magic(), self.device(), self.bytes(), self.entries())
    }
}

/// `struct statfs` of a kind of file that is in no file system: sockets.
#[must_use]
pub fn nodeless_statfs(magic: u32) -> [u8; STATFS_SIZE] {
    statfs(magic, 0, (0, u64::MAX), (0, u64::MAX))
}

/// `bytes` and `entries` are what is used and what is allowed.
fn statfs(magic: u32, device: u64, bytes: (u64, u64), entries: (u64, u64)) -> [u8; STATFS_SIZE] {
    let mut to = Layout([0; STATFS_SIZE]);
    let block = 4096_u64;
    let share = |(used, limit): (u64, u64), unit: u64| match limit {
        u64::MAX => (0, 0),
        _ => (limit / unit, limit.saturating_sub(used) / unit),
    };
    let (blocks, free_blocks) = share(bytes, block);
    let (files, free_files) = share(entries, 1);
    let words = [
        (offset_of!(uapi::statfs, f_type), u64::from(magic)),
        (offset_of!(uapi::statfs, f_bsize), block),
        (offset_of!(uapi::statfs, f_blocks), blocks),
        (offset_of!(uapi::statfs, f_bfree), free_blocks),
        (offset_of!(uapi::statfs, f_bavail), free_blocks),
        (offset_of!(uapi::statfs, f_files), files),
        (offset_of!(uapi::statfs, f_ffree), free_files),
        (offset_of!(uapi::statfs, f_fsid), device),
        (offset_of!(uapi::statfs, f_namelen), u64::from(uapi::NAME_MAX)),
        (offset_of!(uapi::statfs, f_frsize), block),
        (offset_of!(uapi::statfs, f_flags), VALID_RELATIME),
    ];
    for (offset, word) in words {
        to.put(offset, word.to_ne_bytes());
    }
    to.0
}
