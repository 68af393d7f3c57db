//! Files that are neither stored anywhere nor devices: eventfd(2), epoll(7) and their kin.

use alloc::{string::String, sync::Arc};
use core::any::Any;

use linux_raw_sys::general as uapi;
use socket::{
    error::{Errno, Error, Result},
    ready::{Events, Pollee},
};

use super::{Body, OpenFile};
use crate::{
    identity::Access,
    inode::Inode,
    memory::{Buffers, UserMemory},
};

/// What an open file description does that the kernel makes for a call of its own. Dropped when the last descriptor of the
/// description is closed.
pub trait Special: Any + Send + Sync {
    /// What `/proc/PID/fd` shows, such as `anon_inode:[eventfd]`.
    fn name(&self) -> &'static str;

    /// The lines of its own in `/proc/PID/fdinfo`, each with its line feed.
    fn details(&self) -> String {
        String::new()
    }

    /// read(2).
    ///
    /// # Errors
    /// EINVAL where there is nothing to read from; EAGAIN where nothing is there yet: the caller waits for IN at
    /// [`Special::pollee`].
    fn read(&self, buffers: &mut Buffers<'_>) -> Result<usize> {
        let _ = buffers;
        Err(Error::new(Errno::EINVAL, "the file cannot be read"))
    }

    /// write(2).
    ///
    /// # Errors
    /// EINVAL where there is nothing to write to; EAGAIN where there is no room: the caller waits for OUT at
    /// [`Special::pollee`].
    fn write(&self, buffers: &mut Buffers<'_>) -> Result<usize> {
        let _ = buffers;
        Err(Error::new(Errno::EINVAL, "the file cannot be written"))
    }

    /// What can be done now.
    fn poll(&self) -> Events;

    /// Where changes of [`Special::poll`] are announced; `None` where there are none.
    fn pollee(&self) -> Option<&Arc<Pollee>>;

    /// ioctl(2).
    ///
    /// # Errors
    /// ENOTTY for a request that the file does not know, EFAULT.
    fn ioctl(&self, request: u32, argument: usize, memory: &dyn UserMemory) -> Result<usize> {
        let _ = (request, argument, memory);
        Err(Errno::ENOTTY.into())
    }
}

impl OpenFile {
    /// A description of what the kernel makes itself, open for reading and writing. `anonymous` is the inode that all of
    /// them share ([`Inode::new_anonymous`]), `flags` may have O_NONBLOCK; others are ignored.
    #[must_use]
    pub fn special(anonymous: &Arc<Inode>, special: Arc<dyn Special>, flags: u32) -> Arc<Self> {
        let status = uapi::O_RDWR | (flags & uapi::O_NONBLOCK);
        Self::assemble(anonymous.clone(), None, Body::Special(special), Access::READ | Access::WRITE, status)
    }

    /// What the kernel made, where it is that.
    #[must_use]
    pub fn special_body(&self) -> Option<&Arc<dyn Special>> {
        match &self.body {
            Body::Special(special) => Some(special),
            _ => None,
        }
    }

    /// What the kernel made, where it is a `T`.
    #[must_use]
    pub fn special_as<T: Special>(&self) -> Option<&T> {
        let special: &dyn Any = &**self.special_body()?;
        special.downcast_ref()
    }
}
