//! shutdown(2)

use alloc::sync::Arc;

use linux_raw_sys::net;
use scml::Call;

use crate::{
    caller::Caller,
    error::{Errno, Error, Result},
    policy::{Admitted, Decoded},
    socket::{How, Socket},
    step::{Operation, Step},
};

/// Directions that are to be shut.
pub struct Shutdown {
    socket: Arc<Socket>,
    how: u32,
}

impl Decoded for Shutdown {
    const CALL: Call = Call::Shutdown;

    fn socket(&self) -> Option<&Socket> {
        Some(&self.socket)
    }
}

/// Decodes `shutdown(sockfd, how)`.
///
/// # Errors
/// EBADF, ENOTSOCK; what the policy says.
pub fn start<C: Caller>(caller: &C, registers: &[usize; 6]) -> Result<Admitted<Shutdown>> {
    let socket = super::socket(caller, registers)?;
    caller.world().policy.admit(caller, registers, Shutdown { socket, how: registers[1] as u32 })
}

impl<C: Caller> Operation<C> for Admitted<Shutdown> {
    fn step(&mut self, caller: &C) -> Step {
        Step::Done(self.call().perform(caller))
    }
}

impl Shutdown {
    fn perform<C: Caller>(&self, caller: &C) -> Result<usize> {
        let how = match self.how {
            net::SHUT_RD => How::Receive,
            net::SHUT_WR => How::Send,
            net::SHUT_RDWR => How::Both,
            _ => return Err(Error::new(Errno::EINVAL, "no such direction")),
        };
        if let Some(internet) = self.socket.internet() {
            return internet.shutdown(how, &super::internet::context(caller)).map(|()| 0);
        }
        if let Some(vsock) = self.socket.vsock() {
            return vsock.shutdown(how).map(|()| 0);
        }
        self.socket.shutdown(how);
        Ok(0)
    }
}
