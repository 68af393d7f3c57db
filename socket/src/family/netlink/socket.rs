//! bind(2), connect(2), sending and receiving.

use alloc::{sync::Arc, vec::Vec};

use linux_raw_sys::{net::AF_UNSPEC, netlink::NETLINK_PKTINFO};
use scml::SocketState;
use spin::Mutex;

use super::{
    address::{Address, mask},
    endpoint::{Datagram, Endpoint, Switches},
    ports::Ports,
    request::{self, Context},
};
use crate::{
    bytes::Sink,
    error::{Errno, Error, Result},
    family::inet::{Datagram as Received, Told, address::Shown},
    identity::Sender,
    ready::{Events, Pollee},
    step::Attempt,
    world::World,
};

/// `SOL_NETLINK` of the kernel's `include/linux/socket.h`.
pub(crate) const SOL_NETLINK: u32 = 270;

/// What has to be left in the send buffer for bookkeeping (`netlink_sendmsg` of Linux).
const LEFT: usize = 32;

/// A socket of AF_NETLINK.
pub(crate) struct Netlink {
    pub(super) endpoint: Arc<Endpoint>,
    pub(super) ports: Arc<Ports>,
    /// To whom is sent what has no address: the kernel, unless connect(2) said otherwise.
    peer: Mutex<Peer>,
}

#[derive(Clone, Copy, Default)]
struct Peer {
    address: Address,
    /// Whether connect(2) has named it: then nobody else is heard but the kernel.
    connected: bool,
}

/// A socket of AF_NETLINK as `/proc/net/netlink` shows it.
#[derive(Clone, Copy, Debug)]
pub struct Status {
    /// `NETLINK_*`
    pub protocol: u32,
    /// Its number; 0 while it has none.
    pub port: u32,
    /// The first 32 groups that it listens to, a bit for each.
    pub groups: u32,
    /// What waits for it, in bytes as they count against SO_RCVBUF.
    pub charged: usize,
    /// Whether an answer of many messages is on its way.
    pub dumps: bool,
    /// How many messages were lost.
    pub drops: u32,
}

impl Netlink {
    pub(crate) fn new(world: &World, protocol: u32, pollee: Arc<Pollee>, receive_buffer: u32) -> Self {
        let ports = world.netlink.clone();
        let endpoint = Endpoint::new(protocol, ports.place(), pollee, receive_buffer);
        Self { endpoint, ports, peer: Mutex::default() }
    }

    /// Gives the socket a number, and the groups that it listens to.
    ///
    /// # Errors
    /// EINVAL for what is no address, and for another number than the one it has; EADDRINUSE.
    pub(crate) fn bind(&self, address: &[u8], pid: u32) -> Result<()> {
        let address = Address::parse(address)?;
        match (self.endpoint.port(), address.port) {
            (0, 0) => self.ports.bind_any(&self.endpoint, pid),
            (0, port) => self.ports.bind(&self.endpoint, port)?,
            (own, port) if own == port => {}
            _ => return Err(Error::new(Errno::EINVAL, "the socket has another number")),
        }
        let groups = self.endpoint.groups() & !u64::from(u32::MAX) | u64::from(address.groups);
        self.ports.listen(&self.endpoint, groups);
        Ok(())
    }

    /// Names who is sent to, and alone is heard besides the kernel; AF_UNSPEC takes that back.
    ///
    /// # Errors
    /// EINVAL for what is no address; EPERM for another one than the kernel without CAP_NET_ADMIN.
    pub(crate) fn connect(&self, address: &[u8], context: &Context<'_>) -> Result<()> {
        let family = address.first_chunk().map(|family| u16::from_ne_bytes(*family));
        if family == Some(AF_UNSPEC as u16) {
            *self.peer.lock() = Peer::default();
            self.endpoint.hear(None);
            return Ok(());
        }
        let address = Address::parse(address)?;
        if address != Address::default() {
            context.may_speak()?;
        }
        self.have_number(context);
        let address = Address { groups: mask(address.group()), ..address };
        *self.peer.lock() = Peer { address, connected: true };
        self.endpoint.hear(Some(address.port));
        Ok(())
    }

    fn have_number(&self, context: &Context<'_>) {
        if self.endpoint.port() == 0 {
            self.ports.bind_any(&self.endpoint, context.pid());
        }
    }

    pub(crate) fn local_name(&self) -> [u8; 12] {
        self.endpoint.address().bytes()
    }

    pub(crate) fn peer_name(&self) -> [u8; 12] {
        self.peer.lock().address.bytes()
    }

    /// The state, as the rules of a policy know it.
    pub(crate) fn state(&self) -> SocketState {
        if self.peer.lock().connected {
            return SocketState::Connected;
        }
        if self.endpoint.port() == 0 { SocketState::Unbound } else { SocketState::Bound }
    }

    /// As `/proc/net/netlink` shows it.
    pub(crate) fn status(&self) -> Status {
        let endpoint = &self.endpoint;
        let Address { port, groups } = endpoint.address();
        let dumps = endpoint.dumps();
        let (charged, drops) = (endpoint.charged(), endpoint.drops());
        Status { protocol: endpoint.protocol, port, groups, charged, dumps, drops }
    }

    /// What stands in the way of sending: looked at before the bytes are.
    ///
    /// # Errors
    /// ENODATA where there is nothing to send; EINVAL for what is no address; EPERM for another one than the kernel without
    /// CAP_NET_ADMIN; EMSGSIZE where the send buffer could never hold it.
    pub(crate) fn prepare(
        &self,
        to: Option<&[u8]>,
        length: usize,
        send_buffer: u32,
        context: &Context<'_>,
    ) -> Result<Address> {
        if length == 0 {
            return Err(Error::new(Errno::ENODATA, "there is nothing to send"));
        }
        let to = match to {
            Some(to) => {
                let to = Address::parse(to)?;
                if to != Address::default() {
                    context.may_speak()?;
                }
                to
            }
            None => self.peer.lock().address,
        };
        self.have_number(context);
        if length > (send_buffer as usize).saturating_sub(LEFT) {
            return Err(Error::new(Errno::EMSGSIZE, "larger than the send buffer"));
        }
        Ok(to)
    }

    /// Sends bytes to whom [`Netlink::prepare`] named. What is for the kernel is done at once, and what it has to say to it
    /// waits to be received.
    ///
    /// # Errors
    /// ECONNREFUSED where nobody has the number. Waits for room. That a group has lost it is not told, as on Linux.
    pub(crate) fn send(&self, bytes: &[u8], to: Address, context: &Context<'_>) -> Attempt<()> {
        let group = to.group();
        let datagram = |group| {
            let (bytes, sender) = (Arc::new(bytes.to_vec()), Some(context.program.identity().as_sender()));
            Datagram { bytes, port: self.endpoint.port(), group, sender }
        };
        if group != 0 {
            let (protocol, own) = (self.endpoint.protocol, Some(&*self.endpoint));
            self.ports.announce(protocol, to.port, own, &datagram(group));
        }
        if to.port == 0 {
            request::perform(&self.endpoint, bytes, context);
        } else {
            let other = self.ports.find(self.endpoint.protocol, to.port);
            let other = other.filter(|other| other.hears(self.endpoint.port())).ok_or(NOBODY)?;
            other.offer(datagram(0))?;
        }
        Ok(())
    }

    /// Receives a message, and says which program sent it, if one did.
    ///
    /// # Errors
    /// The pending error: ENOBUFS where messages were lost; EFAULT. Waits for a message.
    pub(crate) fn receive<K: Sink>(&self, sink: &mut K, peek: bool) -> Attempt<(Received, Option<Sender>)> {
        let room = sink.room();
        let Datagram { bytes, port, group, sender } = self.endpoint.take(peek, room)?;
        let copied = room.min(bytes.len());
        sink.put(&bytes[..copied])?;
        let mut told = Vec::new();
        if self.endpoint.switches().contains(Switches::PACKET_INFO) {
            // struct nl_pktinfo
            let data = group.to_ne_bytes().to_vec();
            told.push(Told { level: SOL_NETLINK, kind: NETLINK_PKTINFO, data });
        }
        let name = Shown::of(Address { port, groups: mask(group) }.bytes());
        Ok((Received { copied, length: bytes.len(), sender: name, told }, sender))
    }

    pub(crate) fn take_error(&self) -> Option<Error> {
        self.endpoint.take_error()
    }

    pub(crate) fn set_error(&self, errno: Errno) {
        self.endpoint.set_error(errno);
    }

    pub(crate) fn poll(&self) -> Events {
        self.endpoint.poll()
    }

    pub(crate) fn set_receive_buffer(&self, bytes: u32) {
        self.endpoint.set_receive_buffer(bytes);
    }
}

const NOBODY: Error = Error::new(Errno::ECONNREFUSED, "nobody has the number, or hears this socket");

impl Drop for Netlink {
    fn drop(&mut self) {
        self.ports.release(&self.endpoint);
    }
}
