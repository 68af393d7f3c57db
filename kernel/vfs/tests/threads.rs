//! Threads on one file system: nothing locks up, and in the end all counts are right.

#[allow(dead_code, reason = "shared with another test, which uses all of it")]
#[path = "linux/random.rs"]
mod random;

use std::{sync::Arc, thread, time::Duration};

use random::Random;
use vfs::{Environment, FileSystem, Follow, Identity, Inode, Limits, RenameFlags, Walker};

const O_CREAT: u32 = 0o100;
const O_RDWR: u32 = 2;
const NONBLOCK: u32 = 0o4000;

fn path(random: &mut Random) -> Vec<u8> {
    let names = [b"a", b"b", b"c", b"d"];
    let depth = 1 + random.below(3);
    let parts: Vec<&[u8]> = (0..depth).map(|_| names[random.below(names.len())].as_slice()).collect();
    parts.join(&b'/')
}

fn act(root: &Arc<Inode>, random: &mut Random) {
    let who = Identity::root();
    let walker = Walker { root, start: root, who: &who };
    let (one, other) = (path(random), path(random));
    // Most of them fail, which is as good.
    match random.below(12) {
        0..=2 => drop(walker.make_directory(&one, 0o755, 0)),
        3 => drop(walker.remove_directory(&one)),
        4 => drop(walker.unlink(&one)),
        5 => drop(walker.rename(&one, &walker, &other, RenameFlags::empty())),
        6 => drop(walker.rename(&one, &walker, &other, RenameFlags::EXCHANGE)),
        7 => drop(walker.link(&one, Follow::No, &walker, &other)),
        8 => drop(walker.make_symlink(&one, &other)),
        9 => drop(walker.open(&one, O_CREAT | O_RDWR | NONBLOCK, 0o644, 0)),
        10 => {
            if let Ok(opened) = walker.open(&one, 0o200_000, 0, 0) {
                let _ = opened.file.entries(400).map(|entries| entries.bytes.len());
                let _ = vfs::absolute_path(root, opened.file.inode());
            }
        }
        _ => {
            if let Ok(opened) = walker.open(&one, O_RDWR | NONBLOCK, 0, 0) {
                let _ = opened.file.inode().append(b"some bytes");
                let _ = opened.file.inode().set_length(5);
            }
        }
    }
}

/// Entries, directories and bytes below a directory, whose own number of names is checked.
fn count(root: &Arc<Inode>, directory: &Arc<Inode>, totals: &mut (u64, u64)) {
    let who = Identity::root();
    let walker = Walker { root, start: directory, who: &who };
    let mut directories = 0;
    for name in [b"a", b"b", b"c", b"d"] {
        let Ok(inode) = walker.find(name, Follow::No) else { continue };
        totals.0 += 1;
        if inode.is_directory() {
            directories += 1;
            assert!(Arc::ptr_eq(
                &Walker { start: &inode, ..walker }.find(b"..", Follow::No).unwrap(),
                directory
            ));
            count(root, &inode, totals);
        } else {
            assert!(inode.attributes().nlink > 0);
        }
        totals.1 += inode.allocated() / u64::from(inode.attributes().nlink.max(1));
    }
    assert_eq!(directory.attributes().nlink, 2 + directories);
}

#[test]
fn threads_leave_a_tree_whose_counts_are_right() {
    let environment = Environment::new(|| Duration::from_secs(1_700_000_000));
    let fs = FileSystem::new(&environment, 1, 0, Limits { bytes: 1 << 30, entries: 1 << 20 });
    let root = Inode::new_root(&fs, 0o755);
    thread::scope(|scope| {
        for seed in 0..4 {
            let root = &root;
            scope.spawn(move || {
                let mut random = Random::new(seed);
                for _ in 0..30_000 {
                    act(root, &mut random);
                }
            });
        }
    });
    let mut totals = (0, 0);
    count(&root, &root, &mut totals);
    assert_eq!(fs.entries().0, totals.0);
    assert_eq!(environment.open_files(), 0);
    // Everything goes with its last name.
    while fs.entries().0 > 0 {
        let who = Identity::root();
        let walker = Walker { root: &root, start: &root, who: &who };
        empty(&walker, b"");
    }
    assert_eq!(fs.live_inodes(), 1);
    assert_eq!(fs.bytes().0, 0);
}

fn empty(walker: &Walker<'_>, prefix: &[u8]) {
    for name in [b'a', b'b', b'c', b'd'] {
        let mut path = prefix.to_vec();
        path.push(name);
        let Ok(inode) = walker.find(&path, Follow::No) else { continue };
        if inode.is_directory() {
            let mut below = path.clone();
            below.push(b'/');
            empty(walker, &below);
            walker.remove_directory(&path).expect("it is empty");
        } else {
            walker.unlink(&path).expect("it is there");
        }
    }
}
