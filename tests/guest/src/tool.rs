//! Small programs that the runner's tests of `postern boot` start in the guest: `guest tool NAME ...`.

mod network;
mod scenario;

use std::{
    ffi::OsString,
    fs,
    io::{Read, Write},
    os::unix::{ffi::OsStrExt, fs::MetadataExt},
    path::PathBuf,
    process::{ExitCode, abort},
    thread,
};

use clap::Subcommand;

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Tool {
    /// Copy standard input to standard output.
    Cat,
    /// End with this status.
    Exit {
        /// The status.
        status: u8,
    },
    /// Print the arguments, a zero byte after each.
    Args {
        /// Any words.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        words: Vec<OsString>,
    },
    /// Print these variables of the environment, a zero byte after each.
    Env {
        /// Their names.
        names: Vec<String>,
    },
    /// Write so many bytes, 0 to 255 over and over, to both outputs.
    Spam {
        /// How many.
        count: usize,
    },
    /// Print mode, owner, group and size of files, symlinks not followed.
    File {
        /// Their paths.
        paths: Vec<PathBuf>,
    },
    /// Print the errno of socket(), a line for each protocol.
    Socket {
        /// The address family's number.
        family: i32,
        /// The type's.
        kind: i32,
        /// The protocols' numbers.
        #[arg(value_delimiter = ',')]
        protocols: Vec<i32>,
    },
    /// Print the clock's nanoseconds since the machine's start.
    Clock,
    /// Run a command, and tell what the kernel counts before and after.
    Scenario {
        /// How many times.
        #[arg(long, default_value_t = 1)]
        rounds: u32,
        /// The command.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
        command: Vec<OsString>,
    },
    /// Take all memory in several ways, in child processes; the first process and a bystander must live through it.
    Exhaust,
    /// Print a file.
    Show {
        /// Its path.
        path: PathBuf,
    },
    /// Say that it is ready, and echo what comes over one TCP connection.
    EchoStream {
        /// The port.
        port: u16,
    },
    /// Say that it is ready, and echo UDP datagrams until one is `last`.
    EchoDatagrams {
        /// The port.
        port: u16,
    },
    /// Connect by TCP, and print what comes.
    Fetch {
        /// Address and port.
        to: String,
    },
    /// Print the address from which packets would go there.
    Source {
        /// Address and port.
        to: String,
    },
    /// Wait for ever.
    Hang,
    /// Compute for ever.
    Spin,
    /// Read where nothing is.
    Crash,
    /// End by SIGABRT.
    Abort,
    /// Panic.
    Panic,
}

/// Does it.
pub(crate) fn run(tool: Tool) -> ExitCode {
    match do_it(tool) {
        Ok(status) => status,
        Err(error) => {
            eprintln!("guest tool: {error}");
            ExitCode::from(99)
        }
    }
}

fn do_it(tool: Tool) -> std::io::Result<ExitCode> {
    if let Tool::Scenario { rounds, command } = tool {
        return scenario::run(&command, rounds).map(|()| ExitCode::SUCCESS);
    }
    let mut stdout = std::io::stdout().lock();
    match tool {
        Tool::Cat => cat(&mut stdout)?,
        Tool::Exit { status } => return Ok(ExitCode::from(status)),
        Tool::Args { words } => {
            for word in words {
                stdout.write_all(word.as_bytes())?;
                stdout.write_all(b"\0")?;
            }
        }
        Tool::Env { names } => {
            for name in names {
                write!(stdout, "{}\0", std::env::var(name).unwrap_or_default())?;
            }
        }
        Tool::Spam { count } => {
            let bytes: Vec<u8> = (0..count).map(|number| number as u8).collect();
            stdout.write_all(&bytes)?;
            std::io::stderr().write_all(&bytes)?;
        }
        Tool::File { paths } => {
            for path in paths {
                let about = fs::symlink_metadata(&path)?;
                let (mode, user, group, size) = (about.mode(), about.uid(), about.gid(), about.size());
                writeln!(stdout, "{mode:06o} {user} {group} {size} {}", path.display())?;
            }
        }
        Tool::Socket { family, kind, protocols } => {
            for protocol in protocols {
                let errno = match crate::sys::socket(family, kind, protocol) {
                    Ok(_) => "0".to_owned(),
                    Err(errno) => errno.name().map_or_else(|| errno.0.to_string(), ToOwned::to_owned),
                };
                writeln!(stdout, "{errno}")?;
            }
        }
        Tool::Clock => {
            let clock = crate::sys::clock_nanoseconds(libc::CLOCK_MONOTONIC);
            writeln!(stdout, "{}", clock.map_err(|errno| std::io::Error::from_raw_os_error(errno.0))?)?;
        }
        Tool::Scenario { .. } => unreachable!("it has been run above, without a lock on standard output"),
        Tool::Exhaust => {
            if let Err(failure) = crate::exhaust::run() {
                writeln!(stdout, "{failure}")?;
                return Ok(ExitCode::FAILURE);
            }
        }
        Tool::Show { path } => stdout.write_all(&fs::read(path)?)?,
        Tool::EchoStream { port } => network::echo_stream(port)?,
        Tool::EchoDatagrams { port } => network::echo_datagrams(port)?,
        Tool::Fetch { to } => network::fetch(&to)?,
        Tool::Source { to } => network::source(&to)?,
        Tool::Hang => loop {
            thread::park();
        },
        Tool::Spin => loop {
            std::hint::spin_loop();
        },
        Tool::Crash => fault(),
        Tool::Abort => abort(),
        Tool::Panic => panic!("as asked"),
    }
    stdout.flush()?;
    Ok(ExitCode::SUCCESS)
}

/// Plain reads and writes: what a kernel without splice and sendfile has.
fn cat(out: &mut impl Write) -> std::io::Result<()> {
    let mut input = std::io::stdin().lock();
    let mut buffer = [0; 8192];
    loop {
        match input.read(&mut buffer)? {
            0 => return Ok(()),
            count => out.write_all(&buffer[..count]).and_then(|()| out.flush())?,
        }
    }
}

/// A fault that no signal handler is there for.
#[allow(unsafe_code, reason = "that is what it is for")]
fn fault() -> ! {
    // SAFETY: the first page is never mapped, so the load faults, and the program ends with it; nothing after it runs.
    unsafe { std::arch::asm!("mov {0}, [{0}]", in(reg) 8_usize, options(noreturn)) }
}
