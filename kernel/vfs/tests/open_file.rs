//! Open files: offsets, flags, directories, devices, files that code makes.

use std::{cell::RefCell, sync::Arc, time::Duration};

use socket::{
    caller::Fault,
    error::{Errno, Result},
};
use vfs::{
    Buffers, Entropy, Environment, FileSystem, Follow, FsState, Identity, Inode, Limits, LinkTarget,
    MagicLink, OpenFile, Segment, UserMemory, Walker, Whence, absolute_path,
};

const O_WRONLY: u32 = 1;
const O_RDWR: u32 = 2;
const O_CREAT: u32 = 0o100;
const O_TRUNC: u32 = 0o1000;
const O_APPEND: u32 = 0o2000;
const O_PATH: u32 = 0o10_000_000;

/// User memory that starts at address 0.
struct Memory(RefCell<Vec<u8>>);

impl Memory {
    fn of(bytes: &[u8]) -> Self {
        Self(RefCell::new(bytes.to_vec()))
    }
}

impl UserMemory for Memory {
    fn read(&self, address: usize, into: &mut [u8]) -> std::result::Result<(), Fault> {
        let bytes = self.0.borrow();
        let rest = bytes.get(address..).unwrap_or_default();
        let copied = into.len().min(rest.len());
        into[..copied].copy_from_slice(&rest[..copied]);
        if copied == into.len() { Ok(()) } else { Err(Fault { copied }) }
    }

    fn write(&self, address: usize, from: &[u8]) -> std::result::Result<(), Fault> {
        let mut bytes = self.0.borrow_mut();
        let rest = bytes.get_mut(address..).unwrap_or_default();
        let copied = from.len().min(rest.len());
        rest[..copied].copy_from_slice(&from[..copied]);
        if copied == from.len() { Ok(()) } else { Err(Fault { copied }) }
    }
}

struct Counting;

impl Entropy for Counting {
    fn fill(&self, into: &mut [u8]) {
        into.iter_mut().enumerate().for_each(|(index, byte)| *byte = index as u8);
    }
}

struct World {
    environment: Arc<Environment>,
    root: Arc<Inode>,
    who: Identity,
}

impl World {
    fn new() -> Self {
        let environment = Environment::new(|| Duration::from_secs(1_700_000_000));
        vfs::register_memory_devices(&environment, Arc::new(Counting));
        let limits = Limits { bytes: 64 << 10, entries: 100 };
        let root = Inode::new_root(&FileSystem::new(&environment, 1, 0, limits), 0o755);
        Self { environment, root, who: Identity::root() }
    }

    fn walker(&self) -> Walker<'_> {
        Walker { root: &self.root, start: &self.root, who: &self.who }
    }

    fn open(&self, path: &str, flags: u32) -> Result<Arc<OpenFile>> {
        Ok(self.walker().open(path.as_bytes(), flags, 0o644, 0)?.file)
    }

    fn write(&self, file: &OpenFile, bytes: &[u8]) -> Result<usize> {
        let memory = Memory::of(bytes);
        file.write(
            || self.who.clone(),
            &mut Buffers::new(&memory, &[Segment { address: 0, length: bytes.len() }]),
        )
    }
}

fn read(file: &OpenFile, length: usize) -> Result<Vec<u8>> {
    let memory = Memory::of(&vec![0; length]);
    let count = file.read(&mut Buffers::new(&memory, &[Segment { address: 0, length }]))?;
    let mut bytes = memory.0.into_inner();
    bytes.truncate(count);
    Ok(bytes)
}

fn errno<T>(result: Result<T>) -> Option<Errno> {
    result.err().map(|error| error.errno)
}

#[test]
fn offsets_move_and_are_shared() {
    let world = World::new();
    let file = world.open("f", O_RDWR | O_CREAT).unwrap();
    assert_eq!(world.write(&file, b"hello world"), Ok(11));
    assert_eq!(read(&file, 5).unwrap(), b"");
    assert_eq!(file.seek(-5, Whence::End), Ok(6));
    assert_eq!(read(&file, 3).unwrap(), b"wor");
    assert_eq!(file.seek(0, Whence::Current), Ok(9));
    assert_eq!(errno(file.seek(-10, Whence::Current)), Some(Errno::EINVAL));
    assert_eq!(errno(file.seek(i64::MAX, Whence::Current)), Some(Errno::EOVERFLOW));
    assert_eq!(file.seek(3, Whence::Data), Ok(3));
    assert_eq!(file.seek(3, Whence::Hole), Ok(11));
    assert_eq!(errno(file.seek(11, Whence::Data)), Some(Errno::ENXIO));
    file.seek(20, Whence::Set).unwrap();
    assert_eq!(world.write(&file, b"!"), Ok(1));
    assert_eq!(file.inode().length(), 21);
    let again = world.open("f", 0).unwrap();
    assert_eq!(read(&again, 100).unwrap(), b"hello world\0\0\0\0\0\0\0\0\0!");
    assert_eq!(errno(world.write(&again, b"x")), Some(Errno::EBADF));
}

#[test]
fn appending_ignores_the_offset() {
    let world = World::new();
    let file = world.open("f", O_RDWR | O_CREAT | O_APPEND).unwrap();
    let other = world.open("f", O_WRONLY | O_APPEND).unwrap();
    world.write(&file, b"one").unwrap();
    world.write(&other, b"two").unwrap();
    file.seek(0, Whence::Set).unwrap();
    world.write(&file, b"three").unwrap();
    assert_eq!(file.seek(0, Whence::Current), Ok(11));
    let memory = Memory::of(b"four");
    let segments = [Segment { address: 0, length: 4 }];
    assert_eq!(file.write_at(|| world.who.clone(), 0, &mut Buffers::new(&memory, &segments)), Ok(4));
    assert_eq!(file.seek(0, Whence::Current), Ok(11), "pwrite does not move it");
    file.set_status(&world.who, 0).unwrap();
    file.seek(0, Whence::Set).unwrap();
    world.write(&file, b"ONE").unwrap();
    file.seek(0, Whence::Set).unwrap();
    assert_eq!(read(&file, 100).unwrap(), b"ONEtwothreefour");
    drop(world.open("f", O_WRONLY | O_TRUNC).unwrap());
    assert_eq!(file.inode().length(), 0);
}

#[test]
fn faults_move_the_offset_no_further_than_the_bytes() {
    let world = World::new();
    let file = world.open("f", O_RDWR | O_CREAT).unwrap();
    let memory = Memory::of(&[1; 1000]);
    let beyond = [Segment { address: 0, length: 3000 }];
    assert_eq!(file.write(|| world.who.clone(), &mut Buffers::new(&memory, &beyond)), Ok(1000));
    assert_eq!(file.seek(0, Whence::Current), Ok(1000));
    let wild = [Segment { address: 5000, length: 10 }];
    assert_eq!(
        errno(file.write(|| world.who.clone(), &mut Buffers::new(&memory, &wild))),
        Some(Errno::EFAULT)
    );
    assert_eq!(file.seek(0, Whence::Current), Ok(1000));
    file.seek(0, Whence::Set).unwrap();
    assert_eq!(errno(file.read(&mut Buffers::new(&memory, &wild))), Some(Errno::EFAULT));
    assert_eq!(file.seek(0, Whence::Current), Ok(0));
    let little = Memory::of(&[0; 10]);
    assert_eq!(file.read(&mut Buffers::new(&little, &beyond)), Ok(10));
    assert_eq!(file.seek(0, Whence::Current), Ok(10));
}

#[test]
fn a_full_file_system_says_so_and_recovers() {
    let world = World::new();
    let file = world.open("f", O_RDWR | O_CREAT).unwrap();
    assert_eq!(world.write(&file, &vec![1; 100_000]), Ok(64 << 10));
    assert_eq!(errno(world.write(&file, b"x")), Some(Errno::ENOSPC));
    assert_eq!(errno(world.walker().make_symlink(b"x", b"link")), Some(Errno::ENOSPC));
    world.walker().unlink(b"f").unwrap();
    assert_eq!(file.inode().file_system().bytes().0, 64 << 10, "it is still open");
    drop(file);
    assert_eq!(world.root.file_system().bytes().0, 0);
    for index in 0..100 {
        world.walker().make_node(format!("n{index}").as_bytes(), 0o644, 0, 0).unwrap();
    }
    assert_eq!(errno(world.open("more", O_RDWR | O_CREAT)), Some(Errno::ENOSPC));
    assert_eq!(errno(world.walker().link(b"n1", Follow::No, &world.walker(), b"more")), Some(Errno::ENOSPC));
    world.walker().unlink(b"n5").unwrap();
    world.open("more", O_RDWR | O_CREAT).unwrap();
    assert_eq!(world.environment.open_files(), 0);
    assert_eq!(world.root.file_system().live_inodes(), 101);
}

#[test]
fn directories_are_listed_while_they_change() {
    let world = World::new();
    world.walker().make_directory(b"d", 0o755, 0).unwrap();
    for index in 0..20 {
        world.open(&format!("d/{index}"), O_CREAT).unwrap();
    }
    let file = world.open("d", 0).unwrap();
    assert_eq!(errno(file.entries(20)), Some(Errno::EINVAL));
    let mut seen = Vec::new();
    loop {
        // Room for two or three.
        let entries = file.entries(64).unwrap();
        if entries.bytes.is_empty() {
            break;
        }
        let mut at = 0;
        while at < entries.bytes.len() {
            let length = usize::from(u16::from_ne_bytes([entries.bytes[at + 16], entries.bytes[at + 17]]));
            let name = &entries.bytes[at + 19..at + length];
            seen.push(String::from_utf8_lossy(name).trim_end_matches('\0').to_string());
            at += length;
        }
        file.entries_taken(&entries);
        // What is removed behind or in front of the position does not make others vanish or come twice.
        if let Some(last) = seen.last().filter(|last| last.parse::<u32>().is_ok()) {
            world.walker().unlink(format!("d/{last}").as_bytes()).unwrap();
        }
    }
    let numbers: Vec<_> = (0..20).map(|index| index.to_string()).collect();
    assert_eq!(seen[..2], [".", ".."]);
    assert_eq!(seen[2..], numbers);
    file.seek(0, Whence::Set).unwrap();
    assert!(!file.entries(64).unwrap().bytes.is_empty());
    assert_eq!(errno(read(&file, 1)), Some(Errno::EISDIR));
    assert_eq!(errno(world.open("d/19", 0).map(|file| file.entries(100).map(drop)).unwrap_or(Ok(()))), None);
}

#[test]
fn a_removed_working_directory_is_nowhere() {
    let world = World::new();
    world.walker().make_directory(b"a", 0o755, 0).unwrap();
    world.walker().make_directory(b"a/b", 0o755, 0).unwrap();
    let state = FsState::new(&world.root);
    state.set_working_directory(world.walker().find_directory(b"a/b").unwrap());
    assert_eq!(absolute_path(&world.root, &state.working_directory()).unwrap(), b"/a/b");
    world.walker().rename(b"a", &world.walker(), b"c", vfs::RenameFlags::empty()).unwrap();
    assert_eq!(absolute_path(&world.root, &state.working_directory()).unwrap(), b"/c/b");
    world.walker().remove_directory(b"c/b").unwrap();
    let here = state.working_directory();
    assert_eq!(errno(absolute_path(&world.root, &here)), Some(Errno::ENOENT));
    let walker = Walker { start: &here, ..world.walker() };
    assert_eq!(errno(walker.make_directory(b"x", 0o755, 0)), Some(Errno::ENOENT));
    assert_eq!(errno(walker.find(b"x", Follow::Yes)), Some(Errno::ENOENT));
    assert!(Arc::ptr_eq(
        &walker.find(b"..", Follow::Yes).unwrap(),
        &world.walker().find(b"c", Follow::Yes).unwrap()
    ));
}

#[test]
fn long_chains_of_removed_directories_are_dropped_without_recursion() {
    let world = World::new();
    let limits = Limits { bytes: 0, entries: u64::MAX };
    let root = Inode::new_root(&FileSystem::new(&world.environment, 2, 0, limits), 0o755);
    let mut here = root.clone();
    let find = |start: &Arc<Inode>, name: &[u8]| {
        Walker { root: &root, start, who: &world.who }.find(name, Follow::No).unwrap()
    };
    for _ in 0..200_000 {
        let walker = Walker { root: &root, start: &here, who: &world.who };
        walker.make_directory(b"d", 0o755, 0).unwrap();
        here = find(&here, b"d");
    }
    let mut above = here.clone();
    while !Arc::ptr_eq(&above, &root) {
        above = find(&above, b"..");
        let walker = Walker { root: &root, start: &above, who: &world.who };
        walker.remove_directory(b"d").unwrap();
    }
    drop(above);
    assert_eq!(root.file_system().live_inodes(), 200_001);
    drop(here);
    assert_eq!(root.file_system().live_inodes(), 1);
}

#[test]
fn devices_of_memory_behave_as_those_of_linux() {
    let world = World::new();
    let devices = vfs::make_directories(&world.root, b"dev").unwrap();
    vfs::populate_devices(&devices).unwrap();
    let null = world.open("dev/null", O_RDWR | O_TRUNC).unwrap();
    assert_eq!(world.write(&null, b"gone"), Ok(4));
    assert_eq!(read(&null, 4).unwrap(), b"");
    let nowhere = Memory::of(b"");
    let wild = [Segment { address: 100, length: 7 }];
    assert_eq!(
        null.write(|| world.who.clone(), &mut Buffers::new(&nowhere, &wild)),
        Ok(7),
        "it does not look"
    );
    let zero = world.open("dev/zero", O_RDWR).unwrap();
    assert_eq!(read(&zero, 70_000).unwrap(), vec![0; 70_000]);
    assert_eq!(errno(zero.read(&mut Buffers::new(&nowhere, &wild))), Some(Errno::EFAULT));
    let full = world.open("dev/full", O_RDWR).unwrap();
    assert_eq!(errno(world.write(&full, b"x")), Some(Errno::ENOSPC));
    assert_eq!(read(&full, 2).unwrap(), [0, 0]);
    assert_eq!(read(&world.open("dev/urandom", 0).unwrap(), 3).unwrap(), [0, 1, 2]);
    assert_eq!(null.seek(50, Whence::Set), Ok(0));
    assert_eq!(world.walker().find(b"dev/null", Follow::Yes).unwrap().mode(), 0o020_666);
}

struct Exe(Arc<Inode>);

impl MagicLink for Exe {
    fn text(&self) -> Result<Vec<u8>> {
        Ok(b"/no/such/place".to_vec())
    }

    fn target(&self) -> Result<Option<LinkTarget>> {
        Ok(Some(self.0.clone().into()))
    }
}

#[test]
fn files_that_code_makes() {
    let world = World::new();
    let proc = FileSystem::new(&world.environment, 3, 0x9fa0, Limits::NONE);
    let top = Inode::new_directory(&proc, 0o555);
    world.root.install(b"proc", &top).unwrap();
    let count = std::sync::atomic::AtomicUsize::new(0);
    let generate = Box::new(move || {
        let number = count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Ok(format!("made {number} times").into_bytes())
    });
    top.install(b"counter", &Inode::new_generated(&proc, 0o444, generate)).unwrap();
    let target = world.open("program", O_RDWR | O_CREAT).unwrap();
    let link = Inode::new_magic_link(&proc, Box::new(Exe(target.inode().clone())));
    top.install(b"exe", &link).unwrap();

    let file = world.open("proc/counter", 0).unwrap();
    assert_eq!(read(&file, 6).unwrap(), b"made 0");
    assert_eq!(read(&file, 100).unwrap(), b" times");
    file.seek(0, Whence::Set).unwrap();
    assert_eq!(read(&file, 100).unwrap(), b"made 1 times");
    // Whom the mode lets may open it for writing, as on Linux; it takes nothing all the same.
    let file = world.open("proc/counter", O_RDWR | O_TRUNC).unwrap();
    assert_eq!(errno(world.write(&file, b"x")), Some(Errno::EINVAL));

    assert_eq!(world.walker().read_link(b"proc/exe").unwrap(), b"/no/such/place");
    let opened = world.open("proc/exe", O_WRONLY | O_CREAT | O_TRUNC).unwrap();
    assert!(Arc::ptr_eq(opened.inode(), target.inode()));
    assert_eq!(errno(world.walker().find(b"proc/exe/x", Follow::Yes)), Some(Errno::ENOTDIR));

    // Another file system: a mount as far as programs can tell.
    assert_eq!(errno(world.walker().remove_directory(b"proc")), Some(Errno::EBUSY));
    let flags = vfs::RenameFlags::empty();
    assert_eq!(errno(world.walker().rename(b"proc", &world.walker(), b"x", flags)), Some(Errno::EBUSY));
    assert_eq!(
        errno(world.walker().rename(b"program", &world.walker(), b"proc/x", flags)),
        Some(Errno::EXDEV)
    );
    assert_eq!(
        errno(world.walker().link(b"program", Follow::No, &world.walker(), b"proc/x")),
        Some(Errno::EXDEV)
    );
    assert!(top.stat().is_root && world.root.stat().is_root);
    assert_eq!(absolute_path(&world.root, &top).unwrap(), b"/proc");
}

#[test]
fn running_programs_are_not_written_to() {
    let world = World::new();
    let file = world.open("program", O_RDWR | O_CREAT).unwrap();
    assert_eq!(errno(file.inode().deny_writing()), Some(Errno::ETXTBSY));
    let inode = file.inode().clone();
    drop(file);
    let running = inode.deny_writing().unwrap();
    let again = inode.deny_writing().unwrap();
    drop(running);
    assert_eq!(errno(world.open("program", O_WRONLY)), Some(Errno::ETXTBSY));
    assert_eq!(errno(world.walker().truncate(b"program", 0)), Some(Errno::ETXTBSY));
    assert!(world.open("program", 0).is_ok());
    drop(again);
    assert!(world.open("program", O_WRONLY).is_ok());
}

#[test]
fn a_descriptor_that_only_names_does_nothing_else() {
    let world = World::new();
    drop(world.open("f", O_RDWR | O_CREAT).unwrap());
    let file = world.open("f", O_PATH | O_RDWR).unwrap();
    assert_eq!(file.status(), O_PATH);
    assert_eq!(errno(read(&file, 1)), Some(Errno::EBADF));
    assert_eq!(errno(world.write(&file, b"x")), Some(Errno::EBADF));
    assert_eq!(errno(file.seek(0, Whence::Set)), Some(Errno::EBADF));
    assert_eq!(errno(file.truncate(&world.who, 0)), Some(Errno::EBADF));
    assert_eq!(file.path(&world.root), b"/f");
    world.walker().unlink(b"f").unwrap();
    assert_eq!(file.path(&world.root), b"/f (deleted)");
}
