//! Socket addresses of the UNIX family as bytes, as `unix(7)` lays them out.

/// The size of `struct sockaddr_un`.
pub(crate) const ADDRESS_SIZE: usize = 110;
/// How many of its bytes stand before the path.
pub(crate) const FAMILY_SIZE: usize = 2;
/// How many bytes the path has.
pub(crate) const PATH_SIZE: usize = ADDRESS_SIZE - FAMILY_SIZE;

/// The bytes of a `sockaddr`, as long as its length says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Address(Vec<u8>);

impl Address {
    /// Any family, any bytes behind it.
    pub(crate) fn raw(family: u16, rest: &[u8]) -> Self {
        let mut bytes = family.to_ne_bytes().to_vec();
        bytes.extend_from_slice(rest);
        Self(bytes)
    }

    /// A path with the NUL that ends it.
    pub(crate) fn path(path: &[u8]) -> Self {
        let mut rest = path.to_vec();
        rest.push(0);
        Self::raw(libc::AF_UNIX as u16, &rest)
    }

    /// A name in the abstract name space: it begins with a NUL, and every byte counts.
    pub(crate) fn abstract_name(name: &[u8]) -> Self {
        let mut rest = vec![0];
        rest.extend_from_slice(name);
        Self::raw(libc::AF_UNIX as u16, &rest)
    }

    /// The family alone: a socket without a name, and for bind(2) the wish for one.
    pub(crate) fn unnamed() -> Self {
        Self::raw(libc::AF_UNIX as u16, &[])
    }

    /// The bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// From the buffer and the length that a call filled.
    pub(crate) fn from_filled(buffer: &[u8], length: i32) -> Self {
        Self(buffer[..(length.max(0) as usize).min(buffer.len())].to_vec())
    }

    /// Behind the family.
    pub(crate) fn rest(&self) -> &[u8] {
        self.0.get(FAMILY_SIZE..).unwrap_or_default()
    }
}
