//! ioctl(2) on a socket

use alloc::sync::Arc;

use linux_raw_sys::ioctl;
use scml::Call;

use crate::{
    caller::Caller,
    error::Result,
    policy::{Admitted, Decoded},
    socket::Socket,
    step::{Operation, Step},
};

/// Something that is to be asked of a socket, or done to it.
pub struct Ioctl {
    socket: Arc<Socket>,
    descriptor: i32,
    request: u32,
    argument: usize,
}

impl Decoded for Ioctl {
    const CALL: Call = Call::Ioctl;

    fn socket(&self) -> Option<&Socket> {
        Some(&self.socket)
    }
}

/// Decodes `ioctl(fd, request, argp)`, where the descriptor is that of `socket`.
///
/// # Errors
/// What the policy says.
pub fn start<C: Caller>(caller: &C, socket: Arc<Socket>, registers: &[usize; 6]) -> Result<Admitted<Ioctl>> {
    let [descriptor, request, argument, ..] = *registers;
    let call = Ioctl { socket, descriptor: descriptor as i32, request: request as u32, argument };
    caller.world().policy.admit(caller, registers, call)
}

impl<C: Caller> Operation<C> for Admitted<Ioctl> {
    fn step(&mut self, caller: &C) -> Step {
        Step::Done(self.call().perform(caller))
    }
}

impl Ioctl {
    fn perform<C: Caller>(&self, caller: &C) -> Result<usize> {
        match self.request {
            // What concerns the descriptor and the open file comes first, as in Linux.
            ioctl::FIOCLEX => caller.set_close_on_exec(self.descriptor, true)?,
            ioctl::FIONCLEX => caller.set_close_on_exec(self.descriptor, false)?,
            ioctl::FIONBIO => {
                let mut on = [0; 4];
                caller.read_memory(self.argument, &mut on)?;
                self.socket.set_nonblocking(i32::from_ne_bytes(on) != 0);
            }
            ioctl::FIOASYNC => {
                let mut on = [0; 4];
                caller.read_memory(self.argument, &mut on)?;
                caller.set_asynchronous(self.descriptor, i32::from_ne_bytes(on) != 0)?;
            }
            // Messages of netlink are not counted.
            ioctl::FIONREAD | ioctl::TIOCOUTQ if self.socket.netlink().is_some() => {
                return Err(super::interface::NO_REQUEST);
            }
            ioctl::FIONREAD => self.answer(caller, self.socket.unread()?)?,
            ioctl::TIOCOUTQ => self.answer(caller, self.socket.unsent()?)?,
            _ => super::interface::answer(caller, &self.socket, self.request, self.argument)?,
        }
        Ok(0)
    }

    fn answer<C: Caller>(&self, caller: &C, bytes: u32) -> Result<()> {
        let bytes = i32::try_from(bytes).unwrap_or(i32::MAX);
        Ok(caller.write_memory(self.argument, &bytes.to_ne_bytes())?)
    }
}
