//! listen(2)

use alloc::sync::Arc;

use scml::Call;

use crate::{
    caller::Caller,
    error::Result,
    policy::{Admitted, Decoded},
    socket::Socket,
    step::{Operation, Step},
};

/// A socket that is to accept connections.
pub struct Listen {
    socket: Arc<Socket>,
    /// Negative numbers are very large ones, as in Linux.
    backlog: u32,
}

impl Decoded for Listen {
    const CALL: Call = Call::Listen;

    fn socket(&self) -> Option<&Socket> {
        Some(&self.socket)
    }
}

/// Decodes `listen(sockfd, backlog)`.
///
/// # Errors
/// EBADF, ENOTSOCK; what the policy says.
pub fn start<C: Caller>(caller: &C, registers: &[usize; 6]) -> Result<Admitted<Listen>> {
    let socket = super::socket(caller, registers)?;
    caller.world().policy.admit(caller, registers, Listen { socket, backlog: registers[1] as u32 })
}

impl<C: Caller> Operation<C> for Admitted<Listen> {
    fn step(&mut self, caller: &C) -> Step {
        let Listen { socket, backlog } = self.call();
        if let Some(internet) = socket.internet() {
            let backlog = (*backlog).min(caller.world().settings.get().backlog);
            return Step::Done(internet.listen(backlog, &super::internet::context(caller)).map(|()| 0));
        }
        Step::Done(socket.listen(caller.world(), *backlog, caller.identity()).map(|()| 0))
    }
}
