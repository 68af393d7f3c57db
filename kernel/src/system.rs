//! What there is one of.

use alloc::{boxed::Box, string::String, sync::Arc};
use core::sync::atomic::AtomicU32;

use linux_raw_sys::general::{ANON_INODE_FS_MAGIC, PIPEFS_MAGIC, TMPFS_MAGIC};
use socket::{policy::Policy, world};
use spin::Once;
use vfs::{Entropy, Environment, FileSystem, Inode, Limits};

use crate::{args::Arguments, console, mm, network, proc, random, time::clock, uts};

/// The system that runs: its files and its sockets.
pub(crate) struct System {
    /// What all files share.
    pub(crate) environment: Arc<Environment>,
    /// The root directory.
    pub(crate) root: Arc<Inode>,
    /// Where pipes without a name have their inodes.
    pub(crate) pipes: Arc<FileSystem>,
    /// The inode of files that calls like eventfd(2) make.
    pub(crate) anonymous: Arc<Inode>,
    /// The directory of memory that processes share, in which nothing is found by name.
    pub(crate) memory: Arc<Inode>,
    /// What all sockets share.
    pub(crate) world: world::World,
    /// Names of host and domain.
    pub(crate) names: uts::Names,
    /// Tells this boot from others.
    pub(crate) boot_id: String,
    /// The name of the policy's profile.
    pub(crate) profile: &'static str,
    /// Ports that are given where none is asked for: the lowest in the upper half, the highest in the lower.
    pub(crate) port_range: AtomicU32,
}

static SYSTEM: Once<&'static System> = Once::new();

/// The share of the memory that file contents may take. Programs cannot have it, used or not.
const ROOT_SHARE: u64 = 4;
/// How many names the root file system may have.
const ROOT_ENTRIES: u64 = 1 << 20;
/// The minor number of the device that the anonymous inode is on.
const ANONYMOUS_DEVICE: u32 = 9;
/// The minor number of the device that shared memory is on.
const MEMORY_DEVICE: u32 = 10;

struct Randomness;

impl Entropy for Randomness {
    fn fill(&self, into: &mut [u8]) {
        random::fill(into);
    }
}

impl System {
    /// A system with an empty root directory, as the command line has it.
    fn new(arguments: &Arguments) -> Self {
        let environment = Environment::with_pages(clock::realtime, mm::FilePages);
        vfs::register_memory_devices(&environment, Arc::new(Randomness));
        console::device::register(&environment);
        let limits = Limits { bytes: mm::total_bytes() as u64 / ROOT_SHARE, entries: ROOT_ENTRIES };
        let root_files = FileSystem::new(&environment, 1, TMPFS_MAGIC, limits);
        let root = Inode::new_root(&root_files, 0o755);
        let pipes = FileSystem::new(&environment, 2, PIPEFS_MAGIC, Limits::NONE);
        let anonymous = FileSystem::new(&environment, ANONYMOUS_DEVICE, ANON_INODE_FS_MAGIC, Limits::NONE);
        let anonymous = Inode::new_anonymous(&anonymous);
        let memory = FileSystem::new(&environment, MEMORY_DEVICE, TMPFS_MAGIC, Limits::NONE);
        let memory = Inode::new_root(&memory, 0o1777);
        let policy =
            Policy::new(arguments.profile.tables(), arguments.mode, arguments.count, ostd::cpu::num_cpus());
        let world = world::World::new(policy, world::Limits::default(), network::new());
        Self {
            environment,
            root,
            pipes,
            anonymous,
            memory,
            world,
            profile: arguments.profile.name(),
            names: uts::Names::default(),
            boot_id: proc::uuid::uuid(),
            port_range: AtomicU32::new(32768 << 16 | 60999),
        }
    }
}

/// How many bytes files may still take.
pub(crate) fn bytes_left_for_files() -> usize {
    let (used, limit) = SYSTEM.get().map_or((0, 0), |system| system.root.file_system().bytes());
    usize::try_from(limit.saturating_sub(used)).unwrap_or(usize::MAX)
}

/// Gives up the memory of copies of files that nobody maps, and says how many bytes.
pub(crate) fn give_up_copies() -> u64 {
    SYSTEM.get().map_or(0, |system| system.root.file_system().shrink())
}

/// Makes the system. To be called once.
pub(crate) fn init(arguments: &Arguments) -> &'static System {
    SYSTEM.call_once(|| Box::leak(Box::new(System::new(arguments))))
}
