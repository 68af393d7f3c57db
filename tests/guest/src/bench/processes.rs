//! Making processes.

use std::{ffi::OsString, process::Command};

use super::{Bench, Figures, done, measure};
use crate::{
    errno::{Errno, Result},
    sys,
};

pub(super) const BENCHES: &[Bench] = &[
    Bench { name: "fork_exit_wait", iterations: 100, run: fork_exit_wait },
    Bench { name: "vfork_exec_wait", iterations: 50, run: vfork_exec_wait },
];

/// A process with 1 MiB of memory in use, its end, and waiting for it.
fn fork_exit_wait(iterations: u64) -> Result<Figures> {
    let memory = std::hint::black_box(vec![1_u8; 1 << 20]);
    let figures = measure(iterations, || {
        let child = sys::fork(|| 0)?;
        done(sys::wait_for(child)? as isize)
    });
    drop(std::hint::black_box(memory));
    figures
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
