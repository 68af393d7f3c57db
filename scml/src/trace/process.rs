//! The processes of a trace: which program each runs, and what its calls do to its descriptors.

use std::{cell::RefCell, collections::BTreeMap, rc::Rc};

use linux_raw_sys::general;

use crate::{
    call::Call,
    domain::{Kind, constants, signature},
    subject::SocketState,
};

use super::{
    argument::Argument,
    descriptors::{Known, Socket, Table, decorated, socket},
    line::Outcome,
    observed::made,
    value::number,
};

/// Calls that return a descriptor of something else than a socket.
const OPENING: &[&str] = &[
    "open",
    "openat",
    "openat2",
    "creat",
    "eventfd",
    "eventfd2",
    "epoll_create",
    "epoll_create1",
    "signalfd",
    "signalfd4",
    "timerfd_create",
    "inotify_init",
    "inotify_init1",
    "memfd_create",
    "memfd_secret",
    "userfaultfd",
    "fanotify_init",
    "perf_event_open",
    "bpf",
    "pidfd_open",
    "io_uring_setup",
    "landlock_create_ruleset",
    "open_by_handle_at",
    "fsopen",
    "fspick",
    "fsmount",
    "open_tree",
    "mq_open",
];

/// Calls whose arguments say what becomes of descriptors, besides those that SCML governs.
const TRACKED: &[&str] = &[
    "close",
    "close_range",
    "dup",
    "dup2",
    "dup3",
    "pipe",
    "pipe2",
    "execve",
    "execveat",
    "clone",
    "clone3",
    "fork",
    "vfork",
    "pidfd_getfd",
];

/// Whether the call's arguments have to be understood.
pub(super) fn is_tracked(name: &str) -> bool {
    TRACKED.contains(&name)
}

/// Whether the call's result is a descriptor of no socket.
pub(super) fn opens(name: &str) -> bool {
    OPENING.contains(&name)
}

/// Whether the call makes a process.
pub(super) fn forks(name: &str) -> bool {
    matches!(name, "clone" | "clone3" | "fork" | "vfork")
}

/// What a child shares with its parent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shared {
    /// All descriptors, now and later.
    pub(super) descriptors: bool,
    /// The process itself.
    pub(super) thread: bool,
}

impl Shared {
    /// By the arguments of clone.
    pub(super) fn of(arguments: &str) -> Self {
        Self { descriptors: arguments.contains("CLONE_FILES"), thread: arguments.contains("CLONE_THREAD") }
    }
}

/// A process or thread.
#[derive(Debug)]
pub(super) struct Process {
    /// Shared by threads.
    pub(super) table: Rc<RefCell<Table>>,
    /// The index of its program.
    pub(super) program: usize,
}

impl Process {
    pub(super) fn new(program: usize) -> Self {
        Self { table: Rc::default(), program }
    }

    /// The child of a clone whose arguments say `shared` of the descriptors.
    pub(super) fn child(&self, shared: bool) -> Self {
        let table = match shared {
            true => Rc::clone(&self.table),
            false => Rc::new(RefCell::new(self.table.borrow().clone())),
        };
        Self { table, program: self.program }
    }

    /// What a descriptor that an argument names is.
    pub(super) fn known(&self, argument: &Argument) -> Known {
        match argument.before() {
            Argument::Descriptor(number, shown) => {
                let known = decorated(shown, self.table.borrow().get(*number));
                if let Known::Socket(_) = &known {
                    self.table.borrow_mut().insert(*number, known.clone(), false);
                }
                known
            }
            Argument::Number(number) => self.table.borrow().get(*number),
            _ => Known::Unknown,
        }
    }

    /// What a call that succeeded did. `refused` is the cause for which it would not have been admitted.
    pub(super) fn done(
        &self,
        name: &str,
        arguments: &[Argument],
        outcome: &Outcome<'_>,
        refused: Option<usize>,
    ) {
        let argument = |index: usize| arguments.get(index).and_then(Argument::number);
        let flag = |index: usize, flag: u32| {
            let value = arguments.get(index).map(|shown| number(shown, Kind::Integer, 0));
            value.and_then(Result::ok).is_some_and(|value| value & u64::from(flag) != 0)
        };
        // SOCK_CLOEXEC and its likes are one bit everywhere.
        let close_on_exec = |index: usize| flag(index, general::O_CLOEXEC);
        let Some(value) = outcome.value.and_then(|value| u64::try_from(value).ok()) else {
            return self.failed(name, arguments, outcome);
        };
        if opens(name) {
            return self.table.borrow_mut().insert(value, Known::Other, close_on_exec_of(name, arguments));
        }
        match name {
            "socket" => {
                let new = Known::Socket(socket(
                    made(&registers(Call::Socket, arguments)),
                    SocketState::Unbound,
                    refused,
                ));
                self.table.borrow_mut().insert(value, new, close_on_exec(1));
            }
            "socketpair" => {
                let descriptor = made(&registers(Call::Socketpair, arguments));
                self.pair(arguments.get(3), close_on_exec(1), || {
                    Known::Socket(socket(descriptor, SocketState::Connected, refused))
                });
            }
            "pipe" | "pipe2" => self.pair(arguments.first(), close_on_exec(1), || Known::Other),
            "accept" | "accept4" => {
                let new = match arguments.first().map(|listener| self.known(listener)) {
                    Some(Known::Socket(listener)) => {
                        let descriptor = listener.get().descriptor;
                        Known::Socket(socket(descriptor, SocketState::Connected, listener.get().refused))
                    }
                    _ => outcome.decoration.map_or(Known::Unknown, |shown| decorated(shown, Known::Unknown)),
                };
                self.table.borrow_mut().insert(value, new, close_on_exec(3));
            }
            "bind" => self.change(arguments, |state| match state {
                Some(SocketState::Unbound) => SocketState::Bound,
                state => state.unwrap_or(SocketState::Bound),
            }),
            "listen" => self.change(arguments, |_| SocketState::Listening),
            "connect" => self.change(arguments, |_| SocketState::Connected),
            // A connection that was being made is there.
            "sendto" | "sendmsg" | "recvfrom" | "recvmsg" | "read" | "write" | "readv" | "writev"
            | "getpeername" => {
                if name == "recvmsg" {
                    self.received(arguments.get(1));
                }
                if name == "getpeername" || value > 0 {
                    self.change_if(arguments, SocketState::Connecting, SocketState::Connected);
                }
            }
            "getsockopt" if shows_no_error(arguments) => {
                self.change_if(arguments, SocketState::Connecting, SocketState::Connected);
            }
            "close" => argument(0).into_iter().for_each(|number| self.table.borrow_mut().close(number)),
            "close_range" => {
                let (first, last) =
                    (argument(0).unwrap_or(u64::MAX), argument(1).unwrap_or_default() & 0xffff_ffff);
                let only_marks = arguments
                    .get(2)
                    .is_some_and(|flags| format!("{flags:?}").contains("CLOSE_RANGE_CLOEXEC"));
                match only_marks || flag(2, 4) {
                    true => self.table.borrow_mut().set_close_on_exec(first, last, true),
                    false => self.table.borrow_mut().close_range(first, last),
                }
            }
            "dup" | "dup2" | "dup3" => self.duplicate(arguments.first(), value, close_on_exec(2)),
            "fcntl" => self.fcntl(arguments, value),
            "ioctl" => {
                match arguments.get(1).map(|request| number(request, Kind::Enumeration(&constants::IOCTL), 0))
                {
                    Some(Ok(request)) if request == u64::from(linux_raw_sys::ioctl::FIOCLEX) => {
                        self.mark(argument(0), true);
                    }
                    Some(Ok(request)) if request == u64::from(linux_raw_sys::ioctl::FIONCLEX) => {
                        self.mark(argument(0), false);
                    }
                    _ => {}
                }
            }
            "pidfd_getfd" => self.table.borrow_mut().close(value),
            _ => {}
        }
    }

    /// What a call that failed did all the same.
    fn failed(&self, name: &str, arguments: &[Argument], outcome: &Outcome<'_>) {
        if name == "connect" && matches!(outcome.errno, Some("EINPROGRESS" | "EINTR" | "EALREADY")) {
            self.change(arguments, |_| SocketState::Connecting);
        }
    }

    fn pair(&self, argument: Option<&Argument>, close_on_exec: bool, new: impl Fn() -> Known) {
        let Some(Argument::Array(ends)) = argument.map(Argument::after) else { return };
        for number in ends.iter().filter_map(Argument::number) {
            self.table.borrow_mut().insert(number, new(), close_on_exec);
        }
    }

    fn socket(&self, arguments: &[Argument]) -> Option<Socket> {
        match self.known(arguments.first()?) {
            Known::Socket(socket) => Some(socket),
            _ => None,
        }
    }

    fn change(&self, arguments: &[Argument], to: impl FnOnce(Option<SocketState>) -> SocketState) {
        if let Some(socket) = self.socket(arguments) {
            let mut open = socket.get();
            open.state = Some(to(open.state));
            socket.set(open);
        }
    }

    fn change_if(&self, arguments: &[Argument], from: SocketState, to: SocketState) {
        self.change(arguments, |state| if state == Some(from) { to } else { state.unwrap_or(to) });
    }

    fn duplicate(&self, from: Option<&Argument>, copy: u64, close_on_exec: bool) {
        let Some(argument) = from else { return };
        let known = self.known(argument);
        let mut table = self.table.borrow_mut();
        match argument.number() {
            Some(number) if number != copy => table.duplicate(number, copy, close_on_exec),
            _ => table.insert(copy, known, close_on_exec),
        }
    }

    fn fcntl(&self, arguments: &[Argument], value: u64) {
        let command =
            arguments.get(1).map(|command| number(command, Kind::Enumeration(&constants::FCNTL), 0));
        let Some(Ok(command)) = command else { return };
        match command as u32 {
            general::F_DUPFD => self.duplicate(arguments.first(), value, false),
            general::F_DUPFD_CLOEXEC => self.duplicate(arguments.first(), value, true),
            general::F_SETFD => {
                let flags = arguments.get(2).and_then(|flags| number(flags, Kind::Integer, 0).ok());
                self.mark(arguments.first().and_then(Argument::number), flags.unwrap_or_default() & 1 != 0);
            }
            _ => {}
        }
    }

    fn mark(&self, number: Option<u64>, close_on_exec: bool) {
        if let Some(number) = number {
            self.table.borrow_mut().set_close_on_exec(number, number, close_on_exec);
        }
    }

    /// Descriptors that came in a message: of them only `-yy` says what they are.
    fn received(&self, message: Option<&Argument>) {
        let Some(Argument::Array(headers)) = message.and_then(|message| message.field("msg_control")) else {
            return;
        };
        let rights =
            |header: &&Argument| header.field("cmsg_type") == Some(&Argument::Name("SCM_RIGHTS".to_owned()));
        for header in headers.iter().filter(rights) {
            let Some(Argument::Array(numbers)) = header.field("cmsg_data") else { continue };
            for argument in numbers {
                match argument {
                    Argument::Descriptor(number, shown) => {
                        let known = decorated(shown, Known::Unknown);
                        self.table.borrow_mut().insert(*number, known, false);
                    }
                    other => {
                        other.number().into_iter().for_each(|number| self.table.borrow_mut().close(number));
                    }
                }
            }
        }
    }
}

/// `O_CLOEXEC` and its likes, in any argument.
fn close_on_exec_of(name: &str, arguments: &[Argument]) -> bool {
    // These set it without being asked.
    matches!(name, "memfd_secret" | "pidfd_open" | "io_uring_setup" | "landlock_create_ruleset")
        || arguments.iter().any(|argument| format!("{argument:?}").contains("CLOEXEC"))
}

fn shows_no_error(arguments: &[Argument]) -> bool {
    let name = |index: usize, name: &str| arguments.get(index) == Some(&Argument::Name(name.to_owned()));
    name(1, "SOL_SOCKET")
        && name(2, "SO_ERROR")
        && arguments.get(3) == Some(&Argument::Array(vec![Argument::Number(0)]))
}

/// The numbers of a call's arguments; 0 for what is not known.
fn registers(call: Call, arguments: &[Argument]) -> [u64; 6] {
    let mut registers = [0; 6];
    for (index, (parameter, argument)) in signature(call).parameters.iter().zip(arguments).enumerate() {
        let selector = match parameter.kind {
            Kind::Dependent { on, .. } => registers[usize::from(on)],
            _ => 0,
        };
        registers[index] = number(argument, parameter.kind, selector).unwrap_or_default();
    }
    registers
}

/// The processes by number, those of which it is not known whose child they are, and calls that are not finished.
#[derive(Debug, Default)]
pub(super) struct Processes {
    pub(super) all: BTreeMap<u32, Process>,
    /// Name and arguments so far.
    pub(super) unfinished: BTreeMap<u32, (String, String)>,
}

/// More processes than this are not kept apart: a log may claim anything.
const MOST: usize = 1 << 16;

impl Processes {
    /// Whether there is room for one more.
    pub(super) fn room(&self) -> bool {
        self.all.len() < MOST
    }

    /// The process that is making another one right now: `strace -f` shows a child's calls before its parent's clone
    /// returns. Of several, the one that began last is as good as any.
    pub(super) fn forking(&self) -> Option<(u32, Shared)> {
        let (pid, (_, arguments)) = self.unfinished.iter().rev().find(|(_, (name, _))| forks(name))?;
        Some((*pid, Shared::of(arguments)))
    }

    pub(super) fn remove(&mut self, pid: u32) {
        self.all.remove(&pid);
        self.unfinished.remove(&pid);
    }
}
