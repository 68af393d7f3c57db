//! Directories whose entries stay the same: nothing can be made or removed in them.

use alloc::{boxed::Box, collections::BTreeMap, sync::Arc, vec::Vec};

use socket::error::Result;
use vfs::{FileSystem, Inode, Populate, PopulateEntry};

/// What a directory is made of.
#[derive(Default)]
pub(crate) struct Branch {
    leaves: BTreeMap<&'static str, Arc<Inode>>,
    branches: BTreeMap<&'static str, Branch>,
}

impl Branch {
    /// Adds an inode at a path.
    pub(crate) fn add(&mut self, path: &'static str, inode: Arc<Inode>) {
        match path.split_once('/') {
            Some((first, rest)) => self.branches.entry(first).or_default().add(rest, inode),
            None => drop(self.leaves.insert(path, inode)),
        }
    }

    /// The entries, made into inodes.
    pub(super) fn entries(self, files: &Arc<FileSystem>) -> Entries {
        let mut entries = self.leaves;
        for (name, branch) in self.branches {
            entries.insert(name, branch.directory(files));
        }
        Entries(entries)
    }

    /// The directory.
    pub(crate) fn directory(self, files: &Arc<FileSystem>) -> Arc<Inode> {
        Inode::new_populated(files, 0o555, Box::new(self.entries(files)))
    }
}

/// Entries that stay the same.
pub(super) struct Entries(BTreeMap<&'static str, Arc<Inode>>);

impl Populate for Entries {
    fn child(&self, name: &[u8]) -> Result<Option<Arc<Inode>>> {
        let name = core::str::from_utf8(name).ok();
        Ok(name.and_then(|name| self.0.get(name)).cloned())
    }

    fn entries(&self, from: u64, most: usize) -> Result<Vec<PopulateEntry>> {
        let entries = self.0.iter().zip(0..).map(|((name, inode), position)| PopulateEntry {
            position,
            name: name.as_bytes().to_vec(),
            file_type: inode.file_type(),
        });
        Ok(entries.filter(|entry| entry.position >= from).take(most).collect())
    }
}
