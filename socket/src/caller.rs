//! The caller's side: the one trait that a kernel, the emulator and the unit tests implement.

use alloc::sync::Arc;
use core::time::Duration;

use crate::{
    ancillary::OpenFile,
    error::Result,
    identity::{Identity, Process},
    policy::Denial,
    socket::Socket,
    world::World,
};

/// User memory could not be read or written in full.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fault {
    /// How many bytes, from the start, were copied.
    pub copied: usize,
}

/// The identity of a socket's inode. A file system never gives a number to a second socket inode: a name that is bound
/// outlives the file that was made for it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct NodeId {
    /// File system.
    pub device: u64,
    /// Inode number.
    pub inode: u64,
}

/// What the layer needs of the one on whose behalf a call is made.
///
/// None of these is called with a lock of this crate held.
pub trait Caller {
    /// A descriptor number that is reserved; dropping it gives the number back.
    type Slot: DescriptorSlot;

    /// Copies from the program's memory. `into` is filled from its start as far as the memory can be read.
    ///
    /// # Errors
    /// [`Fault`] where a part of the range is not readable user memory.
    fn read_memory(&self, address: usize, into: &mut [u8]) -> core::result::Result<(), Fault>;

    /// Copies into the program's memory.
    ///
    /// # Errors
    /// [`Fault`] where a part of the range is not writable user memory.
    fn write_memory(&self, address: usize, from: &[u8]) -> core::result::Result<(), Fault>;

    /// The socket behind a descriptor.
    ///
    /// # Errors
    /// EBADF where nothing is open, ENOTSOCK where it is something else.
    fn socket(&self, descriptor: i32) -> Result<Arc<Socket>>;

    /// The open file behind a descriptor, of whatever kind: it is to be passed to another program. It may be one that only
    /// names a file (O_PATH).
    ///
    /// # Errors
    /// EBADF where nothing is open.
    fn open_file(&self, descriptor: i32) -> Result<OpenFile>;

    /// Reserves the lowest free descriptor number.
    ///
    /// # Errors
    /// EMFILE at the limit of the process, ENFILE at that of the system.
    fn reserve_descriptor(&self) -> Result<Self::Slot>;

    /// Makes `file` the one behind the reserved number.
    fn install(&self, slot: Self::Slot, file: OpenFile, close_on_exec: bool);

    /// How many descriptors the program may have: its soft RLIMIT_NOFILE.
    fn descriptor_limit(&self) -> usize;

    /// Sets or clears FD_CLOEXEC (FIOCLEX, FIONCLEX).
    ///
    /// # Errors
    /// EBADF where nothing is open any more.
    fn set_close_on_exec(&self, descriptor: i32, on: bool) -> Result<()>;

    /// Switches O_ASYNC on or off (FIOASYNC): whether the owner of the open file is sent SIGIO.
    ///
    /// # Errors
    /// EBADF where nothing is open any more.
    fn set_asynchronous(&self, descriptor: i32, on: bool) -> Result<()>;

    /// Who calls.
    fn identity(&self) -> Arc<Identity>;

    /// Whether the caller has a capability (`CAP_`, capabilities(7)).
    fn is_capable(&self, capability: u32) -> bool;

    /// The process of that number, which may be the caller's own.
    fn find_process(&self, pid: i32) -> Option<Process>;

    /// Makes an open file that refers to a process (pidfd_open(2)).
    ///
    /// # Errors
    /// Where the system has no such files, or cannot make one.
    fn process_file(&self, process: &Process) -> Result<OpenFile>;

    /// Makes a socket inode at `path` (mode 0777 without the umask), the last component of which must not exist.
    ///
    /// # Errors
    /// As mknod(2), with EADDRINUSE in place of EEXIST.
    fn make_node(&self, path: &[u8]) -> Result<NodeId>;

    /// Takes back a node that [`Caller::make_node`] has just made: the socket turned out to have a name already.
    fn remove_node(&self, path: &[u8], node: NodeId);

    /// Follows `path` to a socket inode to which the caller may write.
    ///
    /// # Errors
    /// As path_resolution(7); EACCES without write permission; ECONNREFUSED where the inode is no socket.
    fn find_node(&self, path: &[u8]) -> Result<NodeId>;

    /// The monotonic clock.
    fn now(&self) -> Duration;

    /// The number of the CPU the call runs on: where its counts are kept. Any number will do, a wrong one costs time only.
    fn cpu(&self) -> usize {
        0
    }

    /// A send without MSG_NOSIGNAL met a connection that is shut, and fails with EPIPE: a caller that has signals sends
    /// itself SIGPIPE.
    fn broken_pipe(&self) {}

    /// What all callers of one system share: the policy and the tables of the families.
    fn world(&self) -> &World;

    /// A cause of denial was met for the first time: log it.
    fn report_denial(&self, denial: &Denial);
}

/// A reserved descriptor number.
pub trait DescriptorSlot {
    /// The number that the program will see.
    fn number(&self) -> i32;
}
