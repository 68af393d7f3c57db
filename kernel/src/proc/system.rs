//! The files that tell of the whole system.

use alloc::{
    boxed::Box,
    format,
    string::{String, ToString},
    sync::Arc,
};

use socket::error::Result;
use vfs::{FileSystem, Inode};

use super::{processors, tree::Branch};
use crate::{mm, system::System, uts};

/// Makes a file's text.
type Make = fn(&System) -> String;

/// Files by name in `/proc`.
const FILES: &[(&str, Make)] = &[
    ("cmdline", |_| format!("{}\n", ostd::boot::boot_info().kernel_cmdline)),
    ("cpuinfo", processors::information),
    ("devices", |_| "Character devices:\n  1 mem\n  4 ttyS\n  5 /dev/tty\n\nBlock devices:\n".into()),
    ("diskstats", |_| String::new()),
    ("filesystems", |_| "nodev\tsysfs\nnodev\ttmpfs\nnodev\tproc\nnodev\tsockfs\nnodev\tpipefs\n".into()),
    ("loadavg", processors::load),
    ("meminfo", meminfo),
    ("modules", |_| String::new()),
    ("partitions", |_| "major minor  #blocks  name\n\n".into()),
    // Not Linux's: the use of the policy, see `socket/src/policy/report.rs`.
    ("scml", |system| system.world.policy.report(system.profile)),
    ("stat", processors::statistics),
    ("swaps", |_| "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n".into()),
    ("uptime", processors::uptime),
    ("version", |_| {
        format!("{} version {} (postern@postern) (rustc) {}\n", uts::SYSTEM_NAME, uts::RELEASE, uts::VERSION)
    }),
    // There are neither disks nor swap space.
    ("vmstat", |_| {
        let pages = mm::free_bytes() / mm::layout::PAGE_SIZE;
        format!("nr_free_pages {pages}\npgpgin 0\npgpgout 0\npswpin 0\npswpout 0\n")
    }),
];

/// Adds them.
///
/// # Errors
/// ENOSPC.
pub(super) fn add(top: &mut Branch, files: &Arc<FileSystem>, system: &'static System) -> Result<()> {
    for (path, make) in FILES {
        let generate = Box::new(move || Ok(make(system).into_bytes()));
        top.add(path, Inode::new_generated(files, 0o444, generate));
    }
    top.add("mounts", Inode::new_symlink(files, b"self/mounts")?);
    Ok(())
}

fn meminfo(system: &System) -> String {
    let files = system.root.file_system().bytes().0;
    let rows = [
        ("MemTotal", mm::total_bytes() as u64),
        ("MemFree", mm::free_bytes() as u64),
        ("MemAvailable", mm::available_bytes() as u64),
        ("Buffers", 0),
        ("Cached", files),
        ("SwapCached", 0),
        ("Active", files),
        ("Inactive", 0),
        ("SwapTotal", 0),
        ("SwapFree", 0),
        ("Shmem", files),
        ("SReclaimable", 0),
    ];
    rows.iter()
        .map(|(name, bytes)| format!("{:<16}{:>8} kB\n", name.to_string() + ":", bytes >> 10))
        .collect()
}
