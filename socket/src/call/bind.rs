//! bind(2)

use alloc::sync::Arc;

use linux_raw_sys::general::CAP_NET_BIND_SERVICE;
use scml::Call;

use crate::{
    abi::address::SocketAddress,
    caller::Caller,
    error::Result,
    family::unix::address::{Name, is_autobind},
    policy::{Admitted, Decoded},
    socket::Socket,
    step::{Operation, Step},
};

/// A name that a socket is to have.
pub struct Bind {
    socket: Arc<Socket>,
    address: SocketAddress,
}

impl Decoded for Bind {
    const CALL: Call = Call::Bind;

    fn socket(&self) -> Option<&Socket> {
        Some(&self.socket)
    }

    fn address(&self) -> Option<&[u8]> {
        Some(self.address.bytes())
    }
}

/// Decodes `bind(sockfd, addr, addrlen)`.
///
/// # Errors
/// EBADF, ENOTSOCK; EINVAL for a length that no address has, EFAULT; what the policy says.
pub fn start<C: Caller>(caller: &C, registers: &[usize; 6]) -> Result<Admitted<Bind>> {
    let socket = super::socket(caller, registers)?;
    let address = SocketAddress::read(caller, registers[1], registers[2] as i32)?;
    caller.world().policy.admit(caller, registers, Bind { socket, address })
}

impl<C: Caller> Operation<C> for Admitted<Bind> {
    fn step(&mut self, caller: &C) -> Step {
        Step::Done(self.call().perform(caller).map(|()| 0))
    }
}

impl Bind {
    fn perform<C: Caller>(&self, caller: &C) -> Result<()> {
        let (socket, world) = (&self.socket, caller.world());
        if let Some(internet) = socket.internet() {
            return internet.bind(self.address.bytes(), &super::internet::context(caller));
        }
        if let Some(netlink) = socket.netlink() {
            return netlink.bind(self.address.bytes(), caller.identity().pid as u32);
        }
        if let Some(vsock) = socket.vsock() {
            return vsock.bind(self.address.bytes(), caller.is_capable(CAP_NET_BIND_SERVICE));
        }
        if is_autobind(self.address.bytes()) {
            return socket.bind_any(world);
        }
        match Name::parse(self.address.bytes())? {
            Name::Abstract(name) => socket.bind_abstract(world, name),
            Name::Path(path) => {
                // Linux makes the inode before it looks whether the socket has a name: a path that cannot be made is
                // the error that is seen.
                let node = caller.make_node(path)?;
                socket.bind_node(world, path, node).inspect_err(|_| caller.remove_node(path, node))
            }
        }
    }
}
