//! getsockopt(2)

use alloc::sync::Arc;

use linux_raw_sys::{net, netlink::NETLINK_LIST_MEMBERSHIPS};
use scml::Call;

use crate::{
    abi::options::{OptionOut, OptionValue},
    caller::{Caller, DescriptorSlot},
    error::{Errno, Error, Result},
    family::netlink::SOL_NETLINK,
    policy::{Admitted, Decoded},
    socket::{Direction, Options, Socket},
    step::{Operation, Step},
};

/// An option that is asked for.
pub struct GetOption {
    socket: Arc<Socket>,
    level: u32,
    name: u32,
    value: usize,
    length: usize,
}

impl Decoded for GetOption {
    const CALL: Call = Call::Getsockopt;

    fn socket(&self) -> Option<&Socket> {
        Some(&self.socket)
    }
}

/// Decodes `getsockopt(sockfd, level, optname, optval, optlen)`.
///
/// # Errors
/// EBADF, ENOTSOCK; what the policy says.
pub fn start<C: Caller>(caller: &C, registers: &[usize; 6]) -> Result<Admitted<GetOption>> {
    let socket = super::socket(caller, registers)?;
    let [_, level, name, value, length, _] = *registers;
    let get = GetOption { socket, level: level as u32, name: name as u32, value, length };
    caller.world().policy.admit(caller, registers, get)
}

impl<C: Caller> Operation<C> for Admitted<GetOption> {
    fn step(&mut self, caller: &C) -> Step {
        Step::Done(self.call().perform(caller).map(|()| 0))
    }
}

impl GetOption {
    fn perform<C: Caller>(&self, caller: &C) -> Result<()> {
        if self.level != net::SOL_SOCKET
            && let Some(internet) = self.socket.internet()
        {
            let out = OptionOut::read(caller, self.value, self.length)?;
            if (self.level, self.name) == (net::SOL_TCP, net::TCP_INFO)
                && let Some(info) = internet.tcp_info(caller.now().into())
            {
                return out.write_some(caller, &info);
            }
            return out.write(caller, internet.option(self.level, self.name)?);
        }
        if self.level != net::SOL_SOCKET
            && let Some(netlink) = self.socket.netlink()
        {
            let out = OptionOut::read(caller, self.value, self.length)?;
            return match (self.level, self.name) {
                (SOL_NETLINK, NETLINK_LIST_MEMBERSHIPS) => out.write_words(caller, &netlink.memberships()),
                (SOL_NETLINK, name) => out.write_int(caller, netlink.option(name)?),
                _ => Err(super::setsockopt::UNKNOWN),
            };
        }
        if self.level == net::AF_VSOCK
            && let Some(vsock) = self.socket.vsock()
        {
            let out = OptionOut::read(caller, self.value, self.length)?;
            return out.write(caller, vsock.option(self.name)?);
        }
        if self.level != net::SOL_SOCKET && self.socket.vsock().is_some() {
            return Err(super::setsockopt::UNKNOWN);
        }
        if self.level != net::SOL_SOCKET {
            return Err(Error::new(Errno::EOPNOTSUPP, "UNIX sockets have no options of their own"));
        }
        let out = OptionOut::read(caller, self.value, self.length)?;
        match self.name {
            net::SO_PEERGROUPS if self.socket.is_unix() => {
                out.write_numbers(caller, &self.socket.peer().ok_or(NO_PEER)?.supplementary)
            }
            net::SO_PEERPIDFD if self.socket.is_unix() => self.open_peer(caller, &out),
            _ => out.write(caller, self.read()?),
        }
    }

    /// SO_PEERPIDFD: a new descriptor, of the peer's process.
    fn open_peer<C: Caller>(&self, caller: &C, out: &OptionOut) -> Result<()> {
        let peer = self.socket.peer().ok_or(NO_PEER)?;
        let slot = caller.reserve_descriptor()?;
        let file = caller.process_file(&peer.process)?;
        // The number is stored before there is anything behind it, so that no descriptor is open of which nobody knows.
        out.write(caller, OptionValue::Int(slot.number()))?;
        caller.install(slot, file, true);
        Ok(())
    }

    fn read(&self) -> Result<OptionValue> {
        let socket = &self.socket;
        let internet = socket.internet().is_some();
        let timeout = |direction| OptionValue::Time(socket.timeout(direction).unwrap_or_default());
        Ok(match self.name {
            net::SO_RCVTIMEO_OLD | net::SO_RCVTIMEO_NEW => timeout(Direction::Receive),
            net::SO_SNDTIMEO_OLD | net::SO_SNDTIMEO_NEW => timeout(Direction::Send),
            net::SO_LINGER => OptionValue::Linger(socket.linger()),
            net::SO_COOKIE => OptionValue::Wide(socket.number()),
            net::SO_BINDTODEVICE if let Some(internet) = socket.internet() => {
                OptionValue::Device(internet.device()?)
            }
            net::SO_PEERCRED => OptionValue::Credentials(socket.peer_credentials()),
            name => OptionValue::Int(match name {
                net::SO_TYPE => socket.socket_type().into(),
                net::SO_DOMAIN => socket.descriptor().family().into(),
                net::SO_PROTOCOL => socket.descriptor().protocol().into(),
                net::SO_ACCEPTCONN => socket.is_listening().into(),
                net::SO_SNDBUF => socket.send_buffer() as i32,
                net::SO_RCVBUF => socket.receive_buffer() as i32,
                net::SO_REUSEADDR => socket.options().contains(Options::REUSE_ADDRESS).into(),
                net::SO_REUSEPORT if internet => socket.options().contains(Options::REUSE_PORT).into(),
                net::SO_BROADCAST => socket.options().contains(Options::BROADCAST).into(),
                net::SO_KEEPALIVE => socket.options().contains(Options::KEEP_ALIVE).into(),
                net::SO_DONTROUTE if !internet => socket.options().contains(Options::DONT_ROUTE).into(),
                net::SO_NO_CHECK if internet => socket.options().contains(Options::NO_CHECK).into(),
                net::SO_RCVLOWAT => socket.receive_low() as i32,
                net::SO_SNDLOWAT => 1,
                net::SO_PRIORITY => socket.priority() as i32,
                net::SO_MARK => socket.mark() as i32,
                net::SO_PASSCRED if socket.is_unix() || socket.netlink().is_some() => {
                    socket.options().contains(Options::PASS_CREDENTIALS).into()
                }
                net::SO_PASSPIDFD if socket.is_unix() => {
                    socket.options().contains(Options::PASS_PIDFD).into()
                }
                net::SO_ERROR => socket.take_error().map_or(0, |error| error.errno.number().into()),
                _ => return Err(super::setsockopt::UNKNOWN),
            }),
        })
    }
}

const NO_PEER: Error = Error::new(Errno::ENODATA, "the socket has no peer");
