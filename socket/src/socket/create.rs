//! How sockets come to be: socket(2), socketpair(2), and connections that wait to be accepted.

use alloc::{boxed::Box, sync::Arc};
use core::sync::atomic::AtomicU32;

use linux_raw_sys::{
    net,
    netlink::{NETLINK_KOBJECT_UEVENT, NETLINK_ROUTE, NETLINK_SOCK_DIAG},
};
use net_stack::datagram::Version;
use scml::Descriptor;
use spin::Once;

use super::{Body, Socket};
use crate::{
    error::{Errno, Error, Result},
    family::{
        inet::Internet,
        netlink::Netlink,
        unix::{
            connection::{Channel, ConnectionMode, Defaults, Sides},
            datagram::Datagram,
            record::{Endpoint, Kind, New, Sequenced},
            stream::Link,
        },
        vsock::{self, Vsock},
    },
    identity::Identity,
    ready::Pollee,
    registry,
    step::Attempt,
    world::World,
};

/// Types are below it (`SOCK_MAX` of the kernel's `include/linux/net.h`).
const SOCK_MAX: u32 = 11;
/// Families are below it (`AF_MAX`).
const AF_MAX: u32 = 46;

/// Protocols of AF_INET and AF_INET6 are below it (`IPPROTO_MAX`).
const IPPROTO_MAX: u32 = 263;

/// SO_SNDBUF and SO_RCVBUF of a new stream over TCP: the middle ones of `net.ipv4.tcp_wmem` and `tcp_rmem`.
const TCP_BUFFERS: (u32, u32) = (16_384, 131_072);

const TCP: u32 = net::IPPROTO_TCP as u32;
const UDP: u32 = net::IPPROTO_UDP as u32;

const fn unix(kind: u32) -> Descriptor {
    Descriptor::new(net::AF_UNIX as u16, kind as u8, 0)
}

impl Socket {
    pub(super) fn with(world: &World, pollee: Arc<Pollee>, descriptor: Descriptor, body: Body) -> Self {
        Self {
            flags: AtomicU32::new(0),
            send_buffer: AtomicU32::new(world.settings.send_buffer()),
            receive_buffer: AtomicU32::new(world.settings.receive_buffer()),
            pollee,
            descriptor,
            place: AtomicU32::new(registry::NOWHERE),
            extra: Once::new(),
            body,
        }
    }

    /// A socket as socket(2) makes it.
    ///
    /// # Errors
    /// EAFNOSUPPORT, EINVAL, EPROTONOSUPPORT, ESOCKTNOSUPPORT: what Linux answers for what it does not have, in its order.
    pub fn create(world: &World, family: u32, socket_type: u32, protocol: u32) -> Result<Arc<Self>> {
        let descriptor = Self::kind(family, socket_type, protocol)?;
        match u32::from(descriptor.family()) {
            net::AF_UNIX => {}
            net::AF_NETLINK => return Ok(Self::create_netlink(world, descriptor)),
            net::AF_VSOCK => return Ok(Self::create_vsock(world, descriptor)),
            _ => return Ok(Self::create_internet(world, descriptor)),
        }
        let pollee = Arc::<Pollee>::default();
        let body = match socket_type {
            net::SOCK_DGRAM => Body::Datagram(Datagram::new(Self::datagrams(world, pollee.clone(), None))),
            net::SOCK_SEQPACKET => Body::Seqpacket(ConnectionMode::new()),
            _ => Body::Stream(ConnectionMode::new()),
        };
        let socket = Arc::new(Self::with(world, pollee, descriptor, body));
        registry::enter(world.id, [&socket]);
        Ok(socket)
    }

    /// Two sockets that are connected to each other, as socketpair(2) makes them. `identity` is shown as the peer's on
    /// both sides.
    ///
    /// # Errors
    /// As [`Socket::create`].
    pub fn pair(
        world: &World,
        family: u32,
        socket_type: u32,
        protocol: u32,
        identity: Arc<Identity>,
    ) -> Result<[Arc<Self>; 2]> {
        let descriptor = Self::kind(family, socket_type, protocol)?;
        if u32::from(descriptor.family()) != net::AF_UNIX {
            return Err(Error::new(Errno::EOPNOTSUPP, "the family has no pairs"));
        }
        let pollees = [Arc::<Pollee>::default(), Arc::default()];
        let bodies = match socket_type {
            net::SOCK_DGRAM => {
                let [one, other] =
                    pollees.clone().map(|pollee| Self::datagrams(world, pollee, Some(identity.clone())));
                Endpoint::join(&one, &other);
                [one, other].map(|endpoint| Body::Datagram(Datagram::new(endpoint)))
            }
            net::SOCK_SEQPACKET => Self::connected::<Sequenced>(world, &pollees, identity),
            _ => Self::connected::<Link>(world, &pollees, identity),
        };
        let [pollee, other_pollee] = pollees;
        let [body, other_body] = bodies;
        let end = |pollee, body| Arc::new(Self::with(world, pollee, descriptor, body));
        let [socket, peer] = [end(pollee, body), end(other_pollee, other_body)];
        registry::enter(world.id, [&socket, &peer]);
        Ok([socket, peer])
    }

    /// A datagram socket as others know it.
    fn datagrams(world: &World, pollee: Arc<Pollee>, peer: Option<Arc<Identity>>) -> Arc<Endpoint> {
        let limits = world.settings.get();
        Endpoint::new(New {
            kind: Kind::Datagram,
            pollee,
            pool: &world.pool,
            send_buffer: limits.send_buffer,
            backlog: limits.datagrams,
            peer,
        })
    }

    /// The two sides of a connection.
    fn connected<C: Channel>(
        world: &World,
        pollees: &[Arc<Pollee>; 2],
        identity: Arc<Identity>,
    ) -> [Body; 2] {
        let sides = Sides {
            pollees: pollees.clone(),
            peers: [identity.clone(), identity],
            send_buffers: [world.settings.send_buffer(); 2],
            pool: &world.pool,
        };
        C::pair(sides).map(|link| C::body(ConnectionMode::connected(link)))
    }

    /// The kind of socket that is asked for.
    fn kind(family: u32, socket_type: u32, protocol: u32) -> Result<Descriptor> {
        if family >= AF_MAX {
            return Err(Error::new(Errno::EAFNOSUPPORT, "no such address family"));
        }
        if socket_type >= SOCK_MAX {
            return Err(Error::new(Errno::EINVAL, "no such socket type"));
        }
        match family {
            net::AF_UNIX if protocol != 0 && protocol != net::AF_UNIX => {
                Err(Error::new(Errno::EPROTONOSUPPORT, "the UNIX family has one protocol"))
            }
            net::AF_UNIX
                if matches!(socket_type, net::SOCK_STREAM | net::SOCK_DGRAM | net::SOCK_SEQPACKET) =>
            {
                Ok(unix(socket_type))
            }
            net::AF_UNIX => Err(Error::new(Errno::ESOCKTNOSUPPORT, "the UNIX family has no such type here")),
            net::AF_INET | net::AF_INET6 => {
                let protocol = internet_protocol(socket_type, protocol)?;
                Ok(Descriptor::new(family as u16, socket_type as u8, protocol as u16))
            }
            net::AF_NETLINK if !matches!(socket_type, net::SOCK_RAW | net::SOCK_DGRAM) => {
                Err(Error::new(Errno::ESOCKTNOSUPPORT, "the netlink family has no such type"))
            }
            net::AF_NETLINK
                if !matches!(protocol, NETLINK_ROUTE | NETLINK_KOBJECT_UEVENT | NETLINK_SOCK_DIAG) =>
            {
                Err(Error::new(Errno::EPROTONOSUPPORT, "the netlink family has no such protocol here"))
            }
            net::AF_NETLINK => Ok(Descriptor::new(family as u16, socket_type as u8, protocol as u16)),
            net::AF_VSOCK if protocol != 0 && protocol != net::AF_VSOCK => {
                Err(Error::new(Errno::EPROTONOSUPPORT, "the vsock family has one protocol"))
            }
            net::AF_VSOCK if socket_type == net::SOCK_DGRAM => {
                Err(Error::new(Errno::ENODEV, "no transport carries datagrams"))
            }
            net::AF_VSOCK if !matches!(socket_type, net::SOCK_STREAM | net::SOCK_SEQPACKET) => {
                Err(Error::new(Errno::ESOCKTNOSUPPORT, "the vsock family has no such type"))
            }
            net::AF_VSOCK => Ok(Descriptor::new(family as u16, socket_type as u8, protocol as u16)),
            _ => Err(Error::new(Errno::EAFNOSUPPORT, "the family is not supported")),
        }
    }

    /// A socket of AF_INET or AF_INET6.
    #[inline(never)]
    fn create_internet(world: &World, descriptor: Descriptor) -> Arc<Self> {
        let pollee = Arc::<Pollee>::default();
        let version = match u32::from(descriptor.family()) {
            net::AF_INET => Version::V4,
            _ => Version::V6,
        };
        let is_stream = u32::from(descriptor.kind()) == net::SOCK_STREAM;
        let internet = match is_stream {
            true => Internet::stream(&world.network, version, pollee.clone()),
            false => Internet::datagrams(&world.network, version, pollee.clone()),
        };
        let mut socket = Self::with(world, pollee, descriptor, Body::Internet(Box::new(internet)));
        if is_stream {
            let (send, receive) = TCP_BUFFERS;
            (*socket.send_buffer.get_mut(), *socket.receive_buffer.get_mut()) = (send, receive);
        }
        let socket = Arc::new(socket);
        registry::enter(world.id, [&socket]);
        socket
    }

    /// A socket of AF_NETLINK.
    #[inline(never)]
    fn create_netlink(world: &World, descriptor: Descriptor) -> Arc<Self> {
        let pollee = Arc::<Pollee>::default();
        let receive_buffer = world.settings.receive_buffer();
        let netlink = Netlink::new(world, descriptor.protocol().into(), pollee.clone(), receive_buffer);
        let socket = Arc::new(Self::with(world, pollee, descriptor, Body::Netlink(Box::new(netlink))));
        registry::enter(world.id, [&socket]);
        socket
    }

    /// A socket of AF_VSOCK.
    #[inline(never)]
    fn create_vsock(world: &World, descriptor: Descriptor) -> Arc<Self> {
        let kind = match u32::from(descriptor.kind()) {
            net::SOCK_STREAM => vsock::Kind::Stream,
            _ => vsock::Kind::Seqpacket,
        };
        let vsock = Vsock::new(&world.vsock, kind);
        let pollee = vsock.pollee().clone();
        let socket = Arc::new(Self::with(world, pollee, descriptor, Body::Vsock(Box::new(vsock))));
        registry::enter(world.id, [&socket]);
        socket
    }

    /// The next connection that waits at a socket of AF_VSOCK.
    pub(super) fn accept_vsock(&self, listener: &Vsock) -> Attempt<Arc<Self>> {
        let vsock = Vsock::accepted(listener.accept()?);
        let socket = Arc::new(Self {
            flags: AtomicU32::new(0),
            send_buffer: AtomicU32::new(self.send_buffer()),
            receive_buffer: AtomicU32::new(self.receive_buffer()),
            pollee: vsock.pollee().clone(),
            descriptor: self.descriptor,
            place: AtomicU32::new(registry::NOWHERE),
            extra: Once::new(),
            body: Body::Vsock(Box::new(vsock)),
        });
        registry::enter_waiting(self.place(), &socket);
        Ok(socket)
    }

    /// The next connection that waits at a stream socket over TCP.
    pub(super) fn accept_internet(&self, listener: &Internet) -> Attempt<Arc<Self>> {
        let accepted = listener.accept()?;
        let pollee = Arc::<Pollee>::default();
        let internet = listener.accepted(accepted, pollee.clone());
        let socket = Arc::new(Self {
            flags: AtomicU32::new(self.options().bits()),
            send_buffer: AtomicU32::new(self.send_buffer()),
            receive_buffer: AtomicU32::new(self.receive_buffer()),
            pollee,
            descriptor: self.descriptor,
            place: AtomicU32::new(registry::NOWHERE),
            extra: Once::new(),
            body: Body::Internet(Box::new(internet)),
        });
        socket.inherit_extra(self);
        registry::enter_waiting(self.place(), &socket);
        Ok(socket)
    }

    /// The socket at the other end of a connection that waits to be accepted.
    pub(crate) fn embryo(body: Body, descriptor: Descriptor, defaults: Defaults) -> Arc<Self> {
        let Defaults { pollee, pool: _, send_buffer, receive_buffer } = defaults;
        Arc::new(Self {
            flags: AtomicU32::new(0),
            send_buffer: AtomicU32::new(send_buffer),
            receive_buffer: AtomicU32::new(receive_buffer),
            pollee,
            descriptor,
            place: AtomicU32::new(registry::NOWHERE),
            extra: Once::new(),
            body,
        })
    }
}

/// The protocol of a type of AF_INET or AF_INET6, by its number or 0 for the usual one.
fn internet_protocol(socket_type: u32, protocol: u32) -> Result<u32> {
    if protocol >= IPPROTO_MAX {
        return Err(Error::new(Errno::EINVAL, "no such protocol"));
    }
    let usual = match socket_type {
        net::SOCK_STREAM => TCP,
        net::SOCK_DGRAM => UDP,
        _ => return Err(Error::new(Errno::ESOCKTNOSUPPORT, "the family has no such type here")),
    };
    if protocol != 0 && protocol != usual {
        return Err(Error::new(Errno::EPROTONOSUPPORT, "the type has no such protocol here"));
    }
    Ok(usual)
}
