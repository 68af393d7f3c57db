//! A network device as an interface.

use alloc::{format, sync::Arc, vec::Vec};
use core::time::Duration;

use net_stack::{
    Stack,
    configure::{Dhcp, StaticAddress},
    net::{InterfaceId, Kind},
    time::Instant,
};
use ostd::{error, info};

use crate::device::{MTU, Network};

/// So many frames are taken before others run.
const BUDGET: usize = 64;

/// Routers are asked so often, with such pauses: RFC 4861, 10 (MAX_RTR_SOLICITATIONS, RTR_SOLICITATION_INTERVAL).
const SOLICITATIONS: u32 = 3;
const SOLICITATION_PAUSE: Duration = Duration::from_secs(4);

/// A device with its interface, and how that gets its addresses.
pub(super) struct Port {
    device: Arc<Network>,
    interface: InterfaceId,
    stack: Arc<Stack>,
    dhcp: Option<Dhcp>,
    bound: bool,
    /// When routers are asked the next time, and how often still.
    solicit_at: Instant,
    solicitations: u32,
}

impl Port {
    /// Makes a device the interface `eth` with its number; it asks servers for an address of IPv4 if none is given.
    pub(super) fn open(
        stack: &Arc<Stack>,
        device: Arc<Network>,
        number: u32,
        given: &[StaticAddress],
        now: Instant,
    ) -> Option<Self> {
        let name = format!("eth{number}");
        let kind = Kind::Ethernet { address: device.address() };
        let interface = match stack.configure(|network| network.add_interface(&name, kind, MTU)) {
            Ok(interface) => interface,
            Err(trouble) => {
                error!("{name}: {trouble:?}");
                return None;
            }
        };
        stack.attach(interface, device.clone());
        let asks = !given.iter().any(|it| it.interface == name && it.address.is_ipv4());
        let dhcp = if asks { Dhcp::new(stack, interface, now) } else { None };
        let stack = stack.clone();
        let solicitations = SOLICITATIONS;
        Some(Self { device, interface, stack, dhcp, bound: false, solicit_at: now, solicitations })
    }

    /// Gives the stack what has come in. Whether there may be more.
    pub(super) fn receive(&self, stack: &Stack, now: Instant) -> bool {
        let frames = self.device.receive(BUDGET);
        let more = frames.len() == BUDGET;
        for frame in frames {
            stack.receive(self.interface, frame, Network::FRAME_START, now);
        }
        more
    }

    /// Whether it has no address of a server yet, and is to have one.
    pub(super) fn is_waiting(&self) -> bool {
        self.dhcp.as_ref().is_some_and(|dhcp| !dhcp.is_bound())
    }

    /// When there is something to do even if nothing comes in.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let solicit = (self.solicitations > 0).then_some(self.solicit_at);
        solicit.into_iter().chain(self.dhcp.as_ref().map(Dhcp::deadline)).min()
    }

    /// Does what is to be done for its addresses.
    pub(super) fn configure(&mut self, now: Instant) {
        if self.solicitations > 0 && self.solicit_at <= now {
            self.stack.solicit_routers(self.interface, now);
            self.solicitations -= 1;
            self.solicit_at = now + SOLICITATION_PAUSE;
        }
        let Some(dhcp) = &mut self.dhcp else { return };
        dhcp.poll(now);
        if dhcp.is_bound() != self.bound {
            self.bound = dhcp.is_bound();
            self.stack.network(|network| {
                if let Some(interface) = network.interface(self.interface) {
                    let addresses: Vec<_> = interface.addresses.iter().map(|own| own.address).collect();
                    info!("{}: {addresses:?}", interface.name);
                }
            });
        }
    }
}
