//! memfd_create(2) and its seals.

use std::os::fd::{AsRawFd, OwnedFd};

use super::{RW, dies_of, in_child};
use crate::{
    harness::{Case, Outcome, Test, check, check_eq, check_err, tests},
    sys::{self, PAGE, Region},
};

pub(crate) const TESTS: &[Test] = tests!("memory";
    memory_file_is_a_file,
    memory_file_refuses_bad_arguments,
    seals_forbid,
    seals_and_mappings,
    seals_of_what_has_none,
);

const SEAL: i32 = libc::F_SEAL_SEAL;
const SHRINK: i32 = libc::F_SEAL_SHRINK;
const GROW: i32 = libc::F_SEAL_GROW;
const WRITE: i32 = libc::F_SEAL_WRITE;

fn add(fd: &OwnedFd, seals: i32) -> crate::errno::Result<usize> {
    sys::fcntl(fd, libc::F_ADD_SEALS, seals)
}

fn seals(fd: &OwnedFd) -> crate::errno::Result<usize> {
    sys::fcntl(fd, libc::F_GET_SEALS, 0)
}

fn memory_file_is_a_file(_: &Case) -> Outcome {
    let fd = sys::memfd_create(c"some name", libc::MFD_CLOEXEC)?;
    check_eq!(sys::fcntl(&fd, libc::F_GETFD, 0)?, 1);
    check_eq!(sys::write(&fd, b"contents")?, 8);
    let mut read = [0; 8];
    check_eq!(sys::pread(&fd, &mut read, 0)?, 8);
    check_eq!(&read, b"contents");
    sys::ftruncate(&fd, 3 * PAGE as i64)?;
    let region = Region::map(3 * PAGE, RW, libc::MAP_SHARED, fd.as_raw_fd(), 0)?;
    in_child(|| {
        region.write(2 * PAGE, b"child");
        Ok(())
    })?;
    check_eq!(sys::pread(&fd, &mut read[..5], 2 * PAGE as i64)?, 5);
    check_eq!(&read[..5], b"child");
    let link = std::fs::read_link(format!("/proc/self/fd/{}", fd.as_raw_fd()));
    check_eq!(link.unwrap_or_default().to_string_lossy(), "/memfd:some name (deleted)");
    sys::ftruncate(&fd, 0)?;
    dies_of(libc::SIGBUS, || region.write(0, &[1]))
}

fn memory_file_refuses_bad_arguments(_: &Case) -> Outcome {
    check_err!(sys::memfd_create(c"name", 0x100).map(drop), EINVAL);
    let long = std::ffi::CString::new(vec![b'x'; 250]).unwrap_or_default();
    check_err!(sys::memfd_create(&long, 0).map(drop), EINVAL);
    let longest = std::ffi::CString::new(vec![b'x'; 249]).unwrap_or_default();
    check!(sys::memfd_create(&longest, 0).is_ok());
    let region = Region::new(1, RW)?;
    let call = |name: usize| region.call("memfd_create", libc::SYS_memfd_create, [name, 0, 0, 0, 0, 0]);
    check_err!(call(0), EFAULT);
    check_err!(call(usize::MAX - 5), EFAULT);
    Ok(())
}

fn seals_forbid(_: &Case) -> Outcome {
    let fd = sys::memfd_create(c"sealed", libc::MFD_ALLOW_SEALING)?;
    sys::write(&fd, &[1; 100])?;
    check_eq!(seals(&fd)?, 0);
    check_eq!(add(&fd, GROW)?, 0);
    check_err!(sys::write(&fd, b"x"), EPERM, "it would grow");
    check_err!(sys::ftruncate(&fd, 101), EPERM);
    check_eq!(sys::pwrite(&fd, b"x", 99)?, 1);
    check_eq!(sys::ftruncate(&fd, 90)?, 0);
    check_eq!(add(&fd, SHRINK)?, 0);
    check_err!(sys::ftruncate(&fd, 80), EPERM);
    check_eq!(add(&fd, WRITE)?, 0);
    check_err!(sys::pwrite(&fd, b"x", 0), EPERM);
    check_eq!(sys::pwrite(&fd, b"", 0)?, 0);
    check_eq!(seals(&fd)?, (GROW | SHRINK | WRITE) as usize);
    check_err!(add(&fd, 0x1000), EINVAL);
    check_eq!(add(&fd, SEAL)?, 0);
    check_err!(add(&fd, WRITE), EPERM);
    Ok(())
}

fn seals_and_mappings(_: &Case) -> Outcome {
    let fd = sys::memfd_create(c"sealed", libc::MFD_ALLOW_SEALING)?;
    sys::ftruncate(&fd, PAGE as i64)?;
    let map = |protection, flags| Region::map(PAGE, protection, flags, fd.as_raw_fd(), 0);
    let region = map(RW, libc::MAP_SHARED)?;
    check_err!(add(&fd, WRITE), EBUSY);
    region.protect(0..PAGE, libc::PROT_READ)?;
    check_err!(add(&fd, WRITE), EBUSY, "it could be written to again");
    drop(region);
    check_eq!(add(&fd, WRITE)?, 0);
    check_err!(map(RW, libc::MAP_SHARED).map(drop), EPERM);
    check_eq!(map(RW, libc::MAP_PRIVATE).map(drop), Ok(()));
    let region = map(libc::PROT_READ, libc::MAP_SHARED)?;
    check_err!(region.protect(0..PAGE, RW), EACCES);
    Ok(())
}

fn seals_of_what_has_none(_: &Case) -> Outcome {
    let fd = sys::memfd_create(c"plain", 0)?;
    check_eq!(seals(&fd)?, SEAL as usize);
    check_err!(add(&fd, WRITE), EPERM);
    let (read, write) = sys::pipe2(0)?;
    check_err!(seals(&read), EINVAL);
    check_err!(add(&read, WRITE), EPERM);
    check_err!(add(&write, WRITE), EINVAL);
    let fd = sys::memfd_create(c"no program", libc::MFD_NOEXEC_SEAL)?;
    check_eq!(seals(&fd)?, libc::F_SEAL_EXEC as usize);
    check_err!(sys::fchmod(&fd, 0o777), EPERM);
    check_eq!(sys::fchmod(&fd, 0o600)?, 0);
    Ok(())
}
