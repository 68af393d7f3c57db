//! What accept(2) and accept4(2) have in common.

use alloc::sync::Arc;

use crate::{
    abi::{address::AddressOut, flags::CreationFlags},
    caller::{Caller, DescriptorSlot},
    error::{Errno, Result},
    family::unix::address::shown,
    socket::{Direction, Socket},
    step::{Patience, Step, Stop},
};

/// A connection that is to be accepted.
pub(super) struct Acceptance<S> {
    pub(super) socket: Arc<Socket>,
    /// Linux chooses the number before it waits.
    slot: Option<S>,
    /// Where the peer's address is wanted.
    address: Option<AddressOut>,
    flags: CreationFlags,
    patience: Patience,
}

impl<S: DescriptorSlot> Acceptance<S> {
    /// Decodes the registers that both calls have.
    ///
    /// # Errors
    /// In Linux's order: EBADF, EINVAL for unknown flags, EMFILE, ENOTSOCK.
    pub(super) fn decode<C: Caller<Slot = S>>(
        caller: &C,
        registers: &[usize; 6],
        flags: CreationFlags,
    ) -> Result<Self> {
        let socket = super::socket(caller, registers);
        if socket.as_ref().is_err_and(|error| error.errno == Errno::EBADF) {
            return Err(Errno::EBADF.into());
        }
        super::socket::check_flags(flags)?;
        let slot = Some(caller.reserve_descriptor()?);
        let address =
            (registers[1] != 0).then_some(AddressOut { buffer: registers[1], length: registers[2] });
        Ok(Self { socket: socket?, slot, address, flags, patience: Patience::default() })
    }

    pub(super) fn step<C: Caller<Slot = S>>(&mut self, caller: &C) -> Step {
        let nonblocking = self.socket.nonblocking();
        match self.socket.accept(nonblocking) {
            Ok(accepted) => Step::Done(self.finish(caller, accepted)),
            Err(stop @ Stop::Error(_)) => {
                self.slot = None;
                stop.into_step(nonblocking)
            }
            Err(stop) => {
                let timeout = self.socket.timeout(Direction::Receive);
                self.patience.wait(caller, stop, nonblocking, timeout)
            }
        }
    }

    /// A connection that is accepted is lost where the peer's address cannot be stored, as in Linux.
    fn finish<C: Caller<Slot = S>>(&mut self, caller: &C, accepted: Arc<Socket>) -> Result<usize> {
        if let Some(out) = self.address {
            if let Some(internet) = accepted.internet() {
                out.write(caller, internet.peer_name(true)?.bytes())?;
            } else if let Some(vsock) = accepted.vsock() {
                out.write(caller, &vsock.peer_name(true)?)?;
            } else {
                let address = accepted.peer_address().map_err(|_| Errno::ECONNABORTED)?;
                out.write(caller, shown(address.as_ref()))?;
            }
        }
        let Some(slot) = self.slot.take() else { return Err(Errno::EBADF.into()) };
        let number = slot.number();
        accepted.set_nonblocking(self.flags.contains(CreationFlags::NONBLOCK));
        caller.install(slot, accepted.into(), self.flags.contains(CreationFlags::CLOEXEC));
        Ok(number as usize)
    }
}
