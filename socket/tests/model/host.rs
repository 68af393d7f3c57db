//! The calls on the host's Linux.

use std::{
    fs,
    os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd},
    process,
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::Duration,
};

use super::operation::{Address, Names, Operation, SOCKETS, digest, payload};
use crate::{Outcome, Readiness};

/// What poll(2) is asked for.
const EVENTS: i16 = libc::POLLIN
    | libc::POLLPRI
    | libc::POLLOUT
    | libc::POLLRDNORM
    | libc::POLLRDBAND
    | libc::POLLWRNORM
    | libc::POLLWRBAND
    | libc::POLLRDHUP;

pub(crate) struct Host {
    directory: String,
    names: Names,
    sockets: [Option<OwnedFd>; SOCKETS],
    /// How many calls there were.
    calls: usize,
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// The result of a C function.
fn result(value: isize) -> Result<usize, i32> {
    usize::try_from(value).map_err(|_| std::io::Error::last_os_error().raw_os_error().unwrap_or(0))
}

fn owned(number: usize) -> OwnedFd {
    // SAFETY: the kernel has just returned the number as a new descriptor.
    unsafe { OwnedFd::from_raw_fd(number as RawFd) }
}

impl Host {
    pub(crate) fn new() -> Self {
        static SEQUENCES: AtomicU32 = AtomicU32::new(0);
        let number = SEQUENCES.fetch_add(1, Ordering::Relaxed);
        let directory = format!("/tmp/model{}.{number}", process::id());
        fs::create_dir(&directory).expect("/tmp can be written");
        let names = Names::new(directory.clone());
        Self { directory, names, sockets: Default::default(), calls: 0 }
    }

    /// With which all names begin.
    pub(crate) fn prefix(&self) -> &str {
        &self.directory
    }

    fn number(&self, place: usize) -> RawFd {
        self.sockets[place].as_ref().map_or(-1, AsRawFd::as_raw_fd)
    }

    /// Puts sockets where there is room; the rest is closed.
    fn keep(&mut self, sockets: impl IntoIterator<Item = OwnedFd>) -> Vec<Option<usize>> {
        let keep = |socket| {
            let place = self.sockets.iter().position(Option::is_none)?;
            self.sockets[place] = Some(socket);
            Some(place)
        };
        sockets.into_iter().map(keep).collect()
    }

    pub(crate) fn readiness(&self) -> Readiness {
        let open: Vec<_> = (0..SOCKETS).filter(|place| self.sockets[*place].is_some()).collect();
        let entry = |place: &usize| libc::pollfd { fd: self.number(*place), events: EVENTS, revents: 0 };
        let mut entries: Vec<_> = open.iter().map(entry).collect();
        // SAFETY: the entries are as many as are said, and live.
        unsafe { libc::poll(entries.as_mut_ptr(), entries.len() as libc::nfds_t, 0) };
        open.into_iter().zip(entries).map(|(place, entry)| (place, entry.revents)).collect()
    }

    /// Makes a call; without waiting, where it is known that it would.
    pub(crate) fn perform(&mut self, operation: &Operation, waits: bool) -> Outcome {
        self.calls += 1;
        CALLS.fetch_add(1, Ordering::Relaxed);
        let socket = match operation {
            Operation::Connect(socket, _)
            | Operation::Accept(socket)
            | Operation::Send { socket, .. }
            | Operation::Write(socket, _)
            | Operation::Writev(socket, _)
            | Operation::Receive { socket, .. }
            | Operation::Read(socket, _) => *socket,
            _ => return self.make(operation),
        };
        let number = self.number(socket);
        // SAFETY: no memory is involved.
        let flags = unsafe { libc::fcntl(number, libc::F_GETFL) };
        let set = |flags: i32| {
            // SAFETY: likewise.
            unsafe { libc::fcntl(number, libc::F_SETFL, flags) }
        };
        if waits {
            set(flags | libc::O_NONBLOCK);
        }
        let outcome = self.make(operation);
        if waits {
            set(flags);
        }
        outcome
    }

    fn address(&self, address: Address) -> Vec<u8> {
        self.names.bytes(address)
    }

    fn make(&mut self, operation: &Operation) -> Outcome {
        let done = |value: usize| Ok(format!("{value}"));
        match *operation {
            Operation::Socket { kind, nonblocking } => {
                let kind = kind | if nonblocking { libc::SOCK_NONBLOCK } else { 0 };
                // SAFETY: no memory is involved.
                let socket = result(unsafe { libc::socket(libc::AF_UNIX, kind, 0) } as isize)?;
                Ok(format!("{:?}", self.keep([owned(socket)])))
            }
            Operation::Pair { kind } => {
                let mut numbers = [0; 2];
                // SAFETY: there is room for two numbers.
                result(unsafe { libc::socketpair(libc::AF_UNIX, kind, 0, numbers.as_mut_ptr()) } as isize)?;
                Ok(format!("{:?}", self.keep(numbers.map(|number| owned(number as usize)))))
            }
            Operation::Bind(socket, address) => {
                let bytes = self.address(address);
                // SAFETY: the address has the length that is said.
                let met =
                    unsafe { libc::bind(self.number(socket), bytes.as_ptr().cast(), bytes.len() as u32) };
                done(result(met as isize)?)
            }
            Operation::Connect(socket, address) => {
                let bytes = self.address(address);
                // SAFETY: likewise.
                let met =
                    unsafe { libc::connect(self.number(socket), bytes.as_ptr().cast(), bytes.len() as u32) };
                done(result(met as isize)?)
            }
            Operation::Listen(socket, backlog) => {
                // SAFETY: no memory is involved.
                done(result(unsafe { libc::listen(self.number(socket), backlog) } as isize)?)
            }
            Operation::Accept(socket) => self.accept(socket),
            Operation::Send { socket, length, flags, to } => {
                let (data, to) = (payload(self.calls, length), to.map(|to| self.address(to)));
                let (address, size) = to.as_ref().map_or((std::ptr::null(), 0), |to| (to.as_ptr(), to.len()));
                let flags = flags | libc::MSG_NOSIGNAL;
                // SAFETY: data and address have the lengths that are said.
                done(result(unsafe {
                    libc::sendto(
                        self.number(socket),
                        data.as_ptr().cast(),
                        length,
                        flags,
                        address.cast(),
                        size as u32,
                    )
                })?)
            }
            Operation::Write(socket, length) => {
                let data = payload(self.calls, length);
                // SAFETY: the data has the length that is said.
                done(result(unsafe { libc::write(self.number(socket), data.as_ptr().cast(), length) })?)
            }
            Operation::Writev(socket, ref lengths) => {
                let mut parts: Vec<_> = lengths.iter().map(|length| payload(self.calls, *length)).collect();
                let vectors: Vec<_> = parts
                    .iter_mut()
                    .map(|part| libc::iovec { iov_base: part.as_mut_ptr().cast(), iov_len: part.len() })
                    .collect();
                // SAFETY: the parts live, and have the lengths that are said.
                done(result(unsafe {
                    libc::writev(self.number(socket), vectors.as_ptr(), vectors.len() as i32)
                })?)
            }
            Operation::Receive { socket, length, flags } => self.receive(socket, length, flags),
            Operation::Read(socket, length) => {
                let mut data = vec![0; length];
                // SAFETY: there is as much room as is said.
                let count =
                    result(unsafe { libc::read(self.number(socket), data.as_mut_ptr().cast(), length) })?;
                Ok(digest(&data[..count]))
            }
            Operation::Shutdown(socket, how) => {
                // SAFETY: no memory is involved.
                done(result(unsafe { libc::shutdown(self.number(socket), how) } as isize)?)
            }
            Operation::Close(socket) => Ok(format!("{}", self.sockets[socket].take().is_some())),
            Operation::Duplicate(socket) => {
                // SAFETY: likewise.
                let number = result(unsafe { libc::dup(self.number(socket)) } as isize)?;
                Ok(format!("{:?}", self.keep([owned(number)])))
            }
            Operation::Name(socket) => self.name(socket, libc::getsockname),
            Operation::PeerName(socket) => self.name(socket, libc::getpeername),
            Operation::Option(socket, name) => {
                let (mut value, mut length) = (0_i32, 4);
                let room = std::ptr::from_mut(&mut value).cast();
                // SAFETY: there is room for an int.
                let met = unsafe {
                    libc::getsockopt(self.number(socket), libc::SOL_SOCKET, name, room, &raw mut length)
                };
                result(met as isize)?;
                Ok(format!("{value} of {length} bytes"))
            }
            Operation::SetSendBuffer(socket, size) => {
                let value = std::ptr::from_ref(&size).cast();
                let number = self.number(socket);
                // SAFETY: the value is an int.
                let met = unsafe { libc::setsockopt(number, libc::SOL_SOCKET, libc::SO_SNDBUF, value, 4) };
                done(result(met as isize)?)
            }
            Operation::Unread(socket) => self.ioctl(socket, libc::FIONREAD).map(|bytes| format!("{bytes}")),
            Operation::Unsent(socket) => {
                self.ioctl(socket, libc::TIOCOUTQ).map(|bytes| format!("{}", bytes > 0))
            }
            Operation::SetNonblocking(socket, on) => {
                let mut on = i32::from(on);
                // SAFETY: the request reads an int.
                done(
                    result(unsafe { libc::ioctl(self.number(socket), libc::FIONBIO, &raw mut on) } as isize)?,
                )
            }
            Operation::Unlink(number) => match fs::remove_file(self.names.path(number)) {
                Ok(()) => Ok("removed".into()),
                Err(error) => Err(error.raw_os_error().unwrap_or(0)),
            },
        }
    }

    fn accept(&mut self, socket: usize) -> Outcome {
        let (mut buffer, mut length) = ([0_u8; 128], 128);
        // SAFETY: there is as much room as is said.
        let accepted =
            result(
                unsafe { libc::accept(self.number(socket), buffer.as_mut_ptr().cast(), &raw mut length) }
                    as isize,
            )?;
        let kept = self.keep([owned(accepted)]);
        Ok(format!("{kept:?} from {}", self.names.show(&buffer[..length as usize])))
    }

    fn receive(&mut self, socket: usize, length: usize, flags: i32) -> Outcome {
        let (mut data, mut name) = (vec![0; length], [0_u8; 128]);
        let mut vector = libc::iovec { iov_base: data.as_mut_ptr().cast(), iov_len: length };
        // SAFETY: zeros are a header.
        let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
        header.msg_name = name.as_mut_ptr().cast();
        header.msg_namelen = 128;
        header.msg_iov = &raw mut vector;
        header.msg_iovlen = 1;
        // SAFETY: name and data live, and have the lengths that are said.
        let count = result(unsafe { libc::recvmsg(self.number(socket), &raw mut header, flags) })?;
        let name = self.names.show(&name[..header.msg_namelen as usize]);
        let stored = count.min(length);
        Ok(format!("{count}: {} from {name} flags {:x}", digest(&data[..stored]), header.msg_flags))
    }

    fn name(
        &mut self,
        socket: usize,
        get: unsafe extern "C" fn(i32, *mut libc::sockaddr, *mut u32) -> i32,
    ) -> Outcome {
        let (mut buffer, mut length) = ([0_u8; 128], 128);
        // SAFETY: there is as much room as is said.
        result(unsafe { get(self.number(socket), buffer.as_mut_ptr().cast(), &raw mut length) } as isize)?;
        Ok(self.names.show(&buffer[..length as usize]))
    }

    fn ioctl(&self, socket: usize, request: u64) -> Result<i32, i32> {
        let mut bytes = 0;
        // SAFETY: both requests fill in an int.
        result(unsafe { libc::ioctl(self.number(socket), request, &raw mut bytes) } as isize)?;
        Ok(bytes)
    }
}

/// How many calls there were in all.
static CALLS: AtomicU32 = AtomicU32::new(0);

/// From now on, a call of this thread that waits for seconds is interrupted.
pub(crate) fn watch() {
    extern "C" fn nothing(_: i32) {}
    // SAFETY: zeros are an action, and the handler does nothing. Without SA_RESTART, it ends calls. The thread is this one.
    let thread = unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = nothing as *const () as usize;
        libc::sigaction(libc::SIGALRM, &raw const action, std::ptr::null_mut());
        libc::pthread_self()
    };
    thread::spawn(move || {
        loop {
            let before = CALLS.load(Ordering::Relaxed);
            thread::sleep(Duration::from_secs(3));
            if CALLS.load(Ordering::Relaxed) == before {
                // SAFETY: the thread ends with the process, or makes calls as long as it is there.
                unsafe { libc::pthread_kill(thread, libc::SIGALRM) };
            }
        }
    });
}

/// Whether this Linux takes as much memory for records as the layer counts (`record::payload`).
pub(crate) fn charges_are_as_expected() -> bool {
    [(1, 768), (192, 768), (300, 1280), (400, 1280), (3000, 4352)].into_iter().all(|(length, bytes)| {
        let mut host = Host::new();
        host.make(&Operation::Pair { kind: libc::SOCK_DGRAM }).is_ok()
            && host.make(&Operation::Write(0, length)).is_ok()
            && host.ioctl(0, libc::TIOCOUTQ) == Ok(bytes)
    })
}
