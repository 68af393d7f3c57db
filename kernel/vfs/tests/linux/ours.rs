//! The calls on this crate's file system.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use socket::{
    caller::Fault,
    error::{Error, Result},
};
use vfs::{
    Access, Buffers, Entropy, Environment, FileSystem, FileType, Follow, Identity, Inode, Limits, OpenFile,
    RenameFlags, Segment, SetTime, UserMemory, Walker,
};

use crate::{Call, Outcome};

/// The host's umask is set to the same.
pub(crate) const UMASK: u32 = 0o022;

pub(crate) struct Ours {
    root: Arc<Inode>,
    start: Arc<Inode>,
}

/// All of the address space is one byte over and over.
struct Fill(u8);

impl UserMemory for Fill {
    fn read(&self, _address: usize, into: &mut [u8]) -> std::result::Result<(), Fault> {
        into.fill(self.0);
        Ok(())
    }

    fn write(&self, _address: usize, _from: &[u8]) -> std::result::Result<(), Fault> {
        Err(Fault { copied: 0 })
    }
}

/// Collects what is written to it.
struct Sink(std::cell::RefCell<Vec<u8>>);

impl UserMemory for Sink {
    fn read(&self, _address: usize, _into: &mut [u8]) -> std::result::Result<(), Fault> {
        Err(Fault { copied: 0 })
    }

    fn write(&self, _address: usize, from: &[u8]) -> std::result::Result<(), Fault> {
        self.0.borrow_mut().extend_from_slice(from);
        Ok(())
    }
}

/// Numbers that a comparison can show, in place of contents.
pub(crate) fn digest(bytes: &[u8]) -> String {
    let sum = bytes.iter().fold(7_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(*byte)));
    format!("{} bytes, {sum:x}", bytes.len())
}

struct Seven;

impl Entropy for Seven {
    fn fill(&self, into: &mut [u8]) {
        into.fill(7);
    }
}

impl Ours {
    pub(crate) fn new() -> Self {
        let environment = Environment::new(|| Duration::from_secs(1_700_000_000));
        vfs::register_memory_devices(&environment, Arc::new(Seven));
        let fs = FileSystem::new(&environment, 1, 0x0102_1994, Limits { bytes: 1 << 30, entries: 1 << 20 });
        let root = Inode::new_root(&fs, 0o777);
        let start = Inode::new_directory(&fs, 0o777);
        root.install(b"w", &start).expect("an empty directory");
        Self { root, start }
    }

    pub(crate) fn perform(&self, who: &Identity, call: &Call) -> Outcome {
        let walker = Walker { root: &self.root, start: &self.start, who };
        perform(&walker, who, call).map_err(|error: Error| error.errno.number())
    }

    pub(crate) fn tree(&self) -> BTreeMap<String, String> {
        let mut tree = BTreeMap::new();
        self.add(&self.root, "", &mut tree);
        tree
    }

    fn add(&self, directory: &Arc<Inode>, prefix: &str, tree: &mut BTreeMap<String, String>) {
        let who = Identity::root();
        let walker = Walker { root: &self.root, start: directory, who: &who };
        let opened = walker.open_inode(directory, 0).expect("root may");
        for name in names(&opened.file) {
            let path = format!("{prefix}/{name}");
            let inode = walker.find(name.as_bytes(), Follow::No).expect("it was listed");
            let mut line = describe(&inode);
            match inode.file_type() {
                FileType::Directory => self.add(&inode, &path, tree),
                FileType::Regular => {
                    let mut bytes = vec![0; inode.length() as usize];
                    inode.read_at(0, &mut bytes).expect("a regular file");
                    line += &digest(&bytes);
                }
                FileType::Symlink => line += &String::from_utf8_lossy(&inode.read_link().expect("a link")),
                _ => {}
            }
            tree.insert(path, line);
        }
    }
}

fn names(file: &OpenFile) -> Vec<String> {
    let mut names = Vec::new();
    loop {
        let entries = file.entries(300).expect("a directory");
        let bytes = &entries.bytes;
        if bytes.is_empty() {
            return names;
        }
        let mut at = 0;
        while at < bytes.len() {
            let length = u16::from_ne_bytes([bytes[at + 16], bytes[at + 17]]) as usize;
            let name = &bytes[at + 19..at + length];
            let end = name.iter().position(|byte| *byte == 0).expect("it ends");
            let name = String::from_utf8(name[..end].to_vec()).expect("it is text");
            if name != "." && name != ".." {
                names.push(name);
            }
            at += length;
        }
        file.entries_taken(&entries);
    }
}

fn describe(inode: &Inode) -> String {
    let stat = inode.stat();
    format!("mode {:o} nlink {} uid {} gid {} size {} ", stat.mode, stat.nlink, stat.uid, stat.gid, stat.size)
}

fn follow(yes: bool) -> Follow {
    if yes { Follow::Yes } else { Follow::No }
}

fn perform(walker: &Walker<'_>, who: &Identity, call: &Call) -> Result<String> {
    let none = |()| String::new();
    match call {
        Call::Mkdir(path, mode) => walker.make_directory(path.as_bytes(), *mode, UMASK).map(none),
        Call::Mknod(path, mode) => walker.make_node(path.as_bytes(), *mode, 0x103, UMASK).map(none),
        Call::Symlink(target, path) => walker.make_symlink(target.as_bytes(), path.as_bytes()).map(none),
        Call::Link(old, new, through) => {
            walker.link(old.as_bytes(), follow(*through), walker, new.as_bytes()).map(none)
        }
        Call::Unlink(path) => walker.unlink(path.as_bytes()).map(none),
        Call::Rmdir(path) => walker.remove_directory(path.as_bytes()).map(none),
        Call::Rename(old, new, flags) => {
            let flags = RenameFlags::from_bits_truncate(*flags);
            walker.rename(old.as_bytes(), walker, new.as_bytes(), flags).map(none)
        }
        Call::Open(path, flags, mode) => {
            let opened = walker.open(path.as_bytes(), *flags, *mode, UMASK)?;
            Ok(format!("{:o} {}", opened.file.status(), describe(opened.file.inode())))
        }
        Call::Stat(path, through) => Ok(describe(&*walker.find(path.as_bytes(), follow(*through))?)),
        Call::Access(path, mode) => {
            let access = Access::from_bits_truncate(*mode);
            walker.access(path.as_bytes(), access, Follow::Yes).map(none)
        }
        Call::Readlink(path) => {
            walker.read_link(path.as_bytes()).map(|text| String::from_utf8_lossy(&text).into_owned())
        }
        Call::Chmod(path, mode) => {
            walker.find(path.as_bytes(), Follow::Yes)?.change_mode(who, *mode).map(none)
        }
        Call::Chown(path, uid, gid, through) => {
            walker.find(path.as_bytes(), follow(*through))?.change_owner(who, *uid, *gid).map(none)
        }
        Call::Truncate(path, length) => {
            let opened = walker.open(path.as_bytes(), 0o4001, 0, UMASK)?;
            opened.file.truncate(who, *length).map(none)
        }
        Call::Append(path, byte, length) => {
            let opened = walker.open(path.as_bytes(), 0o6001, 0, UMASK)?;
            write(&opened.file, who, None, *byte, *length)
        }
        Call::Write(path, offset, byte, length) => {
            let opened = walker.open(path.as_bytes(), 0o4001, 0, UMASK)?;
            write(&opened.file, who, Some(*offset), *byte, *length)
        }
        Call::Allocate(path, keep, start, length) => {
            let file = walker.open(path.as_bytes(), 0o4001, 0, UMASK)?.file;
            file.allocate(|| who.clone(), *start..start + length, !keep)?;
            Ok(String::new())
        }
        Call::Punch(path, start, length) => {
            let file = walker.open(path.as_bytes(), 0o4001, 0, UMASK)?.file;
            file.punch(|| who.clone(), *start..start + length)?;
            Ok(String::new())
        }
        Call::Read(path, offset, length) => {
            let opened = walker.open(path.as_bytes(), 0o4000, 0, UMASK)?;
            let sink = Sink(Vec::new().into());
            let segments = [Segment { address: 1, length: *length }];
            let mut buffers = Buffers::new(&sink, &segments);
            let count = opened.file.read_at(*offset, &mut buffers)?;
            let bytes = sink.0.into_inner();
            assert_eq!(count, bytes.len());
            Ok(digest(&bytes))
        }
        Call::Touch(path) => {
            let inode = walker.find(path.as_bytes(), Follow::Yes)?;
            inode.change_times(who, SetTime::Now, SetTime::Now).map(none)
        }
    }
}

fn write(file: &OpenFile, who: &Identity, offset: Option<u64>, byte: u8, length: usize) -> Result<String> {
    let fill = Fill(byte);
    let segments = [Segment { address: 1, length }];
    let mut buffers = Buffers::new(&fill, &segments);
    let count = match offset {
        Some(offset) => file.write_at(|| who.clone(), offset, &mut buffers),
        None => file.write(|| who.clone(), &mut buffers),
    };
    count.map(|count| count.to_string())
}
