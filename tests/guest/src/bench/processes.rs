//! Starting programs.

use std::{ffi::OsString, process::Command};

use super::{Bench, Figures, measure};
use crate::errno::{Errno, Result};

pub(super) const BENCHES: &[Bench] =
    &[Bench { name: "vfork_exec_wait", iterations: 50, run: vfork_exec_wait }];

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
