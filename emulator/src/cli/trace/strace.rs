//! strace, run here.

use std::{
    ffi::OsString,
    fs::File,
    io::{self, Seek, SeekFrom},
    os::fd::AsFd,
    path::Path,
    process::{Command, Stdio},
    sync::{Arc, atomic::AtomicBool},
};

use anyhow::{Context, Result, bail};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};

/// What is asked of strace: children too, every descriptor's kind, and the calls that make, change or use descriptors.
const OPTIONS: &[&str] =
    &["-f", "-yy", "-s", "64", "-e", "signal=none", "-e", "trace=%network,%desc,%process"];

/// Runs a program to its end; what strace wrote, from the beginning.
///
/// The log is kept where `keep` says. The program has this command's standard input, output and error; with `quiet`, its output goes to standard error.
pub(super) fn run(program: &[OsString], keep: Option<&Path>, quiet: bool) -> Result<File> {
    let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
    let path = keep.map_or_else(|| folder.path().join("log"), Path::to_owned);
    // Ctrl-C is for the program; strace ends when that does, and what it has seen is still reported.
    for signal in [SIGINT, SIGQUIT, SIGTERM, SIGHUP] {
        signal_hook::flag::register(signal, Arc::new(AtomicBool::new(false)))
            .context("cannot take signals")?;
    }
    let mut command = Command::new("strace");
    command.args(OPTIONS).arg("-o").arg(&path).arg("--").args(program);
    if quiet {
        let stderr = io::stderr().as_fd().try_clone_to_owned().context("standard error")?;
        command.stdout(Stdio::from(stderr));
    }
    let status = match command.status() {
        Ok(status) => status,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            bail!(
                "strace is not installed: on Debian, `apt-get install strace`; or give a log of another machine's"
            )
        }
        Err(error) => return Err(error).context("cannot run strace"),
    };
    let mut log = File::open(&path).with_context(|| format!("strace wrote nothing ({status})"))?;
    if log.seek(SeekFrom::End(0))? == 0 {
        bail!("strace wrote nothing ({status})");
    }
    log.rewind()?;
    if !status.success() {
        eprintln!("postern: the program ended with {status}");
    }
    Ok(log)
}
