//! `struct sockaddr_un`.

use alloc::sync::Arc;

use linux_raw_sys::net::{AF_UNIX, AF_UNSPEC};

use crate::error::{Errno, Error, Result};

/// Where the path begins: after `sun_family`.
const PATH: usize = 2;

/// How long a path may be, its NUL not counted: a name may fill `sun_path` without one.
pub const PATH_MAX: usize = 108;

/// What getsockname shows of a socket without a name.
pub const UNNAMED: &[u8] = &(AF_UNIX as u16).to_ne_bytes();

/// A name that is asked for, by bind or connect.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Name<'a> {
    /// A path: the bytes before the first NUL.
    Path(&'a [u8]),
    /// A name in the abstract name space: everything behind the leading NUL, further NULs included.
    Abstract(&'a [u8]),
}

impl<'a> Name<'a> {
    /// The name in an address.
    ///
    /// # Errors
    /// EINVAL for another family, for an address without a name, and for one that is longer than `struct sockaddr_un`.
    pub fn parse(address: &'a [u8]) -> Result<Self> {
        let [low, high, name @ ..] = address else { return Err(BAD_LENGTH) };
        if name.is_empty() || name.len() > PATH_MAX {
            return Err(BAD_LENGTH);
        }
        if u16::from_ne_bytes([*low, *high]) != AF_UNIX as u16 {
            return Err(Error::new(Errno::EINVAL, "the address is not one of AF_UNIX"));
        }
        Ok(match name {
            [0, name @ ..] => Self::Abstract(name),
            path => Self::Path(path.split(|byte| *byte == 0).next().unwrap_or(path)),
        })
    }
}

const BAD_LENGTH: Error = Error::new(Errno::EINVAL, "not the length of a UNIX address with a name");

/// Whether bind is asked to choose a name: the address is a family and nothing else.
#[must_use]
pub fn is_autobind(address: &[u8]) -> bool {
    address == UNNAMED
}

/// Whether connect is asked to take a datagram socket's peer away: the family is AF_UNSPEC, whatever follows it.
#[must_use]
pub fn is_unspecific(address: &[u8]) -> bool {
    address.starts_with(&(AF_UNSPEC as u16).to_ne_bytes())
}

/// The address of a socket that has a name, as getsockname shows it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Address(Arc<[u8]>);

impl Address {
    /// The address of a name. That of a path ends with a NUL, which may be the 111th byte.
    #[must_use]
    pub fn new(name: Name<'_>) -> Self {
        let family = UNNAMED.iter().copied();
        Self(match name {
            Name::Path(path) => family.chain(path.iter().copied()).chain([0]).collect(),
            Name::Abstract(name) => family.chain([0]).chain(name.iter().copied()).collect(),
        })
    }

    /// The bytes of the `struct sockaddr_un`.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// What is in `sun_path`.
    #[must_use]
    pub fn path(&self) -> &[u8] {
        &self.0[PATH..]
    }
}

/// What getsockname and its like show of an address, or of none.
#[must_use]
pub fn shown(address: Option<&Address>) -> &[u8] {
    address.map_or(UNNAMED, Address::bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(path: &[u8]) -> Vec<u8> {
        [UNNAMED, path].concat()
    }

    #[test]
    fn names_are_told_apart() {
        assert_eq!(Name::parse(&address(b"/a\0b")).unwrap(), Name::Path(b"/a"));
        assert_eq!(Name::parse(&address(b"\0a\0b\0")).unwrap(), Name::Abstract(b"a\0b\0"));
        assert_eq!(Name::parse(&address(b"\0")).unwrap(), Name::Abstract(b""));
        assert_eq!(Name::parse(&address(&[b'x'; 108])).unwrap(), Name::Path(&[b'x'; 108]));
    }

    #[test]
    fn others_are_refused() {
        for bad in [&address(b"")[..], &address(&[1; 109]), b"\x01", b"", b"\x02\0abc", b"\0\0abc"] {
            assert_eq!(Name::parse(bad).unwrap_err().errno, Errno::EINVAL);
        }
    }

    #[test]
    fn lengths_are_those_of_linux() {
        assert_eq!(Address::new(Name::Path(b"/a")).bytes(), b"\x01\0/a\0");
        assert_eq!(Address::new(Name::Path(&[b'x'; 108])).bytes().len(), 111);
        assert_eq!(Address::new(Name::Abstract(b"a\0")).bytes(), b"\x01\0\0a\0");
        assert!(is_autobind(&address(b"")) && !is_autobind(b"\x02\0"));
    }
}
