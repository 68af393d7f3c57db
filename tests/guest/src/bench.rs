//! What calls cost: loops around the bare instruction, timed by CLOCK_MONOTONIC.

use std::os::fd::{AsRawFd, OwnedFd};

use serde::Serialize;

use crate::{
    address::Address,
    errno::Result,
    sys::{self, fast},
};

/// A measurement: what is repeated, and how often.
struct Bench {
    name: &'static str,
    /// How often, unless the command line says otherwise: enough for a steady mean, little enough for an emulated processor.
    iterations: u64,
    /// Prepares, warms up, measures; nanoseconds per iteration.
    run: fn(u64) -> Result<Figures>,
}

/// What a measurement gave, in nanoseconds per iteration.
#[derive(Clone, Copy)]
struct Figures {
    /// The mean over all iterations.
    mean: f64,
    /// The mean of the best of [`ROUNDS`] parts: without most of what the clock's interrupts and neighbours cost.
    best: f64,
}

#[derive(Serialize)]
struct Line {
    r#type: &'static str,
    name: &'static str,
    iterations: u64,
    ns_per_iteration: f64,
    best: f64,
}

const ROUNDS: u64 = 5;

const BENCHES: &[Bench] = &[
    Bench { name: "getppid", iterations: 20_000, run: getppid },
    Bench { name: "clock_gettime", iterations: 5_000, run: clock_gettime },
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
    Bench { name: "socket_check", iterations: 5_000, run: socket_check },
    Bench { name: "getsockopt_type", iterations: 5_000, run: getsockopt },
    Bench { name: "setsockopt_sndbuf", iterations: 5_000, run: setsockopt },
    Bench { name: "getsockname", iterations: 5_000, run: getsockname },
    Bench { name: "socket_close", iterations: 1_000, run: socket_close },
    Bench { name: "socketpair_close", iterations: 1_000, run: socketpair_close },
    Bench { name: "connect_accept_close_abstract", iterations: 500, run: connect_abstract },
    Bench { name: "connect_accept_close_path", iterations: 300, run: connect_path },
    Bench { name: "poll_1", iterations: 5_000, run: |iterations| poll(iterations, 1) },
    Bench { name: "poll_100", iterations: 300, run: |iterations| poll(iterations, 100) },
    Bench { name: "pipe_ping", iterations: 5_000, run: pipe_ping },
    Bench { name: "file_read_1", iterations: 5_000, run: file_read },
    Bench { name: "open_close", iterations: 1_000, run: open_close },
];

/// Runs the measurements whose name contains `filter`; whether there was one, and all worked.
pub(crate) fn run(filter: Option<&str>, iterations: Option<u64>, json: bool) -> bool {
    let mut good = true;
    let mut ran = false;
    for bench in BENCHES.iter().filter(|bench| filter.is_none_or(|filter| bench.name.contains(filter))) {
        ran = true;
        let iterations = iterations.unwrap_or(bench.iterations);
        match (bench.run)(iterations) {
            Ok(figures) => {
                let Figures { mean, best } = figures;
                if json {
                    let name = bench.name;
                    crate::print_line(&Line {
                        r#type: "bench",
                        name,
                        iterations,
                        ns_per_iteration: mean,
                        best,
                    });
                } else {
                    println!("{:<32} {iterations:>8} x {mean:>12.1} ns   best {best:>12.1} ns", bench.name);
                }
            }
            Err(errno) => {
                eprintln!("{}: {errno}", bench.name);
                good = false;
            }
        }
    }
    if !ran {
        eprintln!("no measurement has {:?} in its name", filter.unwrap_or_default());
    }
    good && ran
}

/// Times `body`: a tenth of the iterations to warm up, then five rounds.
#[inline(always)]
fn measure(iterations: u64, mut body: impl FnMut() -> Result<()>) -> Result<Figures> {
    for _ in 0..iterations / 10 + 2 {
        body()?;
    }
    let (mut total, mut best) = (0, f64::INFINITY);
    let mut done = 0;
    for round in 0..ROUNDS {
        let count = iterations * (round + 1) / ROUNDS - done;
        if count == 0 {
            continue;
        }
        done += count;
        let before = sys::clock_nanoseconds(libc::CLOCK_MONOTONIC)?;
        for _ in 0..count {
            body()?;
        }
        let passed = sys::clock_nanoseconds(libc::CLOCK_MONOTONIC)? - before;
        total += passed;
        best = f64::min(best, passed as f64 / count as f64);
    }
    Ok(Figures { mean: total as f64 / iterations as f64, best })
}

/// A call of which only the failure is of interest.
#[inline(always)]
fn done(value: isize) -> Result<()> {
    fast::checked(value).map(|_| ())
}

fn pair() -> Result<(OwnedFd, OwnedFd)> {
    sys::socketpair(libc::AF_UNIX, libc::SOCK_STREAM, 0)
}

fn getppid(iterations: u64) -> Result<Figures> {
    measure(iterations, || done(fast::getppid()))
}

fn clock_gettime(iterations: u64) -> Result<Figures> {
    measure(iterations, || sys::clock_nanoseconds(libc::CLOCK_MONOTONIC).map(|_| ()))
}

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
