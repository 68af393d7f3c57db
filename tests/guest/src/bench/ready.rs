//! Waiting for many files.

use std::os::fd::{AsRawFd, OwnedFd};

use super::{Bench, Figures, measure, pair};
use crate::{errno::Result, sys};

pub(super) const BENCHES: &[Bench] = &[
    Bench { name: "poll_1", iterations: 5_000, run: |iterations| poll(iterations, 1) },
    Bench { name: "poll_100", iterations: 300, run: |iterations| poll(iterations, 100) },
];

/// Asks about sockets of which the last is ready.
fn poll(iterations: u64, count: usize) -> Result<Figures> {
    let pairs = (0..count).map(|_| pair()).collect::<Result<Vec<_>>>()?;
    sys::write(&pairs[count - 1].1, b"x")?;
    let entry = |(left, _): &(OwnedFd, OwnedFd)| libc::pollfd {
        fd: left.as_raw_fd(),
        events: libc::POLLIN,
        revents: 0,
    };
    let mut entries: Vec<_> = pairs.iter().map(entry).collect();
    measure(iterations, || sys::poll(&mut entries, -1).map(|_| ()))
}
