//! The guest's root file system, put together on the host and written as a `newc` archive.
//!
//! - `tree`: the files in memory, by name, without their contents;
//! - `base`: what is there before any `--root`;
//! - `merge`: how a folder of the host is laid over what is there;
//! - `program`: looking up a program as the guest would;
//! - `archive`: writing it all, contents streamed from the host's files.

mod archive;
mod base;
mod merge;
mod program;
mod tree;

use std::{
    io::{self, Write},
    path::Path,
};

use anyhow::Result;

use self::tree::{Contents, Kind, Node, Tree};

/// Where a program named without a slash is looked for, and the guest's first `PATH`.
pub const SEARCH_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A root file system in the making.
///
/// Files of the host are remembered by path and read when the image is written: a root of 300 MB costs only what
/// its names cost.
#[derive(Debug)]
pub struct Image {
    tree: Tree,
    notes: Vec<String>,
}

impl Image {
    /// The usr-merged image that every guest starts from.
    pub fn base() -> Self {
        Self { tree: base::tree(), notes: Vec::new() }
    }

    /// An image with no entries at all but its root directory.
    pub fn empty() -> Self {
        Self { tree: Tree::new(), notes: Vec::new() }
    }

    /// Lays the folder `directory` of the host over what is there.
    ///
    /// Entries replace those of the same name, except that directories merge: into a directory, and through a symlink
    /// into the directory that it leads to in the image. Modes, set-id bits, hard links and times are kept, the owner
    /// becomes root, symlinks are taken as they are. Sockets are left out, see [`Image::notes`].
    ///
    /// # Errors
    /// Names the file that cannot be taken: unreadable, of 4 GiB or more, with a name that is not UTF-8, or not a
    /// directory in the place of a directory with something in it.
    pub fn add_root(&mut self, directory: &Path) -> Result<()> {
        merge::lay_over(&mut self.tree, directory, &mut self.notes)
    }

    /// Puts a copy of the host's file `source` at the absolute path `path` with the permission bits `mode`, making
    /// the directories on the way.
    ///
    /// # Errors
    /// When `source` cannot be read, or something in the image is in the way.
    pub fn add_file(&mut self, path: &str, source: &Path, mode: u32) -> Result<()> {
        let contents = merge::host_file(source)?;
        self.put(path, Node::new(mode, Kind::File(contents)))
    }

    /// Puts a file of the given bytes at the absolute path `path`, making the directories on the way.
    ///
    /// # Errors
    /// When something in the image is in the way.
    pub fn add_bytes(&mut self, path: &str, bytes: impl Into<Vec<u8>>, mode: u32) -> Result<()> {
        self.put(path, Node::new(mode, Kind::File(Contents::Bytes(bytes.into()))))
    }

    fn put(&mut self, path: &str, node: Node) -> Result<()> {
        let (directory, name) = self.tree.make_parents(path)?;
        let node = self.tree.add(node);
        self.tree.replace(directory, name, node)?;
        Ok(())
    }

    /// The absolute path of the program that `name` means in the guest, whose working directory is `/`.
    ///
    /// # Errors
    /// Says what is missing: the file, a directory or symlink's target on the way, or the permission to execute.
    pub fn find_program(&self, name: &str) -> Result<String> {
        program::find(&self.tree, name)
    }

    /// What was left out, and why: one line each.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Writes the archive.
    ///
    /// # Errors
    /// When a file cannot be read or changed its size, or `out` cannot be written.
    pub fn write(&self, out: &mut impl Write) -> Result<()> {
        archive::write(&self.tree, out)
    }

    /// The archive's size in bytes, exactly, without reading any file.
    pub fn size(&self) -> u64 {
        archive::size(&self.tree)
    }
}

/// Counts what is written, and keeps the archive writer from flushing after each entry.
struct Counted<W> {
    inner: W,
    bytes: u64,
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
