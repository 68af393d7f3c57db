//! How many instructions the calls cost inside of this crate, kernel entry and the copies' page tables not counted.
//!
//! ```text
//! cargo build -p socket --profile image --example cost
//! for n in 1000 2000; do
//!     valgrind --tool=callgrind --callgrind-out-file=/dev/null target/image/examples/cost one-byte enforce $n
//! done
//! ```
//! The difference of the two totals ("Collected"), divided by 1000, is the cost of one round.

use std::{
    cell::{Cell, RefCell},
    env, process,
    sync::Arc,
    time::Duration,
};

use linux_raw_sys::net::{AF_UNIX, MSG_NOSIGNAL, SO_TYPE, SOCK_STREAM, SOL_SOCKET};
use net_stack::{Stack, random::Secret};
use scml::Tables;
use socket::{
    ancillary::OpenFile,
    call,
    caller::{Caller, DescriptorSlot, Fault, NodeId},
    error::{Errno, Result},
    identity::{Identity, Process},
    policy::{Count, Denial, Mode, Policy, Profile},
    socket::Socket,
    step::{Operation, Step},
    world::{Limits, World},
};

/// A program with a little memory and a few descriptors, whose calls never wait.
struct Program {
    world: World,
    memory: RefCell<Vec<u8>>,
    descriptors: RefCell<Vec<Option<Arc<Socket>>>>,
    /// Descriptors begin here: each reservation takes the next.
    next: Cell<i32>,
    identity: Arc<Identity>,
}

struct Slot(i32);

impl DescriptorSlot for Slot {
    fn number(&self) -> i32 {
        self.0
    }
}

impl Caller for Program {
    type Slot = Slot;

    #[inline]
    fn read_memory(&self, address: usize, into: &mut [u8]) -> std::result::Result<(), Fault> {
        into.copy_from_slice(&self.memory.borrow()[address..address + into.len()]);
        Ok(())
    }

    #[inline]
    fn write_memory(&self, address: usize, from: &[u8]) -> std::result::Result<(), Fault> {
        self.memory.borrow_mut()[address..address + from.len()].copy_from_slice(from);
        Ok(())
    }

    #[inline]
    fn socket(&self, descriptor: i32) -> Result<Arc<Socket>> {
        let descriptors = self.descriptors.borrow();
        Ok(descriptors.get(descriptor as usize).and_then(Option::as_ref).ok_or(Errno::EBADF)?.clone())
    }

    fn reserve_descriptor(&self) -> Result<Slot> {
        let number = self.next.replace(self.next.get() + 1);
        Ok(Slot(number))
    }

    fn open_file(&self, descriptor: i32) -> Result<OpenFile> {
        self.socket(descriptor).map(OpenFile::Socket)
    }

    fn install(&self, slot: Slot, file: OpenFile, _close_on_exec: bool) {
        if let OpenFile::Socket(socket) = file {
            self.descriptors.borrow_mut()[slot.0 as usize] = Some(socket);
        }
    }

    fn descriptor_limit(&self) -> usize {
        64
    }

    fn set_asynchronous(&self, _: i32, _: bool) -> Result<()> {
        Err(Errno::EBADF.into())
    }

    fn set_close_on_exec(&self, _descriptor: i32, _on: bool) -> Result<()> {
        Ok(())
    }

    fn identity(&self) -> Arc<Identity> {
        self.identity.clone()
    }

    fn is_capable(&self, _capability: u32) -> bool {
        false
    }

    fn find_process(&self, _pid: i32) -> Option<Process> {
        None
    }

    fn process_file(&self, process: &Process) -> Result<OpenFile> {
        Ok(OpenFile::Other(process.0.clone()))
    }

    fn make_node(&self, _path: &[u8]) -> Result<NodeId> {
        Err(Errno::EROFS.into())
    }

    fn remove_node(&self, _path: &[u8], _node: NodeId) {}

    fn find_node(&self, _path: &[u8]) -> Result<NodeId> {
        Err(Errno::ENOENT.into())
    }

    fn now(&self) -> Duration {
        Duration::ZERO
    }

    fn world(&self) -> &World {
        &self.world
    }

    fn report_denial(&self, denial: &Denial) {
        eprintln!("{denial}");
    }
}

impl Program {
    fn new(tables: &Tables<'static>, mode: Mode, count: Count) -> Self {
        let policy = Policy::new(tables, mode, count, 1);
        Self {
            world: World::new(policy, Limits::default(), Stack::new(Secret::new([1, 2]))),
            memory: RefCell::new(vec![0; 1 << 20]),
            descriptors: RefCell::new(vec![None; 64]),
            next: Cell::new(3),
            identity: Identity::kernel(),
        }
    }

    #[inline]
    fn finish(&self, operation: Result<impl Operation<Self>>) -> usize {
        match operation.map(|mut operation| operation.step(self)) {
            Ok(Step::Done(Ok(value))) => value,
            Ok(Step::Done(Err(error))) | Err(error) => panic!("{error}"),
            Ok(Step::Wait(_)) => panic!("the call waits"),
        }
    }

    fn pair(&self) -> (i32, i32) {
        self.next.set(3);
        self.finish(call::socketpair::start(self, &[AF_UNIX as usize, SOCK_STREAM as usize, 0, 0, 0, 0]));
        (3, 4)
    }

    #[inline(never)]
    fn write(&self, descriptor: i32, length: usize) -> usize {
        let socket = self.socket(descriptor).unwrap();
        self.finish(call::write::start(self, socket, &[descriptor as usize, 4096, length, 0, 0, 0]))
    }

    #[inline(never)]
    fn read(&self, descriptor: i32, length: usize) -> usize {
        let socket = self.socket(descriptor).unwrap();
        self.finish(call::read::start(self, socket, &[descriptor as usize, 4096, length, 0, 0, 0]))
    }

    /// Sends nothing: a call that does nearly nothing behind the policy's check.
    #[inline(never)]
    fn send_nothing(&self, descriptor: i32) -> usize {
        self.finish(call::sendto::start(self, &[descriptor as usize, 4096, 0, MSG_NOSIGNAL as usize, 0, 0]))
    }

    #[inline(never)]
    fn option(&self, descriptor: i32) -> usize {
        let words = [descriptor as usize, SOL_SOCKET as usize, SO_TYPE as usize, 4096, 4104, 0];
        self.finish(call::getsockopt::start(self, &words))
    }

    /// Sends nothing but two control messages, of a level that the family passes over.
    #[inline(never)]
    fn send_control(&self, descriptor: i32) -> usize {
        self.finish(call::sendmsg::start(self, &[descriptor as usize, HEADER_AT, 0, 0, 0, 0]))
    }

    /// Puts a `struct msghdr` with two control messages, IP_TTL and IP_TOS, into the memory.
    fn put_control(&self) {
        const CONTROL_AT: usize = HEADER_AT + 64;
        let mut memory = self.memory.borrow_mut();
        let mut put = |at: usize, word: usize| memory[at..at + 8].copy_from_slice(&word.to_ne_bytes());
        put(HEADER_AT + 32, CONTROL_AT);
        put(HEADER_AT + 40, 48);
        for (at, kind) in [(CONTROL_AT, 2), (CONTROL_AT + 24, 1)] {
            put(at, 20);
            put(at + 8, kind << 32);
        }
    }
}

const HEADER_AT: usize = 8192;

/// Rules for control messages.
const CONTROL: &str = "
    struct scm_rights = { cmsg_level = SOL_SOCKET, cmsg_type = SCM_RIGHTS, .. };
    struct ip_ttl = { cmsg_level = SOL_IP, cmsg_type = IP_TTL, .. };
    struct ip_tos = { cmsg_level = SOL_IP, cmsg_type = IP_TOS, .. };
    socketpair(family = AF_UNIX, type = SOCK_STREAM, protocol = 0, sv);
    sendmsg(
        sockfd = { family = AF_UNIX, .. },
        msg = { msg_control = [ <scm_rights>, <ip_tos>, <ip_ttl> ], .. },
        flags = MSG_NOSIGNAL
    );
";

fn main() {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let [what, mode, rounds] = &arguments[..] else {
        eprintln!("cost one-byte|message|page|bulk|pair|nothing|option|control enforce|full|off ROUNDS");
        process::exit(2);
    };
    let (mode, count) = match mode.as_str() {
        "off" => (Mode::Off, Count::Rule),
        "full" => (Mode::Enforce, Count::Full),
        _ => (Mode::Enforce, Count::Rule),
    };
    let rounds: usize = rounds.parse().unwrap();
    let source = scml::Source::new("control", CONTROL);
    let profile = scml::compile(&[source]).expect("the rules are valid");
    let control = Box::leak(Box::new(profile)).tables();
    let tables = if what == "control" { &control } else { Profile::Postern.tables() };
    let program = Program::new(tables, mode, count);
    program.put_control();
    let (one, other) = program.pair();
    let transfer = |length| {
        for _ in 0..rounds {
            assert_eq!(program.write(one, length), length);
            assert_eq!(program.read(other, length), length);
        }
    };
    match what.as_str() {
        "one-byte" => transfer(1),
        "message" => transfer(100),
        "page" => transfer(4096),
        "bulk" => transfer(65536),
        "nothing" => (0..rounds).for_each(|_| assert_eq!(program.send_nothing(one), 0)),
        "control" => (0..rounds).for_each(|_| assert_eq!(program.send_control(one), 0)),
        "option" => (0..rounds).for_each(|_| {
            program.memory.borrow_mut()[4104] = 4;
            assert_eq!(program.option(one), 0);
        }),
        "pair" => {
            for _ in 0..rounds {
                program.pair();
            }
        }
        _ => process::exit(2),
    }
}
