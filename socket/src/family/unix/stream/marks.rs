//! What goes with some of the bytes of a queue: ancillary data.

use alloc::{collections::VecDeque, vec::Vec};

use crate::{
    ancillary::{Ancillary, Rights},
    identity::Sender,
};

/// What a message with ancillary data counts against the sender's buffer, besides its payload.
pub(super) const OVERHEAD: u32 = 576;

/// Some bytes of the queue that came with ancillary data.
struct Mark {
    /// How many bytes without are between the one before, or the front, and this.
    gap: u32,
    /// How many bytes it is about.
    length: u32,
    ancillary: Ancillary,
}

/// The marks of a queue, in order. The bytes themselves are elsewhere.
#[derive(Default)]
pub(super) struct Marks {
    marks: VecDeque<Mark>,
    /// How many bytes of the queue lie before the end of the last one.
    covered: u32,
}

/// Bytes that belong together: all of one message with ancillary data, or as many as there are without any.
pub(super) struct Run<'a> {
    pub(super) length: u32,
    pub(super) ancillary: Option<&'a Ancillary>,
}

impl Run<'_> {
    pub(super) fn sender(&self) -> Option<&Sender> {
        self.ancillary?.sender.as_ref()
    }

    pub(super) fn rights(&self) -> Option<&Rights> {
        self.ancillary?.rights.as_ref()
    }
}

impl Marks {
    pub(super) fn is_empty(&self) -> bool {
        self.marks.is_empty()
    }

    /// The last `length` of so many bytes that are in the queue came with this.
    pub(super) fn push(&mut self, available: u32, length: u32, ancillary: Ancillary) {
        self.marks.push_back(Mark { gap: available - length - self.covered, length, ancillary });
        self.covered = available;
    }

    /// The rest of the run in which byte `skip` of so many in the queue is.
    pub(super) fn run(&self, mut skip: u32, available: u32) -> Run<'_> {
        let behind = available - skip;
        for mark in &self.marks {
            if skip < mark.gap {
                return Run { length: mark.gap - skip, ancillary: None };
            }
            skip -= mark.gap;
            if skip < mark.length {
                return Run { length: mark.length - skip, ancillary: Some(&mark.ancillary) };
            }
            skip -= mark.length;
        }
        Run { length: behind, ancillary: None }
    }

    /// The open files that came with the bytes at the front: whoever reads the first of them gets all of those.
    pub(super) fn take_rights(&mut self) -> Option<Rights> {
        self.marks.front_mut().filter(|mark| mark.gap == 0)?.ancillary.rights.take()
    }

    /// Bytes were removed from the front, of not more than one run. What is used up is returned, to be dropped where no lock
    /// is held.
    pub(super) fn consume(&mut self, length: u32) -> Option<Ancillary> {
        let first = self.marks.front_mut()?;
        let gap = first.gap.min(length);
        first.gap -= gap;
        let here = first.length.min(length - gap);
        first.length -= here;
        self.covered -= gap + here;
        if first.length > 0 {
            return None;
        }
        self.marks.pop_front().map(|mark| mark.ancillary)
    }

    /// Everything that came with bytes, to be dropped where no lock is held.
    pub(super) fn into_rights(self) -> impl Iterator<Item = Rights> {
        self.marks.into_iter().filter_map(|mark| mark.ancillary.rights)
    }

    /// Takes the open files out of all messages.
    pub(super) fn take_all_rights(&mut self) -> Vec<Rights> {
        self.marks.iter_mut().filter_map(|mark| mark.ancillary.rights.take()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some() -> Ancillary {
        Ancillary { rights: Some(Rights::new(Vec::new())), sender: None }
    }

    fn runs(marks: &Marks, available: u32) -> Vec<(u32, bool)> {
        let mut at = 0;
        let mut runs = Vec::new();
        while at < available {
            let run = marks.run(at, available);
            runs.push((run.length, run.ancillary.is_some()));
            at += run.length;
        }
        runs
    }

    #[test]
    fn runs_follow_each_other() {
        let mut marks = Marks::default();
        marks.push(10, 3, some());
        marks.push(12, 2, some());
        marks.push(20, 1, some());
        assert_eq!(runs(&marks, 25), [(7, false), (3, true), (2, true), (7, false), (1, true), (5, false)]);
        assert_eq!(marks.run(8, 25).length, 2);
        assert!(marks.consume(4).is_none());
        assert!(marks.take_rights().is_none(), "bytes without are in front");
        assert!(marks.consume(3).is_none());
        assert!(marks.take_rights().is_some() && marks.take_rights().is_none());
        assert!(marks.consume(2).is_none() && marks.consume(1).is_some());
        assert_eq!(runs(&marks, 15), [(2, true), (7, false), (1, true), (5, false)]);
        assert!(marks.consume(2).is_some() && marks.consume(7).is_none() && marks.consume(1).is_some());
        assert!(marks.is_empty() && marks.covered == 0);
        marks.push(9, 4, some());
        assert_eq!(runs(&marks, 9), [(5, false), (4, true)]);
    }
}
