//! Undeclared values: each is put into the call of the sample, in a situation in which everything else is good.
//!
//! Linux may do three things with a value that the profile does not declare: refuse it, which shows the errno that the
//! guest has to give; support it, of which the guest knows nothing and says so with the errno of the profile's tables;
//! or ignore it, which the note says (`Linux ignores it`).
//!
//! The situation follows from the kind of socket that the sample is made on, which may be one that the rule is not about.

use std::{
    io::{IoSlice, IoSliceMut},
    os::fd::OwnedFd,
};

use scml::{Call, probe::Neighbour};

use super::{
    Seen,
    situation::Situation,
    values::{address, control, memory},
};
use crate::{
    errno::{Errno, Result},
    harness::{Failure, Outcome},
    suite::unix::help::exchange,
    sys::{self, Envelope, Outgoing},
};

/// Tries a neighbour.
pub(super) fn attempt(at: &Situation<'_>, neighbour: &Neighbour) -> Outcome<Seen> {
    let int = |index: usize| neighbour.sample.registers[index] as u32 as i32;
    // Others say that there is the family, and not this type of it.
    let of_family = neighbour.argument == "family" && i32::from(neighbour.errno) == libc::EAFNOSUPPORT;
    match neighbour.sample.call {
        Call::Socket | Call::Socketpair if of_family => Ok(family(neighbour, int(0))),
        Call::Socket => Ok(refusal(sys::socket(int(0), int(1), int(2)))),
        Call::Socketpair => Ok(refusal(sys::socketpair(int(0), int(1), int(2)))),
        Call::Bind => bind(at, neighbour),
        Call::Connect => connect(at, neighbour),
        Call::Listen => listening(at, |fd| sys::listen(fd, 1)),
        Call::Accept => listening(at, |fd| sys::accept(fd).map(|_| 0)),
        Call::Accept4 => listening(at, |fd| sys::accept4(fd, int(3)).map(|_| 0)),
        Call::Getsockname => on_pair(at, |fd, _| sys::getsockname(fd, &mut [0; 128], &mut 128)),
        Call::Getpeername => on_pair(at, |fd, _| sys::getpeername(fd, &mut [0; 128], &mut 128)),
        Call::Sendto => sendto(at, neighbour, int(3)),
        Call::Write => sending(at, |fd, payload| sys::write(fd, payload)),
        Call::Writev => sending(at, |fd, payload| sys::writev(fd, &[IoSlice::new(payload)])),
        Call::Sendmsg => sendmsg(at, neighbour, int(2)),
        Call::Sendmmsg => sendmmsg(at, neighbour, int(3)),
        Call::Recvmmsg => receiving(at, int(3), |fd, buffer| {
            let (_, headers) = sys::recvmmsg(fd, &mut [buffer], int(3), None)?;
            Ok(headers.first().map_or(0, |header| header.bytes))
        }),
        Call::Recvfrom => receiving(at, int(3), |fd, buffer| sys::recv(fd, buffer, int(3))),
        Call::Recvmsg => receiving(at, int(2), |fd, buffer| {
            let header = sys::recvmsg(fd, &mut [IoSliceMut::new(buffer)], Envelope::default(), int(2))?;
            Ok(header.bytes)
        }),
        Call::Read => receiving(at, 0, |fd, buffer| sys::read(fd, buffer)),
        Call::Readv => receiving(at, 0, |fd, buffer| sys::readv(fd, &mut [IoSliceMut::new(buffer)])),
        Call::Shutdown => on_pair(at, |fd, _| sys::shutdown(fd, int(1))),
        Call::Getsockopt => getsockopt(at, neighbour, int(1), int(2)),
        Call::Setsockopt => setsockopt(at, neighbour, int(1), int(2)),
        Call::Ioctl => ioctl(at, neighbour),
        Call::Fcntl => fcntl(at, neighbour, int(1)),
        Call::Splice => splice(at, int(5) as u32),
        Call::Sendfile => sendfile(at),
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

/// Whether the two still reach each other; what has no peer has nothing to show.
fn still_works(one: &OwnedFd, other: Option<&OwnedFd>) -> Outcome {
    other.map_or(Ok(()), |other| exchange(one, other))
}

/// A call on a socket that is connected (or in the state that the rule names).
fn on_pair<T>(
    at: &Situation<'_>,
    call: impl FnOnce(&OwnedFd, Option<&OwnedFd>) -> Result<T>,
) -> Outcome<Seen> {
    let (one, other) = at.subject()?;
    let met = call(&one, other.as_ref());
    Ok(usable(met, || still_works(&one, other.as_ref())))
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

fn bind(at: &Situation<'_>, neighbour: &Neighbour) -> Outcome<Seen> {
    let good = at.address("a");
    let fd = at.socket()?;
    let met = sys::bind(&fd, address(&neighbour.sample, &good).bytes());
    Ok(usable(met, || {
        sys::bind(&fd, good.bytes())?;
        Ok(())
    }))
}

fn connect(at: &Situation<'_>, neighbour: &Neighbour) -> Outcome<Seen> {
    let (fd, good) = match at.has_connections() {
        true => at.listener(&at.address("a"), 1)?,
        false => at.bound(&at.address("a"))?,
    };
    let near = at.socket()?;
    let met = sys::connect(&near, address(&neighbour.sample, &good).bytes());
    Ok(usable(met, || {
        sys::connect(&near, good.bytes())?;
        match at.has_connections() {
            true => exchange(&near, &sys::accept(&fd)?),
            false => at.carries(&near, &fd),
        }
    }))
}

/// A call on a socket that listens, where the kind can, and to which somebody is connected; else on one that is bound.
fn listening(at: &Situation<'_>, call: impl FnOnce(&OwnedFd) -> Result<usize>) -> Outcome<Seen> {
    if !at.has_connections() {
        let (fd, address) = at.bound(&at.address("a"))?;
        return Ok(usable(call(&fd), || at.receives(&fd, &address)));
    }
    let (fd, address) = at.listener(&at.address("a"), 2)?;
    let near = at.client(&address)?;
    let met = call(&fd);
    Ok(usable(met, || {
        exchange(&near, &sys::accept(&fd)?)?;
        at.receives(&fd, &address)
    }))
}

const PAYLOAD: &[u8] = b"what is sent";
const IGNORED: &str = "Linux ignores it";

/// Sends [`PAYLOAD`]; where that is accepted and the payload arrives like any other, the value has no effect.
fn sending(at: &Situation<'_>, send: impl FnOnce(&OwnedFd, &[u8]) -> Result<usize>) -> Outcome<Seen> {
    let (left, right) = at.subject()?;
    let met = send(&left, PAYLOAD);
    if met == Ok(PAYLOAD.len()) {
        let mut seen = refusal(met);
        if let Some(right) = &right {
            let (mut buffer, mut control) = ([0; 64], [0; 64]);
            let envelope = Envelope { control: Some(&mut control), ..Envelope::default() };
            let mut parts = [IoSliceMut::new(&mut buffer)];
            let arrived = sys::recvmsg(right, &mut parts, envelope, libc::MSG_DONTWAIT);
            let plain = arrived.is_ok_and(|header| (header.bytes, header.control) == (PAYLOAD.len(), 0));
            if plain && &buffer[..PAYLOAD.len()] == PAYLOAD {
                IGNORED.clone_into(&mut seen.note);
            }
        }
        return Ok(seen);
    }
    Ok(usable(met, || still_works(&left, right.as_ref())))
}

fn sendto(at: &Situation<'_>, neighbour: &Neighbour, flags: i32) -> Outcome<Seen> {
    if neighbour.sample.family.is_none() {
        return sending(at, |fd, payload| sys::send(fd, payload, flags));
    }
    let (far, good) = at.bound(&at.address("a"))?;
    let near = at.socket()?;
    let met = sys::sendto(&near, PAYLOAD, flags, address(&neighbour.sample, &good).bytes());
    Ok(usable(met, || match at.has_connections() {
        true => Ok(()),
        false => {
            sys::sendto(&near, PAYLOAD, 0, good.bytes())?;
            sys::read(&far, &mut [0; PAYLOAD.len()])?;
            Ok(())
        }
    }))
}

fn sendmsg(at: &Situation<'_>, neighbour: &Neighbour, flags: i32) -> Outcome<Seen> {
    let passed = at.socket()?;
    let mut control = control(&neighbour.sample, &passed)?;
    let mut name =
        neighbour.sample.family.map(|_| address(&neighbour.sample, &at.address("a")).bytes().to_vec());
    // What the socket level knows is not ignored, though the receiver may not have asked for it.
    let known = neighbour.sample.control.iter().flatten().any(|header| header.level == libc::SOL_SOCKET);
    let mut seen = sending(at, |fd, payload| {
        let envelope =
            Envelope { name: name.as_deref_mut(), control: control.as_deref_mut(), ..Envelope::default() };
        Ok(sys::sendmsg(fd, &[IoSlice::new(payload)], envelope, flags)?.bytes)
    })?;
    if known {
        seen.note = seen.note.replace(IGNORED, "");
    }
    Ok(seen)
}

fn sendmmsg(at: &Situation<'_>, neighbour: &Neighbour, flags: i32) -> Outcome<Seen> {
    let passed = at.socket()?;
    let control = control(&neighbour.sample, &passed)?;
    let known = neighbour.sample.control.iter().flatten().any(|header| header.level == libc::SOL_SOCKET);
    let mut seen = sending(at, |fd, data| {
        let message = Outgoing { data, to: None, control: control.as_deref() };
        let (_, lengths) = sys::sendmmsg(fd, &[message], flags)?;
        Ok(lengths[0] as usize)
    })?;
    if known {
        seen.note = seen.note.replace(IGNORED, "");
    }
    Ok(seen)
}

/// Receives [`PAYLOAD`]; where it comes like any other, the value has no effect.
fn receiving(
    at: &Situation<'_>,
    flags: i32,
    receive: impl FnOnce(&OwnedFd, &mut [u8]) -> Result<usize>,
) -> Outcome<Seen> {
    let (right, left) = at.subject()?;
    let mut buffer = [0; 64];
    let Some(left) = left else { return Ok(refusal(receive(&right, &mut buffer))) };
    if flags & libc::MSG_OOB != 0 {
        // Where there is urgent data, it must be there for the flag to mean something; elsewhere this fails.
        let _ = sys::send(&left, b"!", libc::MSG_OOB);
    }
    sys::write(&left, PAYLOAD)?;
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

fn splice(at: &Situation<'_>, flags: u32) -> Outcome<Seen> {
    let (left, right) = at.pair()?;
    let (reader, writer) = sys::pipe2(0)?;
    sys::write(&writer, PAYLOAD)?;
    let met = sys::splice(&reader, None, &left, None, PAYLOAD.len(), flags);
    Ok(usable(met, || {
        sys::splice(&reader, None, &left, None, PAYLOAD.len(), 0)?;
        sys::read(&right, &mut [0; PAYLOAD.len()])?;
        exchange(&left, &right)
    }))
}

fn sendfile(at: &Situation<'_>) -> Outcome<Seen> {
    let file = sys::open(&at.path("file"), libc::O_RDWR | libc::O_CREAT, 0o600)?;
    sys::write(&file, PAYLOAD)?;
    on_pair(at, |fd, _| sys::sendfile(fd, &file, Some(&mut 0), PAYLOAD.len()))
}

/// A request: known is what is refused for the zeros that it is given.
fn ioctl(at: &Situation<'_>, neighbour: &Neighbour) -> Outcome<Seen> {
    let (left, right) = at.subject()?;
    // Room for whatever is filled in: no request of the domain takes more than a `struct ifreq`.
    let mut room = [0; 64];
    let met = sys::ioctl_bytes(&left, neighbour.sample.registers[1], &mut room).map(|_| ());
    unknown_by(neighbour, "request", libc::ENOTTY, met, || still_works(&left, right.as_ref()))
}

fn fcntl(at: &Situation<'_>, neighbour: &Neighbour, command: i32) -> Outcome<Seen> {
    let (left, right) = at.subject()?;
    let met = sys::fcntl(&left, command, 0).map(|_| ());
    unknown_by(neighbour, "cmd", libc::EINVAL, met, || still_works(&left, right.as_ref()))
}

/// For the numbers of options, requests and commands: any errno but the one for an unknown number says that it is known.
fn unknown_by(
    neighbour: &Neighbour,
    argument: &str,
    unknown: i32,
    met: Result<()>,
    check: impl FnOnce() -> Outcome,
) -> Outcome<Seen> {
    let about_number = neighbour.argument == argument && !neighbour.across;
    // Linux may have another errno for what it knows to be of others.
    let refused = [unknown, neighbour.errno.into()].map(|errno| Err(Errno(errno)));
    if about_number && !refused.contains(&met) {
        return Ok(known(unknown, met));
    }
    Ok(usable(met, check))
}

fn getsockopt(at: &Situation<'_>, neighbour: &Neighbour, level: i32, option: i32) -> Outcome<Seen> {
    let (left, right) = at.subject()?;
    // Room for whatever an option may be, so that the length is no reason to refuse it.
    let (mut value, mut length) = ([0; 1024], 1024);
    let met = sys::getsockopt(&left, level, option, &mut value, &mut length).map(|_| ());
    unknown_by(neighbour, "optname", libc::ENOPROTOOPT, met, || still_works(&left, right.as_ref()))
}

fn setsockopt(at: &Situation<'_>, neighbour: &Neighbour, level: i32, option: i32) -> Outcome<Seen> {
    let (left, right) = at.subject()?;
    let value = memory(&neighbour.sample, 3, 64);
    let met = sys::setsockopt(&left, level, option, &value).map(|_| ());
    unknown_by(neighbour, "optname", libc::ENOPROTOOPT, met, || still_works(&left, right.as_ref()))
}
