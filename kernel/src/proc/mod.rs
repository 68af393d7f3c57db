//! `/proc`: what programs read of it when they start (proc(5)), made when it is read.

mod net;
mod process;
mod processes;
mod processors;
mod sysctl;
mod system;
pub(crate) mod tree;
pub(crate) mod uuid;

use alloc::boxed::Box;

use linux_raw_sys::general::PROC_SUPER_MAGIC;
use socket::error::Result;
use vfs::{FileSystem, Inode, Limits};

use self::tree::Branch;
use crate::system::System;

/// The minor number of its device.
const DEVICE: u32 = 3;

/// Puts the file system at `/proc`.
///
/// # Errors
/// ENOSPC.
pub(crate) fn mount(system: &'static System) -> Result<()> {
    let files = FileSystem::new(&system.environment, DEVICE, PROC_SUPER_MAGIC, Limits::NONE);
    let mut fixed = Branch::default();
    system::add(&mut fixed, &files, system)?;
    sysctl::add(&mut fixed, &files, system);
    net::add(&mut fixed, &files, system)?;
    processes::add(&mut fixed, &files);
    let top = processes::Top::new(&files, fixed.entries(&files));
    let top = Inode::new_populated(&files, 0o555, Box::new(top));
    system.root.install(b"proc", &top)
}
