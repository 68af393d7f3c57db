//! Linux is the oracle: the same random calls on its tmpfs and on this crate's file system must come to the same.
//!
//! As root, half of the calls are made by another user. Without a tmpfs at `/dev/shm`, there is nothing to compare with.

mod linux {
    pub(crate) mod host;
    pub(crate) mod ours;
    pub(crate) mod random;
}

use std::sync::Arc;

use linux::{host::Host, ours::Ours, random::Random};

/// A call, and who makes it.
#[derive(Clone, Debug)]
enum Call {
    Mkdir(String, u32),
    Mknod(String, u32),
    Symlink(String, String),
    Link(String, String, bool),
    Unlink(String),
    Rmdir(String),
    Rename(String, String, u32),
    Open(String, u32, u32),
    Stat(String, bool),
    Access(String, u32),
    Readlink(String),
    Chmod(String, u32),
    Chown(String, Option<u32>, Option<u32>, bool),
    Truncate(String, u64),
    Append(String, u8, usize),
    Write(String, u64, u8, usize),
    Read(String, u64, usize),
    Touch(String),
    /// How much memory is taken then differs: Linux takes it in larger pieces.
    Allocate(String, bool, u64, u64),
    Punch(String, u64, u64),
}

/// What a call came to: an error number, or what can be seen of success.
type Outcome = Result<String, u16>;

/// The user that is not root.
const USER: u32 = 4711;
/// A group that it is in.
const GROUP: u32 = 4712;

fn path(random: &mut Random) -> String {
    const NAMES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];
    let mut path = String::new();
    if random.one_in(12) {
        // At most one step up, from a directory that nothing removes: the walk stays in the tree.
        path.push_str("../");
    }
    for index in 0..=random.below(3) {
        if index > 0 {
            path.push('/');
        }
        match random.below(40) {
            0 => path.push('.'),
            1 => path.push('/'),
            2 if index > 0 && !path.contains("..") => path.push_str(".."),
            3 => path.push_str(&"n".repeat(254 + random.below(3))),
            _ => path.push_str(NAMES[random.below(NAMES.len())]),
        }
    }
    if path.starts_with('/') {
        path.insert(0, '.');
    }
    if random.one_in(12) {
        path.push('/');
    }
    if random.one_in(60) {
        path.push_str("/.");
    }
    if random.one_in(300) {
        path.clear();
    }
    path
}

fn mode(random: &mut Random) -> u32 {
    const MODES: [u32; 10] = [0o777, 0o755, 0o700, 0o644, 0o1777, 0o2775, 0o4755, 0o6777, 0o070, 0o555];
    MODES[random.below(MODES.len())]
}

fn call(random: &mut Random) -> Call {
    let p = path(random);
    match random.below(25) {
        0 | 1 => Call::Mkdir(p, mode(random)),
        2 => {
            const TYPES: [u32; 7] = [0, 0o010_000, 0o100_000, 0o140_000, 0o040_000, 0o020_000, 0o120_000];
            Call::Mknod(p, TYPES[random.below(TYPES.len())] | mode(random))
        }
        3 | 4 => {
            let mut target = path(random);
            target.retain(|c| c != '.');
            let target = target.trim_start_matches('/').to_string();
            Call::Symlink(target, p)
        }
        5 => Call::Link(p, path(random), random.one_in(2)),
        6 | 7 => Call::Unlink(p),
        8 => Call::Rmdir(p),
        9 | 10 => {
            const FLAGS: [u32; 5] = [0, 0, 0, 1, 2];
            Call::Rename(p, path(random), FLAGS[random.below(FLAGS.len())])
        }
        11..=13 => {
            let bits = [
                0o0,
                0o1,
                0o2,
                0o3,
                0o100,
                0o101,
                0o102,
                0o301,
                0o300,
                0o1001,
                0o1000,
                0o2001,
                0o200_000,
                0o400_000,
                0o600_000,
                0o10_000_000,
                0o10_400_000,
                0o1101,
                0o200_100,
                0o1_000_000,
                0o400_101,
                0o20_200_001,
                0o20_200_000,
                0o10_200_000,
                0o400_102,
                0o1102,
            ];
            // Not waiting at fifos.
            Call::Open(p, bits[random.below(bits.len())] | 0o4000, mode(random))
        }
        14 => Call::Stat(p, random.one_in(2)),
        15 => Call::Access(p, random.below(8) as u32),
        16 => Call::Readlink(p),
        17 => Call::Chmod(p, mode(random)),
        18 => {
            let id = |random: &mut Random| match random.below(4) {
                0 => Some(0),
                1 => Some(USER),
                2 => Some(GROUP),
                _ => None,
            };
            Call::Chown(p, id(random), id(random), random.one_in(2))
        }
        19 => Call::Truncate(p, random.below(20_000) as u64),
        20 => match random.below(2) {
            0 => Call::Append(p, random.below(256) as u8, random.below(9000)),
            _ => Call::Write(p, random.below(20_000) as u64, random.below(256) as u8, random.below(9000)),
        },
        21 => Call::Read(p, random.below(20_000) as u64, random.below(30_000)),
        22 => {
            Call::Allocate(p, random.one_in(2), random.below(30_000) as u64, random.below(30_000) as u64 + 1)
        }
        23 => Call::Punch(p, random.below(20_000) as u64, random.below(20_000) as u64 + 1),
        _ => Call::Touch(p),
    }
}

fn compare(seed: u64, calls: usize) {
    let Some(host) = Host::new() else {
        eprintln!("skipped: no tmpfs at /dev/shm, or other settings of fs.protected_*");
        return;
    };
    let ours = Ours::new();
    let mut random = Random::new(seed);
    let mut log: Vec<String> = Vec::new();
    for step in 0..calls {
        let call = Arc::new(call(&mut random));
        let as_root = !host.is_root() || random.one_in(2);
        let (theirs, mine) = (host.perform(as_root, &call), ours.perform(&host.identity(as_root), &call));
        log.push(format!("{step} {} {call:?} -> {theirs:?}", if as_root { "first" } else { "second" }));
        assert_eq!(theirs, mine, "Linux left, ours right; seed {seed}, after:\n{}", tail(&log, 60));
        if step % 16 == 0 {
            let (theirs, mine) = (host.tree(), ours.tree());
            assert_eq!(theirs, mine, "Linux left, ours right; seed {seed}, after:\n{}", tail(&log, 60));
        }
    }
}

fn tail(log: &[String], count: usize) -> String {
    log[log.len().saturating_sub(count)..].join("\n")
}

#[test]
fn random_calls_come_to_what_they_come_to_on_linux() {
    let (seeds, calls) = match std::env::var("VFS_COMPARE_SEEDS") {
        Ok(seeds) => (seeds.parse().expect("a number"), 3000),
        Err(_) => (12, 2000),
    };
    for seed in 0..seeds {
        compare(seed, calls);
    }
}
