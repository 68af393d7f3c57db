//! getsockname(2)

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

/// The socket's name, which is asked for.
pub struct GetSockName {
    socket: Arc<Socket>,
    out: AddressOut,
}

impl Decoded for GetSockName {
    const CALL: Call = Call::Getsockname;

    fn socket(&self) -> Option<&Socket> {
        Some(&self.socket)
    }
}

/// Decodes `getsockname(sockfd, addr, addrlen)`.
///
/// # Errors
/// EBADF, ENOTSOCK; what the policy says.
pub fn start<C: Caller>(caller: &C, registers: &[usize; 6]) -> Result<Admitted<GetSockName>> {
    let socket = super::socket(caller, registers)?;
    let out = AddressOut { buffer: registers[1], length: registers[2] };
    caller.world().policy.admit(caller, registers, GetSockName { socket, out })
}

impl<C: Caller> Operation<C> for Admitted<GetSockName> {
    fn step(&mut self, caller: &C) -> Step {
        Step::Done(self.call().perform(caller).map(|()| 0))
    }
}

impl GetSockName {
    fn perform<C: Caller>(&self, caller: &C) -> Result<()> {
        let Self { socket, out } = self;
        if let Some(internet) = socket.internet() {
            return out.write(caller, internet.local_name().bytes());
        }
        if let Some(netlink) = socket.netlink() {
            return out.write(caller, &netlink.local_name());
        }
        if let Some(vsock) = socket.vsock() {
            return out.write(caller, &vsock.local_name());
        }
        out.write(caller, shown(socket.local_address().as_ref()))
    }
}
