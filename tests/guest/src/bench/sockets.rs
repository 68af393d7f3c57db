//! UNIX sockets.

use std::os::fd::AsRawFd;

use super::{Bench, Figures, done, measure, pair};
use crate::{
    address::Address,
    errno::Result,
    sys::{self, fast},
};

pub(super) const BENCHES: &[Bench] = &[
    Bench { name: "stream_ping", iterations: 5_000, run: stream_ping },
    Bench { name: "stream_write_1", iterations: 2_000, run: stream_write },
    Bench { name: "stream_send_recv_1", iterations: 5_000, run: stream_send_recv },
    Bench { name: "stream_sendmsg_recvmsg_1", iterations: 3_000, run: stream_messages },
    Bench { name: "stream_writev_readv_4", iterations: 3_000, run: stream_vectors },
    Bench { name: "stream_peek_1", iterations: 5_000, run: stream_peek },
    Bench { name: "stream_recv_eagain", iterations: 5_000, run: stream_eagain },
    Bench { name: "stream_4k", iterations: 1_000, run: |iterations| stream_bulk(iterations, 4096) },
    Bench { name: "stream_64k", iterations: 100, run: |iterations| stream_bulk(iterations, 65_536) },
    Bench { name: "stream_two_threads", iterations: 500, run: stream_threads },
    Bench {
        name: "seqpacket_ping",
        iterations: 3_000,
        run: |iterations| ping(iterations, libc::SOCK_SEQPACKET),
    },
    Bench { name: "datagram_ping", iterations: 3_000, run: |iterations| ping(iterations, libc::SOCK_DGRAM) },
    Bench {
        name: "stream_two_processes",
        iterations: 500,
        run: |iterations| processes(iterations, libc::SOCK_STREAM),
    },
    Bench {
        name: "seqpacket_two_processes",
        iterations: 500,
        run: |iterations| processes(iterations, libc::SOCK_SEQPACKET),
    },
    Bench {
        name: "datagram_two_processes",
        iterations: 500,
        run: |iterations| processes(iterations, libc::SOCK_DGRAM),
    },
    Bench { name: "bare_copies_64k", iterations: 100, run: bare_copies },
    Bench { name: "pipe_two_processes", iterations: 500, run: pipe_processes },
    Bench { name: "socket_check", iterations: 5_000, run: socket_check },
    Bench { name: "getsockopt_type", iterations: 5_000, run: getsockopt },
    Bench { name: "setsockopt_sndbuf", iterations: 5_000, run: setsockopt },
    Bench { name: "getsockname", iterations: 5_000, run: getsockname },
    Bench { name: "socket_close", iterations: 1_000, run: socket_close },
    Bench { name: "socketpair_close", iterations: 1_000, run: socketpair_close },
    Bench { name: "connect_accept_close_abstract", iterations: 500, run: connect_abstract },
    Bench { name: "connect_accept_close_path", iterations: 300, run: connect_path },
];

/// One byte written and read over a pair, in one thread.
fn stream_ping(iterations: u64) -> Result<Figures> {
    let (left, right) = pair()?;
    let (from, to) = (left.as_raw_fd(), right.as_raw_fd());
    let mut byte = [1];
    measure(iterations, || {
        done(fast::write(from, &byte))?;
        done(fast::read(to, &mut byte))
    })
}

/// The same over a pair of another type.
fn ping(iterations: u64, kind: i32) -> Result<Figures> {
    let (left, right) = sys::socketpair(libc::AF_UNIX, kind, 0)?;
    let (from, to) = (left.as_raw_fd(), right.as_raw_fd());
    let mut byte = [1];
    measure(iterations, || {
        done(fast::write(from, &byte))?;
        done(fast::read(to, &mut byte))
    })
}

/// A byte to another process and back, over a pair.
fn processes(iterations: u64, kind: i32) -> Result<Figures> {
    let (left, right) = sys::socketpair(libc::AF_UNIX, kind, 0)?;
    let (near, far) = (left.as_raw_fd(), right.as_raw_fd());
    let child = sys::fork(|| {
        // Its copy of this side, so that it sees when that is closed.
        drop(sys::adopt(near as usize));
        let mut byte = [0];
        // Datagrams end with one that says so: their sockets do not tell of a peer that is gone.
        while fast::read(far, &mut byte) == 1 && byte[0] == 1 && fast::write(far, &byte) == 1 {}
        0
    })?;
    drop(right);
    let mut byte = [1];
    let figures = measure(iterations, || {
        done(fast::write(near, &byte))?;
        done(fast::read(near, &mut byte))
    });
    done(fast::write(near, &[0]))?;
    drop(left);
    sys::wait_for(child)?;
    figures
}

/// What cannot be spared of 64 KiB that go to the kernel and come back: one copy in, one copy out, of the contents of a file.
fn bare_copies(iterations: u64) -> Result<Figures> {
    let file = sys::memfd_create(c"copies", 0)?;
    let mut data = vec![1; 65_536];
    sys::pwrite(&file, &data, 0)?;
    measure(iterations, || {
        sys::pwrite(&file, &data, 0)?;
        sys::pread(&file, &mut data, 0).map(|_| ())
    })
}

/// Writing alone: the bytes are taken out in one go, outside of what counts as one iteration but inside the mean.
fn stream_write(iterations: u64) -> Result<Figures> {
    let (left, right) = pair()?;
    let (from, to) = (left.as_raw_fd(), right.as_raw_fd());
    let mut sink = [0; 64];
    let mut queued = 0;
    measure(iterations, || {
        queued += 1;
        if queued == 64 {
            queued = 0;
            done(fast::read(to, &mut sink))?;
        }
        done(fast::write(from, b"x"))
    })
}

fn stream_send_recv(iterations: u64) -> Result<Figures> {
    let (left, right) = pair()?;
    let (from, to) = (left.as_raw_fd(), right.as_raw_fd());
    let mut byte = [1];
    measure(iterations, || {
        done(fast::send(from, &byte, libc::MSG_NOSIGNAL))?;
        done(fast::recv(to, &mut byte, 0))
    })
}

fn stream_messages(iterations: u64) -> Result<Figures> {
    let (left, right) = pair()?;
    let mut byte = [1];
    measure(iterations, || {
        sys::sendmsg(&left, &[std::io::IoSlice::new(b"x")], sys::Envelope::default(), 0)?;
        sys::recvmsg(&right, &mut [std::io::IoSliceMut::new(&mut byte)], sys::Envelope::default(), 0)?;
        Ok(())
    })
}

fn stream_vectors(iterations: u64) -> Result<Figures> {
    use std::io::{IoSlice, IoSliceMut};
    let (left, right) = pair()?;
    let (mut one, mut two) = ([0; 2], [0; 2]);
    measure(iterations, || {
        sys::writev(
            &left,
            &[IoSlice::new(b"a"), IoSlice::new(b"b"), IoSlice::new(b"c"), IoSlice::new(b"d")],
        )?;
        sys::readv(&right, &mut [IoSliceMut::new(&mut one), IoSliceMut::new(&mut two)])?;
        Ok(())
    })
}

fn stream_peek(iterations: u64) -> Result<Figures> {
    let (left, right) = pair()?;
    sys::write(&left, b"x")?;
    let to = right.as_raw_fd();
    let mut byte = [0];
    measure(iterations, || done(fast::recv(to, &mut byte, libc::MSG_PEEK)))
}

fn stream_eagain(iterations: u64) -> Result<Figures> {
    let (_left, right) = pair()?;
    let to = right.as_raw_fd();
    let mut byte = [0];
    measure(iterations, || {
        std::hint::black_box(fast::recv(to, &mut byte, libc::MSG_DONTWAIT));
        Ok(())
    })
}

/// A block written in one call and read in one call, or in as many as the buffer makes of them.
fn stream_bulk(iterations: u64, size: usize) -> Result<Figures> {
    let (left, right) = pair()?;
    let (from, to) = (left.as_raw_fd(), right.as_raw_fd());
    let data = vec![7; size];
    let mut sink = vec![0; size];
    measure(iterations, || {
        let mut sent = 0;
        while sent < size {
            let count = fast::checked(fast::send(from, &data[sent..], libc::MSG_DONTWAIT))?;
            sent += count;
            let mut got = 0;
            while got < count {
                got += fast::checked(fast::read(to, &mut sink[got..count]))?;
            }
        }
        Ok(())
    })
}

/// A byte to another thread and back: two wake-ups and two switches.
fn stream_threads(iterations: u64) -> Result<Figures> {
    let (left, right) = pair()?;
    std::thread::scope(|scope| {
        let echo = right.as_raw_fd();
        scope.spawn(move || {
            let mut byte = [0];
            // Ends with the stream.
            while fast::read(echo, &mut byte) == 1 && fast::write(echo, &byte) == 1 {}
        });
        let near = left.as_raw_fd();
        let mut byte = [1];
        let figures = measure(iterations, || {
            done(fast::write(near, &byte))?;
            done(fast::read(near, &mut byte))
        });
        sys::shutdown(&left, libc::SHUT_RDWR)?;
        figures
    })
}

/// One byte to another process and back, over two pipes.
fn pipe_processes(iterations: u64) -> Result<Figures> {
    let (read_there, write_here) = sys::pipe2(0)?;
    let (read_here, write_there) = sys::pipe2(0)?;
    let numbers = [&read_there, &write_here, &read_here, &write_there].map(AsRawFd::as_raw_fd);
    let child = sys::fork(|| {
        // Its copies of this side's ends, so that it sees when they are closed.
        let [read_there, write_here, read_here, write_there] = numbers;
        drop([write_here, read_here].map(|end| sys::adopt(end as usize)));
        let mut byte = [0];
        while fast::read(read_there, &mut byte) == 1 && fast::write(write_there, &byte) == 1 {}
        0
    })?;
    drop((read_there, write_there));
    let [_, write_here_number, read_here_number, _] = numbers;
    let mut byte = [1];
    let figures = measure(iterations, || {
        done(fast::write(write_here_number, &byte))?;
        done(fast::read(read_here_number, &mut byte))
    });
    drop((read_here, write_here));
    sys::wait_for(child)?;
    figures
}

/// A call that does nearly nothing behind the policy's check: sending no bytes.
fn socket_check(iterations: u64) -> Result<Figures> {
    let (left, _right) = pair()?;
    let from = left.as_raw_fd();
    measure(iterations, || done(fast::send(from, &[], libc::MSG_NOSIGNAL)))
}

fn getsockopt(iterations: u64) -> Result<Figures> {
    let (left, _right) = pair()?;
    let mut value = [0; 4];
    measure(iterations, || {
        sys::getsockopt(&left, libc::SOL_SOCKET, libc::SO_TYPE, &mut value, &mut 4)?;
        Ok(())
    })
}

fn setsockopt(iterations: u64) -> Result<Figures> {
    let (left, _right) = pair()?;
    let value = 65_536i32.to_ne_bytes();
    measure(iterations, || sys::setsockopt(&left, libc::SOL_SOCKET, libc::SO_SNDBUF, &value).map(|_| ()))
}

fn getsockname(iterations: u64) -> Result<Figures> {
    let (left, _right) = pair()?;
    let mut buffer = [0; 110];
    measure(iterations, || sys::getsockname(&left, &mut buffer, &mut 110).map(|_| ()))
}

fn socket_close(iterations: u64) -> Result<Figures> {
    measure(iterations, || sys::socket(libc::AF_UNIX, libc::SOCK_STREAM, 0).map(drop))
}

fn socketpair_close(iterations: u64) -> Result<Figures> {
    measure(iterations, || pair().map(drop))
}

/// A listener, and per iteration: socket, connect, accept, close of both ends.
fn connect(iterations: u64, address: &Address) -> Result<Figures> {
    let listener = sys::socket(libc::AF_UNIX, libc::SOCK_STREAM, 0)?;
    sys::bind(&listener, address.bytes())?;
    sys::listen(&listener, 1)?;
    measure(iterations, || {
        let near = sys::socket(libc::AF_UNIX, libc::SOCK_STREAM, 0)?;
        sys::connect(&near, address.bytes())?;
        sys::accept(&listener).map(drop)
    })
}

fn connect_abstract(iterations: u64) -> Result<Figures> {
    connect(iterations, &Address::abstract_name(format!("guest-bench-{}", std::process::id()).as_bytes()))
}

fn connect_path(iterations: u64) -> Result<Figures> {
    let path = std::ffi::CString::new(format!("/tmp/guest-bench-{}", std::process::id())).expect("no NUL");
    let figures = connect(iterations, &Address::path(path.as_bytes()));
    sys::unlink(&path)?;
    figures
}
