//! Answers of many messages.
//!
//! They are built at once, so that they show one moment: NLM_F_DUMP_INTR, by which Linux says that they do not, is never
//! needed. They are handed over in parts, as the program receives them.

use alloc::vec::Vec;

use super::{
    message::{Builder, Header, messages},
    uapi::{NLM_F_MULTI, NLMSG_DONE},
};

/// An answer of which something is still to come.
pub(crate) struct Dump {
    bytes: Vec<u8>,
    /// How much of it was handed over.
    done: usize,
    /// Of the message that ends it.
    end: Header,
    ended: bool,
}

/// The message that ends a dump: its header and no error.
pub(super) const END: usize = 20;

/// Its header.
pub(super) const fn end_of(sequence: u32, port: u32, flags: u16) -> Header {
    Header { kind: NLMSG_DONE, flags: NLM_F_MULTI | flags, sequence, port }
}

/// Adds it.
pub(super) fn end(builder: &mut Builder, header: Header) {
    builder.begin(header);
    builder.put(&0_i32.to_ne_bytes());
    builder.end();
}

impl Dump {
    /// An answer of these messages.
    pub(super) fn new(bytes: Vec<u8>, sequence: u32, port: u32, flags: u16) -> Self {
        Self { bytes, done: 0, end: end_of(sequence, port, flags), ended: false }
    }

    /// The next part: as many messages as fit, and one at least; the end in its own part where messages went before, unless
    /// it fits.
    pub(super) fn part(&mut self, limit: usize) -> Vec<u8> {
        let rest = self.bytes.get(self.done..).unwrap_or_default();
        let mut length = 0;
        for message in messages(rest) {
            let next = length + message.bytes.len().next_multiple_of(4);
            if next > limit && length > 0 {
                break;
            }
            length = next.min(rest.len());
        }
        let part = &rest[..length];
        self.done += length;
        self.ended = self.done == self.bytes.len() && length + END <= limit.max(END);
        if !self.ended {
            return part.to_vec();
        }
        let mut last = Builder::of(part.to_vec());
        end(&mut last, self.end);
        last.finish()
    }

    /// Whether the end was handed over.
    pub(super) fn is_done(&self) -> bool {
        self.ended
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_whole_messages() {
        let mut builder = Builder::default();
        for length in [40, 100, 8, 300] {
            builder.begin(Header { kind: 16, flags: 2, sequence: 1, port: 2 });
            builder.put(&alloc::vec![1; length]);
            builder.end();
        }
        let bytes = builder.finish();
        for limit in [1, 60, 200, 400, 512, 10_000] {
            let mut dump = Dump::new(bytes.clone(), 1, 2, 0);
            let mut seen = Vec::new();
            while !dump.is_done() {
                let part = dump.part(limit);
                assert!(messages(&part).map(|message| message.bytes.len()).sum::<usize>() == part.len());
                assert!(part.len() <= limit || messages(&part).count() == 1, "{limit}");
                seen.extend_from_slice(&part);
            }
            assert_eq!(seen.len(), bytes.len() + END);
            assert_eq!(seen[..bytes.len()], bytes);
            assert_eq!(messages(&seen).last().unwrap().kind, NLMSG_DONE);
        }
        let mut empty = Dump::new(Vec::new(), 1, 2, 0);
        assert_eq!(empty.part(1).len(), END);
        assert!(empty.is_done());
    }
}
