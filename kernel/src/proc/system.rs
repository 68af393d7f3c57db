//! The files that tell of the whole system.

use alloc::{
    boxed::Box,
    format,
    string::{String, ToString},
    sync::Arc,
};

use ostd::cpu::num_cpus;
use socket::error::Result;
use vfs::{FileSystem, Inode};

use super::tree::Branch;
use crate::{mm, process::threads, system::System, time::clock, uts};

/// Makes a file's text.
type Make = fn(&System) -> String;

/// Files by name in `/proc`.
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
    ("version", |_| {
        format!("{} version {} (postern@postern) (rustc) {}\n", uts::SYSTEM_NAME, uts::RELEASE, uts::VERSION)
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
