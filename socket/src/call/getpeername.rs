//! getpeername(2)

use alloc::sync::Arc;

use scml::Call;

use crate::{
    abi::address::AddressOut,
    caller::Caller,
    error::Result,
    family::unix::address::shown,
    policy::{Admitted, Decoded},
    socket::Socket,
    step::{Operation, Step},
};

/// The peer's name, which is asked for.
pub struct GetPeerName {
    socket: Arc<Socket>,
    out: AddressOut,
}

impl Decoded for GetPeerName {
    const CALL: Call = Call::Getpeername;

    fn socket(&self) -> Option<&Socket> {
        Some(&self.socket)
    }
}

/// Decodes `getpeername(sockfd, addr, addrlen)`.
///
/// # Errors
/// EBADF, ENOTSOCK; what the policy says.
pub fn start<C: Caller>(caller: &C, registers: &[usize; 6]) -> Result<Admitted<GetPeerName>> {
    let socket = super::socket(caller, registers)?;
    let out = AddressOut { buffer: registers[1], length: registers[2] };
    caller.world().policy.admit(caller, registers, GetPeerName { socket, out })
}

impl<C: Caller> Operation<C> for Admitted<GetPeerName> {
    fn step(&mut self, caller: &C) -> Step {
        Step::Done(self.call().perform(caller).map(|()| 0))
    }
}

impl GetPeerName {
    fn perform<C: Caller>(&self, caller: &C) -> Result<()> {
        let Self { socket, out } = self;
        if let Some(internet) = socket.internet() {
            return out.write(caller, internet.peer_name(false)?.bytes());
        }
        if let Some(netlink) = socket.netlink() {
            return out.write(caller, &netlink.peer_name());
        }
        if let Some(vsock) = socket.vsock() {
            return out.write(caller, &vsock.peer_name(false)?);
        }
        out.write(caller, shown(socket.peer_address()?.as_ref()))
    }
}
