//! A socket that has been created, and perhaps bound.

use super::Channel;
use crate::{
    family::unix::{address::Address, shutdown::Shutdown},
    ready::Events,
};

#[derive(Default)]
pub(super) struct Unconnected {
    pub(super) name: Option<Address>,
    /// shutdown(2) before connect(2) holds for the connection.
    pub(super) shutdown: Shutdown,
}

impl Unconnected {
    /// Takes along what the connection is to know.
    pub(super) fn settle(self, link: &impl Channel) {
        let Self { name, shutdown } = self;
        if let Some(name) = name {
            link.set_local_address(name);
        }
        if !shutdown.is_empty() {
            link.shut_local(shutdown);
        }
    }

    /// Linux: TCP_CLOSE is HUP, and nothing keeps it from being writable.
    pub(super) fn poll(&self) -> Events {
        self.shutdown.events() | Events::HUP | Events::WRITABLE
    }
}
