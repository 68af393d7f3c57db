//! Files without a kernel under them: inodes, paths, the boot image, open files, descriptor tables, pipes.
//!
//! Everything here runs in the guest's kernel and, unchanged, in unit tests on the host. What only a kernel has comes in
//! through small traits: user memory ([`UserMemory`]), devices ([`Device`]), pages that can be mapped ([`PageStore`]), random
//! bytes ([`Entropy`]), the clock ([`Environment::new`]), and contents that code makes ([`Generated`], [`MagicLink`], [`Populate`]).
//!
//! No lock is held while user memory is touched, while such code runs (apart from [`Device`]'s own matters), or while
//! files are dropped. Nothing here waits: what would, fails with EAGAIN and says where the event will be announced.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod device;
mod dirent;
mod file_system;
mod fs_state;
mod identity;
mod initramfs;
mod inode;
mod lock;
mod memory;
mod open_file;
mod pages;
mod path;
mod pipe;
mod stat;
mod table;
#[cfg(test)]
mod testing;
mod tree;

pub use self::{
    device::{Device, Entropy, register_memory_devices},
    file_system::{Environment, FileSystem, Limits, device_number, device_parts},
    fs_state::FsState,
    identity::{Access, Identity},
    initramfs::{LoadError, Loaded, Problem, load_initramfs},
    inode::{
        Attributes, FileType, Generate, Generated, Inode, LinkTarget, MagicLink, Owner, Populate,
        PopulateEntry, RenameFlags, SetTime, Timestamp, WritableMapping, WritingDenied,
    },
    lock::{LockKind, LockedRange, RangeOwner, RangeWait},
    memory::{Buffers, MAX_TRANSFER, Segment, UserMemory},
    open_file::{Entries, OpenFile, RWF_NOAPPEND, RWF_NOSIGNAL, Special, Whence},
    pages::{PAGE as PAGE_SIZE, Page, PageStore},
    path::{Follow, Opened, PATH_MAX, Walker, absolute_path, check_open_flags},
    pipe::{End, PAGE as PIPE_BUF, Partner, Pipe, PipePage},
    stat::{STAT_SIZE, STATFS_SIZE, STATX_SIZE, Stat, nodeless_statfs},
    table::{DEFAULT_LIMIT, FileTable, Handle, MAX_LIMIT, Reserved, WeakHandle, descriptor_flags},
    tree::{make_directories, populate_devices},
};
