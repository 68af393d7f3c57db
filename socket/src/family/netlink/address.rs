//! `struct sockaddr_nl` (`netlink(7)`).

use linux_raw_sys::net::AF_NETLINK;

use crate::error::{Errno, Error, Result};

/// `sizeof(struct sockaddr_nl)`
const LENGTH: usize = 12;

/// Whom a socket speaks to, or who it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Address {
    /// The number of a socket; 0 is the kernel's.
    pub(crate) port: u32,
    /// The first 32 groups, a bit for each.
    pub(crate) groups: u32,
}

impl Address {
    /// Reads an address.
    ///
    /// # Errors
    /// EINVAL where it is shorter than an address, or of another family.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self> {
        let Some((header, _)) = bytes.split_at_checked(LENGTH) else {
            return Err(Error::new(Errno::EINVAL, "shorter than a struct sockaddr_nl"));
        };
        let &[f0, f1, _, _, p0, p1, p2, p3, g0, g1, g2, g3] = header else {
            return Err(Errno::EINVAL.into());
        };
        if u32::from(u16::from_ne_bytes([f0, f1])) != AF_NETLINK {
            return Err(Error::new(Errno::EINVAL, "an address of another family"));
        }
        Ok(Self { port: u32::from_ne_bytes([p0, p1, p2, p3]), groups: u32::from_ne_bytes([g0, g1, g2, g3]) })
    }

    /// The address as programs see it.
    pub(crate) fn bytes(self) -> [u8; LENGTH] {
        let mut bytes = [0; LENGTH];
        bytes[..2].copy_from_slice(&(AF_NETLINK as u16).to_ne_bytes());
        bytes[4..8].copy_from_slice(&self.port.to_ne_bytes());
        bytes[8..].copy_from_slice(&self.groups.to_ne_bytes());
        bytes
    }

    /// The first of the groups, from 1 on; 0 for none.
    pub(crate) fn group(self) -> u32 {
        if self.groups == 0 { 0 } else { self.groups.trailing_zeros() + 1 }
    }
}

/// A mask of the first 32 groups with one in it.
pub(crate) fn mask(group: u32) -> u32 {
    if (1..=32).contains(&group) { 1 << (group - 1) } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_is_read() {
        for (port, groups, first) in [(0, 0, 0), (77, 1, 1), (u32::MAX, 0x8000_0000, 32), (1, 6, 2)] {
            let address = Address { port, groups };
            assert_eq!(Address::parse(&address.bytes()).unwrap(), address);
            assert_eq!(address.group(), first);
        }
        for length in 0..LENGTH {
            assert!(Address::parse(&Address::default().bytes()[..length]).is_err());
        }
        assert!(Address::parse(&[2; LENGTH]).is_err());
        assert_eq!([0, 1, 32, 33].map(mask), [0, 1, 1 << 31, 0]);
    }
}
