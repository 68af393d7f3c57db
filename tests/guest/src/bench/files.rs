//! Files and pipes.

use std::os::fd::{AsRawFd, OwnedFd};

use super::{Bench, Figures, done, measure};
use crate::{
    errno::Result,
    sys::{self, fast},
};

pub(super) const BENCHES: &[Bench] = &[
    Bench { name: "pipe_ping", iterations: 5_000, run: pipe_ping },
    Bench { name: "file_read_1", iterations: 5_000, run: file_read },
    Bench { name: "open_close", iterations: 1_000, run: open_close },
    Bench { name: "mkdir_rmdir_of_10000", iterations: 500, run: mkdir_rmdir },
    Bench { name: "splice_file_pipe_64k", iterations: 200, run: splice_file },
];

fn pipe_ping(iterations: u64) -> Result<Figures> {
    let (read, write) = sys::pipe2(0)?;
    let (from, to) = (write.as_raw_fd(), read.as_raw_fd());
    let mut byte = [1];
    measure(iterations, || {
        done(fast::write(from, &byte))?;
        done(fast::read(to, &mut byte))
    })
}

/// A file with some bytes in it, gone at the end.
fn with_file(body: impl FnOnce(&std::ffi::CStr, &OwnedFd) -> Result<Figures>) -> Result<Figures> {
    let path =
        std::ffi::CString::new(format!("/tmp/guest-bench-file-{}", std::process::id())).expect("no NUL");
    let file = sys::open(&path, libc::O_CREAT | libc::O_RDWR, 0o600)?;
    sys::write(&file, b"contents")?;
    let figures = body(&path, &file);
    sys::unlink(&path)?;
    figures
}

fn file_read(iterations: u64) -> Result<Figures> {
    with_file(|_, file| {
        let mut byte = [0];
        measure(iterations, || sys::pread(file, &mut byte, 3).map(|_| ()))
    })
}

fn open_close(iterations: u64) -> Result<Figures> {
    with_file(|path, _| measure(iterations, || sys::open(path, libc::O_RDONLY, 0).map(drop)))
}

/// In a directory that has 10,000 already.
fn mkdir_rmdir(iterations: u64) -> Result<Figures> {
    let base = format!("/tmp/guest-bench-directory-{}", std::process::id());
    let path = |name: &str| std::ffi::CString::new(format!("{base}/{name}")).expect("no NUL");
    sys::mkdir(&path(""), 0o700)?;
    let names = || (0..10_000).map(|number| path(&format!("directory-{number}")));
    for name in names() {
        sys::mkdir(&name, 0o700)?;
    }
    let one_more = path("one-more");
    let figures = measure(iterations, || {
        sys::mkdir(&one_more, 0o700)?;
        sys::rmdir(&one_more).map(|_| ())
    });
    for name in names() {
        sys::rmdir(&name)?;
    }
    sys::rmdir(&path(""))?;
    figures
}

/// 64 KiB of a file into a pipe, and on to `/dev/null`.
fn splice_file(iterations: u64) -> Result<Figures> {
    with_file(|_, file| {
        sys::ftruncate(file, 65_536)?;
        let (reader, writer) = sys::pipe2(0)?;
        let null = sys::open(c"/dev/null", libc::O_WRONLY, 0)?;
        measure(iterations, || {
            sys::splice(file, Some(&mut 0), &writer, None, 65_536, 0)?;
            sys::splice(&reader, None, &null, None, 65_536, 0).map(|_| ())
        })
    })
}
