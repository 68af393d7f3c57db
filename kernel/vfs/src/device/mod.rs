//! Character devices: those of memory, and what the kernel supplies for the console.

mod memory;

use alloc::sync::Arc;

use socket::{
    error::{Errno, Result},
    ready::{Events, Pollee},
};

pub(crate) use self::memory::MEMORY_DEVICES;
pub use self::memory::{Entropy, register_memory_devices};
use crate::{identity::Access, memory::UserMemory};

/// A character device.
pub trait Device: Send + Sync {
    /// Reads into a kernel buffer; 0 at the end of the input.
    ///
    /// # Errors
    /// EAGAIN where nothing is there yet: the caller waits for IN at [`Device::pollee`].
    fn read(&self, into: &mut [u8]) -> Result<usize>;

    /// Writes from a kernel buffer; returns how much was taken.
    ///
    /// # Errors
    /// EAGAIN where there is no room: the caller waits for OUT at [`Device::pollee`].
    fn write(&self, from: &[u8]) -> Result<usize>;

    /// The result of writing `length` bytes whatever they are, where the device does not look at them (and so does not
    /// fail on a bad address); `None` where it does.
    fn write_unseen(&self, length: usize) -> Option<Result<usize>> {
        let _ = length;
        None
    }

    /// What can be done now.
    fn poll(&self) -> Events {
        Events::IN | Events::RDNORM | Events::OUT | Events::WRNORM
    }

    /// Where changes of [`Device::poll`] are announced; `None` where there are none.
    fn pollee(&self) -> Option<&Arc<Pollee>> {
        None
    }

    /// Whether lseek(2) succeeds, without effect, as on `/dev/null`; else ESPIPE.
    fn seekable(&self) -> bool {
        false
    }

    /// What splice(2) can be used for: Linux has devices that cannot be spliced from or to.
    fn splices(&self) -> Access {
        Access::READ | Access::WRITE
    }

    /// ioctl(2).
    ///
    /// # Errors
    /// ENOTTY for a request that the device does not know, EFAULT.
    fn ioctl(&self, request: u32, argument: usize, memory: &dyn UserMemory) -> Result<usize> {
        let _ = (request, argument, memory);
        Err(Errno::ENOTTY.into())
    }
}
