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

/// The ports' inodes: those of standard input and output, and of standard error.
pub(crate) struct Nodes {
    pub(crate) standard: Arc<Inode>,
    pub(crate) error: Arc<Inode>,
}

/// Puts nodes for the ports into `/dev`.
///
/// # Errors
/// ENOSPC; EISDIR, ENOTEMPTY where the image has directories of those names.
pub(crate) fn populate(devices: &Arc<Inode>) -> Result<Nodes> {
    let make = |name: &[u8], number| {
        let inode = Inode::new_device(devices.file_system(), 0o600, number);
        devices.install(name, &inode).map(|()| inode)
    };
    make(b"console", CONSOLE)?;
    let standard = make(b"ttyS1", STANDARD)?;
    let error = make(b"ttyS2", ERROR)?;
    if !standard.is_directory() && !error.is_directory() {
        Ok(Nodes { standard, error })
    } else {
        Err(Errno::EISDIR.into())
    }
}
