//! The image's files by name. Nodes are held by number, so that hard links are two names of one number.

use std::{collections::BTreeMap, path::PathBuf};

use anyhow::{Result, bail};

/// How many symlinks may lead from one to the next, as on Linux (`path_resolution(7)`).
const MAX_SYMLINKS: usize = 40;

/// The number of a node in its [`Tree`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) struct NodeId(usize);

impl NodeId {
    pub(super) const ROOT: Self = Self(0);

    pub(super) fn index(self) -> usize {
        self.0
    }
}

/// What a file holds.
#[derive(Clone, Debug)]
pub(super) enum Contents {
    /// Made here.
    Bytes(Vec<u8>),
    /// Read from the host when the image is written. `size` is what it was when the file was taken up.
    Host { path: PathBuf, size: u32 },
}

impl Contents {
    pub(super) fn size(&self) -> u32 {
        match self {
            Self::Bytes(bytes) => u32::try_from(bytes.len()).expect("files made here are small"),
            Self::Host { size, .. } => *size,
        }
    }
}

#[derive(Clone, Debug)]
pub(super) enum Kind {
    Directory(BTreeMap<String, NodeId>),
    File(Contents),
    Symlink(Vec<u8>),
    Fifo,
    Device { block: bool, major: u32, minor: u32 },
}

#[derive(Clone, Debug)]
pub(super) struct Node {
    /// Permission, set-id and sticky bits.
    pub(super) mode: u32,
    /// Seconds since 1970.
    pub(super) modified: u32,
    pub(super) kind: Kind,
}

impl Node {
    pub(super) fn new(mode: u32, kind: Kind) -> Self {
        Self { mode: mode & 0o7777, modified: 0, kind }
    }

    pub(super) fn directory(mode: u32) -> Self {
        Self::new(mode, Kind::Directory(BTreeMap::new()))
    }
}

/// Why a path leads nowhere.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Dead {
    /// Nothing has this (absolute) path.
    Absent(String),
    /// This is no directory, but the path goes on.
    NotADirectory(String),
    /// More symlinks than Linux follows.
    TooManySymlinks,
}

impl std::fmt::Display for Dead {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Absent(path) => write!(f, "there is no {path} in the image"),
            Self::NotADirectory(path) => write!(f, "{path} is not a directory in the image"),
            Self::TooManySymlinks => write!(f, "more than {MAX_SYMLINKS} symlinks in a row in the image"),
        }
    }
}

#[derive(Debug)]
pub(super) struct Tree {
    nodes: Vec<Node>,
}

impl Tree {
    pub(super) fn new() -> Self {
        Self { nodes: vec![Node::directory(0o755)] }
    }

    pub(super) fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0]
    }

    pub(super) fn node_mut(&mut self, id: NodeId) -> &mut Node {
        &mut self.nodes[id.0]
    }

    pub(super) fn add(&mut self, node: Node) -> NodeId {
        self.nodes.push(node);
        NodeId(self.nodes.len() - 1)
    }

    /// The entries of a directory; none for anything else.
    pub(super) fn entries(&self, id: NodeId) -> impl Iterator<Item = (&str, NodeId)> {
        let entries = match &self.node(id).kind {
            Kind::Directory(entries) => Some(entries),
            _ => None,
        };
        entries.into_iter().flatten().map(|(name, id)| (name.as_str(), *id))
    }

    pub(super) fn child(&self, directory: NodeId, name: &str) -> Option<NodeId> {
        match &self.node(directory).kind {
            Kind::Directory(entries) => entries.get(name).copied(),
            _ => None,
        }
    }

    pub(super) fn is_directory(&self, id: NodeId) -> bool {
        matches!(self.node(id).kind, Kind::Directory(_))
    }

    /// Gives `directory` the entry `name`. What had that name is gone.
    ///
    /// # Errors
    /// When that would lose a directory's contents.
    pub(super) fn replace(&mut self, directory: NodeId, name: &str, node: NodeId) -> Result<()> {
        if let Some(old) = self.child(directory, name)
            && old != node
            && self.entries(old).next().is_some()
        {
            bail!("{name} is a directory with files in it already, and cannot become something else");
        }
        match &mut self.node_mut(directory).kind {
            Kind::Directory(entries) => entries.insert(name.to_owned(), node),
            _ => bail!("{name} cannot be put into something that is not a directory"),
        };
        Ok(())
    }

    /// What `path` leads to from `start` (from the root when absolute), following symlinks.
    pub(super) fn resolve(&self, start: &str, path: &str) -> Result<NodeId, Dead> {
        let mut walk = Walk { tree: self, place: vec![(String::new(), NodeId::ROOT)], symlinks: 0 };
        if !path.starts_with('/') {
            walk.go(start)?;
        }
        walk.go(path)?;
        Ok(walk.here())
    }

    /// The directory that will hold the last name of `path`, made if need be, and that name.
    pub(super) fn make_parents<'p>(&mut self, path: &'p str) -> Result<(NodeId, &'p str)> {
        let Some((parents, name)) = path.rsplit_once('/') else { bail!("{path} is not an absolute path") };
        if name.is_empty() || matches!(name, "." | "..") {
            bail!("{path} names no file");
        }
        let mut so_far = String::new();
        let mut directory = NodeId::ROOT;
        for part in parents.split('/').filter(|part| !part.is_empty()) {
            so_far = format!("{so_far}/{part}");
            directory = match self.resolve("/", &so_far) {
                Ok(found) if self.is_directory(found) => found,
                Ok(_) => bail!("{so_far} is not a directory in the image"),
                Err(Dead::Absent(_)) => {
                    let made = self.add(Node::directory(0o755));
                    self.replace(directory, part, made)?;
                    made
                }
                Err(dead) => bail!("{dead}"),
            };
        }
        Ok((directory, name))
    }
}

/// A walk along a path. `place` is where it stands: the way from the root, which `..` goes back.
struct Walk<'t> {
    tree: &'t Tree,
    place: Vec<(String, NodeId)>,
    symlinks: usize,
}

impl Walk<'_> {
    fn here(&self) -> NodeId {
        self.place.last().expect("the root is never left").1
    }

    fn path(&self) -> String {
        let path: String = self.place.iter().skip(1).map(|(name, _)| format!("/{name}")).collect();
        if path.is_empty() { "/".to_owned() } else { path }
    }

    fn go(&mut self, path: &str) -> Result<(), Dead> {
        if path.starts_with('/') {
            self.place.truncate(1);
        }
        for part in path.split('/').filter(|part| !part.is_empty() && *part != ".") {
            if !self.tree.is_directory(self.here()) {
                return Err(Dead::NotADirectory(self.path()));
            }
            if part == ".." {
                self.place.truncate(1.max(self.place.len() - 1));
                continue;
            }
            let Some(next) = self.tree.child(self.here(), part) else {
                let folder = self.path();
                return Err(Dead::Absent(format!("{}/{part}", folder.trim_end_matches('/'))));
            };
            if let Kind::Symlink(target) = &self.tree.node(next).kind {
                self.symlinks += 1;
                if self.symlinks > MAX_SYMLINKS {
                    return Err(Dead::TooManySymlinks);
                }
                self.go(&String::from_utf8_lossy(target))?;
            } else {
                self.place.push((part.to_owned(), next));
            }
        }
        if path.ends_with('/') && !self.tree.is_directory(self.here()) {
            return Err(Dead::NotADirectory(self.path()));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Contents, Dead, Kind, Node, NodeId, Tree};

    fn sample() -> Tree {
        let mut tree = Tree::new();
        for (path, kind) in [
            ("/usr/bin/tool", Kind::File(Contents::Bytes(Vec::new()))),
            ("/bin", Kind::Symlink(b"usr/bin".to_vec())),
            ("/etc/alternatives/t", Kind::Symlink(b"/bin/tool".to_vec())),
            ("/usr/bin/t", Kind::Symlink(b"../../etc/alternatives/t".to_vec())),
            ("/loop", Kind::Symlink(b"loop".to_vec())),
        ] {
            let (directory, name) = tree.make_parents(path).unwrap();
            let node = tree.add(Node::new(0o755, kind));
            tree.replace(directory, name, node).unwrap();
        }
        tree
    }

    #[test]
    fn symlinks_lead_on_inside_the_image() {
        let tree = sample();
        let tool = tree.resolve("/", "/usr/bin/tool").unwrap();
        for path in ["bin/tool", "/bin/t", "/bin/../bin/t", "/../usr//bin/./t"] {
            assert_eq!(tree.resolve("/", path), Ok(tool), "{path}");
        }
        assert_eq!(tree.resolve("/usr", "bin/tool"), Ok(tool));
        assert_eq!(tree.resolve("/", "/.."), Ok(NodeId::ROOT));
    }

    #[test]
    fn dead_ends_say_where() {
        let tree = sample();
        assert_eq!(tree.resolve("/", "/bin/x"), Err(Dead::Absent("/usr/bin/x".to_owned())));
        assert_eq!(tree.resolve("/", "x"), Err(Dead::Absent("/x".to_owned())));
        assert_eq!(tree.resolve("/", "/bin/t/y"), Err(Dead::NotADirectory("/usr/bin/tool".to_owned())));
        assert_eq!(tree.resolve("/", "/bin/tool/"), Err(Dead::NotADirectory("/usr/bin/tool".to_owned())));
        assert_eq!(tree.resolve("/", "/loop"), Err(Dead::TooManySymlinks));
    }

    #[test]
    fn a_full_directory_is_not_lost() {
        let mut tree = sample();
        let file = tree.add(Node::new(0o644, Kind::Fifo));
        assert!(tree.replace(NodeId::ROOT, "usr", file).is_err());
    }
}
