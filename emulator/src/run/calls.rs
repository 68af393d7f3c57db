//! From a notification to a call of the layer.

use libc::c_long;
use socket::{abi::flags::MessageFlags, call};

use super::{
    caller::Target,
    filter,
    supervisor::{Answer, Supervisor},
    sys::Notification,
};

/// What a target asks for, in the numbers and registers of x86-64.
pub(super) struct Request {
    pub(super) number: c_long,
    pub(super) registers: [usize; 6],
    /// Whether it is a 32-bit program's.
    narrow: bool,
}

impl Request {
    pub(super) fn new(notification: &Notification) -> Self {
        let data = &notification.data;
        let registers = data.args.map(|argument| argument as usize);
        match data.arch {
            filter::I386 => Self { number: wide(data.nr), registers, narrow: true },
            _ => Self { number: data.nr.into(), registers, narrow: false },
        }
    }

    /// Whether it makes sockets, and so is the layer's whatever its arguments are.
    pub(super) fn creates(&self) -> bool {
        filter::CREATING.contains(&self.number)
    }

    /// Whether the host makes it, once everything shows that is to be seen.
    pub(super) fn looks(&self) -> bool {
        filter::LOOKING.contains(&self.number)
            || filter::LOOKING_AT_ONCE.iter().any(|(number, _)| *number == self.number)
    }

    /// The descriptor that decides whose call it is; where there are two of them, each may.
    pub(super) fn descriptors(&self) -> impl Iterator<Item = i32> + use<> {
        let second = match self.number {
            libc::SYS_splice => Some(self.registers[2] as i32),
            libc::SYS_sendfile => Some(self.registers[1] as i32),
            _ => None,
        };
        std::iter::once(self.registers[0] as i32).chain(second)
    }
}

/// The 64-bit number of a call of 32-bit programs that lays out its arguments alike; else one that is refused.
fn wide(number: i32) -> c_long {
    match number {
        3 => libc::SYS_read,
        4 => libc::SYS_write,
        54 => libc::SYS_ioctl,
        363 => libc::SYS_listen,
        373 => libc::SYS_shutdown,
        102 | 359 | 360 => libc::SYS_socket,
        _ => -1,
    }
}

/// What the offset and the flags of preadv2(2) and pwritev2(2) come to for a socket; else the errno.
fn message_flags(offset: usize, flags: u32) -> Result<MessageFlags, i32> {
    /// RWF_NOWAIT
    const NOWAIT: u32 = 0x8;
    /// RWF_APPEND, RWF_NOAPPEND
    const APPEND: u32 = 0x10 | 0x20;
    /// RWF_NOSIGNAL
    const NOSIGNAL: u32 = 0x100;
    /// Those that sockets know: also RWF_HIPRI, RWF_DSYNC and RWF_SYNC, which mean nothing to them.
    const KNOWN: u32 = 0x7 | NOWAIT | APPEND | NOSIGNAL;
    match offset as isize {
        -1 => {}
        ..0 => return Err(libc::EINVAL),
        0.. => return Err(libc::ESPIPE),
    }
    if flags & !KNOWN != 0 {
        return Err(libc::EOPNOTSUPP);
    }
    if flags & APPEND == APPEND {
        return Err(libc::EINVAL);
    }
    let mut message = MessageFlags::empty();
    message.set(MessageFlags::DONTWAIT, flags & NOWAIT != 0);
    message.set(MessageFlags::NOSIGNAL, flags & NOSIGNAL != 0);
    Ok(message)
}

impl Supervisor {
    /// Begins a call of the layer.
    pub(super) fn begin(&mut self, target: Target, request: &Request) {
        let registers = &request.registers;
        let socket = target.subject.as_ref().map(|(_, file)| file.socket.clone());
        macro_rules! call {
            ($name:ident) => {{
                let operation = call::$name::start(&target, registers);
                self.run(target, Answer::Value, operation);
            }};
        }
        // Calls for any file start from the socket.
        macro_rules! file_call {
            ($name:ident) => {{
                let Some(socket) = socket else { return self.refuse(&target, libc::EBADF) };
                let operation = call::$name::start(&target, socket, registers);
                self.run(target, Answer::Value, operation);
            }};
        }
        match request.number {
            _ if request.narrow && request.creates() => {
                self.system.report.line("a 32-bit program makes a socket: those are not emulated");
                self.refuse(&target, libc::ENOSYS);
            }
            libc::SYS_read => file_call!(read),
            libc::SYS_write => file_call!(write),
            libc::SYS_readv => file_call!(readv),
            libc::SYS_writev => file_call!(writev),
            libc::SYS_preadv2 | libc::SYS_pwritev2 => {
                match message_flags(registers[3], registers[5] as u32) {
                    Err(errno) => self.refuse(&target, errno),
                    Ok(flags) => {
                        let Some(socket) = socket else { return self.refuse(&target, libc::EBADF) };
                        if request.number == libc::SYS_preadv2 {
                            let operation = call::readv::start_with(&target, socket, registers, flags);
                            self.run(target, Answer::Value, operation);
                        } else {
                            let operation = call::writev::start_with(&target, socket, registers, flags);
                            self.run(target, Answer::Value, operation);
                        }
                    }
                }
            }
            libc::SYS_ioctl => file_call!(ioctl),
            libc::SYS_socket => call!(socket),
            libc::SYS_socketpair => {
                let operation = call::socketpair::start(&target, registers);
                self.run(target, Answer::Pair(registers[3]), operation);
            }
            libc::SYS_bind => call!(bind),
            libc::SYS_listen => call!(listen),
            libc::SYS_accept => call!(accept),
            libc::SYS_accept4 => call!(accept4),
            libc::SYS_connect => call!(connect),
            libc::SYS_getsockname => call!(getsockname),
            libc::SYS_getpeername => call!(getpeername),
            libc::SYS_getsockopt => call!(getsockopt),
            libc::SYS_setsockopt => call!(setsockopt),
            libc::SYS_sendto => call!(sendto),
            libc::SYS_recvfrom => call!(recvfrom),
            libc::SYS_sendmsg => call!(sendmsg),
            libc::SYS_recvmsg => call!(recvmsg),
            libc::SYS_sendmmsg => call!(sendmmsg),
            libc::SYS_recvmmsg => call!(recvmmsg),
            libc::SYS_shutdown => call!(shutdown),
            libc::SYS_sendfile | libc::SYS_splice => self.begin_moving(target, request),
            _ => self.refuse(&target, libc::ENOSYS),
        }
    }
}
