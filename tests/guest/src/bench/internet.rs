//! TCP and UDP over the loopback interface.

use std::os::fd::{AsRawFd, OwnedFd};

use super::{Bench, Figures, done, measure};
use crate::{
    errno::Result,
    suite::inet::help::{V4, client, connection, datagrams, listener},
    sys::{self, fast},
};

pub(super) const BENCHES: &[Bench] = &[
    Bench { name: "tcp_socket_close", iterations: 1_000, run: socket_close },
    Bench { name: "udp_ping", iterations: 3_000, run: |iterations| ping(iterations, datagrams(V4)?) },
    Bench { name: "tcp_ping", iterations: 3_000, run: |iterations| ping(iterations, connection(V4)?) },
    Bench {
        name: "udp_two_processes",
        iterations: 500,
        run: |iterations| processes(iterations, datagrams(V4)?),
    },
    Bench {
        name: "tcp_two_processes",
        iterations: 500,
        run: |iterations| processes(iterations, connection(V4)?),
    },
    Bench {
        name: "vsock_two_processes",
        iterations: 500,
        run: |iterations| processes(iterations, crate::suite::vsock::help::connection(libc::SOCK_STREAM)?),
    },
    Bench { name: "tcp_connect_accept_close", iterations: 300, run: connect },
    Bench { name: "tcp_64k", iterations: 100, run: bulk },
];

fn socket_close(iterations: u64) -> Result<Figures> {
    measure(iterations, || sys::socket(V4, libc::SOCK_STREAM, 0).map(drop))
}

/// One byte written and read, in one thread.
fn ping(iterations: u64, (left, right): (OwnedFd, OwnedFd)) -> Result<Figures> {
    let (from, to) = (left.as_raw_fd(), right.as_raw_fd());
    let mut byte = [1];
    measure(iterations, || {
        done(fast::write(from, &byte))?;
        done(fast::read(to, &mut byte))
    })
}

/// A byte to another process and back.
fn processes(iterations: u64, (left, right): (OwnedFd, OwnedFd)) -> Result<Figures> {
    let (near, far) = (left.as_raw_fd(), right.as_raw_fd());
    let child = sys::fork(|| {
        let mut byte = [0];
        while fast::read(far, &mut byte) == 1 && byte[0] == 1 && fast::write(far, &byte) == 1 {}
        0
    })?;
    let mut byte = [1];
    let figures = measure(iterations, || {
        done(fast::write(near, &byte))?;
        done(fast::read(near, &mut byte))
    });
    done(fast::write(near, &[0]))?;
    sys::wait_for(child)?;
    figures
}

fn connect(iterations: u64) -> Result<Figures> {
    let (fd, address) = listener(V4, 16)?;
    measure(iterations, || {
        let near = client(V4, &address)?;
        let far = sys::accept(&fd)?;
        drop(near);
        drop(far);
        Ok(())
    })
}

/// 64 KiB written, and read in as many pieces as they come in.
fn bulk(iterations: u64) -> Result<Figures> {
    let (left, right) = connection(V4)?;
    for fd in [&left, &right] {
        for option in [libc::SO_SNDBUF, libc::SO_RCVBUF] {
            crate::suite::unix::help::set_option(fd, option, 1 << 20)?;
        }
    }
    let mut data = vec![1; 65_536];
    measure(iterations, || {
        let mut sent = 0;
        let mut received = 0;
        while received < data.len() {
            if sent < data.len() {
                sent += sys::write(&left, &data[sent..])?;
            }
            let room = sent - received;
            received += sys::read(&right, &mut data[..room])?;
        }
        Ok(())
    })
}
