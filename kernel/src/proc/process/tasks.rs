//! `task`: the threads of a process; and who its children are.

use alloc::{boxed::Box, format, string::String, sync::Arc, vec::Vec};

use socket::error::{Errno, Result};
use vfs::{FileSystem, FileType, Inode, Owner, Populate, PopulateEntry};

use super::{Directory, Subject, Who};
use crate::{
    proc::processes::{Seen, number, numbered},
    process,
};

/// The directory.
pub(super) fn directory(files: &Arc<FileSystem>, who: &Who) -> Arc<Inode> {
    let tasks = Tasks { files: files.clone(), who: who.clone(), threads: Seen::default() };
    Inode::new_populated(files, 0o555, Box::new(tasks))
}

struct Tasks {
    files: Arc<FileSystem>,
    who: Who,
    threads: Seen,
}

impl Populate for Tasks {
    fn child(&self, name: &[u8]) -> Result<Option<Arc<Inode>>> {
        let (Some(tid), Ok(subject)) = (number(name), self.who.get()) else { return Ok(None) };
        let find = |tid| subject.process.listed_threads().into_iter().find(|thread| thread.tid() == tid);
        let Some(thread) = find(tid) else { return Ok(None) };
        let who = Who { process: self.who.process.clone(), thread: Some(Arc::downgrade(&thread)) };
        let make = || Ok(Directory::inode(&self.files, who));
        self.threads.get(tid, &thread, |tid| find(tid).is_some(), make).map(Some)
    }

    fn entries(&self, from: u64, most: usize) -> Result<Vec<PopulateEntry>> {
        let subject = self.who.get().map_err(|_| Errno::ENOENT)?;
        let threads = subject.process.listed_threads();
        let entries = threads.iter().map(|thread| numbered(0, thread.tid(), FileType::Directory));
        Ok(entries.filter(|entry| entry.position >= from).take(most).collect())
    }

    fn owner(&self) -> Option<Owner> {
        self.who.owner()
    }
}

/// `children`: those of the process, all of which count as its first thread's.
pub(super) fn children(subject: &Subject) -> Result<Vec<u8>> {
    let process = &subject.process;
    if subject.thread.tid() != process.pid {
        return Ok(Vec::new());
    }
    let all = process::all();
    let children = all.iter().filter(|other| other.parent() == process.pid);
    Ok(children.map(|child| format!("{} ", child.pid)).collect::<String>().into_bytes())
}
