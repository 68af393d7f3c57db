//! connect(2)

use alloc::sync::Arc;

use scml::Call;

use crate::{
    abi::address::SocketAddress,
    caller::Caller,
    error::Result,
    family::unix::address::{Name, is_unspecific},
    policy::{Admitted, Decoded},
    socket::{Socket, Target},
    step::{Attempt, Operation, Step, all_at_once},
};

/// A connection that is to be made.
pub struct Connect {
    socket: Arc<Socket>,
    address: SocketAddress,
}

impl Decoded for Connect {
    const CALL: Call = Call::Connect;

    fn socket(&self) -> Option<&Socket> {
        Some(&self.socket)
    }

    fn address(&self) -> Option<&[u8]> {
        Some(self.address.bytes())
    }
}

/// Decodes `connect(sockfd, addr, addrlen)`.
///
/// # Errors
/// EBADF, ENOTSOCK; EINVAL for a length that no address has, EFAULT; what the policy says.
pub fn start<C: Caller>(caller: &C, registers: &[usize; 6]) -> Result<Admitted<Connect>> {
    let socket = super::socket(caller, registers)?;
    let address = SocketAddress::read(caller, registers[1], registers[2] as i32)?;
    caller.world().policy.admit(caller, registers, Connect { socket, address })
}

impl<C: Caller> Operation<C> for Admitted<Connect> {
    fn step(&mut self, caller: &C) -> Step {
        let connect = self.call();
        all_at_once(connect.perform(caller).map(|()| 0), connect.socket.nonblocking())
    }
}

impl Connect {
    /// The name is looked up at every try: while this one waited for room, another may have taken it.
    fn perform<C: Caller>(&self, caller: &C) -> Attempt<()> {
        if is_unspecific(self.address.bytes()) && self.socket.disconnect() {
            return Ok(());
        }
        let target = match Name::parse(self.address.bytes())? {
            Name::Abstract(name) => Target::Abstract(name),
            Name::Path(path) => Target::Node(caller.find_node(path)?),
        };
        self.socket.connect(caller.world(), target, caller.identity())
    }
}
