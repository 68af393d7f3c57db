//! Bytes from one open file to another without the program's memory: sendfile(2), splice(2), tee(2), vmsplice(2),
//! copy_file_range(2).

pub(super) mod bad;
pub(super) mod copies;
pub(super) mod pipes;

use std::os::fd::OwnedFd;

use crate::{errno::Result, harness::Case, sys};

/// A file of the test's with these contents, its offset at the start.
#[track_caller]
fn file(case: &Case, name: &str, contents: &[u8]) -> Result<OwnedFd> {
    let fd = sys::open(&case.path(name), libc::O_RDWR | libc::O_CREAT | libc::O_TRUNC, 0o600)?;
    let mut done = 0;
    while done < contents.len() {
        done += sys::write(&fd, &contents[done..])?;
    }
    sys::lseek(&fd, 0, libc::SEEK_SET)?;
    Ok(fd)
}

/// Bytes that tell where they are.
fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|index| (index % 251) as u8 ^ (index / 4096) as u8).collect()
}

/// All that a file holds.
#[track_caller]
fn contents(fd: &OwnedFd) -> Result<Vec<u8>> {
    let mut all = vec![0; sys::fstat(fd)?.st_size as usize];
    let mut done = 0;
    while done < all.len() {
        match sys::pread(fd, &mut all[done..], done as i64)? {
            0 => break,
            count => done += count,
        }
    }
    Ok(all)
}
