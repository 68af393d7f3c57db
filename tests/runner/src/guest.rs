//! The guest program in the guest.

use std::{
    io::{self, Write},
    num::NonZero,
    time::Duration,
};

use anyhow::Result;
use emulator::boot::{
    Captured, CommandLine, Image, Initramfs, Log, Machine, Outcome, Request, SEARCH_PATH, Session, Streams,
};

use crate::context::Context;

/// Where the guest program lies in the image.
pub(crate) const PROGRAM: &str = "/usr/bin/guest";

/// How the guest runs.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    pub(crate) profile: &'static str,
    pub(crate) mode: &'static str,
    /// How finely the use of the policy is counted.
    pub(crate) count: &'static str,
    pub(crate) cpus: u32,
    pub(crate) counted: bool,
    pub(crate) limit: Duration,
    /// The log's name in `target/log`, without its ending.
    pub(crate) log: String,
}

impl Setup {
    /// Counted: the same on every machine.
    pub(crate) fn counted(log: &str) -> Self {
        Self {
            profile: "postern",
            mode: "enforce",
            count: "full",
            cpus: 1,
            counted: true,
            limit: Duration::from_secs(300),
            log: log.to_owned(),
        }
    }

    /// In the host's time, on so many CPUs.
    pub(crate) fn plain(cpus: u32, log: &str) -> Self {
        Self { cpus, counted: false, ..Self::counted(log) }
    }

    /// The machine of this setup.
    pub(crate) fn machine(&self, context: &Context) -> Machine {
        Machine {
            cpus: NonZero::new(self.cpus).expect("a guest has a CPU"),
            counted: self.counted,
            ..Machine::new(&context.kernel, context.qemu.clone())
        }
    }

    /// The kernel's options of this setup.
    pub(crate) fn words(&self) -> CommandLine {
        let mut words = CommandLine::new();
        words.option("scml.profile", self.profile).option("scml.mode", self.mode);
        words.option("scml.count", self.count);
        words.environment("PATH", SEARCH_PATH).environment("HOME", "/root");
        words
    }

    /// Where the kernel's log goes.
    pub(crate) fn log(&self, context: &Context) -> Log {
        Log::file(context.checkout.logs().join(format!("{}.log", self.log)))
    }
}

/// An image with the guest program.
pub(crate) fn image(context: &Context) -> Result<Image> {
    let mut image = Image::base();
    image.add_file(PROGRAM, &context.guest, 0o755)?;
    Ok(image)
}

/// Runs the guest program, its outputs going to `streams`.
pub(crate) fn run(context: &Context, setup: &Setup, arguments: &[&str], streams: Streams) -> Result<Outcome> {
    let machine = setup.machine(context);
    let image = image(context)?;
    let mut words = setup.words();
    words.program(PROGRAM).arguments(arguments);
    Session::new().run(Request {
        log: setup.log(context),
        limit: Some(setup.limit),
        ..Request::new(&machine, Initramfs::Image(&image), &words, streams)
    })
}

/// Runs the guest program and keeps what it wrote.
pub(crate) fn run_captured(
    context: &Context,
    setup: &Setup,
    arguments: &[&str],
) -> Result<(Outcome, Captured)> {
    let (streams, captured) = Streams::captured(b"");
    Ok((run(context, setup, arguments, streams)?, captured))
}

/// Standard output that calls a function with each line; standard error is kept.
pub(crate) fn streams_by_line(line: impl FnMut(&str) + Send + 'static) -> (Streams, Captured) {
    let (streams, captured) = Streams::captured(b"");
    (Streams { stdout: Box::new(ByLine { pending: Vec::new(), line }), ..streams }, captured)
}

struct ByLine<F> {
    pending: Vec<u8>,
    line: F,
}

impl<F: FnMut(&str)> Write for ByLine<F> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.pending.extend_from_slice(part);
            if self.pending.ends_with(b"\n") {
                (self.line)(String::from_utf8_lossy(&self.pending).trim_end());
                self.pending.clear();
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
