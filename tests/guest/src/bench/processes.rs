//! Making processes, and starting programs.

use std::{ffi::OsString, process::Command};

use super::{Bench, Figures, measure};
use crate::{
    errno::{Errno, Result},
    sys::{self, PAGE, Region},
};

pub(super) const BENCHES: &[Bench] = &[
    Bench { name: "fork_exit_wait_1_mib", iterations: 50, run: fork_exit_wait },
    Bench { name: "vfork_exec_wait", iterations: 50, run: vfork_exec_wait },
];

/// fork(2) of a process with 1 MiB of memory that it has written to; the child ends at once; wait4(2).
fn fork_exit_wait(iterations: u64) -> Result<Figures> {
    let region = Region::new(256, libc::PROT_READ | libc::PROT_WRITE)?;
    for page in 0..256 {
        region.write(page * PAGE, &[1]);
    }
    measure(iterations, || {
        let pid = sys::fork(|| 0)?;
        sys::wait_for(pid)?;
        Ok(())
    })
}

/// This static program started anew by posix_spawn(3), its end, and waiting for it.
fn vfork_exec_wait(iterations: u64) -> Result<Figures> {
    let program = std::env::args_os().next().unwrap_or_else(|| OsString::from("/proc/self/exe"));
    measure(iterations, || {
        let status = Command::new(&program).args(["tool", "exit", "0"]).status();
        match status.map_err(|error| error.raw_os_error()) {
            Ok(status) if status.success() => Ok(()),
            Ok(_) => Err(Errno(libc::ECHILD)),
            Err(errno) => Err(Errno(errno.unwrap_or(libc::EIO))),
        }
    })
}
