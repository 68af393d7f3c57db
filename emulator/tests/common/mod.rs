//! What the tests of the command line have in common.

// Each test program uses a part of it.
#![allow(dead_code, unreachable_pub, missing_docs)]

use std::{
    fs,
    io::Write,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::LazyLock,
};

use tempfile::TempDir;

/// The parts that the fake guest plays, as (empty) programs of a root.
const PROGRAMS: [&str; 16] = [
    "cat",
    "exit",
    "spam",
    "args",
    "words",
    "list",
    "hang",
    "never-ready",
    "linger",
    "panic",
    "late-panic",
    "fail",
    "mute",
    "reset",
    "abort",
    "nonsense",
];

static ROOT: LazyLock<TempDir> = LazyLock::new(|| {
    let root = folder();
    let programs = root.path().join("usr/bin");
    fs::create_dir_all(&programs).unwrap();
    for name in PROGRAMS {
        let path = programs.join(name);
        fs::write(&path, "").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    root
});

/// A temporary folder.
pub fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_postern"))
}

/// `postern boot OPTIONS` with the fake QEMU, and a root that holds its programs.
pub fn postern(options: &[&str]) -> Command {
    let fake: PathBuf = program().parent().unwrap().join("examples/fake_qemu");
    let mut command = Command::new(program());
    command.env("POSTERN_QEMU", fake).arg("boot").arg("--root").arg(ROOT.path());
    if !options.contains(&"--kernel") {
        command.arg("--kernel").arg(program());
    }
    command.args(options);
    command
}

/// What came of a command.
#[derive(Debug)]
pub struct Run {
    pub status: i32,
    pub stdout: Vec<u8>,
    pub stderr: String,
}

impl Run {
    /// Without standard input.
    pub fn of(command: &mut Command) -> Self {
        Self::with_input(command, b"")
    }

    /// With these bytes as standard input.
    pub fn with_input(command: &mut Command, input: &[u8]) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("postern runs");
        let mut stdin = child.stdin.take().unwrap();
        let input = input.to_vec();
        let writer = std::thread::spawn(move || {
            // Fails when the command ends without reading it.
            let _ = stdin.write_all(&input);
        });
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap();
        Self {
            status: output.status.code().unwrap_or(-1),
            stdout: output.stdout,
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}
