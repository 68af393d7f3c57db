//! Where payload comes from and goes to: a program's memory, or a slice of the kernel's own.

use crate::caller::Fault;

/// Bytes to be sent.
pub trait Source {
    /// How many bytes are left.
    fn remaining(&self) -> usize;

    /// Copies the next `into.len()` bytes, at most as many as are left, and moves on past them.
    ///
    /// # Errors
    /// [`Fault`] where one of them cannot be read; the source has then not moved.
    fn take(&mut self, into: &mut [u8]) -> Result<(), Fault>;
}

/// Room for bytes that are received.
pub trait Sink {
    /// How many bytes it can still hold.
    fn room(&self) -> usize;

    /// Stores `from`, at most as much as there is room, and moves on past it.
    ///
    /// # Errors
    /// [`Fault`] where a part of the room cannot be written; the sink has then not moved, though bytes of it may have
    /// changed.
    fn put(&mut self, from: &[u8]) -> Result<(), Fault>;
}

impl Source for &[u8] {
    fn remaining(&self) -> usize {
        self.len()
    }

    fn take(&mut self, into: &mut [u8]) -> Result<(), Fault> {
        let (head, tail) = self.split_at_checked(into.len()).ok_or(Fault { copied: 0 })?;
        into.copy_from_slice(head);
        *self = tail;
        Ok(())
    }
}

impl Sink for &mut [u8] {
    fn room(&self) -> usize {
        self.len()
    }

    fn put(&mut self, from: &[u8]) -> Result<(), Fault> {
        let (head, tail) =
            core::mem::take(self).split_at_mut_checked(from.len()).ok_or(Fault { copied: 0 })?;
        head.copy_from_slice(from);
        *self = tail;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_move_past_what_was_copied() {
        let mut source: &[u8] = b"abcde";
        let mut room = [0; 4];
        let mut sink: &mut [u8] = &mut room;
        let mut pair = [0; 2];
        source.take(&mut pair).unwrap();
        sink.put(&pair).unwrap();
        assert_eq!((source.remaining(), sink.room()), (3, 2));
        source.take(&mut pair).unwrap();
        sink.put(&pair).unwrap();
        assert_eq!(&room, b"abcd");
        assert_eq!(source, b"e");
    }
}
