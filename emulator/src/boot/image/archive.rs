//! Writing the image as a `newc` archive, the format of Linux's initramfs
//! (`Documentation/driver-api/early-userspace/buffer-format.rst`).

use std::{
    collections::HashMap,
    fs::File,
    io::{self, Read, Write},
    path::Path,
};

use anyhow::{Context, Result, bail};
use cpio::newc::{Builder, ModeFileType, trailer};

use super::{
    Counted,
    tree::{Contents, Kind, NodeId, Tree},
};

/// QEMU wants nothing of the kind, but Linux's own archives end on a block of 512 bytes, and readers may count on it.
const BLOCK: u64 = 512;

/// One name of the image, in the archive's order: a directory comes before what is in it.
struct Entry {
    path: String,
    node: NodeId,
    /// Of a file with several names, the last carries the contents, as `cpio -o -H newc` does it.
    carries_contents: bool,
}

fn entries(tree: &Tree) -> (Vec<Entry>, HashMap<NodeId, u32>) {
    let mut entries = Vec::new();
    let mut names = HashMap::new();
    let mut pending: Vec<(String, NodeId)> = vec![(String::new(), NodeId::ROOT)];
    while let Some((path, node)) = pending.pop() {
        if node != NodeId::ROOT {
            *names.entry(node).or_insert(0) += 1;
            entries.push(Entry { path: path.clone(), node, carries_contents: false });
        }
        let children: Vec<_> = tree
            .entries(node)
            .map(|(name, child)| {
                (if path.is_empty() { name.to_owned() } else { format!("{path}/{name}") }, child)
            })
            .collect();
        pending.extend(children.into_iter().rev());
    }
    let mut seen = HashMap::new();
    for entry in &mut entries {
        let count = seen.entry(entry.node).or_insert(0);
        *count += 1;
        entry.carries_contents = *count == names[&entry.node];
    }
    (entries, names)
}

fn contents_size(tree: &Tree, entry: &Entry) -> u32 {
    match &tree.node(entry.node).kind {
        Kind::File(contents) if entry.carries_contents => contents.size(),
        Kind::Symlink(target) => {
            u32::try_from(target.len()).expect("a symlink's target is shorter than a page")
        }
        _ => 0,
    }
}

pub(super) fn size(tree: &Tree) -> u64 {
    const HEADER: u64 = 110;
    let padded = |bytes: u64| bytes.next_multiple_of(4);
    let (entries, _) = entries(tree);
    let of_entries: u64 = entries
        .iter()
        .map(|entry| {
            padded(HEADER + entry.path.len() as u64 + 1) + padded(u64::from(contents_size(tree, entry)))
        })
        .sum();
    (of_entries + padded(HEADER + "TRAILER!!!\0".len() as u64)).next_multiple_of(BLOCK)
}

pub(super) fn write(tree: &Tree, out: &mut impl Write) -> Result<()> {
    let mut out = Counted { inner: out, bytes: 0 };
    let (entries, names) = entries(tree);
    for entry in &entries {
        write_entry(tree, entry, names[&entry.node], &mut out)
            .with_context(|| format!("cannot write /{} into the image", entry.path))?;
    }
    trailer(&mut out).context("cannot write the image")?;
    let rest = out.bytes.next_multiple_of(BLOCK) - out.bytes;
    io::copy(&mut io::repeat(0).take(rest), &mut out).context("cannot write the image")?;
    out.inner.flush().context("cannot write the image")
}

fn write_entry(tree: &Tree, entry: &Entry, names: u32, out: &mut Counted<impl Write>) -> Result<()> {
    let node = tree.node(entry.node);
    let mut header = Builder::new(&entry.path)
        .ino(u32::try_from(entry.node.index()).context("too many files")?)
        .mode(node.mode)
        .mtime(node.modified)
        .nlink(1);
    header = match &node.kind {
        Kind::Directory(_) => header.nlink(2).set_mode_file_type(ModeFileType::Directory),
        Kind::File(_) => header.nlink(names).set_mode_file_type(ModeFileType::Regular),
        Kind::Symlink(_) => header.set_mode_file_type(ModeFileType::Symlink),
        Kind::Fifo => header.set_mode_file_type(ModeFileType::Fifo),
        Kind::Device { block, major, minor } => {
            let kind = if *block { ModeFileType::Block } else { ModeFileType::Char };
            header.set_mode_file_type(kind).rdev_major(*major).rdev_minor(*minor)
        }
    };
    let mut body = header.write(&mut *out, contents_size(tree, entry));
    match &node.kind {
        Kind::File(Contents::Bytes(bytes)) if entry.carries_contents => body.write_all(bytes)?,
        Kind::File(Contents::Host { path, size }) if entry.carries_contents => copy(path, *size, &mut body)?,
        Kind::Symlink(target) => body.write_all(target)?,
        _ => {}
    }
    body.finish()?;
    Ok(())
}

/// Streams a file of the host, whose size is in the header already.
fn copy(path: &Path, size: u32, out: &mut impl Write) -> Result<()> {
    let mut file = File::open(path)?.take(u64::from(size));
    let mut buffer = vec![0; 256 << 10];
    let mut copied = 0;
    loop {
        let count = match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error.into()),
        };
        out.write_all(&buffer[..count])?;
        copied += count as u64;
    }
    if copied != u64::from(size) {
        bail!("{} became shorter while it was read", path.display());
    }
    Ok(())
}
