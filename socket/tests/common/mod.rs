//! A program without a machine: memory, descriptors, a file tree with sockets in it, and calls that are stepped by hand.

#![allow(dead_code, reason = "each test file uses a part of it")]

mod memory;

use std::{
    any::Any,
    cell::{Cell, RefCell},
    collections::BTreeMap,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use net_stack::{Stack, random::Secret};
use scml::{Call, Tables};
use socket::{
    ancillary::OpenFile,
    call,
    caller::{Caller, DescriptorSlot, Fault, NodeId},
    error::{Errno, Error, Result},
    identity::{Credentials, Identity, Numbers, Process},
    policy::{Count, Denial, Mode, Policy, Profile},
    ready::{Events, Observer, Registration},
    socket::Socket,
    step::{Operation, Step, Wait},
    world::{Limits, World},
};

#[allow(unused_imports, reason = "likewise")]
pub(crate) use self::memory::{Memory, PAGE};

pub(crate) const AF_UNIX: usize = 1;
pub(crate) const SOCK_STREAM: usize = 1;
pub(crate) const SOCK_NONBLOCK: usize = 0o4000;
pub(crate) const SOCK_CLOEXEC: usize = 0o2_000_000;
pub(crate) const SOL_SOCKET: usize = 1;
pub(crate) const MSG_OOB: usize = 1;
pub(crate) const MSG_PEEK: usize = 2;
pub(crate) const MSG_DONTWAIT: usize = 0x40;
pub(crate) const MSG_WAITALL: usize = 0x100;
pub(crate) const MSG_NOSIGNAL: usize = 0x4000;
pub(crate) const MSG_CMSG_CLOEXEC: usize = 0x4000_0000;

/// A system on which programs run.
pub(crate) struct System {
    pub(crate) world: World,
    nodes: RefCell<BTreeMap<Vec<u8>, NodeId>>,
    next_node: Cell<u64>,
    pub(crate) denials: RefCell<Vec<String>>,
}

impl System {
    pub(crate) fn new() -> Rc<Self> {
        Self::with(Profile::Postern.tables(), Mode::Enforce, Count::Rule)
    }

    pub(crate) fn with(tables: &Tables<'static>, mode: Mode, count: Count) -> Rc<Self> {
        Self::limited(tables, mode, count, Limits::default())
    }

    pub(crate) fn limited(tables: &Tables<'static>, mode: Mode, count: Count, limits: Limits) -> Rc<Self> {
        let policy = Policy::new(tables, mode, count, 2);
        Rc::new(Self {
            world: World::new(policy, limits, Stack::new(Secret::new([1, 2]))),
            nodes: RefCell::default(),
            next_node: Cell::new(1),
            denials: RefCell::default(),
        })
    }

    pub(crate) fn program(self: &Rc<Self>) -> Program {
        Program {
            system: self.clone(),
            memory: RefCell::new(Memory::new()),
            files: RefCell::new(vec![None, None, None]),
            credentials: Cell::new(Credentials { pid: 100, uid: 1000, gid: 1001 }),
            capabilities: Cell::new(0),
            process: Process(Arc::new(100)),
            limit: Cell::new(1024),
            cpu: Cell::new(0),
            broken_pipes: Cell::new(0),
        }
    }

    pub(crate) fn exists(&self, path: &str) -> bool {
        self.nodes.borrow().contains_key(path.as_bytes())
    }

    pub(crate) fn unlink(&self, path: &str) {
        self.nodes.borrow_mut().remove(path.as_bytes()).expect("the file exists");
    }

    /// A file that is no socket: see [`Caller::find_node`].
    pub(crate) fn plain_file(&self, path: &str) {
        self.nodes.borrow_mut().insert(path.as_bytes().to_vec(), NodeId { device: 0, inode: 0 });
    }
}

enum File {
    Open(OpenFile, bool),
    Reserved,
}

type Files = Vec<Option<File>>;

/// A program on it.
pub(crate) struct Program {
    pub(crate) system: Rc<System>,
    pub(crate) memory: RefCell<Memory>,
    files: RefCell<Files>,
    pub(crate) credentials: Cell<Credentials>,
    /// Number N in bit N.
    pub(crate) capabilities: Cell<u64>,
    process: Process,
    pub(crate) limit: Cell<usize>,
    pub(crate) cpu: Cell<usize>,
    pub(crate) broken_pipes: Cell<usize>,
}

/// Slots outlive the borrow of the program they came from, and are given back by its next reservation.
pub(crate) struct Slot {
    number: i32,
    /// Empty once the slot is used up.
    given_back: Rc<Cell<bool>>,
}

thread_local! {
    static SLOTS: RefCell<Vec<(i32, Rc<Cell<bool>>)>> = const { RefCell::new(Vec::new()) };
}

impl DescriptorSlot for Slot {
    fn number(&self) -> i32 {
        self.number
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.given_back.set(true);
    }
}

impl Caller for Program {
    type Slot = Slot;

    fn read_memory(&self, address: usize, into: &mut [u8]) -> std::result::Result<(), Fault> {
        self.memory.borrow().read(address, into)
    }

    fn write_memory(&self, address: usize, from: &[u8]) -> std::result::Result<(), Fault> {
        self.memory.borrow_mut().write(address, from)
    }

    fn socket(&self, descriptor: i32) -> Result<Arc<Socket>> {
        match usize::try_from(descriptor)
            .ok()
            .and_then(|index| self.files.borrow().get(index)?.as_ref().map(dup))
        {
            Some(Some(socket)) => Ok(socket),
            Some(None) => Err(Errno::ENOTSOCK.into()),
            None => Err(Errno::EBADF.into()),
        }
    }

    fn reserve_descriptor(&self) -> Result<Slot> {
        let mut files = self.files.borrow_mut();
        SLOTS.with_borrow_mut(|slots| {
            slots.retain(|(number, given_back)| {
                if given_back.get() && matches!(files.get(*number as usize), Some(Some(File::Reserved))) {
                    files[*number as usize] = None;
                }
                !given_back.get()
            });
        });
        let free = files.iter().position(Option::is_none).unwrap_or(files.len());
        if free >= self.limit.get() {
            return Err(Errno::EMFILE.into());
        }
        if free == files.len() {
            files.push(None);
        }
        files[free] = Some(File::Reserved);
        let given_back = Rc::new(Cell::new(false));
        SLOTS.with_borrow_mut(|slots| slots.push((free as i32, given_back.clone())));
        Ok(Slot { number: free as i32, given_back })
    }

    fn open_file(&self, descriptor: i32) -> Result<OpenFile> {
        let files = self.files.borrow();
        match usize::try_from(descriptor).ok().and_then(|index| files.get(index)) {
            Some(Some(File::Open(file, _))) => Ok(file.clone()),
            _ => Err(Errno::EBADF.into()),
        }
    }

    fn install(&self, slot: Slot, file: OpenFile, close_on_exec: bool) {
        self.files.borrow_mut()[slot.number as usize] = Some(File::Open(file, close_on_exec));
    }

    fn descriptor_limit(&self) -> usize {
        self.limit.get()
    }

    fn set_asynchronous(&self, descriptor: i32, _on: bool) -> Result<()> {
        self.socket(descriptor).map(|_| ())
    }

    fn set_close_on_exec(&self, descriptor: i32, on: bool) -> Result<()> {
        match self.files.borrow_mut().get_mut(descriptor as usize) {
            Some(Some(File::Open(_, close_on_exec))) => {
                *close_on_exec = on;
                Ok(())
            }
            _ => Err(Errno::EBADF.into()),
        }
    }

    fn identity(&self) -> Arc<Identity> {
        let Credentials { pid, uid, gid } = self.credentials.get();
        Arc::new(Identity {
            pid,
            process: self.process.clone(),
            users: Numbers::all(uid),
            groups: Numbers::all(gid),
            supplementary: Arc::from([gid, 7]),
        })
    }

    fn is_capable(&self, capability: u32) -> bool {
        self.capabilities.get() & 1 << capability != 0
    }

    fn find_process(&self, pid: i32) -> Option<Process> {
        match pid {
            100 => Some(self.process.clone()),
            1 => Some(Process(Arc::new(1))),
            _ => None,
        }
    }

    fn process_file(&self, process: &Process) -> Result<OpenFile> {
        Ok(OpenFile::Other(process.0.clone()))
    }

    fn make_node(&self, path: &[u8]) -> Result<NodeId> {
        let mut nodes = self.system.nodes.borrow_mut();
        if nodes.contains_key(path) {
            return Err(Error::new(Errno::EADDRINUSE, "the file exists"));
        }
        let inode = self.system.next_node.replace(self.system.next_node.get() + 1);
        let node = NodeId { device: 1, inode };
        nodes.insert(path.to_vec(), node);
        Ok(node)
    }

    fn remove_node(&self, path: &[u8], node: NodeId) {
        assert_eq!(self.system.nodes.borrow_mut().remove(path), Some(node));
    }

    fn find_node(&self, path: &[u8]) -> Result<NodeId> {
        match self.system.nodes.borrow().get(path) {
            None => Err(Errno::ENOENT.into()),
            Some(NodeId { device: 0, .. }) => Err(Error::new(Errno::ECONNREFUSED, "not a socket")),
            Some(node) => Ok(*node),
        }
    }

    fn now(&self) -> Duration {
        Duration::ZERO
    }

    fn cpu(&self) -> usize {
        self.cpu.get()
    }

    fn broken_pipe(&self) {
        self.broken_pipes.set(self.broken_pipes.get() + 1);
    }

    fn world(&self) -> &World {
        &self.system.world
    }

    fn report_denial(&self, denial: &Denial) {
        self.system.denials.borrow_mut().push(denial.to_string());
    }
}

fn dup(file: &File) -> Option<Arc<Socket>> {
    match file {
        File::Open(OpenFile::Socket(socket), _) => Some(socket.clone()),
        File::Open(OpenFile::Other(_), _) | File::Reserved => None,
    }
}

type Running<'a> = Box<dyn Operation<Program> + 'a>;

fn boxed<'a>(operation: Result<impl Operation<Program> + 'a>) -> Result<Running<'a>> {
    operation.map(|operation| Box::new(operation) as Running<'a>)
}

/// Counts how often it was told.
#[derive(Default)]
pub(crate) struct Bell(AtomicUsize);

impl Observer for Bell {
    fn notify(&self, _events: Events) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// A call that waits, as a thread of the program would.
pub(crate) struct Waiting<'a> {
    program: &'a Program,
    operation: Running<'a>,
    wait: Wait,
    bell: Arc<Bell>,
    registration: Option<Registration>,
}

impl Waiting<'_> {
    /// Whether an event was announced since it went to sleep.
    pub(crate) fn is_woken(&self) -> bool {
        self.bell.0.load(Ordering::SeqCst) > 0
    }

    fn unregister(&mut self) {
        if let Some(registration) = self.registration.take() {
            self.wait.pollee.unregister(registration);
        }
    }

    /// It was woken, and comes to an end.
    #[track_caller]
    pub(crate) fn finish(mut self) -> std::result::Result<usize, Errno> {
        assert!(self.is_woken(), "nobody woke the call");
        match self.operation.step(self.program) {
            Step::Done(result) => {
                self.unregister();
                result.map_err(|error| error.errno)
            }
            Step::Wait(_) => panic!("the call still waits"),
        }
    }

    /// It still waits, whether it was woken or not.
    #[track_caller]
    pub(crate) fn still_waits(&mut self) {
        assert!(matches!(self.operation.step(self.program), Step::Wait(_)), "the call is over");
        self.bell.0.store(0, Ordering::SeqCst);
    }

    /// A signal comes.
    pub(crate) fn interrupt(mut self) -> std::result::Result<usize, Errno> {
        self.unregister();
        self.operation.interrupt(self.program).map_err(|error| error.errno)
    }
}

impl Program {
    /// Decodes a call, and has it admitted.
    fn start(&self, call: Call, registers: [usize; 6]) -> Result<Running<'_>> {
        let socket = || self.socket(registers[0] as i32);
        match call {
            Call::Socket => boxed(call::socket::start(self, &registers)),
            Call::Socketpair => boxed(call::socketpair::start(self, &registers)),
            Call::Bind => boxed(call::bind::start(self, &registers)),
            Call::Listen => boxed(call::listen::start(self, &registers)),
            Call::Accept => boxed(call::accept::start(self, &registers)),
            Call::Accept4 => boxed(call::accept4::start(self, &registers)),
            Call::Connect => boxed(call::connect::start(self, &registers)),
            Call::Getsockname => boxed(call::getsockname::start(self, &registers)),
            Call::Getpeername => boxed(call::getpeername::start(self, &registers)),
            Call::Sendto => boxed(call::sendto::start(self, &registers)),
            Call::Recvfrom => boxed(call::recvfrom::start(self, &registers)),
            Call::Sendmsg => boxed(call::sendmsg::start(self, &registers)),
            Call::Recvmsg => boxed(call::recvmsg::start(self, &registers)),
            Call::Sendmmsg => boxed(call::sendmmsg::start(self, &registers)),
            Call::Recvmmsg => boxed(call::recvmmsg::start(self, &registers)),
            Call::Shutdown => boxed(call::shutdown::start(self, &registers)),
            Call::Getsockopt => boxed(call::getsockopt::start(self, &registers)),
            Call::Setsockopt => boxed(call::setsockopt::start(self, &registers)),
            Call::Read => boxed(call::read::start(self, socket()?, &registers)),
            Call::Write => boxed(call::write::start(self, socket()?, &registers)),
            Call::Readv => boxed(call::readv::start(self, socket()?, &registers)),
            Call::Writev => boxed(call::writev::start(self, socket()?, &registers)),
            Call::Ioctl => boxed(call::ioctl::start(self, socket()?, &registers)),
            _ => panic!("{} is not one of the socket's calls", call.name()),
        }
    }

    /// Makes a call that does not wait.
    #[track_caller]
    pub(crate) fn call<const N: usize>(
        &self,
        call: Call,
        arguments: [usize; N],
    ) -> std::result::Result<usize, Errno> {
        match self.start(call, padded(arguments)).map(|mut operation| operation.step(self)) {
            Ok(Step::Done(Ok(value))) => Ok(value),
            Ok(Step::Done(Err(error))) | Err(error) => Err(error.errno),
            Ok(Step::Wait(_)) => panic!("{} waits", call.name()),
        }
    }

    /// Makes a call; where it would wait, it is interrupted, and what it then has not done at all is EAGAIN. Whether it would.
    pub(crate) fn attempt<const N: usize>(
        &self,
        call: Call,
        arguments: [usize; N],
    ) -> (std::result::Result<usize, Errno>, bool) {
        let mut operation = match self.start(call, padded(arguments)) {
            Ok(operation) => operation,
            Err(error) => return (Err(error.errno), false),
        };
        let (result, waits) = match operation.step(self) {
            Step::Done(result) => (result, false),
            Step::Wait(_) => (operation.interrupt(self), true),
        };
        let errno = |error: Error| if error.errno == Errno::EINTR { Errno::EAGAIN } else { error.errno };
        (result.map_err(errno), waits)
    }

    /// Makes a call that waits.
    #[track_caller]
    pub(crate) fn waits<const N: usize>(&self, call: Call, arguments: [usize; N]) -> Waiting<'_> {
        let mut operation = self.start(call, padded(arguments)).unwrap_or_else(|error| panic!("{error}"));
        let Step::Wait(wait) = operation.step(self) else { panic!("{} does not wait", call.name()) };
        let bell = Arc::<Bell>::default();
        let registration = Some(wait.pollee.register(bell.clone(), wait.events));
        let Step::Wait(_) = operation.step(self) else { panic!("the second try does not wait") };
        Waiting { program: self, operation, wait, bell, registration }
    }

    pub(crate) fn close(&self, descriptor: usize) {
        let file = self.files.borrow_mut()[descriptor].take();
        match file.expect("the descriptor is open") {
            File::Open(OpenFile::Socket(socket), _) => socket.release(),
            file => drop(file),
        }
    }

    /// Another descriptor for the same socket.
    pub(crate) fn duplicate(&self, descriptor: usize) -> usize {
        let slot = self.reserve_descriptor().unwrap();
        let number = slot.number as usize;
        self.install(slot, self.get(descriptor).into(), false);
        number
    }

    /// Opens something that is no socket.
    pub(crate) fn open_other(&self) -> usize {
        self.open(Arc::new(()))
    }

    /// Opens something, to see what becomes of it.
    pub(crate) fn open(&self, file: Arc<dyn Any + Send + Sync>) -> usize {
        let slot = self.reserve_descriptor().unwrap();
        let number = slot.number as usize;
        self.install(slot, OpenFile::Other(file), false);
        number
    }

    /// How many descriptors are open.
    pub(crate) fn open_count(&self) -> usize {
        self.files.borrow().iter().filter(|file| matches!(file, Some(File::Open(..)))).count()
    }

    pub(crate) fn get(&self, descriptor: usize) -> Arc<Socket> {
        self.socket(descriptor as i32).unwrap()
    }

    pub(crate) fn closes_on_exec(&self, descriptor: usize) -> bool {
        matches!(self.files.borrow()[descriptor], Some(File::Open(_, true)))
    }

    pub(crate) fn poll(&self, descriptor: usize) -> u32 {
        self.get(descriptor).poll().bits()
    }

    /// Bytes in memory that can be read and written.
    pub(crate) fn bytes(&self, bytes: &[u8]) -> usize {
        self.memory.borrow_mut().place(bytes)
    }

    pub(crate) fn zeroes(&self, length: usize) -> usize {
        self.bytes(&vec![0; length])
    }

    pub(crate) fn peek(&self, address: usize, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        self.memory.borrow().read(address, &mut bytes).expect("the memory is mapped");
        bytes
    }

    pub(crate) fn int(&self, address: usize) -> i32 {
        i32::from_ne_bytes(self.peek(address, 4).try_into().unwrap())
    }

    pub(crate) fn stream(&self) -> usize {
        self.call(Call::Socket, [AF_UNIX, SOCK_STREAM, 0]).unwrap()
    }

    pub(crate) fn nonblocking_stream(&self) -> usize {
        self.call(Call::Socket, [AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0]).unwrap()
    }

    pub(crate) fn pair(&self) -> [usize; 2] {
        let numbers = self.zeroes(8);
        self.call(Call::Socketpair, [AF_UNIX, SOCK_STREAM, 0, numbers]).unwrap();
        [self.int(numbers) as usize, self.int(numbers + 4) as usize]
    }

    /// An address and its length. A name that begins with '@' is abstract.
    pub(crate) fn address(&self, name: &str) -> [usize; 2] {
        let mut address = vec![1, 0];
        match name.strip_prefix('@') {
            Some(name) => {
                address.push(0);
                address.extend(name.bytes());
            }
            None => {
                address.extend(name.bytes());
                address.push(0);
            }
        }
        [self.bytes(&address), address.len()]
    }

    pub(crate) fn bind(&self, descriptor: usize, name: &str) -> std::result::Result<usize, Errno> {
        let [address, length] = self.address(name);
        self.call(Call::Bind, [descriptor, address, length])
    }

    #[track_caller]
    pub(crate) fn connect(&self, descriptor: usize, name: &str) -> std::result::Result<usize, Errno> {
        let [address, length] = self.address(name);
        self.call(Call::Connect, [descriptor, address, length])
    }

    pub(crate) fn listener(&self, name: &str, backlog: usize) -> usize {
        let listener = self.stream();
        self.bind(listener, name).unwrap();
        self.call(Call::Listen, [listener, backlog]).unwrap();
        listener
    }

    #[track_caller]
    pub(crate) fn accept(&self, listener: usize) -> usize {
        self.call(Call::Accept, [listener, 0, 0]).unwrap()
    }

    /// A listener, a client and the connection that it accepted.
    pub(crate) fn connection(&self, name: &str) -> [usize; 3] {
        let listener = self.listener(name, 5);
        let client = self.stream();
        self.connect(client, name).unwrap();
        [listener, client, self.accept(listener)]
    }

    #[track_caller]
    pub(crate) fn send(&self, descriptor: usize, bytes: &[u8]) -> std::result::Result<usize, Errno> {
        let address = self.bytes(bytes);
        self.call(Call::Sendto, [descriptor, address, bytes.len(), MSG_DONTWAIT | MSG_NOSIGNAL])
    }

    /// Receives at most so many bytes, without waiting.
    #[track_caller]
    pub(crate) fn receive(&self, descriptor: usize, length: usize) -> std::result::Result<Vec<u8>, Errno> {
        self.receive_with(descriptor, length, MSG_DONTWAIT)
    }

    #[track_caller]
    pub(crate) fn receive_with(
        &self,
        descriptor: usize,
        length: usize,
        flags: usize,
    ) -> std::result::Result<Vec<u8>, Errno> {
        let address = self.zeroes(length);
        let count = self.call(Call::Recvfrom, [descriptor, address, length, flags])?;
        Ok(self.peek(address, count))
    }

    pub(crate) fn set_option(
        &self,
        descriptor: usize,
        name: u32,
        value: i32,
    ) -> std::result::Result<usize, Errno> {
        let address = self.bytes(&value.to_ne_bytes());
        self.call(Call::Setsockopt, [descriptor, SOL_SOCKET, name as usize, address, 4])
    }

    pub(crate) fn option(&self, descriptor: usize, name: u32) -> std::result::Result<i32, Errno> {
        let value = self.zeroes(4);
        let length = self.bytes(&4_i32.to_ne_bytes());
        self.call(Call::Getsockopt, [descriptor, SOL_SOCKET, name as usize, value, length])?;
        assert_eq!(self.int(length), 4);
        Ok(self.int(value))
    }

    /// The name that getsockname or getpeername shows, whatever its length.
    pub(crate) fn name(&self, call: Call, descriptor: usize) -> std::result::Result<Vec<u8>, Errno> {
        let buffer = self.zeroes(128);
        let length = self.bytes(&128_i32.to_ne_bytes());
        self.call(call, [descriptor, buffer, length])?;
        Ok(self.peek(buffer, self.int(length) as usize))
    }

    /// An array of struct iovec.
    pub(crate) fn vectors(&self, ranges: &[(usize, usize)]) -> usize {
        let words = ranges.iter().flat_map(|(address, length)| [*address, *length]);
        self.bytes(&words.flat_map(usize::to_ne_bytes).collect::<Vec<_>>())
    }

    /// A struct msghdr.
    pub(crate) fn message(&self, message: Message) -> usize {
        let Message { name, name_length, vectors, count, control, control_length, flags } = message;
        let mut bytes = Vec::new();
        bytes.extend(name.to_ne_bytes());
        bytes.extend(name_length.to_ne_bytes());
        bytes.extend([0; 4]);
        for word in [vectors, count, control, control_length] {
            bytes.extend(word.to_ne_bytes());
        }
        bytes.extend(flags.to_ne_bytes());
        bytes.extend([0; 4]);
        self.bytes(&bytes)
    }

    /// The socket still does what sockets do.
    #[track_caller]
    pub(crate) fn assert_usable(&self, [one, other]: [usize; 2]) {
        for [from, to] in [[one, other], [other, one]] {
            self.send(from, b"still usable").unwrap();
            assert_eq!(self.receive(to, 100).unwrap(), b"still usable");
        }
    }
}

/// A struct msghdr.
#[derive(Default, Clone, Copy)]
pub(crate) struct Message {
    pub(crate) name: usize,
    pub(crate) name_length: i32,
    pub(crate) vectors: usize,
    pub(crate) count: usize,
    pub(crate) control: usize,
    pub(crate) control_length: usize,
    pub(crate) flags: u32,
}

fn padded<const N: usize>(arguments: [usize; N]) -> [usize; 6] {
    let mut registers = [0; 6];
    registers[..N].copy_from_slice(&arguments);
    registers
}
