//! Alternate stacks for handlers (sigaltstack(2)).

use linux_raw_sys::general::{MINSIGSTKSZ, SS_AUTODISARM, SS_DISABLE, SS_ONSTACK};
use socket::error::{Errno, Error, Result};

/// A thread's alternate stack.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Stack {
    address: u64,
    /// 0 for none.
    size: u64,
    flags: u32,
}

impl Default for Stack {
    fn default() -> Self {
        Self { address: 0, size: 0, flags: SS_DISABLE }
    }
}

impl Stack {
    /// Whether `pointer` is on the stack, however it was set up.
    pub(super) fn contains(&self, pointer: usize) -> bool {
        let pointer = pointer as u64;
        pointer > self.address && pointer - self.address <= self.size
    }

    /// Whether a thread with this stack pointer runs on the stack. One that is taken away when a handler is entered is
    /// never run on.
    pub(super) fn is_in_use(&self, pointer: usize) -> bool {
        self.flags & SS_AUTODISARM == 0 && self.contains(pointer)
    }

    /// Where the stack begins, for a handler that asks for it while `pointer` is the stack pointer; `None` where there is no
    /// such stack or the thread is on it.
    pub(super) fn top(&self, pointer: usize) -> Option<usize> {
        (self.size != 0 && !self.is_in_use(pointer)).then(|| self.address.wrapping_add(self.size) as usize)
    }

    /// What a handler's frame keeps of it (stack_t).
    pub(super) fn to_words(self) -> [u64; 3] {
        [self.address, u64::from(self.flags), self.size]
    }

    /// What sigaltstack(2) shows a thread with this stack pointer.
    pub(crate) fn seen_from(&self, pointer: usize) -> [u64; 3] {
        let mode = match self.size {
            0 => SS_DISABLE,
            _ if self.is_in_use(pointer) => SS_ONSTACK,
            _ => 0,
        };
        [self.address, u64::from(mode | self.flags & SS_AUTODISARM), self.size]
    }

    /// Takes another stack, for a thread with this stack pointer.
    ///
    /// # Errors
    /// EPERM while the thread is on the present one; EINVAL for unknown flags; ENOMEM for less than MINSIGSTKSZ bytes.
    pub(crate) fn set(&mut self, [address, flags, size]: [u64; 3], pointer: usize) -> Result<()> {
        if self.is_in_use(pointer) {
            return Err(Error::new(Errno::EPERM, "the thread runs on its alternate stack"));
        }
        let flags = flags as u32;
        *self = match flags & !SS_AUTODISARM {
            SS_DISABLE => Self { address: 0, size: 0, flags },
            0 | SS_ONSTACK if size < u64::from(MINSIGSTKSZ) => {
                return Err(Error::new(Errno::ENOMEM, "less than MINSIGSTKSZ"));
            }
            0 | SS_ONSTACK => Self { address, size, flags },
            _ => return Err(Errno::EINVAL.into()),
        };
        Ok(())
    }

    /// A handler has been entered: takes the stack away if it was to be.
    pub(super) fn entered(&mut self) {
        if self.flags & SS_AUTODISARM != 0 {
            *self = Self::default();
        }
    }
}
