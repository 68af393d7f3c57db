//! The directory of a process.

use alloc::{
    boxed::Box,
    format,
    string::{String, ToString},
    sync::{Arc, Weak},
    vec::Vec,
};

use linux_raw_sys::general::{RLIMIT_CORE, RLIMIT_NOFILE, RLIMIT_STACK};
use socket::error::{Errno, Error, Result};
use vfs::{FileSystem, FileType, Handle, Inode, LinkTarget, MagicLink, Populate, PopulateEntry};

use super::{
    maps,
    processes::{Seen, number, numbered},
};
use crate::process::{Process, limits, thread_by_id, threads};

/// What a process is asked when a file is read.
type Ask = fn(&Process) -> Result<Vec<u8>>;

/// Makes the directory. It does not keep the process.
pub(super) fn directory(files: &Arc<FileSystem>, process: &Arc<Process>) -> Result<Arc<Inode>> {
    let top = Inode::new_directory(files, 0o555);
    fill(files, process, process.pid, &top)?;
    let process = Arc::downgrade(process);
    let task = Box::new(Tasks { files: files.clone(), process, threads: Seen::default() });
    top.install(b"task", &Inode::new_populated(files, 0o555, task))?;
    Ok(top)
}

/// Puts in what the directories of processes and of threads have in common.
fn fill(files: &Arc<FileSystem>, process: &Arc<Process>, tid: i32, directory: &Arc<Inode>) -> Result<()> {
    let asked: [(&[u8], Ask); 4] = [
        (b"maps", |process| Ok(maps::of(process))),
        (b"limits", |process| Ok(limits_of(process).into_bytes())),
        (b"mounts", |_| Ok(super::system::mounts())),
        (b"status", |process| Ok(status(process).into_bytes())),
    ];
    for (name, ask) in asked {
        let process = Arc::downgrade(process);
        let generate = Box::new(move || ask(&*alive(&process)?));
        directory.install(name, &Inode::new_generated(files, 0o444, generate))?;
    }
    let comm = move || {
        let thread = thread_by_id(tid).ok_or(Errno::ESRCH)?;
        let mut name = name_of(&thread.name.lock());
        name.push(b'\n');
        Ok(name)
    };
    directory.install(b"comm", &Inode::new_generated(files, 0o444, Box::new(comm)))?;
    for (name, place) in
        [(b"exe".as_slice(), Place::Executable), (b"cwd", Place::Here), (b"root", Place::Root)]
    {
        let link = Box::new(Link { process: Arc::downgrade(process), place });
        directory.install(name, &Inode::new_magic_link(files, link))?;
    }
    let descriptors = Box::new(Descriptors { files: files.clone(), process: Arc::downgrade(process) });
    directory.install(b"fd", &Inode::new_populated(files, 0o500, descriptors))
}

fn alive(process: &Weak<Process>) -> Result<Arc<Process>> {
    process.upgrade().ok_or_else(|| Error::new(Errno::ESRCH, "the process is gone"))
}

/// A thread's name up to its NUL byte.
fn name_of(name: &[u8; 16]) -> Vec<u8> {
    name.iter().copied().take_while(|byte| *byte != 0).collect()
}

fn status(process: &Process) -> String {
    let name = thread_by_id(process.pid).map(|thread| name_of(&thread.name.lock())).unwrap_or_default();
    let name = String::from_utf8_lossy(&name).into_owned();
    let who = process.identity();
    let (uid, gid) = (who.uid, who.gid);
    let groups: Vec<_> = who.groups.iter().map(ToString::to_string).collect();
    let pid = process.pid;
    format!(
        "Name:\t{name}\nUmask:\t{:04o}\nState:\tR (running)\nTgid:\t{pid}\nNgid:\t0\nPid:\t{pid}\nPPid:\t{}\n\
         TracerPid:\t0\nUid:\t{uid}\t{uid}\t{uid}\t{uid}\nGid:\t{gid}\t{gid}\t{gid}\t{gid}\nFDSize:\t{}\n\
         Groups:\t{} \nVmRSS:\t{:8} kB\nThreads:\t{}\n",
        process.fs().umask(),
        process.parent(),
        process.files().limit(),
        groups.join(" "),
        process.space().resident_bytes() >> 10,
        process.thread_count(),
    )
}

fn limits_of(process: &Process) -> String {
    let mut text = format!("{:<26}{:<21}{:<21}{:<10}\n", "Limit", "Soft Limit", "Hard Limit", "Units");
    let shown = [
        ("Max stack size", RLIMIT_STACK, "bytes"),
        ("Max core file size", RLIMIT_CORE, "bytes"),
        ("Max open files", RLIMIT_NOFILE, "files"),
    ];
    let amount =
        |amount| if amount == limits::INFINITY { "unlimited".to_string() } else { format!("{amount}") };
    for (name, resource, unit) in shown {
        if let Some(limit) = process.limits.lock().get(resource) {
            let (soft, hard) = (amount(limit.soft), amount(limit.hard));
            text += &format!("{name:<26}{soft:<21}{hard:<21}{unit:<10}\n");
        }
    }
    text
}

/// What a link of a process leads to.
#[derive(Clone, Copy)]
enum Place {
    Executable,
    Here,
    Root,
}

struct Link {
    process: Weak<Process>,
    place: Place,
}

impl Link {
    fn inode(&self) -> Result<Arc<Inode>> {
        let process = alive(&self.process)?;
        match self.place {
            Place::Executable => process.executable().ok_or_else(|| Errno::ENOENT.into()),
            Place::Here => Ok(process.fs().working_directory()),
            Place::Root => Ok(process.fs().root().clone()),
        }
    }
}

impl MagicLink for Link {
    fn text(&self) -> Result<Vec<u8>> {
        let process = alive(&self.process)?;
        match self.place {
            Place::Executable => process.executable_path().ok_or_else(|| Errno::ENOENT.into()),
            Place::Here | Place::Root => vfs::absolute_path(process.fs().root(), &self.inode()?),
        }
    }

    fn target(&self) -> Result<Option<LinkTarget>> {
        match self.place {
            Place::Executable => Ok(alive(&self.process)?.executable_target()),
            Place::Here | Place::Root => Ok(Some(self.inode()?.into())),
        }
    }
}

/// `/proc/PID/fd`.
struct Descriptors {
    files: Arc<FileSystem>,
    process: Weak<Process>,
}

impl Populate for Descriptors {
    fn child(&self, name: &[u8]) -> Result<Option<Arc<Inode>>> {
        let process = alive(&self.process)?;
        let Some(descriptor) = number(name).filter(|number| process.files().get(*number).is_ok()) else {
            return Ok(None);
        };
        let link = Box::new(Descriptor { process: self.process.clone(), descriptor });
        Ok(Some(Inode::new_magic_link(&self.files, link)))
    }

    fn entries(&self, from: u64, most: usize) -> Result<Vec<PopulateEntry>> {
        let numbers = alive(&self.process)?.files().numbers();
        let entries = numbers.iter().map(|number| numbered(0, *number, FileType::Symlink));
        Ok(entries.filter(|entry| entry.position >= from).take(most).collect())
    }
}

struct Descriptor {
    process: Weak<Process>,
    descriptor: i32,
}

impl Descriptor {
    fn handle(&self) -> Result<(Arc<Process>, Handle)> {
        let process = alive(&self.process)?;
        let handle = process.files().get(self.descriptor).map_err(|_| Errno::ENOENT)?;
        Ok((process, handle))
    }
}

impl MagicLink for Descriptor {
    fn text(&self) -> Result<Vec<u8>> {
        let (process, handle) = self.handle()?;
        Ok(match handle {
            Handle::File(file) => file.path(process.fs().root()),
            Handle::Socket(socket) => {
                format!("socket:[{}]", crate::syscall::socket_number(&socket)).into_bytes()
            }
        })
    }

    fn target(&self) -> Result<Option<LinkTarget>> {
        match self.handle()?.1 {
            Handle::File(file) => Ok(Some(file.target())),
            Handle::Socket(_) => Err(Error::new(Errno::ENXIO, "sockets are not opened by name")),
        }
    }
}

/// `/proc/PID/task`.
struct Tasks {
    files: Arc<FileSystem>,
    process: Weak<Process>,
    threads: Seen,
}

impl Populate for Tasks {
    fn child(&self, name: &[u8]) -> Result<Option<Arc<Inode>>> {
        let process = alive(&self.process)?;
        let Some(tid) = number(name) else { return Ok(None) };
        let alive = |tid| thread_by_id(tid).is_some_and(|thread| thread.process.pid == process.pid);
        if !alive(tid) {
            return Ok(None);
        }
        let make = || {
            let directory = Inode::new_directory(&self.files, 0o555);
            fill(&self.files, &process, tid, &directory)?;
            Ok(directory)
        };
        self.threads.get(tid, alive, make).map(Some)
    }

    fn entries(&self, from: u64, most: usize) -> Result<Vec<PopulateEntry>> {
        let pid = alive(&self.process)?.pid;
        let mut numbers: Vec<i32> =
            threads().iter().filter(|thread| thread.process.pid == pid).map(|thread| thread.tid()).collect();
        numbers.sort_unstable();
        let entries = numbers.iter().map(|number| numbered(0, *number, FileType::Directory));
        Ok(entries.filter(|entry| entry.position >= from).take(most).collect())
    }
}
