//! Where a probe is made: sockets of the kind that its rule is about, and what they need around them to work.
//!
//! Proofs and neighbours ask for what they need (`at.pair()?`), and so hold for each kind that a rule names. A family that
//! is new has its arms here, and nowhere else.

use std::{ops::Deref, os::fd::OwnedFd};

use scml::{SocketState, probe::SocketKind};

use crate::{
    address::Address,
    errno::{Errno, Result},
    harness::{Case, Failure, Outcome},
    suite::unix::help::{exchange, fill, name},
    sys::{self, Descriptor},
};

/// A test case of one kind of socket.
pub(crate) struct Situation<'a> {
    case: &'a Case,
    kind: SocketKind,
}

impl Deref for Situation<'_> {
    type Target = Case;

    fn deref(&self) -> &Case {
        self.case
    }
}

impl<'a> Situation<'a> {
    pub(crate) fn new(case: &'a Case, kind: SocketKind) -> Self {
        Self { case, kind }
    }

    /// `AF_*`
    pub(crate) fn family(&self) -> i32 {
        self.kind.family.into()
    }

    /// `SOCK_*`, without flags.
    pub(crate) fn kind(&self) -> i32 {
        self.kind.kind.into()
    }

    /// Whether sockets of this kind listen and accept.
    pub(crate) fn has_connections(&self) -> bool {
        matches!(self.kind(), libc::SOCK_STREAM | libc::SOCK_SEQPACKET)
    }

    /// Whether sockets of this kind keep what is sent at a time together, and apart from the rest.
    pub(crate) fn keeps_records(&self) -> bool {
        self.kind() != libc::SOCK_STREAM
    }

    /// What sending gives where the peer is gone.
    pub(crate) fn broken(&self) -> Errno {
        Errno(if self.has_connections() { libc::EPIPE } else { libc::ECONNREFUSED })
    }

    /// A fresh socket.
    #[track_caller]
    pub(crate) fn socket(&self) -> Result<OwnedFd> {
        self.socket_with(0)
    }

    /// A fresh socket with flags of socket(2).
    #[track_caller]
    pub(crate) fn socket_with(&self, flags: i32) -> Result<OwnedFd> {
        sys::socket(self.family(), self.kind() | flags, self.kind.protocol.into())
    }

    /// An address that a socket may be bound to, by that name where the family has names.
    pub(crate) fn address(&self, name: &str) -> Address {
        match self.family() {
            libc::AF_INET => {
                Address::raw(libc::AF_INET as u16, &[0, 0, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0])
            }
            libc::AF_INET6 => {
                let mut rest = [0; 26];
                rest[21] = 1;
                Address::raw(libc::AF_INET6 as u16, &rest)
            }
            // Some port of this machine.
            libc::AF_VSOCK => crate::suite::vsock::help::address(crate::suite::vsock::help::LOCAL, u32::MAX),
            // Some number.
            libc::AF_NETLINK => crate::suite::netlink::help::address(0, 0),
            _ => self.abstract_address(name),
        }
    }

    /// A socket that is bound, and the address that it has.
    #[track_caller]
    pub(crate) fn bound(&self, address: &Address) -> Result<(OwnedFd, Address)> {
        let fd = self.socket()?;
        sys::bind(&fd, address.bytes())?;
        let address = name(&fd)?;
        Ok((fd, address))
    }

    /// A socket that listens, and the address that it has.
    #[track_caller]
    pub(crate) fn listener(&self, address: &Address, backlog: i32) -> Result<(OwnedFd, Address)> {
        let (fd, address) = self.bound(address)?;
        sys::listen(&fd, backlog)?;
        Ok((fd, address))
    }

    /// A socket connected to `address`.
    #[track_caller]
    pub(crate) fn client(&self, address: &Address) -> Result<OwnedFd> {
        let fd = self.socket()?;
        sys::connect(&fd, address.bytes())?;
        Ok(fd)
    }

    /// A client and what the listener accepted for it.
    #[track_caller]
    pub(crate) fn accepted(&self, listener: &OwnedFd, address: &Address) -> Result<(OwnedFd, OwnedFd)> {
        let near = self.client(address)?;
        let far = sys::accept(listener)?;
        Ok((near, far))
    }

    /// Two sockets that are connected to each other.
    #[track_caller]
    pub(crate) fn pair(&self) -> Result<(OwnedFd, OwnedFd)> {
        if self.family() == libc::AF_UNIX {
            return sys::socketpair(self.family(), self.kind(), self.kind.protocol.into());
        }
        if self.has_connections() {
            let (fd, address) = self.listener(&self.address("pair"), 1)?;
            return self.accepted(&fd, &address);
        }
        let (one, first) = self.bound(&self.address("one"))?;
        let (other, second) = self.bound(&self.address("other"))?;
        sys::connect(&one, second.bytes())?;
        sys::connect(&other, first.bytes())?;
        Ok((one, other))
    }

    /// Connects a fresh socket of this kind to another one, and shows that they reach each other.
    #[track_caller]
    pub(crate) fn works(&self, fd: &impl Descriptor) -> Outcome<OwnedFd> {
        let address = self.address("works");
        if self.has_connections() {
            let (listening, address) = self.listener(&address, 1)?;
            match sys::connect(fd, address.bytes()) {
                Err(Errno(libc::EINPROGRESS)) => {
                    crate::suite::unix::help::poll_for(fd, libc::POLLOUT, 10_000)?;
                }
                met => drop(met?),
            }
            let far = sys::accept(&listening)?;
            exchange(fd, &far)?;
            return Ok(far);
        }
        let (far, address) = self.bound(&address)?;
        sys::connect(fd, address.bytes())?;
        self.carries(fd, &far)?;
        Ok(far)
    }

    /// Passes a byte in one direction.
    #[track_caller]
    pub(crate) fn carries(&self, from: &impl Descriptor, to: &impl Descriptor) -> Outcome {
        sys::write(from, b"!")?;
        let mut byte = [0; 2];
        match sys::recv(to, &mut byte, libc::MSG_DONTWAIT) {
            Ok(1) if byte[0] == b'!' => Ok(()),
            met => Err(Failure::here(format!("the byte that shows the connection: {met:?}"))),
        }
    }

    /// Whether sending never waits: over a network, datagrams that find no room are lost.
    pub(crate) fn never_waits_for_room(&self) -> bool {
        self.is_internet() && !self.has_connections()
    }

    /// The other end is gone: over a network, a socket finds out when it sends.
    #[track_caller]
    pub(crate) fn finds_nobody(&self, fd: &impl Descriptor) -> Result<()> {
        if self.is_internet() {
            sys::write(fd, b"is anybody there?")?;
            let end = if self.has_connections() { libc::POLLHUP } else { libc::POLLERR };
            crate::suite::unix::help::poll_for(fd, end, 10_000)?;
        }
        Ok(())
    }

    /// Waits until what was sent is there.
    #[track_caller]
    pub(crate) fn arrived(&self, fd: &impl Descriptor) -> Result<()> {
        crate::suite::unix::help::poll_for(fd, libc::POLLIN, 10_000).map(|_| ())
    }

    /// Whether the family is AF_NETLINK.
    pub(crate) fn is_netlink(&self) -> bool {
        self.family() == libc::AF_NETLINK
    }

    /// Whether the family is AF_VSOCK.
    pub(crate) fn is_vsock(&self) -> bool {
        self.family() == libc::AF_VSOCK
    }

    /// Writes until there is no room for another byte; how many bytes went in.
    #[track_caller]
    pub(crate) fn fill(&self, fd: &impl Descriptor) -> Outcome<usize> {
        let mut total = fill(fd)?;
        if self.is_netlink() || self.is_vsock() {
            // Where there is no room for much, there may be for little.
            while sys::send(fd, b"f", libc::MSG_DONTWAIT).is_ok() {
                total += 1;
            }
        }
        Ok(total)
    }

    /// Whether the family is AF_INET or AF_INET6.
    pub(crate) fn is_internet(&self) -> bool {
        matches!(self.family(), libc::AF_INET | libc::AF_INET6)
    }

    /// Shows that a socket takes what is sent to its address.
    #[track_caller]
    pub(crate) fn receives(&self, fd: &OwnedFd, address: &Address) -> Outcome {
        if self.has_connections() {
            let (near, far) = self.accepted(fd, address)?;
            return exchange(&near, &far);
        }
        self.carries(&self.client(address)?, fd)
    }

    /// A socket to call something on, and another one that it is connected to, if its state is such: the one that the
    /// rule names, or else connected.
    #[track_caller]
    pub(crate) fn subject(&self) -> Result<(OwnedFd, Option<OwnedFd>)> {
        match self.kind.state {
            None | Some(SocketState::Connected) => {
                let (one, other) = self.pair()?;
                Ok((one, Some(other)))
            }
            Some(SocketState::Bound) => Ok((self.bound(&self.address("bound"))?.0, None)),
            Some(SocketState::Listening) => Ok((self.listener(&self.address("listening"), 1)?.0, None)),
            // Neither can be held on to.
            Some(SocketState::Unbound | SocketState::Connecting) => Ok((self.socket()?, None)),
            Some(SocketState::Closed) => {
                let (one, other) = self.pair()?;
                drop(other);
                Ok((one, None))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use scml::probe::SocketKind;

    use super::Situation;
    use crate::{
        harness::{progress::Progress, watched},
        suite::unix::help::exchange,
    };

    #[test]
    fn every_kind_has_pairs_that_work_and_fresh_ones_that_can_be_connected() {
        for (family, kind) in [
            (libc::AF_UNIX, libc::SOCK_STREAM),
            (libc::AF_UNIX, libc::SOCK_SEQPACKET),
            (libc::AF_UNIX, libc::SOCK_DGRAM),
            (libc::AF_INET, libc::SOCK_STREAM),
            (libc::AF_INET, libc::SOCK_DGRAM),
        ] {
            let kind = SocketKind { family: family as u16, kind: kind as u8, protocol: 0, state: None };
            let tag = format!("situation{}", std::process::id());
            let result = watched(tag, &Progress::new(), Duration::from_secs(10), move |case| {
                let at = Situation::new(case, kind);
                let (one, other) = at.pair()?;
                exchange(&one, &other)?;
                at.works(&at.socket()?)?;
                let (fd, address) = match at.has_connections() {
                    true => at.listener(&at.address("own"), 1)?,
                    false => at.bound(&at.address("own"))?,
                };
                at.receives(&fd, &address)
            });
            assert!(result.is_ok(), "{kind}: {result:?}");
        }
    }
}
