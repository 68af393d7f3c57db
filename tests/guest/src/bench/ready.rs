//! Waiting for many files.

use std::os::fd::{AsRawFd, OwnedFd};

use super::{Bench, Figures, done, measure, pair};
use crate::{
    errno::Result,
    sys::{self, fast},
};

pub(super) const BENCHES: &[Bench] = &[
    Bench { name: "poll_1", iterations: 5_000, run: |iterations| poll(iterations, 1) },
    Bench { name: "poll_100", iterations: 300, run: |iterations| poll(iterations, 100) },
    Bench { name: "epoll_wait_1_of_1", iterations: 5_000, run: |iterations| epoll(iterations, 1) },
    Bench { name: "epoll_wait_1_of_100", iterations: 5_000, run: |iterations| epoll(iterations, 100) },
    Bench { name: "epoll_wait_1_of_1000", iterations: 5_000, run: |iterations| epoll(iterations, 1000) },
    Bench { name: "epoll_write_wait_read", iterations: 2_000, run: epoll_message },
    Bench { name: "epoll_ctl_add_del", iterations: 2_000, run: epoll_control },
    Bench { name: "eventfd_ping", iterations: 5_000, run: eventfd },
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

/// Asks an epoll about counters of which the last one is ready. The limit of descriptors is raised for them.
fn epoll(iterations: u64, count: usize) -> Result<Figures> {
    let (soft, hard) = sys::limit_descriptors(None)?;
    sys::limit_descriptors(Some(hard.min(4096)))?;
    let epoll = sys::epoll(0)?;
    let counters = (0..count).map(|_| sys::eventfd(0, 0)).collect::<Result<Vec<_>>>()?;
    for (index, counter) in counters.iter().enumerate() {
        sys::epoll_ctl(&epoll, libc::EPOLL_CTL_ADD, counter, libc::EPOLLIN as u32, index as u64)?;
    }
    sys::add(&counters[count - 1], 1)?;
    let mut events = [libc::epoll_event { events: 0, u64: 0 }; 16];
    let number = epoll.as_raw_fd();
    let figures = measure(iterations, || done(fast::epoll_wait(number, &mut events, -1)));
    sys::limit_descriptors(Some(soft))?;
    figures
}

/// What a server does for a message: waits for it, by edge, and takes it.
fn epoll_message(iterations: u64) -> Result<Figures> {
    let epoll = sys::epoll(0)?;
    let pairs = (0..100).map(|_| pair()).collect::<Result<Vec<_>>>()?;
    for (left, _) in &pairs {
        sys::epoll_ctl(&epoll, libc::EPOLL_CTL_ADD, left, (libc::EPOLLIN | libc::EPOLLET) as u32, 0)?;
    }
    let mut events = [libc::epoll_event { events: 0, u64: 0 }; 16];
    let (number, near, far) = (epoll.as_raw_fd(), pairs[50].0.as_raw_fd(), pairs[50].1.as_raw_fd());
    let mut byte = [1];
    measure(iterations, || {
        done(fast::write(far, &byte))?;
        done(fast::epoll_wait(number, &mut events, -1))?;
        done(fast::read(near, &mut byte))
    })
}

fn epoll_control(iterations: u64) -> Result<Figures> {
    let epoll = sys::epoll(0)?;
    let pairs = (0..100).map(|_| pair()).collect::<Result<Vec<_>>>()?;
    for (left, _) in &pairs {
        sys::epoll_ctl(&epoll, libc::EPOLL_CTL_ADD, left, libc::EPOLLIN as u32, 0)?;
    }
    let far = &pairs[50].1;
    measure(iterations, || {
        sys::epoll_ctl(&epoll, libc::EPOLL_CTL_ADD, far, libc::EPOLLIN as u32, 0)?;
        sys::epoll_ctl(&epoll, libc::EPOLL_CTL_DEL, far, 0, 0).map(|_| ())
    })
}

fn eventfd(iterations: u64) -> Result<Figures> {
    let counter = sys::eventfd(0, 0)?;
    let number = counter.as_raw_fd();
    let one = 1_u64.to_ne_bytes();
    let mut value = [0; 8];
    measure(iterations, || {
        done(fast::write(number, &one))?;
        done(fast::read(number, &mut value))
    })
}
