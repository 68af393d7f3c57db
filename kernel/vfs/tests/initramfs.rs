//! Boot images: good ones become trees, bad ones clear errors, and nothing panics.

use std::{sync::Arc, time::Duration};

use cpio::newc::{self, Builder};
use vfs::{
    Environment, FileSystem, FileType, Follow, Identity, Inode, Limits, LoadError, Loaded, Problem, Walker,
    device_number, load_initramfs,
};

/// An archive as it grows.
#[derive(Default)]
struct Image(Vec<u8>);

impl Image {
    fn add(mut self, name: &str, mode: u32, data: &[u8]) -> Self {
        put(&mut self.0, Builder::new(name).mode(mode).mtime(1234), data);
        self
    }

    fn entry(mut self, builder: Builder, data: &[u8]) -> Self {
        put(&mut self.0, builder, data);
        self
    }

    fn end(mut self) -> Vec<u8> {
        newc::trailer(&mut self.0).expect("memory has room");
        self.0
    }
}

fn put(image: &mut Vec<u8>, builder: Builder, data: &[u8]) {
    let mut writer = builder.write(&mut *image, data.len() as u32);
    std::io::Write::write_all(&mut writer, data).expect("memory has room");
    writer.finish().expect("memory has room");
}

fn new_root() -> Arc<Inode> {
    let environment = Environment::new(|| Duration::from_secs(1_700_000_000));
    let limits = Limits { bytes: 1 << 20, entries: 1000 };
    Inode::new_root(&FileSystem::new(&environment, 1, 0, limits), 0o755)
}

fn load(image: &[u8]) -> Result<(Arc<Inode>, Loaded), LoadError> {
    let root = new_root();
    let loaded = load_initramfs(&root, image.to_vec().leak())?;
    Ok((root, loaded))
}

fn find(root: &Arc<Inode>, path: &str) -> Option<Arc<Inode>> {
    let who = Identity::root();
    Walker { root, start: root, who: &who }.find(path.as_bytes(), Follow::No).ok()
}

fn contents(root: &Arc<Inode>, path: &str) -> Vec<u8> {
    let inode = find(root, path).expect(path);
    let mut bytes = vec![0; inode.length() as usize];
    inode.read_at(0, &mut bytes).expect("a regular file");
    bytes
}

fn problem(image: &[u8]) -> Problem {
    load(image).map(drop).expect_err("a bad image").problem
}

#[test]
fn an_image_becomes_a_tree() {
    let image = Image::default()
        .add(".", 0o040_700, b"")
        .add("./bin", 0o040_755, b"")
        .add("/bin/su", 0o104_755, b"#!")
        .add("tmp", 0o041_777, b"")
        .add("link", 0o120_777, b"bin/su")
        .add("fifo", 0o010_600, b"")
        .add("socket", 0o140_777, b"")
        .entry(Builder::new("null").mode(0o020_666).rdev_major(1).rdev_minor(3), b"")
        .entry(Builder::new("own").mode(0o100_640).uid(7).gid(8).mtime(99), b"x")
        .end();
    let (root, loaded) = load(&image).expect("a good image");
    assert_eq!(loaded, Loaded { entries: 9, bytes: 9 });
    assert_eq!(root.mode(), 0o040_700);
    assert_eq!(find(&root, "bin/su").unwrap().mode(), 0o104_755);
    assert_eq!(find(&root, "tmp").unwrap().mode(), 0o041_777);
    assert_eq!(find(&root, "link").unwrap().read_link().unwrap(), b"bin/su");
    assert_eq!(find(&root, "fifo").unwrap().file_type(), FileType::Fifo);
    assert_eq!(find(&root, "socket").unwrap().file_type(), FileType::Socket);
    assert_eq!(find(&root, "null").unwrap().device_number(), device_number(1, 3));
    let own = find(&root, "own").unwrap().attributes();
    assert_eq!((own.mode, own.uid, own.gid, own.modified.seconds), (0o640, 7, 8, 99));
    assert_eq!(root.attributes().nlink, 4);
}

#[test]
fn contents_are_not_copied() {
    let image: &'static [u8] = Image::default().add("file", 0o100_644, &[7; 10_000]).end().leak();
    let root = new_root();
    load_initramfs(&root, image).expect("a good image");
    let file = find(&root, "file").unwrap();
    assert!(image.as_ptr_range().contains(&file.borrowed(0).unwrap().as_ptr()));
    assert_eq!(file.allocated(), 0);
    assert_eq!(file.file_system().bytes().0, 0);
    file.write_at(5000, b"x").unwrap();
    assert_eq!(file.allocated(), 4096);
    assert_eq!(contents(&root, "file")[4999..5002], [7, b'x', 7]);
}

#[test]
fn hard_links_are_one_file_wherever_the_contents_come() {
    for full in 0..3 {
        let mut image = Image::default().add("dir", 0o040_755, b"");
        for (index, name) in ["a", "dir/b", "c"].into_iter().enumerate() {
            let builder = Builder::new(name).mode(0o100_644).ino(5).nlink(3);
            image = image.entry(builder, if index == full { b"data" } else { b"" });
        }
        // Another device, and another file of the same number with one name.
        let image = image
            .entry(Builder::new("d").mode(0o100_644).ino(5).nlink(3).dev_major(1), b"other")
            .entry(Builder::new("e").mode(0o100_644).ino(5).nlink(1), b"single")
            .end();
        let (root, _) = load(&image).expect("a good image");
        let inode = find(&root, "a").unwrap();
        assert_eq!(inode.attributes().nlink, 3);
        for name in ["dir/b", "c"] {
            assert!(Arc::ptr_eq(&inode, &find(&root, name).unwrap()));
        }
        assert_eq!(contents(&root, "c"), b"data");
        assert_eq!(contents(&root, "d"), b"other");
        assert_eq!(contents(&root, "e"), b"single");
    }
}

#[test]
fn later_entries_replace_files_and_merge_into_directories() {
    let first = Image::default()
        .add("dir", 0o040_755, b"")
        .add("dir/a", 0o100_644, b"old")
        .add("dir/b", 0o100_644, b"kept")
        .add("dir/c", 0o120_777, b"a")
        .add("usr", 0o040_755, b"")
        .add("lib", 0o120_777, b"usr")
        .add("empty", 0o040_755, b"")
        .end();
    let second = Image::default()
        .add("dir", 0o040_700, b"")
        .add("dir/a", 0o100_600, b"new")
        .add("dir/c", 0o100_644, b"file now")
        .add("lib", 0o040_755, b"")
        .add("lib/through", 0o100_644, b"the link")
        .add("empty", 0o100_644, b"file now")
        .end();
    // Several archives in a row, zeros between and behind.
    let mut image = first;
    image.resize(image.len().next_multiple_of(512), 0);
    image.extend(second);
    image.resize(image.len() + 1000, 0);
    let (root, loaded) = load(&image).expect("a good image");
    assert_eq!(loaded.entries, 13);
    assert_eq!(find(&root, "dir").unwrap().mode(), 0o040_700);
    assert_eq!(contents(&root, "dir/a"), b"new");
    assert_eq!(contents(&root, "dir/b"), b"kept");
    assert_eq!(contents(&root, "dir/c"), b"file now");
    assert_eq!(contents(&root, "usr/through"), b"the link");
    assert_eq!(find(&root, "lib").unwrap().file_type(), FileType::Symlink);
    assert_eq!(contents(&root, "empty"), b"file now");
    assert_eq!(root.attributes().nlink, 4, "dir, usr and two of its own");
}

#[test]
fn bad_images_are_named_by_offset_entry_and_cause() {
    let good = || Image::default().add("dir", 0o040_755, b"").add("file", 0o100_644, b"12345678");
    assert_eq!(problem(b""), Problem::Empty);
    assert_eq!(problem(&[0; 600]), Problem::Empty);
    assert_eq!(problem(b"\x1f\x8b\x08\0\0\0\0\0"), Problem::Compressed);
    assert_eq!(problem(b"\x28\xb5\x2f\xfd00000000"), Problem::Compressed);
    assert_eq!(problem(b"0707"), Problem::Truncated);
    assert_eq!(problem(&[b'x'; 200]), Problem::BadMagic);
    assert_eq!(problem(&good().0), Problem::NoTrailer);
    assert_eq!(problem(&good().add("../etc", 0o100_644, b"").end()), Problem::DotDot);
    assert_eq!(problem(&good().add("none/x", 0o100_644, b"").end()), Problem::NoParent);
    assert_eq!(problem(&good().add("file/x", 0o100_644, b"").end()), Problem::ParentNotDirectory);
    assert_eq!(
        problem(&good().add("dir/x", 0o100_644, b"").add("dir", 0o100_644, b"").end()),
        Problem::DirectoryInTheWay
    );
    assert_eq!(problem(&good().add("x", 0o644, b"").end()), Problem::BadType(0o644));
    assert_eq!(problem(&good().add("x", 0o120_777, b"").end()), Problem::BadTarget);
    assert_eq!(problem(&good().add(".", 0o100_644, b"").end()), Problem::DirectoryInTheWay);
    let long = "n".repeat(256);
    assert_eq!(
        problem(&good().add(&long, 0o100_644, b"").end()).to_string(),
        "the file system refused: ENAMETOOLONG"
    );

    let image = good().end();
    let second = 116;
    assert_eq!(&image[second..second + 6], b"070701");
    let damage = |at: usize, bytes: &[u8]| {
        let mut image = image.clone();
        image[at..at + bytes.len()].copy_from_slice(bytes);
        load(&image).map(drop).expect_err("a bad image")
    };
    let error = damage(second, b"070707");
    assert_eq!(error, LoadError { offset: second, entry: None, problem: Problem::BadMagic });
    assert_eq!(error.to_string(), "initramfs, offset 0x74: bad magic number, not 070701");
    assert_eq!(damage(second + 6, b"0000000g").problem, Problem::BadNumber);
    assert_eq!(damage(second + 6, b"+0000001").problem, Problem::BadNumber);
    assert_eq!(damage(second + 94, b"00000000").problem, Problem::BadNameSize(0));
    assert_eq!(damage(second + 94, b"ffffffff").problem, Problem::BadNameSize(u32::MAX));
    assert_eq!(damage(second + 94, b"00000fff").problem, Problem::Truncated);
    assert_eq!(damage(second + 110, b"f\0").problem, Problem::BadName);
    assert_eq!(damage(second + 114, b"x").problem, Problem::BadName);
    let error = damage(second + 54, b"ffffffff");
    assert!(matches!(error.problem, Problem::DataBeyondEnd(missing) if missing > 4_000_000_000));
    assert_eq!(error.entry.as_deref(), Some(b"file".as_slice()));
    assert!(error.to_string().starts_with("initramfs, offset 0x74, entry \"file\": the contents go on for"));

    let mut writer = Builder::new("sum").mode(0o100_644).write_crc(Vec::new(), 2, 3);
    std::io::Write::write_all(&mut writer, &[1, 2]).expect("memory has room");
    let mut image = writer.finish().expect("memory has room");
    newc::trailer(&mut image).expect("memory has room");
    assert!(load(&image).is_ok());
    let at = image.iter().rposition(|byte| *byte == 2).unwrap();
    image[at] = 9;
    assert_eq!(problem(&image), Problem::BadChecksum);
}

#[test]
fn every_truncation_and_every_flipped_byte_is_survived() {
    let image = Image::default()
        .add("dir", 0o040_755, b"")
        .add("dir/file", 0o100_644, b"contents")
        .add("link", 0o120_777, b"dir")
        .entry(Builder::new("hard").mode(0o100_644).ino(9).nlink(2), b"")
        .entry(Builder::new("link2").mode(0o100_644).ino(9).nlink(2), b"late")
        .end();
    for length in 0..image.len() {
        // Cut within the padding of the trailer, everything is there.
        assert!(load(&image[..length]).is_err() || image.len() - length < 4, "cut to {length}");
    }
    for at in 0..image.len() {
        for value in [0, b'0', b'7', b'f', b'/', b'.', 0xff] {
            let mut bad = image.clone();
            bad[at] = value;
            // Good or bad, but no panic.
            let _ = load(&bad);
        }
    }
}
