//! The proof of holding a port.

use alloc::sync::Arc;

use super::{
    claim::{Claim, Holder, Stage},
    table::{InUse, Ports},
};
use crate::{address::IpAddr, cover::Cover, net::InterfaceId};

/// A port that is held. Only the table makes one; dropping it gives the port back.
pub struct Binding {
    ports: Arc<Ports>,
    port: u16,
    holder: Holder,
}

impl Binding {
    /// For the table, which has counted the holder already.
    pub(super) fn new(ports: Arc<Ports>, port: u16, holder: Holder) -> Self {
        Self { ports, port, holder }
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What is held of it.
    #[must_use]
    pub fn claim(&self) -> &Claim {
        &self.holder.claim
    }

    /// From now on connections are accepted there.
    ///
    /// # Errors
    /// [`InUse`] where another socket does so already that does not share.
    pub fn listen(&mut self) -> Result<(), InUse> {
        self.ports.change_checked(self.port, &mut self.holder, Stage::Listening)
    }

    /// No connections are accepted any more, but the port is kept.
    pub fn stop_listening(&mut self) {
        self.change(Holder { stage: Stage::Bound, ..self.holder });
    }

    /// SO_REUSEADDR and SO_REUSEPORT were set: they count from now on, for those who come.
    pub fn share(&mut self, reuse_address: bool, reuse_port: bool) {
        let claim = Claim { reuse_address, reuse_port, ..self.holder.claim };
        self.change(Holder { claim, ..self.holder });
    }

    /// SO_BINDTODEVICE was set: it is about packets of that device.
    pub fn limit(&mut self, device: Option<InterfaceId>) {
        let claim = Claim { device, ..self.holder.claim };
        self.change(Holder { claim, ..self.holder });
    }

    /// The socket was connected from this address, and does not want others' packets any more.
    pub fn narrow(&mut self, address: IpAddr) {
        self.cover(Cover::only(address));
    }

    /// Changes which addresses it is about, for instance back to what it was before connect(2).
    pub fn cover(&mut self, cover: Cover) {
        let claim = Claim { cover, ..self.holder.claim };
        self.change(Holder { claim, ..self.holder });
    }

    /// The same port for a connection that a listening socket accepts. It shares as the listener does.
    #[must_use]
    pub fn inherit(&self, address: IpAddr) -> Self {
        let claim = Claim { cover: Cover::only(address), ..self.holder.claim };
        let holder = Holder { claim, stage: Stage::Bound };
        self.ports.enter(self.port, holder);
        Self { ports: self.ports.clone(), port: self.port, holder }
    }

    /// The connection is in TIME-WAIT: nobody's any more.
    #[must_use]
    pub fn into_time_wait(mut self) -> Self {
        self.change(Holder { stage: Stage::TimeWait, ..self.holder });
        self
    }

    fn change(&mut self, to: Holder) {
        if to != self.holder {
            self.ports.change(self.port, self.holder, to);
            self.holder = to;
        }
    }
}

impl Drop for Binding {
    fn drop(&mut self) {
        self.ports.leave(self.port, self.holder);
    }
}
