//! Bad programs, images, kernels and arguments: each ends with a message that says what is wrong, and not with the
//! program's status, a hang or a panic.

use std::{
    fs,
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use emulator::boot::{CommandLine, Ending, Image, Initramfs, Machine, Outcome, Request, Session, Streams};

use super::Run;
use crate::{
    case::Case,
    guest::{self, PROGRAM, Setup},
    process,
};

type Test = fn(&Run<'_>) -> Result<()>;

const TESTS: &[(&str, Test)] = &[
    ("program_truncated", program_truncated),
    ("program_of_a_header_only", program_of_a_header_only),
    ("program_that_is_text", program_that_is_text),
    ("program_that_is_empty", program_that_is_empty),
    ("program_for_another_machine", program_for_another_machine),
    ("program_absent", program_absent),
    ("program_that_is_a_directory", program_that_is_a_directory),
    ("program_without_permission", program_without_permission),
    ("no_program", no_program),
    ("image_absent", image_absent),
    ("image_empty", image_empty),
    ("image_of_garbage", image_of_garbage),
    ("image_with_a_bad_header", image_with_a_bad_header),
    ("image_truncated", image_truncated),
    ("argument_unknown", argument_unknown),
    ("argument_with_a_bad_value", argument_with_a_bad_value),
    ("argument_badly_encoded", argument_badly_encoded),
    ("kernel_truncated", kernel_truncated),
    ("kernel_that_is_no_kernel", kernel_that_is_no_kernel),
    ("kernel_that_panics", kernel_that_panics),
    ("kernel_that_hangs", kernel_that_hangs),
    ("scml_file_with_an_error", scml_file_with_an_error),
    ("program_that_panics", program_that_panics),
    ("program_that_exits_early", program_that_exits_early),
];

pub(super) fn run(run: &Run<'_>, suite: &'static str) -> Result<()> {
    run.sink.expect(TESTS.len());
    for (name, test) in TESTS {
        let started = Instant::now();
        let case = match test(run) {
            Ok(()) => Case::passed(suite, *name),
            Err(error) => Case::failed(suite, *name, format!("{error:#}")),
        };
        run.sink.add(case.lasting(started.elapsed()));
    }
    Ok(())
}

const LIMIT: Duration = Duration::from_secs(30);

fn boot(run: &Run<'_>, machine: &Machine, initramfs: Initramfs<'_>, words: &CommandLine) -> Result<Outcome> {
    boot_within(run, machine, initramfs, words, LIMIT)
}

fn boot_within(
    run: &Run<'_>,
    machine: &Machine,
    initramfs: Initramfs<'_>,
    words: &CommandLine,
    limit: Duration,
) -> Result<Outcome> {
    let (streams, _) = Streams::captured(b"");
    let setup = Setup::plain(1, "bad-boot");
    Session::new().run(Request {
        log: setup.log(run.context),
        limit: Some(limit),
        ..Request::new(machine, initramfs, words, streams)
    })
}

fn words() -> CommandLine {
    let mut words = Setup::plain(1, "").words();
    words.program(PROGRAM).arguments(["tool", "exit", "0"]);
    words
}

/// Boots with an image and these words, and wants a clean failure whose message has all of `texts`.
fn ensure_fails(run: &Run<'_>, initramfs: Initramfs<'_>, words: &CommandLine, texts: &[&str]) -> Result<()> {
    let machine = Setup::plain(1, "").machine(run.context);
    let outcome = boot(run, &machine, initramfs, words)?;
    let Ending::BootFailed(message) = &outcome.ending else {
        anyhow::bail!("not a clean failure: {outcome}");
    };
    for text in texts {
        ensure!(message.contains(text), "{message:?} does not say {text:?}");
    }
    Ok(())
}

fn with_program(run: &Run<'_>, bytes: &[u8], mode: u32, texts: &[&str]) -> Result<()> {
    let mut image = Image::base();
    image.add_bytes(PROGRAM, bytes, mode)?;
    ensure_fails(run, Initramfs::Image(&image), &words(), texts)
}

fn program_truncated(run: &Run<'_>) -> Result<()> {
    let bytes = fs::read(&run.context.guest)?;
    // More than the headers, less than the segments that they tell of: what follows those is for debuggers.
    for length in [300_000, 4096, 100] {
        with_program(run, &bytes[..length], 0o755, &[PROGRAM])
            .with_context(|| format!("of {length} bytes"))?;
    }
    Ok(())
}

fn program_of_a_header_only(run: &Run<'_>) -> Result<()> {
    let bytes = fs::read(&run.context.guest)?;
    for length in [4, 16, 64] {
        with_program(run, &bytes[..length], 0o755, &[PROGRAM])
            .with_context(|| format!("of {length} bytes"))?;
    }
    Ok(())
}

fn program_that_is_text(run: &Run<'_>) -> Result<()> {
    with_program(run, b"hello, world\n", 0o755, &[PROGRAM])
}

fn program_that_is_empty(run: &Run<'_>) -> Result<()> {
    with_program(run, b"", 0o755, &[PROGRAM])
}

fn program_for_another_machine(run: &Run<'_>) -> Result<()> {
    let mut bytes = fs::read(&run.context.guest)?;
    // e_machine: EM_AARCH64.
    bytes[18] = 183;
    with_program(run, &bytes, 0o755, &[PROGRAM])
}

fn program_absent(run: &Run<'_>) -> Result<()> {
    ensure_fails(run, Initramfs::Image(&Image::base()), &words(), &[PROGRAM])
}

fn program_that_is_a_directory(run: &Run<'_>) -> Result<()> {
    let mut words = words();
    words.program("/tmp");
    ensure_fails(run, Initramfs::Image(&Image::base()), &words, &["/tmp"])
}

fn program_without_permission(run: &Run<'_>) -> Result<()> {
    with_program(run, &fs::read(&run.context.guest)?, 0o644, &[PROGRAM])
}

fn no_program(run: &Run<'_>) -> Result<()> {
    ensure_fails(run, Initramfs::Image(&Image::base()), &Setup::plain(1, "").words(), &["no program"])
}

fn image_absent(run: &Run<'_>) -> Result<()> {
    ensure_fails(run, Initramfs::Absent, &words(), &["initramfs"])
}

/// Boots with these bytes as the image.
fn with_archive(run: &Run<'_>, bytes: &[u8]) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("archive");
    fs::write(&path, bytes)?;
    ensure_fails(run, Initramfs::File(&path), &words(), &["initramfs"])
}

fn archive(run: &Run<'_>) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    guest::image(run.context)?.write(&mut bytes)?;
    Ok(bytes)
}

fn image_empty(run: &Run<'_>) -> Result<()> {
    with_archive(run, b"")
}

fn image_of_garbage(run: &Run<'_>) -> Result<()> {
    with_archive(run, &[0xa5; 10_000])
}

fn image_with_a_bad_header(run: &Run<'_>) -> Result<()> {
    let mut bytes = archive(run)?;
    // The second entry's: its size is no number.
    let second = bytes.windows(6).skip(6).position(|window| window == b"070701").context("an archive")? + 6;
    bytes[second + 54..second + 62].copy_from_slice(b"zzzzzzzz");
    with_archive(run, &bytes)
}

fn image_truncated(run: &Run<'_>) -> Result<()> {
    let bytes = archive(run)?;
    for length in [bytes.len() / 2, 1000, 60] {
        with_archive(run, &bytes[..length]).with_context(|| format!("of {length} bytes"))?;
    }
    Ok(())
}

fn with_word(run: &Run<'_>, word: &str, text: &str) -> Result<()> {
    let mut words = words();
    words.raw(word);
    ensure_fails(run, Initramfs::Image(&guest::image(run.context)?), &words, &[text])
}

fn argument_unknown(run: &Run<'_>) -> Result<()> {
    with_word(run, "oops=1", "oops")?;
    with_word(run, "quiet", "quiet")
}

fn argument_with_a_bad_value(run: &Run<'_>) -> Result<()> {
    for word in
        ["scml.mode=lax", "scml.profile=linux", "scml.count=all", "loglevel=loud", "tsc_hz=fast", "env=NAME"]
    {
        with_word(run, word, word)?;
    }
    Ok(())
}

fn argument_badly_encoded(run: &Run<'_>) -> Result<()> {
    with_word(run, "env=A%3", "A%3")?;
    with_word(run, "env=A%zzB", "A%zzB")
}

fn with_kernel(run: &Run<'_>, bytes: &[u8]) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let kernel = folder.path().join("kernel");
    fs::write(&kernel, bytes)?;
    let machine = Machine { kernel, ..Setup::plain(1, "").machine(run.context) };
    let outcome = boot(run, &machine, Initramfs::Image(&Image::base()), &words())?;
    ensure!(outcome.ending.status() == 125, "{outcome}");
    ensure!(!outcome.qemu_said.is_empty(), "QEMU says nothing: {outcome}");
    Ok(())
}

fn kernel_truncated(run: &Run<'_>) -> Result<()> {
    with_kernel(run, &fs::read(&run.context.kernel)?[..2000])
}

fn kernel_that_is_no_kernel(run: &Run<'_>) -> Result<()> {
    with_kernel(run, b"hello, world\n")
}

/// How a boot with a fault in the kernel ends.
fn with_fault(run: &Run<'_>, word: &str, limit: Duration) -> Result<Outcome> {
    let mut words = words();
    words.raw(word);
    let image = guest::image(run.context)?;
    let machine = Setup::plain(1, "").machine(run.context);
    boot_within(run, &machine, Initramfs::Image(&image), &words, limit)
}

fn kernel_that_panics(run: &Run<'_>) -> Result<()> {
    let outcome = with_fault(run, "test.fault=panic", LIMIT)?;
    let Ending::Panicked(message) = &outcome.ending else { anyhow::bail!("not a panic: {outcome}") };
    ensure!(message.contains("test.fault") && message.contains("boot.rs"), "{message}");
    ensure!(outcome.ending.status() == 125, "{outcome}");
    Ok(())
}

fn kernel_that_hangs(run: &Run<'_>) -> Result<()> {
    let outcome = with_fault(run, "test.fault=hang", Duration::from_secs(5))?;
    ensure!(outcome.ending.status() == 124, "{outcome}");
    Ok(())
}

fn scml_file_with_an_error(run: &Run<'_>) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("bad.scml");
    fs::write(&file, "listen(sockfd, backlog);\nsocket(family = AF_UNIX | AF_NONSENSE, type, protocol);\n")?;
    let mut command = Command::new(&run.context.postern);
    let finished = process::run(command.arg("check").arg(&file), b"", Duration::from_secs(30))?;
    let said = String::from_utf8_lossy(&finished.stdout);
    ensure!(finished.status.and_then(|status| status.code()) == Some(1), "{}: {said}", finished.ending());
    for text in ["bad.scml:2:27", "AF_NONSENSE", "socket(family = AF_UNIX | AF_NONSENSE"] {
        ensure!(said.contains(text), "{text:?} is not said: {said}");
    }
    Ok(())
}

fn with_tool(run: &Run<'_>, arguments: &[&str]) -> Result<(Ending, String)> {
    let setup = Setup { limit: LIMIT, ..Setup::plain(1, "bad-boot") };
    let (outcome, captured) = guest::run_captured(run.context, &setup, arguments)?;
    Ok((outcome.ending, String::from_utf8_lossy(&captured.stderr()).into_owned()))
}

fn program_that_panics(run: &Run<'_>) -> Result<()> {
    let (ending, stderr) = with_tool(run, &["tool", "panic"])?;
    ensure!(ending == Ending::Exited(101), "{ending}");
    ensure!(stderr.contains("panicked at"), "its words are lost: {stderr:?}");
    Ok(())
}

fn program_that_exits_early(run: &Run<'_>) -> Result<()> {
    let (ending, stderr) = with_tool(run, &["tool", "exit", "9"])?;
    ensure!(ending == Ending::Exited(9) && stderr.is_empty(), "{ending}: {stderr:?}");
    Ok(())
}
