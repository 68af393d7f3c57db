//! The calls on this crate's sockets, by way of the caller trait.

use std::{fs, rc::Rc};

use linux_raw_sys::ioctl::{FIONBIO, FIONREAD, TIOCOUTQ};
use scml::Call;
use socket::{
    error::Errno,
    policy::{Count, Mode, Profile},
    world::Limits,
};

use super::operation::{Address, Names, Operation, SOCKETS, digest, payload};
use crate::{
    Outcome, Readiness,
    common::{AF_UNIX, MSG_NOSIGNAL, Message, Program, SOCK_NONBLOCK, SOL_SOCKET, System},
};

/// What poll(2) is asked for, and shows in any case.
const EVENTS: u32 = 0x27df;

pub(crate) struct Layer {
    system: Rc<System>,
    program: Program,
    names: Names,
    sockets: [Option<usize>; SOCKETS],
    /// How many calls there were.
    calls: usize,
}

/// A limit of the host.
fn limit(path: &str) -> Option<u32> {
    fs::read_to_string(format!("/proc/sys/net/{path}")).ok()?.trim().parse().ok()
}

/// Those of the host, as far as they can be read.
fn limits() -> Limits {
    let default = Limits::default();
    Limits {
        backlog: limit("core/somaxconn").unwrap_or(default.backlog),
        send_buffer: limit("core/wmem_default").unwrap_or(default.send_buffer),
        send_buffer_max: limit("core/wmem_max").unwrap_or(default.send_buffer_max),
        datagrams: limit("unix/max_dgram_qlen").unwrap_or(default.datagrams),
        ..default
    }
}

fn number(errno: Errno) -> i32 {
    errno.number().into()
}

impl Layer {
    pub(crate) fn new(prefix: &str) -> Self {
        let system = System::limited(Profile::Postern.tables(), Mode::Off, Count::Rule, limits());
        let program = system.program();
        Self { system, program, names: Names::new(prefix.into()), sockets: [None; SOCKETS], calls: 0 }
    }

    /// The descriptor of a place, or one that is not open.
    fn descriptor(&self, place: usize) -> usize {
        self.sockets[place].unwrap_or(usize::MAX)
    }

    /// Whether there is a socket of type SOCK_STREAM at a place.
    pub(crate) fn is_stream(&self, place: usize) -> bool {
        self.sockets[place].is_some_and(|descriptor| self.program.get(descriptor).socket_type() == 1)
    }

    /// Puts sockets where there is room; the rest is closed.
    fn keep(&mut self, descriptors: &[usize]) -> Vec<Option<usize>> {
        let keep = |descriptor: &usize| {
            let place = self.sockets.iter().position(Option::is_none);
            match place {
                Some(place) => self.sockets[place] = Some(*descriptor),
                None => self.program.close(*descriptor),
            }
            place
        };
        descriptors.iter().map(keep).collect()
    }

    pub(crate) fn readiness(&self) -> Readiness {
        let shown = |(place, descriptor): (usize, &Option<usize>)| {
            descriptor.map(|descriptor| (place, (self.program.poll(descriptor) & EVENTS) as i16))
        };
        self.sockets.iter().enumerate().filter_map(shown).collect()
    }

    fn address(&self, address: Address) -> [usize; 2] {
        let bytes = self.names.bytes(address);
        [self.program.bytes(&bytes), bytes.len()]
    }

    /// Makes a call; what it came to, and whether it would have waited.
    pub(crate) fn perform(&mut self, operation: &Operation) -> (Outcome, bool) {
        self.calls += 1;
        let mut waits = false;
        let outcome = self.make(operation, &mut waits);
        (outcome, waits)
    }

    fn call<const N: usize>(
        &self,
        call: Call,
        arguments: [usize; N],
        waits: &mut bool,
    ) -> Result<usize, i32> {
        let (result, waited) = self.program.attempt(call, arguments);
        *waits = waited;
        result.map_err(number)
    }

    fn make(&mut self, operation: &Operation, waits: &mut bool) -> Outcome {
        let done = |value: usize| Ok(format!("{value}"));
        match *operation {
            Operation::Socket { kind, nonblocking } => {
                let kind = kind as usize | if nonblocking { SOCK_NONBLOCK } else { 0 };
                let socket = self.call(Call::Socket, [AF_UNIX, kind, 0], waits)?;
                Ok(format!("{:?}", self.keep(&[socket])))
            }
            Operation::Pair { kind } => {
                let numbers = self.program.zeroes(8);
                self.call(Call::Socketpair, [AF_UNIX, kind as usize, 0, numbers], waits)?;
                let numbers = [numbers, numbers + 4].map(|at| self.program.int(at) as usize);
                Ok(format!("{:?}", self.keep(&numbers)))
            }
            Operation::Bind(socket, address) => {
                let [address, length] = self.address(address);
                done(self.call(Call::Bind, [self.descriptor(socket), address, length], waits)?)
            }
            Operation::Connect(socket, address) => {
                let [address, length] = self.address(address);
                done(self.call(Call::Connect, [self.descriptor(socket), address, length], waits)?)
            }
            Operation::Listen(socket, backlog) => {
                done(self.call(Call::Listen, [self.descriptor(socket), backlog as usize], waits)?)
            }
            Operation::Accept(socket) => {
                let (buffer, length) = self.room();
                let accepted = self.call(Call::Accept, [self.descriptor(socket), buffer, length], waits)?;
                let kept = self.keep(&[accepted]);
                Ok(format!("{kept:?} from {}", self.shown(buffer, length)))
            }
            Operation::Send { socket, length, flags, to } => {
                let data = self.program.bytes(&payload(self.calls, length));
                let [address, size] = to.map_or([0, 0], |to| self.address(to));
                let flags = flags as usize | MSG_NOSIGNAL;
                let arguments = [self.descriptor(socket), data, length, flags, address, size];
                done(self.call(Call::Sendto, arguments, waits)?)
            }
            Operation::Write(socket, length) => {
                let data = self.program.bytes(&payload(self.calls, length));
                done(self.call(Call::Write, [self.descriptor(socket), data, length], waits)?)
            }
            Operation::Writev(socket, ref lengths) => {
                let part = |length: &usize| (self.program.bytes(&payload(self.calls, *length)), *length);
                let parts: Vec<_> = lengths.iter().map(part).collect();
                let vectors = self.program.vectors(&parts);
                done(self.call(Call::Writev, [self.descriptor(socket), vectors, parts.len()], waits)?)
            }
            Operation::Receive { socket, length, flags } => {
                let (data, (name, _)) = (self.program.zeroes(length), self.room());
                let vectors = self.program.vectors(&[(data, length)]);
                let message = Message { name, name_length: 128, vectors, count: 1, ..Message::default() };
                let header = self.program.message(message);
                let count =
                    self.call(Call::Recvmsg, [self.descriptor(socket), header, flags as usize], waits)?;
                let name_length = self.program.int(header + 8) as usize;
                let name = self.names.show(&self.program.peek(name, name_length));
                let stored = self.program.peek(data, count.min(length));
                Ok(format!(
                    "{count}: {} from {name} flags {:x}",
                    digest(&stored),
                    self.program.int(header + 48)
                ))
            }
            Operation::Read(socket, length) => {
                let data = self.program.zeroes(length);
                let count = self.call(Call::Read, [self.descriptor(socket), data, length], waits)?;
                Ok(digest(&self.program.peek(data, count)))
            }
            Operation::Shutdown(socket, how) => {
                done(self.call(Call::Shutdown, [self.descriptor(socket), how as usize], waits)?)
            }
            Operation::Close(socket) => {
                let open = self.sockets[socket].take();
                if let Some(descriptor) = open {
                    self.program.close(descriptor);
                }
                Ok(format!("{}", open.is_some()))
            }
            Operation::Duplicate(socket) => {
                let Some(descriptor) = self.sockets[socket] else { return Err(number(Errno::EBADF)) };
                let copy = self.program.duplicate(descriptor);
                Ok(format!("{:?}", self.keep(&[copy])))
            }
            Operation::Name(socket) => self.name(Call::Getsockname, socket, waits),
            Operation::PeerName(socket) => self.name(Call::Getpeername, socket, waits),
            Operation::Option(socket, name) => {
                let (value, length) = (self.program.zeroes(4), self.program.bytes(&4_i32.to_ne_bytes()));
                let arguments = [self.descriptor(socket), SOL_SOCKET, name as usize, value, length];
                self.call(Call::Getsockopt, arguments, waits)?;
                Ok(format!("{} of {} bytes", self.program.int(value), self.program.int(length)))
            }
            Operation::SetSendBuffer(socket, size) => {
                let value = self.program.bytes(&size.to_ne_bytes());
                let name = linux_raw_sys::net::SO_SNDBUF as usize;
                done(self.call(
                    Call::Setsockopt,
                    [self.descriptor(socket), SOL_SOCKET, name, value, 4],
                    waits,
                )?)
            }
            Operation::Unread(socket) => self.ioctl(socket, FIONREAD, 0).map(|bytes| format!("{bytes}")),
            Operation::Unsent(socket) => {
                self.ioctl(socket, TIOCOUTQ, 0).map(|bytes| format!("{}", bytes > 0))
            }
            Operation::SetNonblocking(socket, on) => {
                self.ioctl(socket, FIONBIO, on.into()).map(|_| "0".into())
            }
            Operation::Unlink(number) => {
                let path = self.names.path(number);
                if !self.system.exists(&path) {
                    return Err(libc::ENOENT);
                }
                self.system.unlink(&path);
                Ok("removed".into())
            }
        }
    }

    /// Room for an address: where it is, and where its length stands.
    fn room(&self) -> (usize, usize) {
        (self.program.zeroes(128), self.program.bytes(&128_i32.to_ne_bytes()))
    }

    fn shown(&mut self, buffer: usize, length: usize) -> String {
        let bytes = self.program.peek(buffer, self.program.int(length) as usize);
        self.names.show(&bytes)
    }

    fn name(&mut self, call: Call, socket: usize, waits: &mut bool) -> Outcome {
        let (buffer, length) = self.room();
        self.call(call, [self.descriptor(socket), buffer, length], waits)?;
        Ok(self.shown(buffer, length))
    }

    fn ioctl(&self, socket: usize, request: u32, argument: i32) -> Result<i32, i32> {
        if self.sockets[socket].is_none() {
            return Err(number(Errno::EBADF));
        }
        let at = self.program.bytes(&argument.to_ne_bytes());
        let arguments = [self.descriptor(socket), request as usize, at];
        self.call(Call::Ioctl, arguments, &mut false)?;
        Ok(self.program.int(at))
    }
}
