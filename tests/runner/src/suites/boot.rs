//! `postern boot`, as a user has it: the built program, the real QEMU, the real kernel.

use std::{
    ffi::OsStr,
    fs,
    os::unix::{ffi::OsStrExt, fs::PermissionsExt},
    path::Path,
    process::Command,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use tempfile::TempDir;

use super::Run;
use crate::{
    case::Case,
    process::{self, Finished},
};

type Test = fn(&Boot<'_>) -> Result<()>;

const TESTS: &[(&str, Test)] = &[
    ("all_bytes_come_back", all_bytes_come_back),
    ("a_megabyte_comes_back", a_megabyte_comes_back),
    ("input_that_nobody_reads_is_no_matter", input_that_nobody_reads_is_no_matter),
    ("outputs_come_apart", outputs_come_apart),
    ("statuses_have_eight_bits", statuses_have_eight_bits),
    ("a_fault_is_a_signal", a_fault_is_a_signal),
    ("an_abort_is_a_signal", an_abort_is_a_signal),
    ("arguments_arrive_as_they_are", arguments_arrive_as_they_are),
    ("many_arguments_arrive", many_arguments_arrive),
    ("the_environment_is_set", the_environment_is_set),
    ("a_program_that_waits_is_killed", a_program_that_waits_is_killed),
    ("a_program_that_spins_is_killed", a_program_that_spins_is_killed),
    ("counted_runs_are_alike", counted_runs_are_alike),
    ("roots_merge", roots_merge),
    ("a_small_machine_boots", a_small_machine_boots),
    ("exhausted_memory_ends_processes", exhausted_memory_ends_processes),
    ("a_large_root_boots", a_large_root_boots),
];

pub(super) fn run(run: &Run<'_>, suite: &'static str) -> Result<()> {
    run.sink.expect(TESTS.len());
    let boot = Boot { run, root: root(run)? };
    // Two at a time: some of them only wait.
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some((name, test)) = TESTS.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let started = Instant::now();
                    let case = match test(&boot) {
                        Ok(()) => Case::passed(suite, *name),
                        Err(error) => Case::failed(suite, *name, format!("{error:#}")),
                    };
                    run.sink.add(case.lasting(started.elapsed()));
                }
            });
        }
    });
    Ok(())
}

/// A root with the guest program.
fn root(run: &Run<'_>) -> Result<TempDir> {
    let root = tempfile::tempdir()?;
    put(root.path(), "bin/guest", &fs::read(&run.context.guest)?, 0o755)?;
    Ok(root)
}

fn put(root: &Path, path: &str, contents: &[u8], mode: u32) -> Result<()> {
    let path = root.join(path);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(&path, contents)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(mode))?;
    Ok(())
}

struct Boot<'a> {
    run: &'a Run<'a>,
    root: TempDir,
}

impl Boot<'_> {
    /// `postern boot --root ROOT OPTIONS`.
    fn command(&self, options: &[&str]) -> Command {
        let mut command = Command::new(&self.run.context.postern);
        command.arg("boot").arg("--kernel").arg(&self.run.context.kernel);
        command.arg("--root").arg(self.root.path()).args(options);
        command.env("TMPDIR", self.run.context.temporary());
        command
    }

    fn finish(&self, command: &mut Command, input: &[u8]) -> Result<Finished> {
        process::run(command, input, Duration::from_secs(120))
    }

    /// One of the guest program's tools, without options.
    fn tool(&self, arguments: &[&str], input: &[u8]) -> Result<Finished> {
        let mut command = self.command(&["--timeout", "100"]);
        command.args(["--", "guest", "tool"]).args(arguments);
        self.finish(&mut command, input)
    }
}

fn ensure_status(finished: &Finished, status: i32) -> Result<()> {
    let said = String::from_utf8_lossy(&finished.stderr);
    let code = finished.status.and_then(|status| status.code());
    ensure!(code == Some(status), "{} instead of {status}: {}", finished.ending(), said.trim());
    Ok(())
}

fn ensure_bytes(what: &str, got: &[u8], wanted: &[u8]) -> Result<()> {
    if got == wanted {
        return Ok(());
    }
    let first =
        got.iter().zip(wanted).position(|(got, wanted)| got != wanted).unwrap_or(got.len().min(wanted.len()));
    anyhow::bail!("{what}: {} bytes instead of {}, differing from byte {first} on", got.len(), wanted.len())
}

fn all_bytes_come_back(boot: &Boot<'_>) -> Result<()> {
    let bytes: Vec<u8> = (0..=255).chain((0..=255).rev()).collect();
    let finished = boot.tool(&["cat"], &bytes)?;
    ensure_status(&finished, 0)?;
    ensure_bytes("standard output", &finished.stdout, &bytes)?;
    ensure_bytes("standard error", &finished.stderr, b"")
}

fn a_megabyte_comes_back(boot: &Boot<'_>) -> Result<()> {
    let bytes: Vec<u8> = (0..1_u32 << 20).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let finished = boot.tool(&["cat"], &bytes)?;
    ensure_status(&finished, 0)?;
    ensure_bytes("standard output", &finished.stdout, &bytes)
}

fn input_that_nobody_reads_is_no_matter(boot: &Boot<'_>) -> Result<()> {
    let finished = boot.tool(&["exit", "3"], &vec![b'x'; 100_000])?;
    ensure_status(&finished, 3)
}

fn outputs_come_apart(boot: &Boot<'_>) -> Result<()> {
    let finished = boot.tool(&["spam", "200000"], b"")?;
    ensure_status(&finished, 0)?;
    let bytes: Vec<u8> = (0..200_000_u32).map(|n| n as u8).collect();
    ensure_bytes("standard output", &finished.stdout, &bytes)?;
    ensure_bytes("standard error", &finished.stderr, &bytes)
}

fn statuses_have_eight_bits(boot: &Boot<'_>) -> Result<()> {
    for status in [0, 1, 33, 65, 124, 125, 128, 255] {
        let finished = boot.tool(&["exit", &status.to_string()], b"")?;
        ensure_status(&finished, status)?;
        ensure_bytes("standard error", &finished.stderr, b"")?;
    }
    Ok(())
}

fn a_fault_is_a_signal(boot: &Boot<'_>) -> Result<()> {
    // SIGSEGV is 11.
    ensure_status(&boot.tool(&["crash"], b"")?, 128 + 11)
}

fn an_abort_is_a_signal(boot: &Boot<'_>) -> Result<()> {
    // SIGABRT is 6.
    ensure_status(&boot.tool(&["abort"], b"")?, 128 + 6)
}

fn arguments_arrive_as_they_are(boot: &Boot<'_>) -> Result<()> {
    let odd: [&[u8]; 8] =
        [b"", b"--", b"a b", b"x=%41", b"\xff\xfe\x01", b"-- --", b"'\"$\\\n\t", b"scml.mode=off"];
    let mut command = boot.command(&["--timeout", "100"]);
    command.args(["--", "guest", "tool", "args"]).args(odd.map(OsStr::from_bytes));
    let finished = boot.finish(&mut command, b"")?;
    ensure_status(&finished, 0)?;
    let wanted: Vec<u8> = odd.iter().flat_map(|word| [word, b"\0".as_slice()].concat()).collect();
    ensure_bytes("the arguments", &finished.stdout, &wanted)
}

fn many_arguments_arrive(boot: &Boot<'_>) -> Result<()> {
    let words: Vec<String> = (0..200).map(|n| format!("argument-{n}")).collect();
    let mut command = boot.command(&["--timeout", "100"]);
    command.args(["--", "guest", "tool", "args"]).args(&words);
    let finished = boot.finish(&mut command, b"")?;
    ensure_status(&finished, 0)?;
    ensure_bytes("the arguments", &finished.stdout, (words.join("\0") + "\0").as_bytes())
}

fn the_environment_is_set(boot: &Boot<'_>) -> Result<()> {
    let mut command = boot.command(&["--timeout", "100", "--append", "env=GREETING%3Dgood%20day"]);
    let finished = boot.finish(command.args(["--", "guest", "tool", "env", "GREETING", "HOME"]), b"")?;
    ensure_status(&finished, 0)?;
    ensure_bytes("the variables", &finished.stdout, b"good day\0/root\0")
}

fn a_program_that_waits_is_killed(boot: &Boot<'_>) -> Result<()> {
    let finished =
        boot.finish(boot.command(&["--timeout", "4"]).args(["--", "guest", "tool", "hang"]), b"")?;
    ensure_status(&finished, 124)?;
    let said = String::from_utf8_lossy(&finished.stderr);
    ensure!(said.contains("time limit of 4 s"), "the time limit is not named: {said}");
    Ok(())
}

fn a_program_that_spins_is_killed(boot: &Boot<'_>) -> Result<()> {
    let finished =
        boot.finish(boot.command(&["--timeout", "4"]).args(["--", "guest", "tool", "spin"]), b"")?;
    ensure_status(&finished, 124)
}

/// The host decides when a byte arrives at a port, and the guest's few instructions for it are counted too; all else is the
/// same in every run.
fn counted_runs_are_alike(boot: &Boot<'_>) -> Result<()> {
    let once = || -> Result<u64> {
        let mut command = boot.command(&["--timeout", "100", "--icount"]);
        let finished = boot.finish(command.args(["--", "guest", "tool", "clock"]), b"")?;
        ensure_status(&finished, 0)?;
        Ok(String::from_utf8(finished.stdout)?.trim().parse()?)
    };
    let (first, second) = (once()?, once()?);
    ensure!(first.abs_diff(second) <= first / 1000, "{first} ns, then {second} ns");
    Ok(())
}

fn roots_merge(boot: &Boot<'_>) -> Result<()> {
    let more = tempfile::tempdir()?;
    put(more.path(), "bin/other", &fs::read(&boot.run.context.guest)?, 0o755)?;
    put(more.path(), "opt/text", b"from the second root\n", 0o640)?;
    let mut command = boot.command(&["--timeout", "100"]);
    command.arg("--root").arg(more.path()).args([
        "--",
        "other",
        "tool",
        "file",
        "/opt/text",
        "/usr/bin/guest",
        "/bin",
    ]);
    let finished = boot.finish(&mut command, b"")?;
    ensure_status(&finished, 0)?;
    let size = fs::metadata(&boot.run.context.guest)?.len();
    // Mode, owner, group, size; /bin is a symlink to usr/bin, which is shown by itself.
    let wanted = format!("100640 0 0 21 /opt/text\n100755 0 0 {size} /usr/bin/guest\n120777 0 0 7 /bin\n");
    let got = String::from_utf8_lossy(&finished.stdout);
    ensure!(got == wanted, "{got:?} instead of {wanted:?}");
    Ok(())
}

fn a_small_machine_boots(boot: &Boot<'_>) -> Result<()> {
    let mut command = boot.command(&["--timeout", "100", "--memory", "512M"]);
    let finished = boot.finish(command.args(["--", "guest", "tool", "exit", "5"]), b"")?;
    ensure_status(&finished, 5)
}

fn exhausted_memory_ends_processes(boot: &Boot<'_>) -> Result<()> {
    let mut command = boot.command(&["--timeout", "200", "--memory", "512M"]);
    let finished = boot.finish(command.args(["--", "guest", "tool", "exhaust"]), b"")?;
    ensure_status(&finished, 0)
}

fn a_large_root_boots(boot: &Boot<'_>) -> Result<()> {
    const SIZE: u64 = 300 << 20;
    let more = tempfile::tempdir()?;
    let path = more.path().join("large");
    fs::write(&path, b"the beginning")?;
    // The file is sparse here; in the image it is not.
    fs::OpenOptions::new().write(true).open(&path)?.set_len(SIZE)?;
    let mut command = boot.command(&["--timeout", "100"]);
    command.arg("--root").arg(more.path()).args(["--", "guest", "tool", "file", "/large"]);
    let finished = boot.finish(&mut command, b"")?;
    ensure_status(&finished, 0)?;
    let got = String::from_utf8_lossy(&finished.stdout);
    ensure!(got == format!("100644 0 0 {SIZE} /large\n"), "{got:?}");
    Ok(())
}
