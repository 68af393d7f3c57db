//! Options of the level AF_VSOCK (`vsock(7)`).

use core::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use linux_raw_sys::vm_sockets::{
    SO_VM_SOCKETS_BUFFER_MAX_SIZE, SO_VM_SOCKETS_BUFFER_MIN_SIZE, SO_VM_SOCKETS_BUFFER_SIZE,
    SO_VM_SOCKETS_CONNECT_TIMEOUT_NEW, SO_VM_SOCKETS_CONNECT_TIMEOUT_OLD,
};

use super::Vsock;
use crate::{
    abi::options::{OptionIn, OptionValue},
    error::{Errno, Error, Result},
};

/// VSOCK_DEFAULT_BUFFER_SIZE, MAX_SIZE and MIN_SIZE, in bytes.
const SIZE: u64 = 256 << 10;
const MIN: u64 = 128;
/// VSOCK_DEFAULT_CONNECT_TIMEOUT
const TIMEOUT: Duration = Duration::from_secs(2);

/// What a socket has been told.
pub(super) struct Options {
    /// How many bytes it takes, and what that may be.
    size: AtomicU64,
    min: AtomicU64,
    max: AtomicU64,
    /// How long connect(2) waits, in microseconds.
    timeout: AtomicU64,
}

impl Default for Options {
    fn default() -> Self {
        let timeout = TIMEOUT.as_micros() as u64;
        Self { size: SIZE.into(), min: MIN.into(), max: SIZE.into(), timeout: timeout.into() }
    }
}

fn get(value: &AtomicU64) -> u64 {
    value.load(Ordering::Relaxed)
}

impl Options {
    /// Those of a connection that is accepted.
    pub(super) fn inherited(&self) -> Self {
        let Self { size, min, max, timeout } = self;
        Self {
            size: get(size).into(),
            min: get(min).into(),
            max: get(max).into(),
            timeout: get(timeout).into(),
        }
    }

    /// How many bytes the socket takes.
    pub(super) fn room(&self) -> u32 {
        u32::try_from(get(&self.size)).unwrap_or(u32::MAX)
    }

    fn set_size(&self, size: u64) {
        // The upper limit counts where the two contradict each other.
        self.size.store(size.max(get(&self.min)).min(get(&self.max)), Ordering::Relaxed);
    }
}

impl Vsock {
    /// Reads an option.
    ///
    /// # Errors
    /// ENOPROTOOPT for one that there is not.
    pub(crate) fn option(&self, name: u32) -> Result<OptionValue> {
        let options = &self.endpoint().options;
        Ok(match name {
            SO_VM_SOCKETS_BUFFER_SIZE => OptionValue::Wide(get(&options.size)),
            SO_VM_SOCKETS_BUFFER_MIN_SIZE => OptionValue::Wide(get(&options.min)),
            SO_VM_SOCKETS_BUFFER_MAX_SIZE => OptionValue::Wide(get(&options.max)),
            SO_VM_SOCKETS_CONNECT_TIMEOUT_OLD | SO_VM_SOCKETS_CONNECT_TIMEOUT_NEW => {
                OptionValue::WholeTime(Duration::from_micros(get(&options.timeout)))
            }
            _ => return Err(UNKNOWN),
        })
    }

    /// Sets an option.
    ///
    /// # Errors
    /// ENOPROTOOPT for one that there is not; EINVAL for a value that is too short, ERANGE for a time that is none, EFAULT.
    pub(crate) fn set_option(&self, name: u32, value: &OptionIn) -> Result<()> {
        let endpoint = self.endpoint();
        let options = &endpoint.options;
        match name {
            SO_VM_SOCKETS_BUFFER_SIZE => options.set_size(value.wide()?),
            SO_VM_SOCKETS_BUFFER_MIN_SIZE => {
                options.min.store(value.wide()?, Ordering::Relaxed);
                options.set_size(get(&options.size));
            }
            SO_VM_SOCKETS_BUFFER_MAX_SIZE => {
                options.max.store(value.wide()?, Ordering::Relaxed);
                options.set_size(get(&options.size));
            }
            SO_VM_SOCKETS_CONNECT_TIMEOUT_OLD | SO_VM_SOCKETS_CONNECT_TIMEOUT_NEW => {
                let timeout = value.time_in_range()?;
                let timeout = if timeout.is_zero() { TIMEOUT } else { timeout };
                let micros = u64::try_from(timeout.as_micros()).unwrap_or(u64::MAX);
                options.timeout.store(micros, Ordering::Relaxed);
                return Ok(());
            }
            _ => return Err(UNKNOWN),
        }
        self.resized(options.room());
        Ok(())
    }
}

const UNKNOWN: Error = Error::new(Errno::ENOPROTOOPT, "");
