//! The device of an engine: what smoltcp sends and receives passes through here, one packet at a time.

use alloc::vec::Vec;

use smoltcp::{
    phy::{ChecksumCapabilities, Device, DeviceCapabilities, Medium, RxToken, TxToken},
    time::Instant,
};

use crate::packet::Packet;

/// A packet in, and packets out.
pub(super) struct Line {
    /// The packet that is to be read next.
    pub(super) incoming: Option<Packet>,
    /// What was sent since it was last taken.
    pub(super) outgoing: Vec<Packet>,
    /// The length of the longest packet.
    pub(super) mtu: usize,
}

pub(super) struct Incoming(Packet);

pub(super) struct Outgoing<'line>(&'line mut Vec<Packet>);

impl RxToken for Incoming {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, read: F) -> R {
        read(self.0.bytes())
    }
}

impl TxToken for Outgoing<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, write: F) -> R {
        let mut packet = Packet::with_payload(length);
        let result = write(packet.bytes_mut());
        self.0.push(packet);
        result
    }
}

impl Device for Line {
    type RxToken<'line> = Incoming;
    type TxToken<'line> = Outgoing<'line>;

    fn receive(&mut self, _now: Instant) -> Option<(Incoming, Outgoing<'_>)> {
        let packet = self.incoming.take()?;
        Some((Incoming(packet), Outgoing(&mut self.outgoing)))
    }

    fn transmit(&mut self, _now: Instant) -> Option<Outgoing<'_>> {
        Some(Outgoing(&mut self.outgoing))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ip;
        capabilities.max_transmission_unit = self.mtu;
        // Checksums are looked at before, and computed after: only where the packet leaves this host.
        capabilities.checksum = ChecksumCapabilities::ignored();
        capabilities
    }
}
