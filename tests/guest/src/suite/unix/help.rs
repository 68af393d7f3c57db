//! What the tests of the UNIX family share.

use std::os::fd::OwnedFd;

use crate::{
    address::{ADDRESS_SIZE, Address},
    errno::Result,
    harness::Outcome,
    sys::{self, Descriptor},
};

/// The family of everything here.
pub(crate) const UNIX: i32 = libc::AF_UNIX;
/// The type where nothing else is said.
pub(crate) const STREAM: i32 = libc::SOCK_STREAM;
/// Connections of records.
pub(crate) const SEQPACKET: i32 = libc::SOCK_SEQPACKET;
/// Records without connections.
pub(crate) const DGRAM: i32 = libc::SOCK_DGRAM;

/// A fresh stream socket.
#[track_caller]
pub(crate) fn socket() -> Result<OwnedFd> {
    sys::socket(UNIX, STREAM, 0)
}

/// A connected pair.
#[track_caller]
pub(crate) fn pair() -> Result<(OwnedFd, OwnedFd)> {
    sys::socketpair(UNIX, STREAM, 0)
}

/// A connected pair of any type.
#[track_caller]
pub(crate) fn pair_of(kind: i32) -> Result<(OwnedFd, OwnedFd)> {
    sys::socketpair(UNIX, kind, 0)
}

/// A fresh datagram socket.
#[track_caller]
pub(crate) fn datagram() -> Result<OwnedFd> {
    sys::socket(UNIX, DGRAM, 0)
}

/// A datagram socket with a name.
#[track_caller]
pub(crate) fn bound(address: &Address) -> Result<OwnedFd> {
    let fd = datagram()?;
    sys::bind(&fd, address.bytes())?;
    Ok(fd)
}

/// A connection of records: who listens, who connected, and what was accepted.
#[track_caller]
pub(crate) fn sequenced(address: &Address) -> Result<[OwnedFd; 3]> {
    let listener = sys::socket(UNIX, SEQPACKET, 0)?;
    sys::bind(&listener, address.bytes())?;
    sys::listen(&listener, 5)?;
    let near = sys::socket(UNIX, SEQPACKET, 0)?;
    sys::connect(&near, address.bytes())?;
    let far = sys::accept(&listener)?;
    Ok([listener, near, far])
}

/// The next record, which is received into much room.
#[track_caller]
pub(crate) fn record(fd: &impl Descriptor) -> Result<Vec<u8>> {
    let mut data = vec![0; 256];
    let length = sys::recv(fd, &mut data, libc::MSG_DONTWAIT)?;
    data.truncate(length);
    Ok(data)
}

/// A socket that listens at `address`.
#[track_caller]
pub(crate) fn listener(address: &Address, backlog: i32) -> Result<OwnedFd> {
    let fd = socket()?;
    sys::bind(&fd, address.bytes())?;
    sys::listen(&fd, backlog)?;
    Ok(fd)
}

/// A socket connected to `address`.
#[track_caller]
pub(crate) fn client(address: &Address) -> Result<OwnedFd> {
    let fd = socket()?;
    sys::connect(&fd, address.bytes())?;
    Ok(fd)
}

/// A client and what the listener accepted for it.
#[track_caller]
pub(crate) fn accepted(listener: &OwnedFd, address: &Address) -> Result<(OwnedFd, OwnedFd)> {
    let near = client(address)?;
    let far = sys::accept(listener)?;
    Ok((near, far))
}

/// What getsockname(2) says.
#[track_caller]
pub(crate) fn name(fd: &impl Descriptor) -> Result<Address> {
    let mut buffer = [0xa5; ADDRESS_SIZE + 1];
    let mut length = buffer.len() as i32;
    sys::getsockname(fd, &mut buffer, &mut length)?;
    Ok(Address::from_filled(&buffer, length))
}

/// What getpeername(2) says.
#[track_caller]
pub(crate) fn peer_name(fd: &impl Descriptor) -> Result<Address> {
    let mut buffer = [0xa5; ADDRESS_SIZE + 1];
    let mut length = buffer.len() as i32;
    sys::getpeername(fd, &mut buffer, &mut length)?;
    Ok(Address::from_filled(&buffer, length))
}

/// An option of level SOL_SOCKET that is an int.
#[track_caller]
pub(crate) fn option(fd: &impl Descriptor, option: i32) -> Result<i32> {
    let mut value = [0xa5; 4];
    let mut length = 4;
    sys::getsockopt(fd, libc::SOL_SOCKET, option, &mut value, &mut length)?;
    Ok(i32::from_ne_bytes(value))
}

/// Sets an option of level SOL_SOCKET that is an int.
#[track_caller]
pub(crate) fn set_option(fd: &impl Descriptor, option: i32, value: i32) -> Result<usize> {
    sys::setsockopt(fd, libc::SOL_SOCKET, option, &value.to_ne_bytes())
}

/// What poll(2) reports at once, asked for everything that it knows.
#[track_caller]
pub(crate) fn ready(fd: &impl Descriptor) -> Result<i16> {
    poll_for(fd, libc::POLLIN | libc::POLLPRI | libc::POLLOUT | libc::POLLRDHUP, 0)
}

/// poll(2) on one descriptor: `revents`.
#[track_caller]
pub(crate) fn poll_for(fd: &impl Descriptor, events: i16, milliseconds: i32) -> Result<i16> {
    let mut entries = [libc::pollfd { fd: fd.number(), events, revents: 0 }];
    sys::poll(&mut entries, milliseconds)?;
    Ok(entries[0].revents)
}

/// Turns O_NONBLOCK on or off.
#[track_caller]
pub(crate) fn set_nonblocking(fd: &impl Descriptor, on: bool) -> Result<()> {
    let flags = sys::fcntl(fd, libc::F_GETFL, 0)? as i32;
    let flags = if on { flags | libc::O_NONBLOCK } else { flags & !libc::O_NONBLOCK };
    sys::fcntl(fd, libc::F_SETFL, flags)?;
    Ok(())
}

/// Passes a byte in each direction, to show that the two are connected and work.
#[track_caller]
pub(crate) fn exchange(one: &impl Descriptor, other: &impl Descriptor) -> Outcome {
    let problem =
        |what: &str, met: Result<usize>| crate::harness::Failure::here(format!("{what} gives {met:?}"));
    for (from, to, byte) in [(one.number(), other.number(), b'>'), (other.number(), one.number(), b'<')] {
        let mut got = [0];
        match sys::write(&from, &[byte]) {
            Ok(1) => {}
            met => return Err(problem("write of the byte that shows the connection", met)),
        }
        match sys::read(&to, &mut got) {
            Ok(1) if got[0] == byte => {}
            met => return Err(problem("read of the byte that shows the connection", met)),
        }
    }
    crate::harness::progress::checked();
    Ok(())
}

/// Writes everything, in as many calls as it takes.
#[track_caller]
pub(crate) fn write_all(fd: &impl Descriptor, mut data: &[u8]) -> Result<()> {
    while !data.is_empty() {
        let count = sys::write(fd, data)?;
        data = &data[count..];
    }
    Ok(())
}

/// Reads until `into` is full or the stream ends; how many bytes came.
#[track_caller]
pub(crate) fn read_full(fd: &impl Descriptor, into: &mut [u8]) -> Result<usize> {
    let mut done = 0;
    while done < into.len() {
        match sys::read(fd, &mut into[done..])? {
            0 => break,
            count => done += count,
        }
    }
    Ok(done)
}

/// Bytes that look random and are the same every time.
pub(crate) fn pattern(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(length);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_ne_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// Writes without blocking until EAGAIN; how many bytes went in.
#[track_caller]
pub(crate) fn fill(fd: &impl Descriptor) -> Outcome<usize> {
    let block = vec![b'f'; 4096];
    let mut total = 0;
    loop {
        match sys::send(fd, &block, libc::MSG_DONTWAIT) {
            Ok(count) => total += count,
            Err(errno) if errno.0 == libc::EAGAIN => return Ok(total),
            Err(errno) => return Err(errno.into()),
        }
    }
}

/// Reads without blocking until EAGAIN; how many bytes came out.
#[track_caller]
pub(crate) fn drain(fd: &impl Descriptor) -> Outcome<usize> {
    let mut block = vec![0; 65536];
    let mut total = 0;
    loop {
        match sys::recv(fd, &mut block, libc::MSG_DONTWAIT) {
            Ok(0) => return Ok(total),
            Ok(count) => total += count,
            Err(errno) if errno.0 == libc::EAGAIN => return Ok(total),
            Err(errno) => return Err(errno.into()),
        }
    }
}
