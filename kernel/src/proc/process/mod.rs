//! The directories of processes and threads.

mod access;
mod descriptors;
mod limits;
mod links;
mod maps;
mod memory;
mod mounts;
mod settings;
mod stat;
mod status;
mod strings;
mod tasks;

use alloc::{
    boxed::Box,
    collections::BTreeMap,
    format,
    string::String,
    sync::{Arc, Weak},
    vec::Vec,
};

use socket::error::{Errno, Error, Result};
use spin::Mutex;
use vfs::{FileSystem, FileType, Generated, Inode, Owner, Populate, PopulateEntry};

use crate::process::{Process, Thread};

/// Whom a directory is about.
#[derive(Clone)]
pub(super) struct Who {
    process: Weak<Process>,
    /// In the directory of a thread, that thread.
    thread: Option<Weak<Thread>>,
}

/// Whom a file is asked about.
struct Subject {
    process: Arc<Process>,
    /// The thread, or the first one of the process.
    thread: Arc<Thread>,
    /// Whether it is about that thread alone.
    alone: bool,
}

impl Who {
    /// # Errors
    /// ESRCH where it is gone.
    fn get(&self) -> Result<Subject> {
        let gone = Error::new(Errno::ESRCH, "the process is gone");
        let process = self.process.upgrade().ok_or(gone)?;
        // A process has its first thread until it has been waited for.
        let first = process.leader().ok_or(gone)?;
        let thread = match &self.thread {
            Some(thread) => thread.upgrade().ok_or(gone)?,
            None => first,
        };
        Ok(Subject { process, thread, alone: self.thread.is_some() })
    }

    fn owner(&self) -> Option<Owner> {
        self.get().ok().map(|subject| subject.owner())
    }
}

impl Subject {
    /// Whom its files belong to.
    fn owner(&self) -> Owner {
        let credentials = self.thread.credentials.lock();
        (credentials.user.effective, credentials.group.effective)
    }

    /// The thread's name.
    fn name(&self) -> Vec<u8> {
        let name = *self.thread.name.lock();
        name.iter().copied().take_while(|byte| *byte != 0).collect()
    }

    /// Its state as a letter, and in words (proc_pid_stat(5)).
    fn state(&self) -> (char, &'static str) {
        if self.process.thread_count() == 0 || !self.thread.is_there() {
            ('Z', "zombie")
        } else if self.process.is_stopped() {
            ('T', "stopped")
        } else if self.thread.schedule.is_asleep() {
            ('S', "sleeping")
        } else {
            ('R', "running")
        }
    }
}

/// When it is asked whether the reader may look into the process (ptrace(2), "Ptrace access mode checking").
#[derive(Clone, Copy, PartialEq, Eq)]
enum Checked {
    Never,
    /// When the file is opened: EACCES.
    AtOpen,
    /// When it is read: EPERM.
    AtRead,
}

/// What an entry is.
#[derive(Clone, Copy)]
enum Kind {
    /// A file that is read.
    File(u32, Checked, fn(&Subject) -> Result<Vec<u8>>),
    /// A file that is written too.
    Written(u32, fn(&Subject) -> Result<Vec<u8>>, fn(&Subject, &[u8]) -> Result<usize>),
    /// Anything else.
    Other(FileType, fn(&Arc<FileSystem>, &Who) -> Result<Arc<Inode>>),
}

/// Entries by name, in alphabetical order.
const ENTRIES: &[(&str, Kind)] = &[
    ("auxv", Kind::File(0o400, Checked::AtOpen, strings::auxiliary)),
    ("cgroup", Kind::File(0o444, Checked::Never, |_| Ok(b"0::/\n".to_vec()))),
    ("children", Kind::File(0o444, Checked::Never, tasks::children)),
    ("cmdline", Kind::File(0o444, Checked::Never, strings::arguments)),
    ("comm", Kind::Written(0o644, settings::comm, settings::set_comm)),
    ("cwd", Kind::Other(FileType::Symlink, |files, who| Ok(links::directory(files, who)))),
    ("environ", Kind::File(0o400, Checked::AtOpen, strings::environment)),
    ("exe", Kind::Other(FileType::Symlink, |files, who| Ok(links::executable(files, who)))),
    ("fd", Kind::Other(FileType::Directory, |files, who| Ok(descriptors::links(files, who)))),
    ("fdinfo", Kind::Other(FileType::Directory, |files, who| Ok(descriptors::details(files, who)))),
    ("gid_map", Kind::File(0o444, Checked::Never, |_| Ok(settings::identity_map()))),
    ("limits", Kind::File(0o444, Checked::Never, limits::limits)),
    ("maps", Kind::File(0o444, Checked::AtOpen, |subject| Ok(maps::maps(&subject.process)))),
    ("mountinfo", Kind::File(0o444, Checked::Never, |_| Ok(mounts::details()))),
    ("mounts", Kind::File(0o444, Checked::Never, |_| Ok(mounts::table()))),
    ("net", Kind::Other(FileType::Directory, |_, _| super::net::directory())),
    ("oom_score", Kind::File(0o444, Checked::Never, |_| Ok(b"0\n".to_vec()))),
    ("oom_score_adj", Kind::Written(0o644, settings::oom_adjustment, settings::adjust_oom)),
    ("personality", Kind::File(0o400, Checked::AtRead, |_| Ok(b"00000000\n".to_vec()))),
    ("root", Kind::Other(FileType::Symlink, |files, who| Ok(links::root(files, who)))),
    ("stat", Kind::File(0o444, Checked::Never, stat::stat)),
    ("statm", Kind::File(0o444, Checked::Never, memory::statm)),
    ("status", Kind::File(0o444, Checked::Never, status::status)),
    ("task", Kind::Other(FileType::Directory, |files, who| Ok(tasks::directory(files, who)))),
    ("uid_map", Kind::File(0o444, Checked::Never, |_| Ok(settings::identity_map()))),
    ("wchan", Kind::File(0o444, Checked::Never, |_| Ok(b"0".to_vec()))),
];

/// Whether an entry is in a directory of the kind: of threads, or of processes.
fn belongs(name: &str, thread: bool) -> bool {
    match name {
        "task" => !thread,
        "children" => thread,
        _ => true,
    }
}

/// The directory of a process.
pub(super) fn directory(files: &Arc<FileSystem>, process: &Arc<Process>) -> Arc<Inode> {
    Directory::inode(files, Who { process: Arc::downgrade(process), thread: None })
}

/// The directory of a process or a thread. It does not keep either.
struct Directory {
    files: Arc<FileSystem>,
    who: Who,
    /// What somebody has looked at.
    made: Mutex<BTreeMap<&'static str, Arc<Inode>>>,
}

impl Directory {
    fn inode(files: &Arc<FileSystem>, who: Who) -> Arc<Inode> {
        let directory = Self { files: files.clone(), who, made: Mutex::new(BTreeMap::new()) };
        Inode::new_populated(files, 0o555, Box::new(directory))
    }

    fn make(&self, kind: Kind) -> Result<Arc<Inode>> {
        let mode = match kind {
            Kind::Other(_, make) => return make(&self.files, &self.who),
            Kind::File(mode, ..) | Kind::Written(mode, ..) => mode,
        };
        let file = File { who: self.who.clone(), kind };
        Ok(Inode::new_synthetic(&self.files, mode, Box::new(file)))
    }
}

impl Populate for Directory {
    fn child(&self, name: &[u8]) -> Result<Option<Arc<Inode>>> {
        if self.who.thread.is_none() {
            // Who still has the directory open may not look anything up in it.
            self.who.get()?;
        }
        let Ok(at) = ENTRIES.binary_search_by(|(entry, _)| entry.as_bytes().cmp(name)) else {
            return Ok(None);
        };
        let (name, kind) = ENTRIES[at];
        if !belongs(name, self.who.thread.is_some()) || self.who.get().is_err() {
            return Ok(None);
        }
        if let Some(inode) = self.made.lock().get(name) {
            return Ok(Some(inode.clone()));
        }
        let fresh = self.make(kind)?;
        Ok(Some(self.made.lock().entry(name).or_insert(fresh).clone()))
    }

    fn entries(&self, from: u64, most: usize) -> Result<Vec<PopulateEntry>> {
        // As on Linux: the directory of a process that is gone has no entries.
        self.who.get().map_err(|_| Errno::ENOENT)?;
        let thread = self.who.thread.is_some();
        let all =
            (0..).zip(ENTRIES).filter(|(position, (name, _))| *position >= from && belongs(name, thread));
        let entries = all.map(|(position, (name, kind))| PopulateEntry {
            position,
            name: name.as_bytes().to_vec(),
            file_type: match kind {
                Kind::File(..) | Kind::Written(..) => FileType::Regular,
                Kind::Other(file_type, _) => *file_type,
            },
        });
        Ok(entries.take(most).collect())
    }

    fn owner(&self) -> Option<Owner> {
        self.who.owner()
    }
}

/// A file about a process or a thread.
struct File {
    who: Who,
    kind: Kind,
}

impl Generated for File {
    fn read(&self) -> Result<Vec<u8>> {
        let subject = self.who.get()?;
        match self.kind {
            Kind::File(_, checked, read) => {
                if checked == Checked::AtRead && !access::may_look(&subject) {
                    return Err(Error::new(Errno::EPERM, "somebody else's process"));
                }
                read(&subject)
            }
            Kind::Written(_, read, _) => read(&subject),
            Kind::Other(..) => Err(Errno::EINVAL.into()),
        }
    }

    fn write(&self, _offset: u64, bytes: &[u8]) -> Result<usize> {
        match self.kind {
            Kind::Written(_, _, write) => write(&self.who.get()?, bytes),
            _ => Err(Errno::EINVAL.into()),
        }
    }

    fn open(&self) -> Result<()> {
        let subject = self.who.get()?;
        match self.kind {
            Kind::File(_, Checked::AtOpen, _) if !access::may_look(&subject) => {
                Err(Error::new(Errno::EACCES, "somebody else's process"))
            }
            _ => Ok(()),
        }
    }

    fn owner(&self) -> Option<Owner> {
        self.who.owner()
    }
}

/// A name as it is shown among other things: what would break the line is escaped.
fn escaped(name: &[u8]) -> String {
    let mut text = String::new();
    for byte in name {
        match byte {
            b'\n' => text.push_str("\\n"),
            b'\\' => text.push_str("\\\\"),
            0x20..=0x7e => text.push(char::from(*byte)),
            byte => text.push_str(&format!("\\{byte:03o}")),
        }
    }
    text
}
