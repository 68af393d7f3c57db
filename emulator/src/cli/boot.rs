//! `postern boot`.

use std::{
    ffi::OsString, io::IsTerminal, num::NonZero, os::unix::ffi::OsStrExt, path::PathBuf, process::ExitCode,
    thread, time::Duration,
};

use anyhow::{Context, Result, anyhow, bail};
use clap::{Args, builder::PossibleValuesParser};
use emulator::{
    boot::{
        CommandLine, Ending, Forward, Image, Initramfs, Log, MODES, Machine, Memory, Network, PROFILES, Qemu,
        Request, SEARCH_PATH, Session, Stopper, Streams,
    },
    checkout::Checkout,
};
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM},
    iterator::Signals,
};

/// Run a program in the guest, as root, in a fresh machine
///
/// The program's standard input, output and error are those of this command, byte for byte. Its root file system is a
/// small usr-merged image over which each --root is laid; changes are gone when the run ends.
#[derive(Debug, Args)]
#[command(after_long_help = DETAILS, override_usage = "postern boot [OPTIONS] -- PROG [ARG]...")]
pub(super) struct Boot {
    /// Lay the folder DIR over the guest's root; may be repeated, later ones win
    ///
    /// Files belong to root in the guest; modes, set-id bits and hard links are kept. A directory in DIR over a
    /// symlink to a directory merges into its target. Symlinks are taken as they are, sockets are left out.
    #[arg(long, value_name = "DIR")]
    root: Vec<PathBuf>,

    /// Add words to the kernel's command line, as in 'loglevel=debug env=LANG%3DC'
    #[arg(long, value_name = "CMDLINE", allow_hyphen_values = true)]
    append: Option<String>,

    /// What the system supports
    #[arg(long, value_name = "P", default_value = "postern", value_parser = PossibleValuesParser::new(PROFILES))]
    profile: String,

    /// What is done about a call that the profile does not declare: refuse it, perform but record it, or nothing
    #[arg(long, value_name = "M", default_value = "enforce", value_parser = PossibleValuesParser::new(MODES))]
    mode: String,

    /// Give the guest N CPUs
    #[arg(long, value_name = "N", default_value = "1", value_parser = parse_cpus)]
    smp: NonZero<u32>,

    /// Give the guest so much memory, as in 512M or 4G
    #[arg(long, value_name = "SIZE", default_value_t = Memory::DEFAULT)]
    memory: Memory,

    /// Count time in instructions: one is one nanosecond, on every machine alike
    #[arg(long)]
    icount: bool,

    /// Give the guest a network: QEMU's, where the host is 10.0.2.2
    ///
    /// The guest's eth0 asks for its address by DHCP, and routers for those of IPv6. An address of one's own is set by
    /// --append 'ip=eth0:10.0.2.20/24:10.0.2.2'. /etc/resolv.conf names QEMU's server, unless --root brings another.
    #[arg(long)]
    net: bool,

    /// Lead a port of the host's 127.0.0.1 to one of the guest, as in 8080:80 or udp:5353:53; may be repeated
    #[arg(long, value_name = "[tcp:|udp:]HOSTPORT:GUESTPORT", requires = "net")]
    forward: Vec<Forward>,

    /// Write all frames that pass the network to FILE, for Wireshark and tcpdump
    #[arg(long, value_name = "FILE", requires = "net")]
    pcap: Option<PathBuf>,

    /// Kill the guest after S seconds, and exit with 124
    #[arg(long, value_name = "S", value_parser = parse_seconds)]
    timeout: Option<Duration>,

    /// Show the kernel's log as it comes, on standard error
    #[arg(long, short)]
    verbose: bool,

    /// Boot this kernel instead of target/kernel/postern-kernel.elf
    #[arg(long, value_name = "ELF")]
    kernel: Option<PathBuf>,

    /// The program, by its path in the guest or by a name in PATH, and its arguments
    #[arg(last = true, required = true, value_name = "PROG")]
    program: Vec<OsString>,
}

const DETAILS: &str = "\
Examples:
  postern boot --root DIR -- /bin/busybox ash -c 'echo hello; ls /'
  echo text | postern boot --root DIR --timeout 10 -- cat
  postern boot --root DIR --profile asterinas --mode audit --verbose -- server

Exit status:
  that of the program, 128+N if signal N ended it
  124  the time limit ran out
  125  the kernel panicked, the boot failed, or this command could not do what it was told
  130  Ctrl-C

The kernel's log is kept in target/log/.
Standard input is read to its end whether the program reads it or not: give </dev/null where that matters.
QEMU is $POSTERN_QEMU, or the one that `make run` installed, or the one in PATH.";

fn parse_cpus(text: &str) -> Result<NonZero<u32>> {
    let cpus: NonZero<u32> =
        text.parse().map_err(|_| anyhow!("it must be a number from 1 to {}", Machine::MOST_CPUS))?;
    if cpus.get() > Machine::MOST_CPUS {
        bail!("the machine has at most {} CPUs", Machine::MOST_CPUS);
    }
    Ok(cpus)
}

fn parse_seconds(text: &str) -> Result<Duration> {
    let seconds: f64 =
        text.parse().map_err(|_| anyhow!("it must be a number of seconds, as in 10 or 0.5"))?;
    match Duration::try_from_secs_f64(seconds) {
        Ok(limit) if !limit.is_zero() => Ok(limit),
        _ => bail!("it must be a positive number of seconds"),
    }
}

impl Boot {
    pub(super) fn run(self) -> Result<ExitCode> {
        let session = Session::new();
        stop_on_signals(session.stopper())?;
        let checkout = Checkout::find();
        let machine = Machine {
            kernel: self.kernel(checkout.as_ref())?,
            memory: self.memory,
            cpus: self.smp,
            counted: self.icount,
            network: self.net.then(|| Network { forwards: self.forward.clone(), pcap: self.pcap.clone() }),
            ..Machine::new("", Qemu::find(checkout.as_ref())?)
        };
        machine.check()?;

        let mut image = Image::base();
        if self.net {
            image.add_bytes("/etc/resolv.conf", format!("nameserver {}\n", Network::NAME_SERVER), 0o644)?;
        }
        for root in &self.root {
            image.add_root(root)?;
        }
        for note in image.notes() {
            eprintln!("postern: {note}");
        }
        let name = self.program[0].to_str().context("the program's name is not UTF-8")?;
        let program = image.find_program(name)?;
        let words = self.words(&program)?;

        let logs = checkout.as_ref().map_or_else(|| PathBuf::from("target/log"), Checkout::logs);
        let request = Request {
            log: Log::in_folder(&logs, &program).mirrored(self.verbose),
            limit: self.timeout,
            ..Request::new(&machine, Initramfs::Image(&image), &words, Streams::inherited())
        };
        let outcome = session.run(request)?;
        match &outcome.ending {
            Ending::Exited(_) | Ending::Interrupted(_) | Ending::OutputClosed(_) => {}
            _ => eprintln!("postern: {outcome}"),
        }
        if self.verbose {
            let ready = outcome.ready.map_or("never reached user mode".to_owned(), |time| {
                format!("reached user mode after {:.3} s of its time", time.as_secs_f64())
            });
            eprintln!("postern: the guest {ready}; the run took {:.2} s", outcome.elapsed.as_secs_f64());
        }
        Ok(ExitCode::from(outcome.ending.status()))
    }

    fn kernel(&self, checkout: Option<&Checkout>) -> Result<PathBuf> {
        match (&self.kernel, checkout) {
            (Some(kernel), _) => Ok(kernel.clone()),
            (None, Some(checkout)) => Ok(checkout.kernel()),
            (None, None) => {
                bail!("this program lies in no checkout that could hold a kernel: name one with --kernel")
            }
        }
    }

    fn words(&self, program: &str) -> Result<CommandLine> {
        let mut words = CommandLine::new();
        words.option("scml.profile", &self.profile).option("scml.mode", &self.mode);
        if let Some(more) = &self.append {
            if more.split_whitespace().any(|word| word == "--") {
                bail!("--append takes words for the kernel, and `--` begins the program's");
            }
            words.raw(more);
        }
        let terminal = std::env::var("TERM").ok().filter(|_| std::io::stdin().is_terminal());
        let variables =
            [("PATH", Some(SEARCH_PATH.to_owned())), ("HOME", Some("/root".to_owned())), ("TERM", terminal)];
        for (name, value) in variables {
            // One that --append sets stands.
            if let Some(value) = value
                && !words.has(&format!("env={name}%3D"))
                && !words.has(&format!("env={name}="))
            {
                words.environment(name, &value);
            }
        }
        words.program(program).arguments(self.program[1..].iter().map(|argument| argument.as_bytes()));
        Ok(words)
    }
}

/// Ends the guest in good order on the first signal, and this program at once on the second.
fn stop_on_signals(stopper: Stopper) -> Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).context("cannot take signals")?;
    thread::spawn(move || {
        let mut before = false;
        for signal in signals.forever() {
            let number = u8::try_from(signal).unwrap_or(u8::MAX);
            if before {
                std::process::exit(128 + signal);
            }
            stopper.stop(number);
            before = true;
        }
    });
    Ok(())
}
