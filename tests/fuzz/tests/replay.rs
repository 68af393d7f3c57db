//! The fuzz targets without a fuzzer: the corpus as it is, and so many mutations of it, the same in every run. What they
//! allocate is bounded too.

use std::{
    fs,
    panic::{self, AssertUnwindSafe},
    path::Path,
    sync::Mutex,
};

use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATED: PeakAlloc = PeakAlloc;

/// What is allocated is counted for the whole program: one target at a time.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// What an input of a few kilobytes may take, in MB.
const MOST: f32 = 64.0;

/// How many mutations are tried.
const MUTATIONS: usize = 600;

/// A small generator (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit.max(1) as u64) as usize
    }
}

/// Pieces that mean something to one of the readers.
const PIECES: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    "(",
    ")",
    "<",
    ">",
    "=",
    "|",
    ",",
    ";",
    "..",
    "...",
    "/*",
    "*/",
    "//",
    "NULL",
    "<PATH>",
    "struct ",
    "-1",
    "0x",
    "18446744073709551615",
    "é",
    "\0",
    "\n",
    "\r\n",
    "\"",
    "\\",
    "@",
    "~",
    " => ",
    "->",
    "<<",
    "AF_UNIX",
    " <unfinished ...>",
    "<... read resumed>",
    "[pid 7] ",
    "7 ",
    " = ",
    " = -1 EBADF (x)",
    "<socket:[1]>",
    "<TCP:[1->2]>",
    "SCM_RIGHTS",
    "+++ exited with 0 +++",
    "clone(CLONE_FILES) = 9",
    "htons(",
    "00:11",
    "SOCK_STREAM",
];

fn corpus(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    let mut files: Vec<_> = fs::read_dir(folder)
        .expect("the target has a corpus")
        .map(|entry| entry.expect("it can be read").path())
        .map(|path| (path.display().to_string(), fs::read(&path).expect("it can be read")))
        .collect();
    files.sort();
    assert!(!files.is_empty());
    files
}

fn mutate(random: &mut Random, corpus: &[(String, Vec<u8>)], bytes: &mut Vec<u8>) {
    // Large inputs are cut: what a mutation does to them shows in a part as well.
    const LARGEST: usize = 8 << 10;
    if bytes.len() > LARGEST {
        let start = random.below(bytes.len() - LARGEST);
        *bytes = bytes[start..start + LARGEST].to_vec();
    }
    for _ in 0..=random.below(5) {
        let at = random.below(bytes.len() + 1);
        let end = (at + random.below(40)).min(bytes.len());
        match random.below(7) {
            0 => drop(bytes.drain(at..end)),
            1 | 2 => {
                let piece = PIECES[random.below(PIECES.len())].repeat(1 + random.below(3) * random.below(40));
                drop(bytes.splice(at..at, piece.bytes()));
            }
            3 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
            4 => bytes.truncate(at),
            5 => {
                let other = &corpus[random.below(corpus.len())].1;
                let from = random.below(other.len());
                let piece = &other[from..(from + random.below(200)).min(other.len())];
                drop(bytes.splice(at..end, piece.iter().copied()));
            }
            _ => {
                let piece = bytes[at..end].to_vec();
                let to = random.below(bytes.len());
                drop(bytes.splice(to..to, piece));
            }
        }
    }
}

/// Runs one input; what made it fail is shown in full.
fn run(target: fn(&[u8]), name: &str, bytes: &[u8]) {
    let before = ALLOCATED.current_usage_as_mb();
    ALLOCATED.reset_peak_usage();
    if let Err(panic) = panic::catch_unwind(AssertUnwindSafe(|| target(bytes))) {
        eprintln!("{name}: {:?}", String::from_utf8_lossy(bytes));
        panic::resume_unwind(panic);
    }
    let taken = ALLOCATED.peak_usage_as_mb() - before;
    assert!(taken < MOST, "{name}: {} bytes took {taken} MB", bytes.len());
}

fn replay(name: &str, target: fn(&[u8])) {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let corpus = corpus(name);
    for (file, bytes) in &corpus {
        run(target, file, bytes);
    }
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for round in 0..MUTATIONS {
        let mut bytes = corpus[random.below(corpus.len())].1.clone();
        mutate(&mut random, &corpus, &mut bytes);
        run(target, &format!("mutation {round} of {name}"), &bytes);
    }
}

#[test]
fn rules() {
    replay("rules", fuzz::rules);
}

#[test]
fn trace() {
    replay("trace", fuzz::trace);
}

#[test]
fn call() {
    replay("call", fuzz::call);
}
