//! What can no longer be done to a file: the seals of fcntl(2), which files of memfd_create(2) can have.

use alloc::sync::Arc;

use linux_raw_sys::general as uapi;
use socket::error::{Errno, Error, Result};

use super::{Inode, Node};

/// All seals that there are.
const KNOWN: u32 = uapi::F_SEAL_SEAL
    | uapi::F_SEAL_SHRINK
    | uapi::F_SEAL_GROW
    | uapi::F_SEAL_WRITE
    | uapi::F_SEAL_FUTURE_WRITE
    | uapi::F_SEAL_EXEC;
const NO_WRITING: u32 = uapi::F_SEAL_WRITE | uapi::F_SEAL_FUTURE_WRITE;

/// The seals of a file, and what keeps some from being set.
#[derive(Default)]
pub(super) struct Seals {
    set: u32,
    /// Whether there can be any.
    possible: bool,
    /// How many mappings exist through which the contents may be written to.
    writable_mappings: u32,
}

impl Seals {
    fn get(&self) -> u32 {
        if self.possible { self.set } else { uapi::F_SEAL_SEAL }
    }

    /// # Errors
    /// EPERM where there may be no more seals, EINVAL for bits that are none, EBUSY for F_SEAL_WRITE while the contents are
    /// mapped to be written to.
    fn add(&mut self, seals: u32) -> Result<()> {
        if seals & !KNOWN != 0 {
            return Err(Errno::EINVAL.into());
        }
        if self.get() & uapi::F_SEAL_SEAL != 0 {
            return Err(Error::new(Errno::EPERM, "no more seals"));
        }
        if seals & uapi::F_SEAL_WRITE != 0
            && self.set & uapi::F_SEAL_WRITE == 0
            && self.writable_mappings != 0
        {
            return Err(Error::new(Errno::EBUSY, "it is mapped to be written to"));
        }
        self.set |= seals;
        Ok(())
    }

    /// # Errors
    /// EPERM where the seals forbid writing, or what makes the file longer.
    pub(super) fn check_write(&self, grows: bool) -> Result<()> {
        let forbidden = if grows { NO_WRITING | uapi::F_SEAL_GROW } else { NO_WRITING };
        self.check(forbidden)
    }

    /// # Errors
    /// EPERM where the seals forbid the change of length.
    pub(super) fn check_length(&self, old: u64, new: u64) -> Result<()> {
        self.check(match new.cmp(&old) {
            core::cmp::Ordering::Less => uapi::F_SEAL_SHRINK,
            core::cmp::Ordering::Equal => 0,
            core::cmp::Ordering::Greater => uapi::F_SEAL_GROW,
        })
    }

    fn check(&self, forbidden: u32) -> Result<()> {
        if self.set & forbidden == 0 { Ok(()) } else { Err(Error::new(Errno::EPERM, "sealed")) }
    }
}

/// A mapping through which the contents of a file may be written to.
pub struct WritableMapping {
    inode: Arc<Inode>,
}

impl WritableMapping {
    /// Counts one more.
    ///
    /// # Errors
    /// EPERM where a seal forbids it; ENODEV for what cannot be mapped.
    pub fn new(inode: &Arc<Inode>) -> Result<Self> {
        let Node::Regular(contents) = &inode.node else { return Err(Errno::ENODEV.into()) };
        let seals = &mut contents.lock().seals;
        seals.check(NO_WRITING)?;
        seals.writable_mappings += 1;
        Ok(Self { inode: inode.clone() })
    }
}

impl Drop for WritableMapping {
    fn drop(&mut self) {
        if let Node::Regular(contents) = &self.inode.node {
            contents.lock().seals.writable_mappings -= 1;
        }
    }
}

impl Inode {
    /// The seals (F_GET_SEALS).
    ///
    /// # Errors
    /// EINVAL for a file that has none.
    pub fn seals(&self) -> Result<u32> {
        match &self.node {
            Node::Regular(contents) => Ok(contents.lock().seals.get()),
            _ => Err(Errno::EINVAL.into()),
        }
    }

    /// Adds seals (F_ADD_SEALS).
    ///
    /// # Errors
    /// EINVAL for a file that has none, or bits that are none; EPERM where there may be no more; EBUSY for F_SEAL_WRITE while
    /// the file is mapped to be written to.
    pub fn add_seals(&self, seals: u32) -> Result<()> {
        let mut seals = seals;
        if seals & uapi::F_SEAL_EXEC != 0 && self.mode() & 0o111 != 0 {
            // What can be executed is no longer written to.
            seals |= NO_WRITING | uapi::F_SEAL_SHRINK | uapi::F_SEAL_GROW;
        }
        match &self.node {
            Node::Regular(contents) => contents.lock().seals.add(seals),
            _ => Err(Errno::EINVAL.into()),
        }
    }

    /// Lets the file be sealed, with these seals to begin with.
    pub fn make_sealable(&self, seals: u32) {
        if let Node::Regular(contents) = &self.node {
            let own = &mut contents.lock().seals;
            own.possible = true;
            own.set = seals;
        }
    }
}
