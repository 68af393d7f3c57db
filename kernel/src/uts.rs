//! The names of the system (uname(2)).

use alloc::vec::Vec;

use ostd::sync::SpinLock;
use socket::error::{Errno, Error, Result};

/// The name of the operating system whose interface this is.
pub(crate) const SYSTEM_NAME: &str = "Linux";
/// The version of Linux whose calls these are, as far as they are: what glibc and programs compare with.
pub(crate) const RELEASE: &str = "6.1.0-postern";
/// What was built.
pub(crate) const VERSION: &str = concat!("#1 SMP Postern ", env!("CARGO_PKG_VERSION"));
/// The processor's architecture.
pub(crate) const MACHINE: &str = "x86_64";

/// How long a name may be, in bytes (__NEW_UTS_LEN).
pub(crate) const NAME_MAX: usize = 64;

/// The two names that can be changed.
pub(crate) struct Names {
    /// sethostname(2)
    pub(crate) host: Name,
    /// setdomainname(2)
    pub(crate) domain: Name,
}

impl Default for Names {
    fn default() -> Self {
        Self { host: Name::new(b"postern"), domain: Name::new(b"(none)") }
    }
}

/// A name that can be changed, at most [`NAME_MAX`] bytes long.
pub(crate) struct Name(SpinLock<Vec<u8>>);

impl Name {
    fn new(name: &[u8]) -> Self {
        Self(SpinLock::new(name.to_vec()))
    }

    /// It.
    pub(crate) fn get(&self) -> Vec<u8> {
        self.0.lock().clone()
    }

    /// Changes it.
    ///
    /// # Errors
    /// EINVAL where it is too long.
    pub(crate) fn set(&self, name: Vec<u8>) -> Result<()> {
        if name.len() > NAME_MAX {
            return Err(Error::new(Errno::EINVAL, "the name is too long"));
        }
        let old = core::mem::replace(&mut *self.0.lock(), name);
        drop(old);
        Ok(())
    }
}

/// The members of struct new_utsname, without their zeros.
pub(crate) fn members(names: &Names) -> [Vec<u8>; 6] {
    [SYSTEM_NAME.into(), names.host.get(), RELEASE.into(), VERSION.into(), MACHINE.into(), names.domain.get()]
}
