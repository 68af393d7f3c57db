//! The calls on the host's tmpfs.

use std::{
    collections::BTreeMap,
    fs,
    os::{
        fd::OwnedFd,
        unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt},
    },
    path::Path,
    sync::{Arc, mpsc},
    thread,
};

use rustix::{
    fs::{
        Access, AtFlags, FallocateFlags, FileType, Gid, Mode, OFlags, RenameFlags, StatVfsMountFlags,
        Timespec, Timestamps, Uid,
    },
    io,
};
use tempfile::TempDir;
use vfs::Identity;

use super::ours::{UMASK, digest};
use crate::{Call, GROUP, Outcome, USER};

/// A thread that makes calls as one user.
struct Actor {
    calls: mpsc::Sender<Arc<Call>>,
    outcomes: mpsc::Receiver<Outcome>,
}

pub(crate) struct Host {
    directory: TempDir,
    first: Actor,
    second: Option<Actor>,
}

impl Actor {
    fn new(directory: OwnedFd, user: Option<(u32, u32)>) -> Self {
        let (calls, receiver) = mpsc::channel::<Arc<Call>>();
        let (sender, outcomes) = mpsc::channel();
        thread::spawn(move || {
            if let Some((uid, gid)) = user {
                let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(gid));
                rustix::thread::set_thread_groups(&[Gid::from_raw(GROUP)]).expect("root may");
                rustix::thread::set_thread_res_gid(gid, gid, gid).expect("root may");
                rustix::thread::set_thread_res_uid(uid, uid, uid).expect("root may");
            }
            for call in receiver {
                let outcome = perform(&directory, &call).map_err(|errno| errno.raw_os_error() as u16);
                if sender.send(outcome).is_err() {
                    return;
                }
            }
        });
        Self { calls, outcomes }
    }
}

impl Host {
    /// `None` where the host has no tmpfs at the usual place, or other protections than this crate (proc_sys_fs(5)).
    pub(crate) fn new() -> Option<Self> {
        let place = Path::new("/dev/shm");
        let statistics = rustix::fs::statfs(place).ok()?;
        if statistics.f_type != 0x0102_1994 {
            return None;
        }
        let mounted = rustix::fs::statvfs(place).ok()?;
        if mounted.f_flag.contains(StatVfsMountFlags::NOEXEC) {
            // access(2) would say so.
            return None;
        }
        let set = |name: &str| fs::read_to_string(format!("/proc/sys/fs/protected_{name}"));
        let wanted = [("hardlinks", "1"), ("symlinks", "0"), ("fifos", "0"), ("regular", "0")];
        if wanted.iter().any(|(name, value)| set(name).is_ok_and(|set| set.trim() != *value)) {
            return None;
        }
        let directory = tempfile::Builder::new().prefix("vfs-").tempdir_in(place).ok()?;
        rustix::process::umask(Mode::empty());
        fs::DirBuilder::new().mode(0o777).create(directory.path().join("w")).ok()?;
        rustix::fs::chmod(directory.path(), Mode::from_raw_mode(0o777)).ok()?;
        rustix::process::umask(Mode::from_raw_mode(UMASK));
        let open = || {
            let path = directory.path().join("w");
            rustix::fs::open(path, OFlags::DIRECTORY | OFlags::PATH, Mode::empty()).expect("it was just made")
        };
        let root = rustix::process::geteuid().is_root();
        let first = Actor::new(open(), None);
        let second = root.then(|| Actor::new(open(), Some((USER, USER))));
        Some(Self { first, second, directory })
    }

    pub(crate) fn is_root(&self) -> bool {
        self.second.is_some()
    }

    pub(crate) fn identity(&self, first: bool) -> Identity {
        if !first {
            return Identity { uid: USER, gid: USER, groups: Arc::from([GROUP]), capabilities: 0 };
        }
        let groups = rustix::process::getgroups().expect("there are some");
        Identity {
            uid: rustix::process::geteuid().as_raw(),
            gid: rustix::process::getegid().as_raw(),
            groups: groups.iter().map(|gid| gid.as_raw()).collect(),
            capabilities: if self.is_root() { u64::MAX } else { 0 },
        }
    }

    pub(crate) fn perform(&self, first: bool, call: &Arc<Call>) -> Outcome {
        let actor = if first { &self.first } else { self.second.as_ref().expect("root has one") };
        actor.calls.send(call.clone()).expect("it listens");
        actor.outcomes.recv().expect("it answers")
    }

    pub(crate) fn tree(&self) -> BTreeMap<String, String> {
        let mut tree = BTreeMap::new();
        add(self.directory.path(), "", &mut tree);
        tree
    }
}

fn add(directory: &Path, prefix: &str, tree: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(directory).expect("root may") {
        let entry = entry.expect("it can be read");
        let path = format!("{prefix}/{}", entry.file_name().into_string().expect("it is text"));
        let found = entry.metadata().expect("it was listed");
        let mut line = format!(
            "mode {:o} nlink {} uid {} gid {} size {} ",
            found.mode(),
            found.nlink(),
            found.uid(),
            found.gid(),
            found.size()
        );
        let kind = found.file_type();
        if kind.is_dir() {
            add(&entry.path(), &path, tree);
        } else if kind.is_symlink() {
            line += fs::read_link(entry.path()).expect("a link").to_str().expect("it is text");
        } else if kind.is_file() {
            line += &digest(&fs::read(entry.path()).expect("root may"));
        } else {
            assert!(kind.is_fifo() || kind.is_socket() || kind.is_char_device());
        }
        tree.insert(path, line);
    }
}

fn describe(stat: &rustix::fs::Stat) -> String {
    format!(
        "mode {:o} nlink {} uid {} gid {} size {} ",
        stat.st_mode, stat.st_nlink, stat.st_uid, stat.st_gid, stat.st_size
    )
}

fn perform(at: &OwnedFd, call: &Call) -> io::Result<String> {
    let none = |()| String::new();
    let mode = |bits: &u32| Mode::from_raw_mode(*bits);
    let open =
        |path: &str, flags: u32| rustix::fs::openat(at, path, OFlags::from_bits_retain(flags), Mode::empty());
    match call {
        Call::Mkdir(path, bits) => rustix::fs::mkdirat(at, path, mode(bits)).map(none),
        Call::Mknod(path, bits) => {
            let file_type = FileType::from_raw_mode(*bits);
            // The wrapper has no way to say "no type", which is a regular file.
            let file_type = if bits & 0o170_000 == 0 { FileType::RegularFile } else { file_type };
            rustix::fs::mknodat(at, path, file_type, mode(&(bits & 0o7777)), 0x103).map(none)
        }
        Call::Symlink(target, path) => rustix::fs::symlinkat(target, at, path).map(none),
        Call::Link(old, new, through) => {
            let flags = if *through { AtFlags::SYMLINK_FOLLOW } else { AtFlags::empty() };
            rustix::fs::linkat(at, old, at, new, flags).map(none)
        }
        Call::Unlink(path) => rustix::fs::unlinkat(at, path, AtFlags::empty()).map(none),
        Call::Rmdir(path) => rustix::fs::unlinkat(at, path, AtFlags::REMOVEDIR).map(none),
        Call::Rename(old, new, flags) => {
            rustix::fs::renameat_with(at, old, at, new, RenameFlags::from_bits_retain(*flags)).map(none)
        }
        Call::Open(path, flags, bits) => {
            let file = rustix::fs::openat(at, path, OFlags::from_bits_retain(*flags), mode(bits))?;
            let status = rustix::fs::fcntl_getfl(&file)?.bits();
            Ok(format!("{status:o} {}", describe(&rustix::fs::fstat(&file)?)))
        }
        Call::Stat(path, through) => {
            let flags = if *through { AtFlags::empty() } else { AtFlags::SYMLINK_NOFOLLOW };
            Ok(describe(&rustix::fs::statat(at, path, flags)?))
        }
        Call::Access(path, bits) => {
            let access = Access::from_bits_retain(*bits);
            rustix::fs::accessat(at, path, access, AtFlags::empty()).map(none)
        }
        Call::Readlink(path) => {
            rustix::fs::readlinkat(at, path, Vec::new()).map(|text| text.into_string().expect("it is text"))
        }
        Call::Chmod(path, bits) => rustix::fs::chmodat(at, path, mode(bits), AtFlags::empty()).map(none),
        Call::Chown(path, uid, gid, through) => {
            let flags = if *through { AtFlags::empty() } else { AtFlags::SYMLINK_NOFOLLOW };
            let (uid, gid) = (uid.map(Uid::from_raw), gid.map(Gid::from_raw));
            rustix::fs::chownat(at, path, uid, gid, flags).map(none)
        }
        Call::Truncate(path, length) => {
            // There is no truncateat, and rustix has no truncate: as far as the descriptor goes, it is the same.
            let file = open(path, 0o4001)?;
            rustix::fs::ftruncate(&file, *length).map(none)
        }
        Call::Append(path, byte, length) => {
            let file = open(path, 0o6001)?;
            io::write(&file, &vec![*byte; *length]).map(|count| count.to_string())
        }
        Call::Write(path, offset, byte, length) => {
            let file = open(path, 0o4001)?;
            io::pwrite(&file, &vec![*byte; *length], *offset).map(|count| count.to_string())
        }
        Call::Allocate(path, keep, start, length) => {
            let file = open(path, 0o4001)?;
            let flags = if *keep { FallocateFlags::KEEP_SIZE } else { FallocateFlags::empty() };
            rustix::fs::fallocate(&file, flags, *start, *length)?;
            Ok(String::new())
        }
        Call::Punch(path, start, length) => {
            let file = open(path, 0o4001)?;
            let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
            rustix::fs::fallocate(&file, flags, *start, *length)?;
            Ok(String::new())
        }
        Call::Read(path, offset, length) => {
            let file = open(path, 0o4000)?;
            let mut bytes = vec![0; *length];
            let count = io::pread(&file, &mut bytes[..], *offset)?;
            Ok(digest(&bytes[..count]))
        }
        Call::Touch(path) => {
            let now = Timespec { tv_sec: 0, tv_nsec: rustix::fs::UTIME_NOW };
            let times = Timestamps { last_access: now, last_modification: now };
            rustix::fs::utimensat(at, path, &times, AtFlags::empty()).map(none)
        }
    }
}
