//! Troubles that a socket's datagrams met: SO_ERROR and the error queue.

use alloc::{collections::VecDeque, vec::Vec};

use crate::{
    address::{Endpoint, IpAddr},
    icmp::Trouble,
};

/// So many records wait; later ones are lost, as on Linux when the receive buffer is full.
const RECORDS_MAX: usize = 64;

/// Who noticed a trouble: `ee_origin`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Origin {
    /// This host, before anything was sent.
    Local,
    /// Somebody on the way, by ICMP.
    Icmp,
    /// Somebody on the way, by ICMPv6.
    Icmpv6,
}

/// A record of the error queue: what `struct sock_extended_err` is filled from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ErrorRecord {
    /// What happened.
    pub trouble: Trouble,
    /// Who noticed it.
    pub origin: Origin,
    /// The type of the ICMP message.
    pub kind: u8,
    /// The code of the ICMP message.
    pub code: u8,
    /// Who sent the ICMP message.
    pub offender: Option<IpAddr>,
    /// Where the datagram was to go.
    pub destination: Endpoint,
    /// What of the datagram came back.
    pub payload: Vec<u8>,
}

#[derive(Default)]
pub(super) struct Errors {
    pending: Option<Trouble>,
    records: VecDeque<ErrorRecord>,
}

impl Errors {
    pub(super) fn set(&mut self, trouble: Trouble) {
        self.pending = Some(trouble);
    }

    pub(super) fn record(&mut self, record: ErrorRecord) {
        if self.records.len() < RECORDS_MAX {
            self.records.push_back(record);
        }
    }

    pub(super) fn take_pending(&mut self) -> Option<Trouble> {
        self.pending.take()
    }

    pub(super) fn pending(&self) -> Option<Trouble> {
        self.pending
    }

    /// Linux: once a record is read, the next one's trouble is pending.
    pub(super) fn pop(&mut self) -> Option<ErrorRecord> {
        let record = self.records.pop_front();
        if record.is_some() {
            self.pending = self.records.front().map(|next| next.trouble);
        }
        record
    }

    pub(super) fn any(&self) -> bool {
        self.pending.is_some() || !self.records.is_empty()
    }
}
