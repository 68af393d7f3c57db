//! Laying a folder of the host over the image.

use std::{
    collections::HashMap,
    fs::{self, Metadata},
    os::unix::{
        ffi::OsStrExt,
        fs::{FileTypeExt, MetadataExt},
    },
    path::Path,
};

use anyhow::{Context, Result, anyhow, bail};

use super::tree::{Contents, Kind, Node, NodeId, Tree};

/// The name that ends a `newc` archive: a file of that name would end it early.
const TRAILER: &str = "TRAILER!!!";

pub(super) fn lay_over(tree: &mut Tree, directory: &Path, notes: &mut Vec<String>) -> Result<()> {
    let metadata =
        fs::metadata(directory).with_context(|| format!("cannot use {} as a root", directory.display()))?;
    if !metadata.is_dir() {
        bail!("cannot use {} as a root: it is not a directory", directory.display());
    }
    // The mode of `directory` itself is not taken: a root made by mktemp would lock everybody else out of `/`.
    let mut merge = Merge { tree, links: HashMap::new(), notes };
    merge.directory(directory, NodeId::ROOT, "")
}

/// The contents of a host's file that must be there and readable.
pub(super) fn host_file(path: &Path) -> Result<Contents> {
    let metadata =
        fs::metadata(path).with_context(|| format!("cannot take {} into the image", path.display()))?;
    if !metadata.is_file() {
        bail!("cannot take {} into the image: it is not a regular file", path.display());
    }
    contents(path, &metadata)
}

fn contents(path: &Path, metadata: &Metadata) -> Result<Contents> {
    let size = u32::try_from(metadata.len()).map_err(|_| {
        anyhow!(
            "cannot take {} into the image: it has {} bytes, and the archive's format ends at 4 GiB",
            path.display(),
            metadata.len()
        )
    })?;
    // Said now, with a name, rather than in the middle of writing the image.
    fs::File::open(path).with_context(|| format!("cannot take {} into the image", path.display()))?;
    Ok(Contents::Host { path: path.to_owned(), size })
}

struct Merge<'a> {
    tree: &'a mut Tree,
    /// Device and inode of files with several names, and the node that they became.
    links: HashMap<(u64, u64), NodeId>,
    notes: &'a mut Vec<String>,
}

impl Merge<'_> {
    /// Lays the entries of `source` over those of `target`, whose path in the image is `place`.
    fn directory(&mut self, source: &Path, target: NodeId, place: &str) -> Result<()> {
        let failed = || format!("cannot read the directory {}", source.display());
        let mut entries =
            fs::read_dir(source).with_context(failed)?.collect::<Result<Vec<_>, _>>().with_context(failed)?;
        // The same folder gives the same image, whatever order its file system lists it in.
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let path = entry.path();
            let name = entry.file_name();
            let Some(name) = name.to_str() else {
                bail!("cannot take {} into the image: its name is not UTF-8", path.display());
            };
            let place = format!("{place}/{name}");
            if place.strip_prefix('/') == Some(TRAILER) {
                bail!("cannot take {} into the image: that name ends an archive", path.display());
            }
            let metadata =
                entry.metadata().with_context(|| format!("cannot take {} into the image", path.display()))?;
            if metadata.is_dir() {
                self.subdirectory(&path, &metadata, target, name, &place)?;
            } else if let Some(node) = self.file(&path, &metadata)? {
                self.tree
                    .replace(target, name, node)
                    .with_context(|| format!("cannot take {} into the image", path.display()))?;
            }
        }
        Ok(())
    }

    fn subdirectory(
        &mut self,
        path: &Path,
        metadata: &Metadata,
        parent: NodeId,
        name: &str,
        place: &str,
    ) -> Result<()> {
        let parent_place = &place[..place.len() - name.len()];
        let there = self.tree.child(parent, name).and_then(|child| match &self.tree.node(child).kind {
            Kind::Directory(_) => Some((child, true)),
            Kind::Symlink(target) => {
                let target = String::from_utf8_lossy(target).into_owned();
                let led_to = self.tree.resolve(parent_place, &target).ok()?;
                self.tree.is_directory(led_to).then_some((led_to, false))
            }
            _ => None,
        });
        let directory = match there {
            Some((directory, own)) => {
                // A directory behind a symlink keeps the mode that it was given under its own name.
                if own {
                    let node = self.tree.node_mut(directory);
                    node.mode = metadata.mode() & 0o7777;
                    node.modified = seconds(metadata);
                }
                directory
            }
            None => {
                let mut node = Node::directory(metadata.mode());
                node.modified = seconds(metadata);
                let made = self.tree.add(node);
                self.tree.replace(parent, name, made)?;
                made
            }
        };
        self.directory(path, directory, place)
    }

    /// The node of anything but a directory; `None` where there is nothing to take.
    fn file(&mut self, path: &Path, metadata: &Metadata) -> Result<Option<NodeId>> {
        let key = (metadata.dev(), metadata.ino());
        if metadata.nlink() > 1
            && let Some(known) = self.links.get(&key)
        {
            return Ok(Some(*known));
        }
        let kind = metadata.file_type();
        let kind = if kind.is_file() {
            Kind::File(contents(path, metadata)?)
        } else if kind.is_symlink() {
            let target = fs::read_link(path)
                .with_context(|| format!("cannot take {} into the image", path.display()))?;
            Kind::Symlink(target.as_os_str().as_bytes().to_vec())
        } else if kind.is_fifo() {
            Kind::Fifo
        } else if kind.is_char_device() || kind.is_block_device() {
            let device = metadata.rdev();
            Kind::Device {
                block: kind.is_block_device(),
                major: rustix::fs::major(device),
                minor: rustix::fs::minor(device),
            }
        } else {
            self.notes
                .push(format!("{} is left out: a socket is nothing without its listener", path.display()));
            return Ok(None);
        };
        let mut node = Node::new(metadata.mode(), kind);
        node.modified = seconds(metadata);
        let id = self.tree.add(node);
        if metadata.nlink() > 1 {
            self.links.insert(key, id);
        }
        Ok(Some(id))
    }
}

/// The modification time as the archive holds it; times before 1970 and after 2106 become the nearest.
fn seconds(metadata: &Metadata) -> u32 {
    u32::try_from(metadata.mtime().max(0)).unwrap_or(u32::MAX)
}
