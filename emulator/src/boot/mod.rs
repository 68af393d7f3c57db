//! Booting the guest: from a folder and a program's name to an exit status.
//!
//! ```no_run
//! use emulator::boot::{CommandLine, Image, Initramfs, Machine, Qemu, Request, Session, Streams};
//!
//! # fn main() -> anyhow::Result<()> {
//! let mut image = Image::base();
//! image.add_root("root".as_ref())?;
//! let mut words = CommandLine::new();
//! words.option("scml.mode", "audit").program(image.find_program("busybox")?).arguments(["echo", "hello"]);
//!
//! let machine = Machine::new("target/kernel/postern-kernel.elf", Qemu::find(None)?);
//! let (streams, output) = Streams::captured(b"");
//! let outcome = Session::new().run(Request::new(&machine, Initramfs::Image(&image), &words, streams))?;
//! println!("{}: {:?}", outcome.ending.status(), output.stdout());
//! # Ok(())
//! # }
//! ```
//!
//! The guest has four serial ports, each a socket on this side: the kernel's log, the program's standard input and
//! output, its standard error, and a control channel of text lines ([`control`]). Bytes wait in the sockets when
//! nobody reads them, and the guest with them.

mod command_line;
pub mod control;
mod image;
mod log;
mod machine;
mod network;
mod outcome;
mod ports;
mod pumps;
mod qemu;
mod session;
mod streams;

pub use self::{
    command_line::CommandLine,
    image::{Image, SEARCH_PATH},
    log::Log,
    machine::{Machine, Memory, ParseMemoryError},
    network::{Forward, Network, ParseForwardError, Protocol},
    outcome::{Ending, Outcome},
    qemu::{Qemu, Version},
    session::{Initramfs, Request, Session, Stopper},
    streams::{Captured, Streams},
};

/// The policies that the kernel carries.
pub const PROFILES: [&str; 2] = ["postern", "asterinas"];

/// What the kernel does about a call that the policy does not declare.
pub const MODES: [&str; 3] = ["enforce", "audit", "off"];
