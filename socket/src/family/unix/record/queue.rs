//! Records in order.

use alloc::{boxed::Box, collections::VecDeque, sync::Arc, vec::Vec};

use super::{endpoint::Endpoint, payload::Payload};
use crate::ancillary::{Ancillary, Rights};

/// A record, and whom it is from. While there is one, it counts against its sender's buffer.
///
/// It must not be dropped with a lock held: who waits to send is then told, and open files that came with it are closed.
pub(super) struct Record {
    pub(super) payload: Payload,
    pub(super) sender: Arc<Endpoint>,
    pub(super) charge: u32,
    /// What came with it.
    pub(super) ancillary: Option<Box<Ancillary>>,
}

impl Record {
    /// Whether open files came with it.
    pub(super) fn has_rights(&self) -> bool {
        self.ancillary.as_ref().is_some_and(|ancillary| ancillary.rights.is_some())
    }
}

impl Drop for Record {
    #[inline]
    fn drop(&mut self) {
        self.sender.uncharge(self.charge);
    }
}

/// Records in order. A single one needs no further memory.
#[derive(Default)]
pub(super) struct Records {
    first: Option<Record>,
    #[expect(clippy::box_collection, reason = "8 bytes in every idle socket, not 32")]
    rest: Option<Box<VecDeque<Record>>>,
}

impl Records {
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        usize::from(self.first.is_some()) + self.rest.as_ref().map_or(0, |rest| rest.len())
    }

    /// The next one.
    #[inline]
    pub(super) fn first(&self) -> Option<&Record> {
        self.first.as_ref()
    }

    /// Takes the open files out of all of them.
    pub(super) fn take_rights(&mut self) -> Vec<Rights> {
        let rest = self.rest.iter_mut().flat_map(|rest| rest.iter_mut());
        let all = self.first.iter_mut().chain(rest);
        all.filter_map(|record| record.ancillary.as_mut()?.rights.take()).collect()
    }

    /// How many bytes there are in all of them.
    pub(super) fn bytes(&self) -> usize {
        let rest = self.rest.iter().flat_map(|rest| rest.iter());
        self.first.iter().chain(rest).map(|record| record.payload.length()).sum()
    }

    #[inline]
    pub(super) fn push(&mut self, record: Record) {
        if self.first.is_none() {
            self.first = Some(record);
        } else {
            self.push_behind(record);
        }
    }

    #[inline(never)]
    fn push_behind(&mut self, record: Record) {
        self.rest.get_or_insert_default().push_back(record);
    }

    #[inline]
    pub(super) fn pop(&mut self) -> Option<Record> {
        let record = self.first.take();
        if self.rest.is_some() {
            self.move_up();
        }
        record
    }

    #[inline(never)]
    fn move_up(&mut self) {
        let Some(rest) = &mut self.rest else { return };
        self.first = rest.pop_front();
        if rest.is_empty() {
            self.rest = None;
        }
    }
}
