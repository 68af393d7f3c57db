//! The error queue: what became of datagrams that were sent, for who asks by MSG_ERRQUEUE (`ip(7)`, IP_RECVERR).

use alloc::vec::Vec;

use linux_raw_sys::net::{AF_INET, AF_INET6, IP_RECVERR, IPV6_RECVERR, SOL_IP, SOL_IPV6};
use net_stack::{
    address::Endpoint,
    datagram::{ErrorRecord, Origin, Version},
    icmp::Trouble,
};

use super::{Datagram, Internet, Told, Transport, address::Shown, failure};
use crate::{
    bytes::Sink,
    error::{Errno, Result},
};

/// `SO_EE_ORIGIN_LOCAL`, `SO_EE_ORIGIN_ICMP`, `SO_EE_ORIGIN_ICMP6` of `linux/errqueue.h`.
const LOCAL: u8 = 1;
const ICMP: u8 = 2;
const ICMP6: u8 = 3;

impl Internet {
    /// The next record of the error queue, as recvmsg(2) has it: what came back of the datagram, its destination in the place
    /// of the sender, and a `struct sock_extended_err` that is told.
    ///
    /// # Errors
    /// EAGAIN where there is none: nobody waits for errors. EFAULT.
    pub(crate) fn receive_error<K: Sink>(&self, sink: &mut K) -> Result<Datagram> {
        let Transport::Udp(udp) = self.transport() else { return Err(Errno::EAGAIN.into()) };
        let record = udp.socket().take_error_record().ok_or(Errno::EAGAIN)?;
        let copied = record.payload.len().min(sink.room());
        sink.put(&record.payload[..copied])?;
        let (level, kind) = match self.version() {
            Version::V4 => (SOL_IP, IP_RECVERR),
            Version::V6 => (SOL_IPV6, IPV6_RECVERR),
        };
        let told = [Told { level, kind, data: self.extended(&record) }].into();
        let sender = Shown::new(self.version(), record.destination, None);
        Ok(Datagram { copied, length: record.payload.len(), sender, told })
    }

    /// `struct sock_extended_err`, and who sent the ICMP message behind it.
    fn extended(&self, record: &ErrorRecord) -> Vec<u8> {
        let origin = match record.origin {
            Origin::Local => LOCAL,
            Origin::Icmp => ICMP,
            Origin::Icmpv6 => ICMP6,
        };
        let info = match record.trouble {
            Trouble::TooBig { mtu } => mtu,
            _ => 0,
        };
        let errno = u32::from(failure::of_trouble(record.trouble).number());
        let mut bytes = errno.to_ne_bytes().to_vec();
        bytes.extend([origin, record.kind, record.code, 0]);
        bytes.extend(info.to_ne_bytes());
        bytes.extend([0; 4]);
        let nobody = match self.version() {
            Version::V4 => Shown::of([0; 16]),
            Version::V6 => Shown::of([0; 28]),
        };
        let offender =
            record.offender.map_or(nobody, |from| Shown::new(self.version(), Endpoint::new(from, 0), None));
        debug_assert!(matches!(super::address::family(offender.bytes()), Some(0 | AF_INET | AF_INET6)));
        bytes.extend(offender.bytes());
        bytes
    }
}
