//! sendfile(2) and splice(2): between emulated sockets and the host's files.
//!
//! The file is reached by a descriptor for the target's own open file, so that its offset is the one that moves. Nothing is taken
//! out of a pipe before the socket has it: what is to be sent is looked at by tee(2) first.

use std::{
    io::{self, Read},
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
    sync::Arc,
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::{FileType, Mode, OFlags, SeekFrom, fcntl_getfl, fstat, open, seek},
    io::{pread, read, write},
    pipe::{PipeFlags, SpliceFlags, pipe_with, tee},
};
use socket::{
    call,
    caller::Caller,
    error::{Errno, Error, Result},
    policy::Admitted,
    ready::{Events, Pollee},
    step::{Operation, Step, Wait},
};

use super::{
    caller::Target,
    calls::Request,
    paths::{errno, failed},
    supervisor::{Answer, Supervisor},
};

/// How much is copied at a time; into pipes less, for so much goes in as a whole or not at all (PIPE_BUF).
const CHUNK: usize = 64 << 10;
const PIPE_CHUNK: usize = 4096;
/// MAX_RW_COUNT
const MOST: usize = 0x7fff_f000;

impl Supervisor {
    /// Begins sendfile(2) or splice(2), one end of which is an emulated socket.
    pub(super) fn begin_moving(&mut self, target: Target, request: &Request) {
        let registers = &request.registers;
        let socket_is = target.subject.as_ref().map(|(number, _)| *number as usize as u32);
        let is_subject = |register: usize| Some(registers[register] as u32) == socket_is;
        let result = if request.number == libc::SYS_splice {
            let [from, from_offset, to, to_offset, count, flags] = *registers;
            if count == 0 {
                return self.listener.value(target.id, 0);
            }
            if flags as u32 & !KNOWN_FLAGS != 0 {
                return self.refuse(&target, libc::EINVAL);
            }
            if is_subject(0) {
                Pipeward::to_pipe(&target, to, to_offset, from_offset, registers)
            } else {
                Socketward::from_pipe(&target, from, from_offset, to_offset, registers)
            }
        } else if is_subject(0) {
            Socketward::from_file(&target, registers)
        } else if registers[2] != 0 {
            Err(Errno::ESPIPE.into())
        } else {
            // Judged as what it is: a splice without flags.
            let as_splice = [registers[1], 0, registers[0], 0, registers[3], 0];
            Pipeward::to_pipe(&target, registers[0], 0, 0, &as_splice)
        };
        self.run(target, Answer::Value, result);
    }
}

/// SPLICE_F_MOVE, SPLICE_F_NONBLOCK, SPLICE_F_MORE, SPLICE_F_GIFT
const KNOWN_FLAGS: u32 = 0xf;

/// Neither has offsets: not the pipe, and not the socket.
fn check_offsets(target: &Target, pipe: usize, socket: usize) -> Result<()> {
    if pipe != 0 {
        return Err(Errno::ESPIPE.into());
    }
    if socket != 0 {
        target.read_memory(socket, &mut [0; 8])?;
        return Err(Error::new(Errno::EINVAL, "a socket has no offset"));
    }
    Ok(())
}

/// Such a call on its way.
enum Moving {
    In(Pipeward),
    Out(Socketward),
}

impl Operation<Target> for Moving {
    fn step(&mut self, target: &Target) -> Step {
        match self {
            Self::In(pipeward) => pipeward.step(target),
            Self::Out(socketward) => socketward.step(target),
        }
    }

    fn interrupt(&mut self, target: &Target) -> Result<usize> {
        match self {
            Self::In(pipeward) if pipeward.moved > 0 => Ok(pipeward.moved),
            Self::Out(socketward) if socketward.moved > 0 => socketward.finish(target),
            _ => Err(Errno::EINTR.into()),
        }
    }
}

/// A pipe of the host's, used without ever waiting for it.
struct Pipe {
    /// The target's own open file: for tee(2), and to be watched.
    shared: OwnedFd,
    /// Another one, O_NONBLOCK.
    own: OwnedFd,
    /// Whether the target does not want to wait for it.
    nonblocking: bool,
    watched: Option<Arc<Pollee>>,
}

impl Pipe {
    fn new(target: &Target, descriptor: usize, writing: bool, flags: usize) -> Result<Self> {
        let shared = target.thread.file(descriptor as i32).map_err(|_| Errno::EBADF)?;
        let mode = fcntl_getfl(&shared).map_err(errno)?;
        if mode.contains(OFlags::PATH) || !is_open_for(mode, writing) {
            return Err(Errno::EBADF.into());
        }
        let stat = fstat(&shared).map_err(errno)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::Fifo {
            return Err(Error::new(Errno::EINVAL, "neither is a pipe"));
        }
        let access = if writing { OFlags::WRONLY } else { OFlags::RDONLY };
        let path = format!("/proc/self/fd/{}", shared.as_raw_fd());
        let own = open(path, access | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty()).map_err(errno)?;
        let nonblocking = mode.contains(OFlags::NONBLOCK) || flags as u32 & libc::SPLICE_F_NONBLOCK != 0;
        Ok(Self { shared, own, nonblocking, watched: None })
    }

    fn is_ready(&self, wanted: PollFlags) -> bool {
        let mut entry = [PollFd::new(&self.own, wanted)];
        poll(&mut entry, Some(&Timespec::default())).is_ok_and(|ready| ready > 0)
    }

    /// Waits for the pipe, if that is wanted.
    fn wait(&mut self, target: &Target) -> Step {
        if self.nonblocking {
            return Step::Done(Err(Errno::EAGAIN.into()));
        }
        let pollee = match &self.watched {
            Some(pollee) => pollee.clone(),
            None => {
                // The host tells of it by the thread: that has no other call.
                if let Err(error) = target.system.watch.add_any(self.own.as_fd(), target.thread.number) {
                    return Step::Done(Err(failed(&error)));
                }
                self.watched.insert(Arc::default()).clone()
            }
        };
        Step::Wait(Wait { pollee, events: Events::IN, deadline: None })
    }
}

fn is_open_for(mode: OFlags, writing: bool) -> bool {
    let access = mode & OFlags::RWMODE;
    access == OFlags::RDWR || access == if writing { OFlags::WRONLY } else { OFlags::RDONLY }
}

/// From a socket into a pipe.
struct Pipeward {
    admitted: Admitted<call::splice::Splice>,
    pipe: Pipe,
    /// Whether the socket is no stream.
    records: bool,
    left: usize,
    moved: usize,
}

impl Pipeward {
    fn to_pipe(
        target: &Target,
        to: usize,
        offset: usize,
        socket_offset: usize,
        registers: &[usize; 6],
    ) -> Result<Moving> {
        let pipe = Pipe::new(target, to, true, registers[5])?;
        check_offsets(target, offset, socket_offset)?;
        let Some((_, file)) = &target.subject else { return Err(Errno::EBADF.into()) };
        let admitted = call::splice::start(target, file.socket.clone(), registers)?;
        let records = i32::from(file.socket.socket_type()) != libc::SOCK_STREAM;
        Ok(Moving::In(Self { admitted, pipe, records, left: registers[4].min(MOST), moved: 0 }))
    }

    fn step(&mut self, target: &Target) -> Step {
        // What has records is received one at a time, and what of it finds no room is lost, as in Linux.
        let most = if self.records { CHUNK } else { PIPE_CHUNK };
        let mut room = vec![0; most.min(self.left)];
        while self.left > 0 {
            if !self.pipe.is_ready(PollFlags::OUT) {
                return if self.moved > 0 { Step::Done(Ok(self.moved)) } else { self.pipe.wait(target) };
            }
            let part = room.len().min(self.left);
            let received = match self.admitted.receive(&mut room[..part]).step(target) {
                Step::Done(Ok(0)) => break,
                Step::Done(Ok(count)) => count,
                // What is there is enough.
                _ if self.moved > 0 => break,
                step => return step,
            };
            match write(&self.pipe.own, &room[..received]) {
                Ok(written) => {
                    self.moved += written;
                    self.left -= written;
                }
                Err(error) => {
                    if error == rustix::io::Errno::PIPE {
                        target.broken_pipe();
                    }
                    return Step::Done(Err(errno(error)));
                }
            }
            if self.records {
                break;
            }
        }
        Step::Done(Ok(self.moved))
    }
}

/// Where what is sent comes from.
enum Source {
    File {
        file: OwnedFd,
        /// Where the offset is, unless it is the file's.
        offset: Option<usize>,
        at: u64,
    },
    Pipe(Pipe),
}

/// How it is admitted.
enum Gate {
    SendFile(Admitted<call::sendfile::SendFile>),
    Splice(Admitted<call::splice::Splice>),
}

/// From a file or a pipe to a socket.
struct Socketward {
    gate: Gate,
    source: Source,
    /// What was read and not sent yet.
    chunk: Vec<u8>,
    left: usize,
    moved: usize,
}

impl Socketward {
    fn from_pipe(
        target: &Target,
        from: usize,
        offset: usize,
        socket_offset: usize,
        registers: &[usize; 6],
    ) -> Result<Moving> {
        let pipe = Pipe::new(target, from, false, registers[5])?;
        check_offsets(target, offset, socket_offset)?;
        let Some((_, file)) = &target.subject else { return Err(Errno::EBADF.into()) };
        let gate = Gate::Splice(call::splice::start(target, file.socket.clone(), registers)?);
        let left = registers[4].min(MOST);
        Ok(Moving::Out(Self { gate, source: Source::Pipe(pipe), chunk: Vec::new(), left, moved: 0 }))
    }

    fn from_file(target: &Target, registers: &[usize; 6]) -> Result<Moving> {
        let [_, from, offset, count, ..] = *registers;
        let mut given = [0; 8];
        if offset != 0 {
            target.read_memory(offset, &mut given)?;
        }
        let file = target.thread.file(from as i32).map_err(|_| Errno::EBADF)?;
        let mode = fcntl_getfl(&file).map_err(errno)?;
        if mode.contains(OFlags::PATH) || !is_open_for(mode, false) {
            return Err(Errno::EBADF.into());
        }
        let Ok(current) = seek(&file, SeekFrom::Current(0)) else {
            let errno = if offset == 0 { Errno::EINVAL } else { Errno::ESPIPE };
            return Err(Error::new(errno, "what is sent must have offsets"));
        };
        let at = if offset == 0 { current } else { u64::from_ne_bytes(given) };
        if i64::try_from(at).is_err() || isize::try_from(count).is_err() {
            return Err(Errno::EINVAL.into());
        }
        let Some((_, subject)) = &target.subject else { return Err(Errno::EBADF.into()) };
        let gate = Gate::SendFile(call::sendfile::start(target, subject.socket.clone(), registers)?);
        let source = Source::File { file, offset: (offset != 0).then_some(offset), at };
        Ok(Moving::Out(Self { gate, source, chunk: Vec::new(), left: count.min(MOST), moved: 0 }))
    }

    fn step(&mut self, target: &Target) -> Step {
        while self.left > 0 {
            if self.chunk.is_empty() {
                match self.look(target) {
                    Ok(Some(step)) => return step,
                    Ok(None) => {}
                    Err(_) if self.moved > 0 => break,
                    Err(error) => return Step::Done(Err(error)),
                }
                if self.chunk.is_empty() {
                    break;
                }
            }
            let mut out = match &mut self.gate {
                Gate::SendFile(admitted) => admitted.send(&self.chunk),
                Gate::Splice(admitted) => admitted.send(&self.chunk),
            };
            match out.step(target) {
                Step::Done(Ok(sent)) => {
                    let all = sent == self.chunk.len();
                    self.sent(sent);
                    if !all {
                        break;
                    }
                }
                Step::Done(Err(_)) if self.moved > 0 => break,
                Step::Done(Err(error)) => return Step::Done(Err(error)),
                Step::Wait(wait) => {
                    let sent = out.interrupt(target).unwrap_or(0);
                    self.sent(sent);
                    return Step::Wait(wait);
                }
            }
        }
        Step::Done(self.finish(target))
    }

    /// Reads, without taking it, what is to be sent next. Another step, where there is nothing and it may come.
    fn look(&mut self, target: &Target) -> Result<Option<Step>> {
        let length = self.left.min(CHUNK);
        let mut chunk = vec![0; length];
        let count = match &mut self.source {
            Source::File { file, at, .. } => pread(&*file, &mut chunk, *at).map_err(errno)?,
            Source::Pipe(pipe) => match peek(pipe.shared.as_fd(), &mut chunk) {
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && self.moved > 0 => 0,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Ok(Some(pipe.wait(target)));
                }
                Err(error) => return Err(failed(&error)),
            },
        };
        chunk.truncate(count);
        self.chunk = chunk;
        Ok(None)
    }

    /// So much of the chunk has arrived.
    fn sent(&mut self, count: usize) {
        match &mut self.source {
            Source::File { at, .. } => *at += count as u64,
            Source::Pipe(pipe) => {
                let mut taken = vec![0; count];
                let mut left = count;
                // It is there, unless another reader was faster.
                while left > 0 {
                    match read(&pipe.own, &mut taken[..left]) {
                        Ok(count @ 1..) => left -= count,
                        _ => break,
                    }
                }
            }
        }
        self.chunk.drain(..count);
        self.moved += count;
        self.left -= count;
    }

    /// Stores where the file was left.
    fn finish(&mut self, target: &Target) -> Result<usize> {
        if let Source::File { file, offset, at } = &self.source {
            match offset {
                Some(offset) => target.write_memory(*offset, &at.to_ne_bytes())?,
                None => {
                    seek(file, SeekFrom::Start(*at)).map_err(errno)?;
                }
            }
        }
        Ok(self.moved)
    }
}

/// Reads what is in a pipe, and leaves it there. Ok(0) says that nobody writes to it any more.
fn peek(pipe: BorrowedFd<'_>, into: &mut [u8]) -> io::Result<usize> {
    let (reader, writer) = pipe_with(PipeFlags::CLOEXEC)?;
    let count = tee(pipe, &writer, into.len(), SpliceFlags::NONBLOCK)?;
    drop(writer);
    let mut reader = std::fs::File::from(reader);
    let mut done = 0;
    while done < count {
        match reader.read(&mut into[done..])? {
            0 => break,
            read => done += read,
        }
    }
    Ok(done)
}
