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
    fn step(&mut self, _caller: &C) -> Step {
        Step::Done(self.call().perform())
    }
}

impl Shutdown {
    fn perform(&self) -> Result<usize> {
        let how = match self.how {
            net::SHUT_RD => How::Receive,
            net::SHUT_WR => How::Send,
            net::SHUT_RDWR => How::Both,
            _ => return Err(Error::new(Errno::EINVAL, "no such direction")),
        };
        self.socket.shutdown(how);
        Ok(0)
    }
}
