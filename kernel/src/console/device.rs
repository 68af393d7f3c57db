//! The ports as files.
//!
//! They are no terminals: bytes pass as they are, and programs find out (ENOTTY) and behave as they do with pipes, which
//! is what the other end has in its hands.

use alloc::sync::Arc;

use socket::{
    error::{Errno, Result},
    ready::{Events, Pollee},
};
use vfs::{Device, Environment, Inode, device_number};

use super::{Output, input};

/// `/dev/console`: standard input and output.
const CONSOLE: u64 = device_number(5, 1);
/// `/dev/ttyS1`: the same, by the name of its port.
const STANDARD: u64 = device_number(4, 65);
/// `/dev/ttyS2`: standard error.
const ERROR: u64 = device_number(4, 66);

struct Port(Output);

impl Device for Port {
    fn read(&self, into: &mut [u8]) -> Result<usize> {
        match self.0 {
            Output::Standard => input::read(into),
            // Nothing ever comes in there.
            Output::Error => Ok(0),
        }
    }

    fn write(&self, from: &[u8]) -> Result<usize> {
        match super::write(self.0, from) {
            0 if !from.is_empty() => Err(Errno::EINTR.into()),
            written => Ok(written),
        }
    }

    fn poll(&self) -> Events {
        let readable = self.0 == Output::Error || input::is_ready();
        let input = if readable { Events::IN | Events::RDNORM } else { Events::empty() };
        input | Events::OUT | Events::WRNORM
    }

    fn pollee(&self) -> Option<&Arc<Pollee>> {
        match self.0 {
            Output::Standard => Some(input::pollee()),
            Output::Error => None,
        }
    }
}

/// Puts the ports behind their numbers.
pub(crate) fn register(environment: &Environment) {
    let standard = Arc::new(Port(Output::Standard));
    environment.register_device(CONSOLE, standard.clone());
    environment.register_device(STANDARD, standard);
    environment.register_device(ERROR, Arc::new(Port(Output::Error)));
}

/// Where the port of standard input and output is found.
pub(crate) const STANDARD_PATH: &[u8] = b"/dev/ttyS1";
/// Where that of standard error is.
pub(crate) const ERROR_PATH: &[u8] = b"/dev/ttyS2";

/// Puts nodes for the ports into `/dev`.
///
/// # Errors
/// ENOSPC.
pub(crate) fn populate(devices: &Arc<Inode>) -> Result<()> {
    for (name, number) in [(b"console".as_slice(), CONSOLE), (b"ttyS1", STANDARD), (b"ttyS2", ERROR)] {
        devices.install(name, &Inode::new_device(devices.file_system(), 0o600, number))?;
    }
    Ok(())
}
