//! The top directory: files of the system, and a directory for each process.

use alloc::{boxed::Box, collections::BTreeMap, format, string::ToString, sync::Arc, vec::Vec};

use socket::error::{Errno, Result};
use spin::Mutex;
use vfs::{FileSystem, FileType, Inode, MagicLink, Populate, PopulateEntry};

use super::{
    process,
    tree::{Branch, Entries},
};
use crate::process::{Process, current_thread, thread_by_id, threads};

/// Directories that somebody has looked at, by number: they stay the same inodes as long as what they tell of is there.
#[derive(Default)]
pub(super) struct Seen(Mutex<BTreeMap<i32, Arc<Inode>>>);

impl Seen {
    /// The directory of that number, made if nobody has looked at it yet. Those of numbers that are not `alive` any more
    /// are forgotten.
    pub(super) fn get(
        &self,
        number: i32,
        alive: impl Fn(i32) -> bool,
        make: impl FnOnce() -> Result<Arc<Inode>>,
    ) -> Result<Arc<Inode>> {
        let numbers: Vec<i32> = self.0.lock().keys().copied().collect();
        for number in numbers.into_iter().filter(|number| !alive(*number)) {
            let gone = self.0.lock().remove(&number);
            drop(gone);
        }
        if let Some(inode) = self.0.lock().get(&number) {
            return Ok(inode.clone());
        }
        let fresh = make()?;
        let inode = self.0.lock().entry(number).or_insert_with(|| fresh.clone()).clone();
        Ok(inode)
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

/// The process of that number.
fn find(number: i32) -> Option<Arc<Process>> {
    let process = thread_by_id(number)?.process.clone();
    (process.pid == number).then_some(process)
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
        let Some((number, process)) = number(name).and_then(|number| Some((number, find(number)?))) else {
            return Ok(None);
        };
        let alive = |number| find(number).is_some();
        self.processes.get(number, alive, || process::directory(&self.files, &process)).map(Some)
    }

    fn entries(&self, from: u64, most: usize) -> Result<Vec<PopulateEntry>> {
        let mut entries = self.fixed.entries(from, most)?;
        let mut numbers: Vec<i32> = threads().iter().map(|thread| thread.process.pid).collect();
        numbers.sort_unstable();
        numbers.dedup();
        let processes = numbers.iter().map(|number| numbered(PROCESSES, *number, FileType::Directory));
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
