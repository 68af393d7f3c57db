//! The files that tell of the whole system.

use alloc::{
    boxed::Box,
    collections::BTreeMap,
    format,
    string::{String, ToString},
    sync::Arc,
    vec::Vec,
};

use ostd::cpu::num_cpus;
use socket::error::Result;
use vfs::{FileSystem, Inode};

use super::processes::Fixed;
use crate::{
    mm::{self, layout},
    process::threads,
    random,
    syscall::RELEASE,
    system::System,
    time::clock,
};

/// Makes a file's text.
type Make = fn(&System) -> String;

/// Files by path below `/proc`.
const FILES: &[(&str, Make)] = &[
    ("cpuinfo", cpuinfo),
    ("filesystems", |_| "nodev\ttmpfs\nnodev\tproc\nnodev\tpipefs\nnodev\tsockfs\n".into()),
    ("loadavg", |_| {
        let threads = threads().len();
        format!("0.00 0.00 0.00 1/{threads} {threads}\n")
    }),
    ("meminfo", meminfo),
    ("uptime", |_| {
        let up = clock::now();
        let (seconds, hundredths) = (up.as_secs(), up.subsec_millis() / 10);
        format!("{seconds}.{hundredths:02} 0.00\n")
    }),
    ("version", |_| format!("Linux version {RELEASE} (postern) #1 SMP\n")),
    ("sys/fs/file-max", |_| format!("{}\n", i64::MAX)),
    ("sys/fs/file-nr", |system| format!("{}\t0\t{}\n", system.environment.open_files(), i64::MAX)),
    ("sys/fs/nr_open", |_| format!("{}\n", vfs::MAX_LIMIT)),
    ("sys/fs/pipe-max-size", |_| "1048576\n".into()),
    ("sys/fs/protected_fifos", |_| "0\n".into()),
    ("sys/fs/protected_hardlinks", |_| "1\n".into()),
    ("sys/fs/protected_regular", |_| "0\n".into()),
    ("sys/fs/protected_symlinks", |_| "0\n".into()),
    ("sys/kernel/cap_last_cap", |_| "40\n".into()),
    ("sys/kernel/hostname", |_| "postern\n".into()),
    ("sys/kernel/ngroups_max", |_| "65536\n".into()),
    ("sys/kernel/osrelease", |_| format!("{RELEASE}\n")),
    ("sys/kernel/ostype", |_| "Linux\n".into()),
    ("sys/kernel/pid_max", |_| "4194304\n".into()),
    ("sys/kernel/random/uuid", |_| format!("{}\n", uuid())),
    ("sys/net/core/somaxconn", |system| format!("{}\n", system.world.limits.backlog)),
    ("sys/vm/max_map_count", |_| format!("{}\n", layout::MAX_MAPPINGS)),
    ("sys/vm/mmap_min_addr", |_| format!("{}\n", layout::LOWEST)),
    ("sys/vm/overcommit_memory", |_| "1\n".into()),
];

/// The entries of the top directory.
pub(super) fn entries(files: &Arc<FileSystem>, system: &'static System) -> Result<Fixed> {
    let mut entries: BTreeMap<&'static [u8], Arc<Inode>> = BTreeMap::new();
    let mut file = |path: &'static str, make: Box<dyn Fn() -> String + Send + Sync>| {
        let inode = Inode::new_generated(files, 0o444, Box::new(move || Ok(make().into_bytes())));
        let Some((first, rest)) = path.split_once('/') else {
            entries.insert(path.as_bytes(), inode);
            return Ok(());
        };
        let top = entries.entry(first.as_bytes()).or_insert_with(|| Inode::new_directory(files, 0o555));
        let (above, name) = rest.rsplit_once('/').unwrap_or(("", rest));
        vfs::make_directories(top, above.as_bytes())?.install(name.as_bytes(), &inode)
    };
    for (path, make) in FILES {
        file(path, Box::new(|| make(system)))?;
    }
    // The same until the next boot.
    let boot = uuid();
    file("sys/kernel/random/boot_id", Box::new(move || format!("{boot}\n")))?;
    entries.insert(b"mounts", Inode::new_symlink(files, b"self/mounts")?);
    Ok(entries)
}

/// `/proc/PID/mounts`.
pub(super) fn mounts() -> Vec<u8> {
    b"tmpfs / tmpfs rw,relatime 0 0\nproc /proc proc rw,relatime 0 0\n".to_vec()
}

fn cpuinfo(_: &System) -> String {
    (0..num_cpus()).map(|cpu| format!("processor\t: {cpu}\n\n")).collect()
}

fn meminfo(system: &System) -> String {
    let files = system.root.file_system().bytes().0;
    let rows = [
        ("MemTotal", mm::total_bytes() as u64),
        ("MemFree", mm::free_bytes() as u64),
        ("MemAvailable", mm::free_bytes() as u64),
        ("Buffers", 0),
        ("Cached", files),
        ("SwapTotal", 0),
        ("SwapFree", 0),
        ("Shmem", files),
    ];
    rows.iter()
        .map(|(name, bytes)| format!("{:<16}{:>8} kB\n", name.to_string() + ":", bytes >> 10))
        .collect()
}

/// A random UUID (RFC 9562, version 4).
fn uuid() -> String {
    let mut bytes = [0; 16];
    random::fill(&mut bytes);
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let number = u128::from_be_bytes(bytes);
    let part = |shift: u32, digits: u32| (number >> shift) & ((1 << (4 * digits)) - 1);
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        part(96, 8),
        part(80, 4),
        part(64, 4),
        part(48, 4),
        part(0, 12)
    )
}
