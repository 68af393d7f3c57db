//! Datagrams out.

use alloc::{sync::Arc, vec::Vec};

use smoltcp::wire::UdpPacket;

use super::{
    DatagramSocket, Discovery, Kind, Shared, State,
    errors::{ErrorRecord, Origin},
};
use crate::{
    address::{Endpoint, IpAddr},
    icmp::Trouble,
    ip::{Header, Outgoing, protocol},
    net::{InterfaceId, Path, PathError, Reach},
    outbox::{Notice, Outbox},
    packet::Packet,
    port::Binding,
    time::Instant,
};

/// A datagram that is being written. The program's bytes are copied into it while nothing is locked, once.
pub struct Draft(Packet);

impl Draft {
    /// Room for so many bytes, zero at first.
    #[must_use]
    pub fn new(length: usize) -> Self {
        Self(Packet::with_payload(length))
    }

    /// The bytes that will be sent.
    pub fn payload_mut(&mut self) -> &mut [u8] {
        self.0.bytes_mut()
    }
}

/// What a program says about one datagram, in control messages.
#[derive(Clone, Copy, Default, Debug)]
pub struct Ancillary {
    /// IP_PKTINFO: the address to send from.
    pub source: Option<IpAddr>,
    /// IP_PKTINFO, or the scope of a link-local address: where it goes out.
    pub interface: Option<InterfaceId>,
    /// IP_TTL, IPV6_HOPLIMIT.
    pub hop_limit: Option<u8>,
    /// IP_TOS, IPV6_TCLASS.
    pub traffic_class: Option<u8>,
}

/// Why a datagram was not sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SendError {
    /// Neither the call nor connect(2) says where to (EDESTADDRREQ).
    NoDestination,
    /// The destination has port 0, or is none (EINVAL).
    InvalidDestination,
    /// The address is of the other version (EAFNOSUPPORT, ENETUNREACH).
    Version,
    /// There is no way (ENETUNREACH and others).
    Path(PathError),
    /// To a broadcast address without SO_BROADCAST (EACCES).
    Broadcast,
    /// Longer than a datagram can be, or than the way takes where it must not be split (EMSGSIZE).
    TooLong,
    /// The socket had no port, and none is free (EAGAIN).
    Exhausted,
    /// shutdown(2) (EPIPE).
    Shut,
    /// A trouble was pending, and is no more.
    Pending(Trouble),
    /// What a ping or raw socket was given is not what it sends (EINVAL).
    Malformed,
}

impl Shared {
    /// The way to `destination`; `from` and `over` are what the call or the binding says.
    pub(super) fn path(
        &self,
        state: &State,
        destination: IpAddr,
        from: Option<IpAddr>,
        over: Option<InterfaceId>,
    ) -> Result<Path, PathError> {
        let options = &state.options;
        let multicast = destination.is_multicast();
        let device = over.or(options.device).or(options.multicast_interface.filter(|_| multicast));
        let from = from.or(options.multicast_source.filter(|_| multicast));
        let from = from.filter(|from| from.is_ipv4() == destination.is_ipv4());
        self.stack.network.read().path(destination, from, device)
    }
}

impl DatagramSocket {
    /// Sends a datagram, to the peer if `to` says nothing else. Returns how many bytes.
    ///
    /// # Errors
    /// [`SendError`]; a trouble that is pending is told here, once.
    pub fn send(
        &self,
        draft: Draft,
        to: Option<Endpoint>,
        ancillary: &Ancillary,
        now: Instant,
    ) -> Result<usize, SendError> {
        let shared = &self.0;
        let length = draft.0.len();
        let mut out = Outbox::default();
        let mut state = shared.state.lock();
        let (to, path) = shared.way(&mut state, to, ancillary)?;
        if !shared.need_port(&mut state) {
            return Err(SendError::Exhausted);
        }
        let result = shared.send_over(&mut state, &path, draft.0, to.port, ancillary, &mut out);
        drop(state);
        if result == Err(SendError::TooLong) {
            shared.note_too_long(&path, to, &mut out);
        }
        shared.stack.flush(out, now);
        result.map(|()| length)
    }

    /// Whether a datagram could be sent there, for who has not all of it yet.
    ///
    /// # Errors
    /// As [`DatagramSocket::send`].
    pub fn check_way(&self, to: Option<Endpoint>, ancillary: &Ancillary) -> Result<(), SendError> {
        self.0.way(&mut self.0.state.lock(), to, ancillary).map(|_| ())
    }
}

impl Shared {
    /// To whom a datagram goes, and which way.
    #[inline]
    fn way(
        &self,
        state: &mut State,
        to: Option<Endpoint>,
        ancillary: &Ancillary,
    ) -> Result<(Endpoint, Path), SendError> {
        if let Some(trouble) = state.errors.take_pending() {
            return Err(SendError::Pending(trouble));
        }
        if state.write_shut {
            return Err(SendError::Shut);
        }
        let to = to.or(state.peer).ok_or(SendError::NoDestination)?;
        if !self.speaks(state, to.address) {
            return Err(SendError::Version);
        }
        if self.kind == Kind::Udp && to.port == 0 {
            return Err(SendError::InvalidDestination);
        }
        let local = state.local.filter(|local| !local.is_multicast() && !local.is_unspecified());
        let from = ancillary.source.or(local);
        let path = self.path(state, to.address, from, ancillary.interface).map_err(SendError::Path)?;
        if path.reach == Reach::Broadcast && !state.options.broadcast {
            return Err(SendError::Broadcast);
        }
        Ok((to, path))
    }

    fn send_over(
        self: &Arc<Self>,
        state: &mut State,
        path: &Path,
        mut packet: Packet,
        to: u16,
        ancillary: &Ancillary,
        out: &mut Outbox,
    ) -> Result<(), SendError> {
        let options = &state.options;
        let multicast = path.reach == Reach::Multicast;
        let hop_limit = if multicast { options.multicast_hop_limit } else { options.hop_limit };
        let port = state.binding.as_ref().map_or(0, Binding::port);
        // What does not leave this host needs no checksum.
        packet.trusted = path.reach == Reach::Local;
        if let Kind::Raw { .. } = self.kind
            && options.header_included
            && path.source.is_ipv4()
        {
            return self.send_with_header(path, packet, out);
        }
        let protocol = match self.kind {
            Kind::Udp => {
                put_udp(path, &mut packet, port, to, options.no_checksum)?;
                protocol::UDP
            }
            Kind::Ping => put_echo(path, &mut packet, port)?,
            Kind::Raw { protocol } => {
                if protocol == protocol::ICMPV6 {
                    put_icmpv6_checksum(path, &mut packet)?;
                }
                protocol
            }
        };
        let whole = Header::length(path.source) + packet.len();
        let longest = if path.source.is_ipv4() { 65535 } else { 65535 + 40 };
        let keep_whole =
            matches!(options.discovery, Discovery::Always | Discovery::Probe | Discovery::Interface);
        if whole > longest || keep_whole && whole > path.mtu as usize {
            return Err(SendError::TooLong);
        }
        let outgoing = Outgoing {
            protocol,
            hop_limit: ancillary.hop_limit.unwrap_or(hop_limit),
            traffic_class: ancillary.traffic_class.unwrap_or(options.traffic_class),
            dont_fragment: matches!(
                options.discovery,
                Discovery::Want | Discovery::Always | Discovery::Probe
            ),
            loop_back: path.reach == Reach::Broadcast || options.multicast_loop,
        };
        self.stack.send(path, &outgoing, packet, out);
        Ok(())
    }

    /// IP_HDRINCL: raw(7) says which fields are filled in all the same.
    fn send_with_header(&self, path: &Path, mut packet: Packet, out: &mut Outbox) -> Result<(), SendError> {
        let length = packet.len();
        if length > path.mtu as usize {
            return Err(SendError::TooLong);
        }
        let bytes = packet.bytes_mut();
        if bytes.len() < 20 || usize::from(bytes[0] & 0xf) * 4 > bytes.len() || bytes[0] & 0xf < 5 {
            return Err(SendError::Malformed);
        }
        let IpAddr::V4(source) = path.source else { return Err(SendError::Version) };
        if bytes[12..16] == [0; 4] {
            bytes[12..16].copy_from_slice(&source.octets());
        }
        bytes[2..4].copy_from_slice(&(length as u16).to_be_bytes());
        smoltcp::wire::Ipv4Packet::new_unchecked(bytes).fill_checksum();
        packet.trusted = false;
        self.stack.send_ip(path, packet, true, out);
        Ok(())
    }

    /// IP_RECVERR also records what this host itself finds too long.
    fn note_too_long(&self, path: &Path, to: Endpoint, out: &mut Outbox) {
        let mut state = self.state.lock();
        if state.options.receive_errors {
            state.errors.record(ErrorRecord {
                trouble: Trouble::TooBig { mtu: path.mtu },
                origin: Origin::Local,
                kind: 0,
                code: 0,
                offender: None,
                destination: to,
                payload: Vec::new(),
            });
            drop(state);
            out.tell(&self.watched, Notice::ERROR);
        }
    }
}

/// RFC 768.
pub(crate) fn put_udp(
    path: &Path,
    packet: &mut Packet,
    from: u16,
    to: u16,
    bare: bool,
) -> Result<(), SendError> {
    let length = u16::try_from(packet.len() + 8).map_err(|_| SendError::TooLong)?;
    let trusted = packet.trusted;
    let mut udp = UdpPacket::new_unchecked(packet.push_front(8));
    udp.set_src_port(from);
    udp.set_dst_port(to);
    udp.set_len(length);
    udp.set_checksum(0);
    let optional = bare && path.source.is_ipv4();
    if !trusted && !optional {
        udp.fill_checksum(&path.source.into(), &path.destination.into());
    }
    Ok(())
}

/// Only echo requests are sent, with the socket's own identifier. Returns the protocol.
fn put_echo(path: &Path, packet: &mut Packet, identifier: u16) -> Result<u8, SendError> {
    let v6 = path.source.is_ipv6();
    let bytes = packet.bytes_mut();
    if bytes.len() < 8 || bytes[0] != if v6 { 128 } else { 8 } || bytes[1] != 0 {
        return Err(SendError::Malformed);
    }
    bytes[4..6].copy_from_slice(&identifier.to_be_bytes());
    if v6 {
        put_icmpv6_checksum(path, packet)?;
        return Ok(protocol::ICMPV6);
    }
    smoltcp::wire::Icmpv4Packet::new_unchecked(bytes).fill_checksum();
    Ok(protocol::ICMP)
}

/// RFC 3542, 3.1: the checksum of ICMPv6 is the kernel's work even on raw sockets.
fn put_icmpv6_checksum(path: &Path, packet: &mut Packet) -> Result<(), SendError> {
    let (IpAddr::V6(source), IpAddr::V6(destination)) = (path.source, path.destination) else {
        return Err(SendError::Version);
    };
    if packet.len() < 4 {
        return Err(SendError::Malformed);
    }
    smoltcp::wire::Icmpv6Packet::new_unchecked(packet.bytes_mut()).fill_checksum(&source, &destination);
    Ok(())
}
