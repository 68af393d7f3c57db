//! What the kernel adds to the root file system at boot.

use alloc::sync::Arc;

use socket::error::{Errno, Error, Result};

use crate::{device::MEMORY_DEVICES, file_system::device_number, inode::Inode};

/// The directory at `path` below `root`, made with all that is missing above it (mode 0755). Symbolic links are not
/// followed.
///
/// # Errors
/// ENOTDIR where something else stands in the way.
pub fn make_directories(root: &Arc<Inode>, path: &[u8]) -> Result<Arc<Inode>> {
    let mut at = root.clone();
    for name in path.split(|byte| *byte == b'/').filter(|name| !name.is_empty()) {
        at = match at.child(name)? {
            Some(child) if child.is_directory() => child,
            Some(_) => return Err(Error::new(Errno::ENOTDIR, "something that is no directory stands there")),
            None => {
                let child = Inode::new_directory(at.file_system(), 0o755);
                at.install(name, &child)?;
                child
            }
        };
    }
    Ok(at)
}

/// The number of `/dev/tty`, behind which there is no device: opening it fails with ENXIO.
const TERMINAL: u64 = device_number(5, 0);

/// Puts the nodes of the memory devices into `directory` (`/dev`), in the place of what stands there, and the links that
/// programs expect beside them.
///
/// # Errors
/// ENOSPC.
pub fn populate_devices(directory: &Arc<Inode>) -> Result<()> {
    let file_system = directory.file_system();
    for (name, number) in MEMORY_DEVICES {
        directory.install(name, &Inode::new_device(file_system, 0o666, number))?;
    }
    // What opening it leads to is no terminal: no process has one that controls it.
    directory.install(b"tty", &Inode::new_device(file_system, 0o666, TERMINAL))?;
    // For shm_open(3).
    if directory.child(b"shm")?.is_none() {
        directory.install(b"shm", &Inode::new_directory(file_system, 0o1777))?;
    }
    let links: [(&[u8], &[u8]); 4] = [
        (b"fd", b"/proc/self/fd"),
        (b"stdin", b"/proc/self/fd/0"),
        (b"stdout", b"/proc/self/fd/1"),
        (b"stderr", b"/proc/self/fd/2"),
    ];
    for (name, target) in links {
        directory.install(name, &Inode::new_symlink(file_system, target)?)?;
    }
    Ok(())
}
