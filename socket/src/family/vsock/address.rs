//! `struct sockaddr_vm` (`vsock(7)`, `linux/vm_sockets.h`).

use linux_raw_sys::net::AF_VSOCK;

use crate::error::{Errno, Error, Result};

/// `VMADDR_CID_ANY` and `VMADDR_PORT_ANY`
pub(super) const ANY: u32 = u32::MAX;
/// `VMADDR_CID_LOCAL`: this machine, over the loopback transport.
pub(super) const LOCAL: u32 = 1;
/// `VMADDR_CID_HOST`
pub(super) const HOST: u32 = 2;

/// `sizeof(struct sockaddr_vm)`
const LENGTH: usize = 16;
/// `VMADDR_FLAG_TO_HOST`: the one flag that there is.
const TO_HOST: u8 = 1;

/// A machine, and a port there.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Address {
    pub(super) cid: u32,
    pub(super) port: u32,
}

impl Address {
    /// That of a socket that has none.
    pub(super) const NONE: Self = Self { cid: ANY, port: ANY };

    /// Reads it.
    ///
    /// # Errors
    /// EINVAL for whatever is no such address, as bind(2) and connect(2) have it.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self> {
        let bytes: &[u8; LENGTH] = bytes.first_chunk().ok_or(NO_ADDRESS)?;
        let [f0, f1, r0, r1, p0, p1, p2, p3, c0, c1, c2, c3, flags, zero @ ..] = *bytes;
        let sound = u32::from(u16::from_ne_bytes([f0, f1])) == AF_VSOCK
            && [r0, r1] == [0; 2]
            && flags & !TO_HOST == 0
            && zero == [0; 3];
        let (cid, port) = (u32::from_ne_bytes([c0, c1, c2, c3]), u32::from_ne_bytes([p0, p1, p2, p3]));
        sound.then_some(Self { cid, port }).ok_or(NO_ADDRESS)
    }

    /// As a program gets it.
    pub(crate) fn bytes(self) -> [u8; LENGTH] {
        let mut bytes = [0; LENGTH];
        bytes[..2].copy_from_slice(&(AF_VSOCK as u16).to_ne_bytes());
        bytes[4..8].copy_from_slice(&self.port.to_ne_bytes());
        bytes[8..12].copy_from_slice(&self.cid.to_ne_bytes());
        bytes
    }
}

const NO_ADDRESS: Error = Error::new(Errno::EINVAL, "that is no address of the family");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_is_read_again() {
        let address = Address { cid: 3, port: 0xdead_beef };
        assert_eq!(Address::parse(&address.bytes()).unwrap(), address);
        for length in 0..LENGTH {
            assert!(Address::parse(&address.bytes()[..length]).is_err());
        }
        for (place, byte) in [(0, 1), (2, 1), (12, 2), (13, 1), (15, 1)] {
            let mut bytes = address.bytes();
            bytes[place] = byte;
            assert!(Address::parse(&bytes).is_err(), "{place}");
        }
    }
}
