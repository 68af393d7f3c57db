//! `/sys`: what programs read of it (sysfs(5)): network interfaces and processors.

use alloc::{boxed::Box, format, string::String, sync::Arc};

use linux_raw_sys::general::SYSFS_MAGIC;
use ostd::cpu::num_cpus;
use socket::error::Result;
use vfs::{FileSystem, Inode, Limits};

use crate::{proc::tree::Branch, system::System};

/// The minor number of its device.
pub(crate) const DEVICE: u32 = 11;

/// Files of the loopback interface.
const LOOPBACK: &[(&str, &str)] = &[
    ("devices/virtual/net/lo/addr_assign_type", "0"),
    ("devices/virtual/net/lo/addr_len", "6"),
    ("devices/virtual/net/lo/address", "00:00:00:00:00:00"),
    ("devices/virtual/net/lo/broadcast", "00:00:00:00:00:00"),
    ("devices/virtual/net/lo/carrier", "1"),
    ("devices/virtual/net/lo/dev_id", "0x0"),
    ("devices/virtual/net/lo/dormant", "0"),
    ("devices/virtual/net/lo/flags", "0x9"),
    ("devices/virtual/net/lo/ifindex", "1"),
    ("devices/virtual/net/lo/iflink", "1"),
    ("devices/virtual/net/lo/link_mode", "0"),
    ("devices/virtual/net/lo/mtu", "65536"),
    ("devices/virtual/net/lo/operstate", "unknown"),
    ("devices/virtual/net/lo/statistics/collisions", "0"),
    ("devices/virtual/net/lo/statistics/multicast", "0"),
    ("devices/virtual/net/lo/statistics/rx_bytes", "0"),
    ("devices/virtual/net/lo/statistics/rx_dropped", "0"),
    ("devices/virtual/net/lo/statistics/rx_errors", "0"),
    ("devices/virtual/net/lo/statistics/rx_packets", "0"),
    ("devices/virtual/net/lo/statistics/tx_bytes", "0"),
    ("devices/virtual/net/lo/statistics/tx_dropped", "0"),
    ("devices/virtual/net/lo/statistics/tx_errors", "0"),
    ("devices/virtual/net/lo/statistics/tx_packets", "0"),
    ("devices/virtual/net/lo/tx_queue_len", "1000"),
    ("devices/virtual/net/lo/type", "772"),
    ("devices/virtual/net/lo/uevent", "INTERFACE=lo\nIFINDEX=1"),
    ("kernel/mm/transparent_hugepage/enabled", "always madvise [never]"),
];

/// Files about the processors: all are there and run, always.
const PROCESSORS: &[&str] =
    &["devices/system/cpu/online", "devices/system/cpu/possible", "devices/system/cpu/present"];

/// Puts the file system at `/sys`.
///
/// # Errors
/// ENOSPC.
pub(crate) fn mount(system: &'static System) -> Result<()> {
    let files = FileSystem::new(&system.environment, DEVICE, SYSFS_MAGIC, Limits::NONE);
    let mut top = Branch::default();
    let mut add = |path, text: String| {
        let generate = Box::new(move || Ok(text.clone().into_bytes()));
        top.add(path, Inode::new_generated(&files, 0o444, generate));
    };
    for (path, text) in LOOPBACK {
        add(path, format!("{text}\n"));
    }
    for path in PROCESSORS {
        let last = num_cpus() - 1;
        add(path, if last == 0 { "0\n".into() } else { format!("0-{last}\n") });
    }
    let link: Arc<Inode> = Inode::new_symlink(&files, b"../../devices/virtual/net/lo")?;
    top.add("class/net/lo", link);
    system.root.install(b"sys", &top.directory(&files))
}
