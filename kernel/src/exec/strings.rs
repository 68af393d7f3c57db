//! The strings that a program is given.

use alloc::vec::Vec;

use socket::error::{Errno, Error, Result};

use crate::{context::Context, mm::AddressSpace};

/// The most that one string may take, with its NUL byte (execve(2), MAX_ARG_STRLEN).
const STRING_LIMIT: usize = 131_072;
/// The least that strings and pointers may take together (ARG_MAX).
const LEAST_TOTAL: usize = 131_072;
/// The most that they may take, whatever the stack's limit (Linux: three quarters of `_STK_LIM`).
const MOST_TOTAL: usize = 6 << 20;
/// Strings are kept in pieces of this many bytes: the kernel has no large allocations.
const PIECE: usize = 32 << 10;

const TOO_BIG: Error = Error::new(Errno::E2BIG, "arguments and environment are too long");

/// How much arguments and environment may still take.
pub(crate) struct Room(usize);

impl Room {
    /// A quarter of what the stack may grow to, within bounds.
    pub(crate) fn of_stack(limit: u64) -> Self {
        let quarter = usize::try_from(limit / 4).unwrap_or(usize::MAX);
        Self(quarter.clamp(LEAST_TOTAL, MOST_TOTAL))
    }

    /// # Errors
    /// E2BIG.
    fn take(&mut self, bytes: usize) -> Result<()> {
        self.0 = self.0.checked_sub(bytes).filter(|left| *left > 0).ok_or(TOO_BIG)?;
        Ok(())
    }
}

/// Strings one behind the other, a NUL byte behind each.
#[derive(Default)]
pub(crate) struct Strings {
    pieces: Vec<Vec<u8>>,
    length: usize,
    count: usize,
}

impl Strings {
    /// Those of a list in the kernel.
    ///
    /// # Errors
    /// E2BIG.
    pub(crate) fn of<'a>(list: impl IntoIterator<Item = &'a [u8]>, room: &mut Room) -> Result<Self> {
        let mut strings = Self::default();
        for string in list {
            room.take(size_of::<usize>())?;
            strings.push(string, room)?;
        }
        Ok(strings)
    }

    /// Those of a list of pointers in user memory, which NULL ends. No list is an empty one.
    ///
    /// # Errors
    /// EFAULT, E2BIG.
    pub(crate) fn read(context: &Context, list: usize, room: &mut Room) -> Result<Self> {
        let mut strings = Self::default();
        if list == 0 {
            return Ok(strings);
        }
        for at in (0..).map(|index: usize| list.wrapping_add(index.wrapping_mul(size_of::<usize>()))) {
            let address = context.space.read::<usize>(at)?;
            if address == 0 {
                break;
            }
            if context.thread.must_attend() && context.thread.is_killed() {
                return Err(Errno::EINTR.into());
            }
            room.take(size_of::<usize>())?;
            let limit = room.0.min(STRING_LIMIT);
            let string = context.space.read_string(address, limit).map_err(|error| match error.errno {
                Errno::ENAMETOOLONG => TOO_BIG,
                _ => error,
            })?;
            strings.push(&string, room)?;
        }
        Ok(strings)
    }

    /// # Errors
    /// E2BIG.
    fn push(&mut self, string: &[u8], room: &mut Room) -> Result<()> {
        if string.len() >= STRING_LIMIT {
            return Err(TOO_BIG);
        }
        room.take(string.len() + 1)?;
        self.append(string);
        self.append(&[0]);
        self.count += 1;
        Ok(())
    }

    fn append(&mut self, mut bytes: &[u8]) {
        self.length += bytes.len();
        while !bytes.is_empty() {
            match self.pieces.last_mut().filter(|last| last.len() < PIECE) {
                Some(last) => {
                    let (now, later) = bytes.split_at(bytes.len().min(PIECE - last.len()));
                    last.extend_from_slice(now);
                    bytes = later;
                }
                None => self.pieces.push(Vec::new()),
            }
        }
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// How many bytes they take, with their NUL bytes.
    pub(super) fn length(&self) -> usize {
        self.length
    }

    /// The length of the first one, with its NUL byte; 0 where there is none.
    pub(super) fn first_length(&self) -> usize {
        let mut length = 0;
        for piece in &self.pieces {
            match piece.iter().position(|byte| *byte == 0) {
                Some(end) => return length + end + 1,
                None => length += piece.len(),
            }
        }
        length
    }

    /// Writes them to user memory at `address`, without the first `skip` bytes.
    ///
    /// # Errors
    /// ENOMEM.
    pub(super) fn write(&self, space: &AddressSpace, address: usize, skip: usize) -> Result<()> {
        let (mut at, mut skip) = (address, skip);
        for piece in &self.pieces {
            let bytes = &piece[skip.min(piece.len())..];
            skip = skip.saturating_sub(piece.len());
            space.write_bytes(at, bytes).map_err(|_| Errno::ENOMEM)?;
            at += bytes.len();
        }
        Ok(())
    }

    /// Where each begins, in bytes from the first one.
    pub(super) fn starts(&self) -> impl Iterator<Item = usize> {
        let bytes = self.pieces.iter().flatten();
        let ends = bytes.enumerate().filter(|(_, byte)| **byte == 0).map(|(at, _)| at + 1);
        core::iter::once(0).chain(ends).take(self.count)
    }
}
