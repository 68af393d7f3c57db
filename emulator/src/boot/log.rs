//! The kernel's log: into a file, the last lines kept at hand, and to the terminal when asked.

use std::{
    collections::VecDeque,
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use super::control::Lines;

/// Where a kernel's log goes.
#[derive(Clone, Debug, Default)]
pub struct Log {
    file: Option<PathBuf>,
    mirror: bool,
}

impl Log {
    /// The newest logs that a folder keeps.
    const KEPT: usize = 100;

    /// Nowhere: only the last lines are kept, for the outcome.
    pub fn none() -> Self {
        Self::default()
    }

    /// Into this file, which is overwritten.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self { file: Some(path.into()), mirror: false }
    }

    /// Into a file of `folder` named after the program and this process; older ones than the last hundred go.
    pub fn in_folder(folder: &Path, program: &str) -> Self {
        let name: String = program
            .rsplit('/')
            .next()
            .unwrap_or_default()
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' })
            .take(64)
            .collect();
        prune(folder, Self::KEPT - 1);
        Self::file(folder.join(format!("boot-{name}-{}.log", std::process::id())))
    }

    /// To standard error too, as it comes.
    #[must_use]
    pub fn mirrored(mut self, mirror: bool) -> Self {
        self.mirror = mirror;
        self
    }

    /// The file, if there is one.
    pub fn path(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    pub(super) fn open(&self) -> Result<LogWriter> {
        let open = |path: &PathBuf| -> io::Result<File> {
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder)?;
            }
            File::create(path)
        };
        let file = match &self.file {
            Some(path) => Some(
                open(path).with_context(|| format!("cannot write the kernel's log to {}", path.display()))?,
            ),
            None => None,
        };
        Ok(LogWriter { file, mirror: self.mirror, lines: Lines::default(), tail: VecDeque::new() })
    }
}

/// Removes all but the newest `keep` logs of `postern boot`. A folder that cannot be read or written is told about when the log is opened.
fn prune(folder: &Path, keep: usize) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let mut logs: Vec<_> = entries
        .flatten()
        .filter(|entry| {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            name.starts_with("boot-") && name.ends_with(".log")
        })
        .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
        .collect();
    logs.sort_unstable();
    let surplus = logs.len().saturating_sub(keep);
    for (_, path) in &logs[..surplus] {
        // Another run may have removed it just now.
        let _ = fs::remove_file(path);
    }
}

#[derive(Debug)]
pub(super) struct LogWriter {
    file: Option<File>,
    mirror: bool,
    lines: Lines,
    tail: VecDeque<String>,
}

impl LogWriter {
    /// The lines that an outcome shows.
    const TAIL: usize = 20;

    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let tail = &mut self.tail;
        self.lines.push(bytes, |line| keep(tail, line));
        if self.mirror {
            io::stderr().write_all(bytes)?;
        }
        self.file.as_mut().map_or(Ok(()), |file| file.write_all(bytes))
    }

    /// The last lines.
    pub(super) fn finish(mut self) -> Vec<String> {
        let tail = &mut self.tail;
        self.lines.rest(|line| keep(tail, line));
        self.tail.into()
    }
}

fn keep(tail: &mut VecDeque<String>, line: &str) {
    let line = line.trim_end();
    if line.is_empty() {
        return;
    }
    if tail.len() == LogWriter::TAIL {
        tail.pop_front();
    }
    tail.push_back(line.to_owned());
}

#[cfg(test)]
mod tests {
    use super::{Log, prune};

    #[test]
    fn the_tail_and_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let log = Log::in_folder(&folder.path().join("log"), "/bin/a b");
        let mut writer = log.open().unwrap();
        let text: String = (0..100).map(|n| format!("line {n}\r\n")).collect();
        for piece in text.as_bytes().chunks(7) {
            writer.write(piece).unwrap();
        }
        writer.write(b"the end").unwrap();
        let tail = writer.finish();
        assert_eq!((tail[0].as_str(), tail[19].as_str(), tail.len()), ("line 81", "the end", 20));
        let path = log.path().unwrap();
        assert!(path.file_name().unwrap().to_str().unwrap().starts_with("boot-a_b-"));
        assert_eq!(std::fs::read_to_string(path).unwrap(), text + "the end");
    }

    #[test]
    fn old_logs_go() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["boot-1.log", "boot-2.log", "boot-3.log", "other.log"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        prune(folder.path(), 1);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
        assert!(folder.path().join("other.log").exists());
    }
}
