//! The top directory: files of the system, and a directory for each process.

use alloc::{boxed::Box, collections::BTreeMap, format, string::ToString, sync::Arc, vec::Vec};

use socket::error::{Errno, Result};
use spin::Mutex;
use vfs::{FileSystem, FileType, Inode, MagicLink, Populate, PopulateEntry};

use super::{
    process,
    tree::{Branch, Entries},
};
use crate::process::{all, current_thread, process_by_id, thread_by_id};

/// Directories that somebody has looked at, by number: they stay the same inodes as long as what they tell of is there.
#[derive(Default)]
pub(super) struct Seen(Mutex<SeenTable>);

#[derive(Default)]
struct SeenTable {
    /// With what the directory tells of, by its address. The directory holds it weakly, so that nothing else is there.
    directories: BTreeMap<i32, (usize, Arc<Inode>)>,
    /// At how many of them to look for those that tell of nothing any more.
    sweep_at: usize,
}

impl Seen {
    /// The directory of `about`, which has that number, made if nobody has looked at it yet. Those of numbers that are not
    /// `alive` any more are forgotten from time to time.
    pub(super) fn get<T>(
        &self,
        number: i32,
        about: &Arc<T>,
        alive: impl Fn(i32) -> bool,
        make: impl FnOnce() -> Result<Arc<Inode>>,
    ) -> Result<Arc<Inode>> {
        /// From so many on.
        const SWEEP_FROM: usize = 32;
        let about = Arc::as_ptr(about).addr();
        let (found, numbers) = {
            let seen = self.0.lock();
            let found =
                seen.directories.get(&number).filter(|(of, _)| *of == about).map(|(_, inode)| inode.clone());
            let sweep = found.is_none() && seen.directories.len() >= seen.sweep_at.max(SWEEP_FROM);
            let numbers: Vec<i32> =
                if sweep { seen.directories.keys().copied().collect() } else { Vec::new() };
            (found, numbers)
        };
        if let Some(inode) = found {
            return Ok(inode);
        }
        if !numbers.is_empty() {
            let gone: Vec<i32> = numbers.into_iter().filter(|number| !alive(*number)).collect();
            let mut seen = self.0.lock();
            let dropped: Vec<_> = gone.iter().filter_map(|number| seen.directories.remove(number)).collect();
            seen.sweep_at = seen.directories.len() * 2;
            drop(seen);
            drop(dropped);
        }
        let fresh = make()?;
        let mut seen = self.0.lock();
        // Another thread may have been faster.
        if let Some((of, inode)) = seen.directories.get(&number)
            && *of == about
        {
            return Ok(inode.clone());
        }
        let replaced = seen.directories.insert(number, (about, fresh.clone()));
        drop(seen);
        drop(replaced);
        Ok(fresh)
    }
}

/// Adds the links to the process and the thread that asks.
pub(super) fn add(top: &mut Branch, files: &Arc<FileSystem>) {
    top.add("self", Inode::new_magic_link(files, Box::new(Myself { thread: false })));
    top.add("thread-self", Inode::new_magic_link(files, Box::new(Myself { thread: true })));
}

/// The top directory.
pub(super) struct Top {
    files: Arc<FileSystem>,
    fixed: Entries,
    processes: Seen,
}

impl Top {
    pub(super) fn new(files: &Arc<FileSystem>, fixed: Entries) -> Self {
        Self { files: files.clone(), fixed, processes: Seen::default() }
    }
}

/// A number as directories have it for a name: without sign or leading zeros.
pub(super) fn number(name: &[u8]) -> Option<i32> {
    let number: i32 = core::str::from_utf8(name).ok()?.parse().ok()?;
    (number.to_string().as_bytes() == name).then_some(number)
}

impl Populate for Top {
    fn child(&self, name: &[u8]) -> Result<Option<Arc<Inode>>> {
        if let Some(inode) = self.fixed.child(name)? {
            return Ok(Some(inode));
        }
        let Some(number) = number(name) else { return Ok(None) };
        // A thread's number is not listed, and leads to its process all the same.
        let process = process_by_id(number).or_else(|| Some(thread_by_id(number)?.process.clone()));
        let Some(process) = process else { return Ok(None) };
        let alive = |number| process_by_id(number).is_some() || thread_by_id(number).is_some();
        self.processes
            .get(number, &process, alive, || Ok(process::directory(&self.files, &process)))
            .map(Some)
    }

    fn entries(&self, from: u64, most: usize) -> Result<Vec<PopulateEntry>> {
        let mut entries = self.fixed.entries(from, most)?;
        let processes = all();
        let processes = processes.iter().map(|process| numbered(PROCESSES, process.pid, FileType::Directory));
        entries.extend(processes.filter(|entry| entry.position >= from).take(most - entries.len()));
        Ok(entries)
    }
}

/// The position of the process 0, were there one, behind the fixed entries.
const PROCESSES: u64 = 256;

/// An entry that has a number for a name, and its position by it.
pub(super) fn numbered(first: u64, number: i32, file_type: FileType) -> PopulateEntry {
    let position = first + u64::from(number.unsigned_abs());
    PopulateEntry { position, name: number.to_string().into_bytes(), file_type }
}

/// `/proc/self` and `/proc/thread-self`.
struct Myself {
    thread: bool,
}

impl MagicLink for Myself {
    fn text(&self) -> Result<Vec<u8>> {
        let thread = current_thread().ok_or(Errno::ENOENT)?;
        let process = thread.process.pid;
        let text = if self.thread { format!("{process}/task/{}", thread.tid()) } else { process.to_string() };
        Ok(text.into_bytes())
    }
}
