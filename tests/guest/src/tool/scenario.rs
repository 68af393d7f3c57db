//! `guest tool scenario`: a small init. Runs a command, several times over, and tells what the kernel counts before,
//! between and after, so that whatever a run leaves behind shows.
//!
//! Standard output is the command's own. Before the first run and after each there is a record in it: [`MARK`], a JSON
//! object and a line's end.

use std::{
    env,
    ffi::OsString,
    fs,
    io::{self, Write},
    os::unix::{ffi::OsStrExt, process::ExitStatusExt},
    path::Path,
    process::Command,
};

use serde::Serialize;

use crate::sys;

/// Begins a record: no program of the scenarios writes it.
const MARK: &str = "\x1e";

/// Where the command runs: made for each run, and removed after it.
const FOLDER: &str = "/tmp/scenario";

/// What is so before the first run, or after one.
#[derive(Debug, Serialize)]
struct Record {
    /// The command's status as wait(2) gives it.
    status: Option<i32>,
    /// What the command left in its folder.
    left: Vec<String>,
    counts: Counts,
}

/// What the kernel says that there is, this program and what it has open included.
#[derive(Debug, Serialize)]
struct Counts {
    /// Open files: the first number of /proc/sys/fs/file-nr.
    files: u64,
    /// Sockets: `sockets: used` of /proc/net/sockstat.
    sockets: u64,
    /// Processes, as /proc lists them.
    processes: u64,
    /// Memory that is free: `MemFree` of /proc/meminfo, in KiB.
    free: u64,
}

/// Runs `command` so many times, and writes the records.
pub(super) fn run(command: &[OsString], rounds: u32) -> io::Result<()> {
    // The command has what it has in the guest: standard input, output and error. Whatever else whoever started this left
    // open would show, as the numbers that are free.
    sys::close_range(3, u32::MAX, 0).map_err(|errno| io::Error::from_raw_os_error(errno.0))?;
    record(&Record { status: None, left: Vec::new(), counts: count()? })?;
    for _ in 0..rounds {
        let folder = Path::new(FOLDER);
        // There may be one from a run before this one, that was killed.
        let _ = fs::remove_dir_all(folder);
        fs::create_dir(folder)?;
        // Not Command::current_dir, for which a static program's spawn would need a SOCK_SEQPACKET pair.
        env::set_current_dir(folder)?;
        let status = Command::new(&command[0]).args(&command[1..]).env("HOME", FOLDER).spawn()?.wait()?;
        reap()?;
        env::set_current_dir("/")?;
        let left = names(folder)?;
        fs::remove_dir_all(folder)?;
        record(&Record { status: Some(status.into_raw()), left, counts: count()? })?;
    }
    Ok(())
}

/// Waits until the last child has ended: as the first process, this one has inherited all others.
fn reap() -> io::Result<()> {
    loop {
        match sys::wait_for(-1) {
            Ok(_) => {}
            Err(errno) if errno.0 == libc::ECHILD => return Ok(()),
            Err(errno) if errno.0 == libc::EINTR => {}
            Err(errno) => return Err(io::Error::from_raw_os_error(errno.0)),
        }
    }
}

fn names(folder: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

fn record(record: &Record) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    let text = serde_json::to_string(record).expect("a plain structure serialises");
    stdout.write_all(format!("{MARK}{text}\n").as_bytes())?;
    stdout.flush()
}

fn count() -> io::Result<Counts> {
    let number = |path: &str, before: &str| -> io::Result<u64> {
        let text = fs::read_to_string(path).map_err(|error| io::Error::other(format!("{path}: {error}")))?;
        let place = text.find(before).map(|at| at + before.len());
        place
            .and_then(|at| text[at..].split_whitespace().next()?.parse().ok())
            .ok_or_else(|| io::Error::other(format!("{path} has no {before:?} with a number: {text}")))
    };
    let is_process = |entry: &io::Result<fs::DirEntry>| {
        let is_number = |entry: &fs::DirEntry| entry.file_name().as_bytes().iter().all(u8::is_ascii_digit);
        entry.as_ref().is_ok_and(is_number)
    };
    Ok(Counts {
        files: number("/proc/sys/fs/file-nr", "")?,
        sockets: number("/proc/net/sockstat", "sockets: used")?,
        processes: fs::read_dir("/proc")?.filter(is_process).count() as u64,
        // Last, for the above take memory too.
        free: number("/proc/meminfo", "MemFree:")?,
    })
}
