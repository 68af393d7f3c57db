//! setsockopt(2)

use alloc::sync::Arc;

use linux_raw_sys::{
    general::{CAP_NET_ADMIN, CAP_NET_RAW},
    net,
};
use scml::Call;

use crate::{
    abi::options::OptionIn,
    caller::Caller,
    error::{Errno, Error, Result},
    family::netlink::SOL_NETLINK,
    policy::{Admitted, Decoded},
    socket::{Direction, Options, Socket},
    step::{Operation, Step},
};

/// An option that is to be set.
pub struct SetOption {
    socket: Arc<Socket>,
    level: u32,
    name: u32,
    value: OptionIn,
}

impl Decoded for SetOption {
    const CALL: Call = Call::Setsockopt;

    fn socket(&self) -> Option<&Socket> {
        Some(&self.socket)
    }

    fn memory(&self, _parameter: usize) -> Option<&[u8]> {
        Some(self.value.bytes()).filter(|bytes| !bytes.is_empty())
    }
}

/// Decodes `setsockopt(sockfd, level, optname, optval, optlen)`.
///
/// # Errors
/// EBADF, ENOTSOCK; EINVAL for a negative length; what the policy says.
pub fn start<C: Caller>(caller: &C, registers: &[usize; 6]) -> Result<Admitted<SetOption>> {
    let socket = super::socket(caller, registers)?;
    let [_, level, name, value, length, _] = *registers;
    if (length as i32) < 0 {
        return Err(Error::new(Errno::EINVAL, "a negative length"));
    }
    let value = OptionIn::read(caller, value, length as i32);
    let set = SetOption { socket, level: level as u32, name: name as u32, value };
    caller.world().policy.admit(caller, registers, set)
}

impl<C: Caller> Operation<C> for Admitted<SetOption> {
    fn step(&mut self, caller: &C) -> Step {
        Step::Done(self.call().perform(caller).map(|()| 0))
    }
}

impl SetOption {
    fn perform<C: Caller>(&self, caller: &C) -> Result<()> {
        if self.level != net::SOL_SOCKET
            && let Some(internet) = self.socket.internet()
        {
            return internet.set_option(self.level, self.name, &self.value, caller.now().into());
        }
        if self.level != net::SOL_SOCKET
            && let Some(netlink) = self.socket.netlink()
        {
            return match self.level {
                SOL_NETLINK => {
                    let program = super::netlink::Of(caller);
                    let context = super::netlink::context(caller, &program);
                    netlink.set_option(self.name, self.value.int()?, &context)
                }
                _ => Err(UNKNOWN),
            };
        }
        if self.level == net::AF_VSOCK
            && let Some(vsock) = self.socket.vsock()
        {
            return vsock.set_option(self.name, &self.value);
        }
        if self.level != net::SOL_SOCKET && self.socket.vsock().is_some() {
            return Err(UNKNOWN);
        }
        if self.level != net::SOL_SOCKET {
            return Err(Error::new(Errno::EOPNOTSUPP, "UNIX sockets have no options of their own"));
        }
        if self.name == net::SO_BINDTODEVICE
            && let Some(internet) = self.socket.internet()
        {
            return internet.set_device(self.value.device()?, caller.is_capable(CAP_NET_RAW));
        }
        // Linux looks at the value before it looks which option it is for.
        let value = self.value.int()?;
        let world = caller.world();
        let internet = self.socket.internet().is_some();
        match self.name {
            net::SO_SNDBUF => self.socket.set_send_buffer(world, value as u32),
            net::SO_RCVBUF => self.socket.set_receive_buffer(world, value as u32),
            net::SO_REUSEADDR => self.socket.set_options(Options::REUSE_ADDRESS, value != 0),
            net::SO_REUSEPORT if internet => self.socket.set_options(Options::REUSE_PORT, value != 0),
            net::SO_BROADCAST => self.socket.set_options(Options::BROADCAST, value != 0),
            net::SO_KEEPALIVE => self.socket.set_options(Options::KEEP_ALIVE, value != 0),
            net::SO_NO_CHECK if internet => self.socket.set_options(Options::NO_CHECK, value != 0),
            net::SO_DONTROUTE if !internet => self.socket.set_options(Options::DONT_ROUTE, value != 0),
            net::SO_RCVTIMEO_OLD | net::SO_RCVTIMEO_NEW => {
                self.socket.set_timeout(Direction::Receive, self.value.time()?);
            }
            net::SO_SNDTIMEO_OLD | net::SO_SNDTIMEO_NEW => {
                self.socket.set_timeout(Direction::Send, self.value.time()?);
            }
            net::SO_RCVLOWAT => {
                // Below 0 is for as much as there can be.
                self.socket.set_receive_low(u32::try_from(value).unwrap_or(i32::MAX as u32));
            }
            net::SO_LINGER => self.socket.set_linger(self.value.linger()?),
            net::SO_PRIORITY => {
                /// Up to here, everybody may (`socket(7)`).
                const COMMON: i32 = 6;
                if !(0..=COMMON).contains(&value) {
                    may_administer(caller)?;
                }
                self.socket.set_priority(value as u32);
            }
            net::SO_MARK => {
                may_administer(caller)?;
                self.socket.set_mark(value as u32);
            }
            net::SO_PASSCRED if internet || self.socket.vsock().is_some() => return Err(UNKNOWN),
            net::SO_PASSPIDFD if !self.socket.is_unix() => return Err(UNKNOWN),
            net::SO_PASSCRED => self.socket.set_options(Options::PASS_CREDENTIALS, value != 0),
            net::SO_PASSPIDFD => self.socket.set_options(Options::PASS_PIDFD, value != 0),
            _ => return Err(UNKNOWN),
        }
        Ok(())
    }
}

/// SO_MARK, and priorities that not everybody has.
fn may_administer<C: Caller>(caller: &C) -> Result<()> {
    if caller.is_capable(CAP_NET_RAW) || caller.is_capable(CAP_NET_ADMIN) {
        return Ok(());
    }
    Err(Error::new(Errno::EPERM, "without CAP_NET_RAW or CAP_NET_ADMIN"))
}

/// For options that do not exist, cannot be read, or cannot be set, as in Linux.
pub(super) const UNKNOWN: Error = Error::new(Errno::ENOPROTOOPT, "");
