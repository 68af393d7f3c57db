//! Devices that are found on the PCI bus.

mod pci;
mod virtio;

pub(crate) use virtio::{MTU, Network};

use alloc::{sync::Arc, vec::Vec};

use ostd::warn;

/// Takes all network devices into use. `interrupted` is called in their interrupts.
///
/// A device that cannot be used is named in the log and left alone.
pub(crate) fn networks(interrupted: fn()) -> Vec<Arc<Network>> {
    let Some(mut bus) = pci::Bus::open() else { return Vec::new() };
    let mut found = Vec::new();
    for function in bus.find(virtio::is_network) {
        match Network::open(&mut bus, function, interrupted) {
            Ok(device) => found.push(Arc::new(device)),
            Err(trouble) => warn!("virtio-net at {function}: {trouble}"),
        }
    }
    found
}
