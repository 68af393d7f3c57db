//! Undeclared values: each is put into the call of the sample, in a situation in which everything else is good.
//!
//! Linux may do three things with a value that the profile does not declare: refuse it, which shows the errno that the
//! guest has to give; support it, of which the guest knows nothing and says so with the errno of the profile's tables;
//! or ignore it, which the note says (`Linux ignores the bit`).

use std::io::{IoSlice, IoSliceMut};

use scml::{Call, probe::Neighbour};

use super::Seen;
use crate::{
    address::Address,
    errno::{Errno, Result},
    harness::{Case, Failure, Outcome},
    suite::unix::help::{accepted, client, exchange, listener, pair, socket},
    sys::{self, Envelope},
};

/// Tries a neighbour.
pub(super) fn attempt(case: &Case, neighbour: &Neighbour) -> Outcome<Seen> {
    let int = |index: usize| neighbour.sample.registers[index] as u32 as i32;
    match neighbour.sample.call {
        Call::Socket | Call::Socketpair if neighbour.argument == "family" => Ok(family(neighbour, int(0))),
        Call::Socket => Ok(refusal(sys::socket(int(0), int(1), int(2)))),
        Call::Socketpair => Ok(refusal(sys::socketpair(int(0), int(1), int(2)))),
        Call::Bind => bind(case, neighbour),
        Call::Connect => connect(case, neighbour),
        Call::Accept4 => accept4(case, int(3)),
        Call::Sendto => sending(|left, payload| sys::send(left, payload, int(3))),
        Call::Sendmsg => sendmsg(neighbour, int(2)),
        Call::Recvfrom => receiving(int(3), |right, buffer| sys::recv(right, buffer, int(3))),
        Call::Recvmsg => receiving(int(2), |right, buffer| {
            let header = sys::recvmsg(right, &mut [IoSliceMut::new(buffer)], Envelope::default(), int(2))?;
            Ok(header.bytes)
        }),
        Call::Shutdown => {
            let (left, right) = pair()?;
            let met = sys::shutdown(&left, int(1));
            Ok(usable(met, || exchange(&left, &right)))
        }
        Call::Getsockopt => getsockopt(neighbour, int(1), int(2)),
        Call::Setsockopt => setsockopt(neighbour, int(1), int(2)),
        Call::Ioctl => ioctl(neighbour),
        Call::Splice => splice(int(5) as u32),
        other => Err(Failure::here(format!("nobody has written how to try neighbours of {}", other.name()))),
    }
}

/// What a call came to, where nothing is left to look at.
fn refusal<T>(met: Result<T>) -> Seen {
    let errno = met.err();
    Seen { errno, behaved: true, note: String::new() }
}

/// What a call came to; where it was refused, `check` shows that the sockets are as good as before.
fn usable<T>(met: Result<T>, check: impl FnOnce() -> Outcome) -> Seen {
    let Some(errno) = met.err() else { return refusal(Ok(())) };
    let (behaved, note) = match check() {
        Ok(()) => (true, String::new()),
        Err(failure) => (false, format!("after the refusal: {failure}")),
    };
    Seen { errno: Some(errno), behaved, note }
}

/// What a call came to that is about something which the kernel may know but refuse for other reasons: every errno but
/// `unknown` says that it knows it, which counts as accepted.
fn known(unknown: i32, met: Result<()>) -> Seen {
    match met {
        Err(errno) if errno.0 != unknown => Seen {
            errno: None,
            behaved: true,
            note: format!("known, and refused for another reason: {errno}"),
        },
        met => refusal(met),
    }
}

/// A family: supported is what any type of socket can be had of, or is refused for its type only.
fn family(neighbour: &Neighbour, family: i32) -> Seen {
    let flags = neighbour.sample.registers[1] as i32 & !0xf;
    let mut seen = refusal::<()>(Err(Errno(libc::EAFNOSUPPORT)));
    for kind in [libc::SOCK_STREAM, libc::SOCK_DGRAM, libc::SOCK_RAW, libc::SOCK_SEQPACKET] {
        let met = match neighbour.sample.call {
            Call::Socket => sys::socket(family, kind | flags, 0).map(|_| ()),
            _ => sys::socketpair(family, kind | flags, 0).map(|_| ()),
        };
        seen = known(libc::EAFNOSUPPORT, met);
        if seen.errno.is_none() {
            break;
        }
    }
    seen
}

fn bind(case: &Case, neighbour: &Neighbour) -> Outcome<Seen> {
    let good = case.abstract_address("a");
    let fd = socket()?;
    let family = neighbour.sample.family.unwrap_or_default();
    let met = sys::bind(&fd, Address::raw(family, good.rest()).bytes());
    Ok(usable(met, || {
        sys::bind(&fd, good.bytes())?;
        Ok(())
    }))
}

fn connect(case: &Case, neighbour: &Neighbour) -> Outcome<Seen> {
    let good = case.abstract_address("a");
    let fd = listener(&good, 1)?;
    let near = socket()?;
    let family = neighbour.sample.family.unwrap_or_default();
    let met = sys::connect(&near, Address::raw(family, good.rest()).bytes());
    Ok(usable(met, || {
        sys::connect(&near, good.bytes())?;
        exchange(&near, &sys::accept(&fd)?)
    }))
}

fn accept4(case: &Case, flags: i32) -> Outcome<Seen> {
    let address = case.abstract_address("a");
    let fd = listener(&address, 1)?;
    let near = client(&address)?;
    let met = sys::accept4(&fd, flags);
    Ok(usable(met, || {
        exchange(&near, &sys::accept(&fd)?)?;
        let (near, far) = accepted(&fd, &address)?;
        exchange(&near, &far)
    }))
}

const PAYLOAD: &[u8] = b"what is sent";
const IGNORED: &str = "Linux ignores the bit";

/// Sends [`PAYLOAD`]; where that is accepted and the payload arrives like any other, the value has no effect.
fn sending(send: impl FnOnce(&std::os::fd::OwnedFd, &[u8]) -> Result<usize>) -> Outcome<Seen> {
    let (left, right) = pair()?;
    let met = send(&left, PAYLOAD);
    let mut buffer = [0; 64];
    if met == Ok(PAYLOAD.len()) {
        let mut seen = refusal(met);
        let arrived = sys::recv(&right, &mut buffer, libc::MSG_DONTWAIT);
        if arrived == Ok(PAYLOAD.len()) && &buffer[..PAYLOAD.len()] == PAYLOAD {
            IGNORED.clone_into(&mut seen.note);
        }
        return Ok(seen);
    }
    Ok(usable(met, || exchange(&left, &right)))
}

fn sendmsg(neighbour: &Neighbour, flags: i32) -> Outcome<Seen> {
    let Some(control) = &neighbour.sample.control else {
        return sending(|left, payload| {
            let header = sys::sendmsg(left, &[IoSlice::new(payload)], Envelope::default(), flags)?;
            Ok(header.bytes)
        });
    };
    let (left, right) = pair()?;
    let mut bytes = Vec::new();
    for header in control {
        let data: Vec<u8> = match (header.level, header.kind) {
            (libc::SOL_SOCKET, libc::SCM_RIGHTS) => {
                std::os::fd::AsRawFd::as_raw_fd(&left).to_ne_bytes().to_vec()
            }
            (libc::SOL_SOCKET, libc::SCM_CREDENTIALS) => [sys::getpid()?, sys::geteuid()?, sys::getegid()?]
                .map(|id| (id as u32).to_ne_bytes())
                .concat(),
            _ => vec![0; 4],
        };
        bytes.extend_from_slice(&(16 + data.len()).to_ne_bytes());
        bytes.extend_from_slice(&header.level.to_ne_bytes());
        bytes.extend_from_slice(&header.kind.to_ne_bytes());
        bytes.extend_from_slice(&data);
        bytes.resize(bytes.len().next_multiple_of(8), 0);
    }
    let envelope = Envelope { control: Some(&mut bytes), ..Envelope::default() };
    let met = sys::sendmsg(&left, &[IoSlice::new(PAYLOAD)], envelope, flags);
    Ok(usable(met, || exchange(&left, &right)))
}

/// Receives [`PAYLOAD`]; where it comes like any other, the value has no effect.
fn receiving(
    flags: i32,
    receive: impl FnOnce(&std::os::fd::OwnedFd, &mut [u8]) -> Result<usize>,
) -> Outcome<Seen> {
    let (left, right) = pair()?;
    if flags & libc::MSG_OOB != 0 {
        // Where there is urgent data, it must be there for the flag to mean something; elsewhere this fails.
        let _ = sys::send(&left, b"!", libc::MSG_OOB);
    }
    sys::write(&left, PAYLOAD)?;
    let mut buffer = [0; 64];
    let met = receive(&right, &mut buffer);
    if met == Ok(PAYLOAD.len()) {
        let mut seen = refusal(met);
        let left_over = sys::recv(&right, &mut [0; 64], libc::MSG_DONTWAIT);
        if left_over == Err(Errno(libc::EAGAIN)) && &buffer[..PAYLOAD.len()] == PAYLOAD {
            IGNORED.clone_into(&mut seen.note);
        }
        return Ok(seen);
    }
    Ok(usable(met, || {
        let count = sys::recv(&right, &mut buffer, libc::MSG_DONTWAIT)?;
        if &buffer[..count] != PAYLOAD {
            return Err(Failure::here("the data did not stay in the queue"));
        }
        exchange(&left, &right)
    }))
}

fn splice(flags: u32) -> Outcome<Seen> {
    let (left, right) = pair()?;
    let (reader, writer) = sys::pipe2(0)?;
    sys::write(&writer, PAYLOAD)?;
    let met = sys::splice(&reader, None, &left, None, PAYLOAD.len(), flags);
    Ok(usable(met, || {
        sys::splice(&reader, None, &left, None, PAYLOAD.len(), 0)?;
        sys::read(&right, &mut [0; PAYLOAD.len()])?;
        exchange(&left, &right)
    }))
}

/// A request: known is what is refused for the zeros that it is given.
fn ioctl(neighbour: &Neighbour) -> Outcome<Seen> {
    let (left, right) = pair()?;
    // Room for whatever is filled in: no request of the domain takes more than a `struct ifreq`.
    let mut room = [0; 64];
    let met = sys::ioctl_bytes(&left, neighbour.sample.registers[1], &mut room).map(|_| ());
    if met != Err(Errno(libc::ENOTTY)) {
        return Ok(known(libc::ENOTTY, met));
    }
    Ok(usable(met, || exchange(&left, &right)))
}

fn getsockopt(neighbour: &Neighbour, level: i32, option: i32) -> Outcome<Seen> {
    let (left, right) = pair()?;
    // Room for whatever an option may be, so that the length is no reason to refuse it.
    let (mut value, mut length) = ([0; 1024], 1024);
    let met = sys::getsockopt(&left, level, option, &mut value, &mut length).map(|_| ());
    if neighbour.argument == "optname" && met != Err(Errno(libc::ENOPROTOOPT)) {
        return Ok(known(libc::ENOPROTOOPT, met));
    }
    Ok(usable(met, || exchange(&left, &right)))
}

fn setsockopt(neighbour: &Neighbour, level: i32, option: i32) -> Outcome<Seen> {
    let (left, right) = pair()?;
    let met = sys::setsockopt(&left, level, option, &[0; 64]).map(|_| ());
    if neighbour.argument == "optname" && met != Err(Errno(libc::ENOPROTOOPT)) {
        return Ok(known(libc::ENOPROTOOPT, met));
    }
    Ok(usable(met, || exchange(&left, &right)))
}
