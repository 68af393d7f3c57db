//! Programs of the host under a time limit.

use std::{
    io::{BufRead, BufReader, Read, Write, pipe},
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::channel,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    process::{Pid, PidfdFlags, pidfd_open},
};

/// What came of a program.
#[derive(Debug)]
pub(crate) struct Finished {
    /// `None` if it was killed when its time was over.
    pub(crate) status: Option<ExitStatus>,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
}

impl Finished {
    /// In words, for a message.
    pub(crate) fn ending(&self) -> String {
        match self.status {
            Some(status) => status.to_string(),
            None => "killed at its time limit".to_owned(),
        }
    }
}

/// Runs the program with `input`, its outputs apart.
pub(crate) fn run(command: &mut Command, input: &[u8], limit: Duration) -> Result<Finished> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot run {}", command.get_program().display()))?;
    let mut stdin = child.stdin.take().expect("it is piped");
    let input = input.to_vec();
    // Ends when the program has read it all, or is gone.
    thread::spawn(move || {
        let _ = stdin.write_all(&input);
    });
    let outputs = [
        collect(child.stdout.take().expect("it is piped")),
        collect(child.stderr.take().expect("it is piped")),
    ];
    let status = wait(&mut child, limit)?;
    // A program that was killed may leave others with its outputs open: they are not waited for.
    let patience = if status.is_some() { limit } else { Duration::from_secs(1) };
    let [stdout, stderr] = outputs.map(|output| output.recv_timeout(patience).unwrap_or_default());
    Ok(Finished { status, stdout, stderr })
}

fn collect(mut from: impl Read + Send + 'static) -> std::sync::mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = from.read_to_end(&mut bytes);
        let _ = sender.send(bytes);
    });
    receiver
}

/// Runs the program without input, its outputs together, and calls `line` with each line as it comes.
pub(crate) fn run_lines(
    command: &mut Command,
    limit: Duration,
    mut line: impl FnMut(&str),
) -> Result<Option<ExitStatus>> {
    let deadline = Instant::now() + limit;
    let (reader, writer) = pipe()?;
    let mut child = command
        .stdin(Stdio::null())
        .stdout(writer.try_clone()?)
        .stderr(writer)
        .spawn()
        .with_context(|| format!("cannot run {}", command.get_program().display()))?;
    // The command holds the pipe's other end too.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let (sender, lines) = channel();
    thread::spawn(move || {
        let mut reader = BufReader::new(reader);
        let mut bytes = Vec::new();
        while matches!(reader.read_until(b'\n', &mut bytes), Ok(1..)) {
            if sender.send(String::from_utf8_lossy(&bytes).trim_end().to_owned()).is_err() {
                return;
            }
            bytes.clear();
        }
    });
    while let Ok(text) = lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
        line(&text);
    }
    wait(&mut child, deadline.saturating_duration_since(Instant::now()))
}

/// Waits for the program, and kills it at its limit.
fn wait(child: &mut Child, limit: Duration) -> Result<Option<ExitStatus>> {
    let deadline = Instant::now() + limit;
    let pidfd = pidfd_open(Pid::from_child(child), PidfdFlags::empty()).context("cannot watch a program")?;
    loop {
        let rest = deadline.saturating_duration_since(Instant::now());
        let timeout = Timespec::try_from(rest).unwrap_or(Timespec { tv_sec: i64::MAX, tv_nsec: 0 });
        match poll(&mut [PollFd::new(&pidfd, PollFlags::IN)], Some(&timeout)) {
            Ok(0) => break,
            Ok(_) => return Ok(Some(child.wait()?)),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error).context("cannot wait for a program"),
        }
    }
    child.kill()?;
    child.wait()?;
    Ok(None)
}

#[cfg(test)]
mod tests {
    use std::{process::Command, time::Duration};

    use super::{run, run_lines};

    #[test]
    fn programs_end_in_time() {
        let finished = run(&mut Command::new("cat"), b"text", Duration::from_secs(20)).unwrap();
        assert_eq!(
            (finished.stdout.as_slice(), finished.ending().as_str()),
            (b"text".as_slice(), "exit status: 0")
        );
        let finished = run(Command::new("sleep").arg("60"), b"", Duration::from_millis(50)).unwrap();
        assert_eq!(finished.ending(), "killed at its time limit");
    }

    #[test]
    fn lines_come_in_order() {
        let mut lines = Vec::new();
        let mut command = Command::new("sh");
        command.args(["-c", "echo one; echo two >&2; printf three; exit 4"]);
        let status =
            run_lines(&mut command, Duration::from_secs(20), |line| lines.push(line.to_owned())).unwrap();
        assert_eq!(
            (lines, status.unwrap().code()),
            (vec!["one".into(), "two".into(), "three".into()], Some(4))
        );
    }
}
