//! Virtio devices: Virtual I/O Device (VIRTIO) 1.1.

mod network;
mod ring;
mod transport;

pub(crate) use network::{MTU, Network};

use virtio_drivers::transport::pci::bus::DeviceFunctionInfo;

/// The vendor of all virtio devices.
const VENDOR: u16 = 0x1af4;

/// Network devices: one of version 1, and one that can also do without (4.1.2.1).
const NETWORK: [u16; 2] = [0x1041, 0x1000];

/// Whether a function is a network device.
pub(super) fn is_network(information: &DeviceFunctionInfo) -> bool {
    information.vendor_id == VENDOR && NETWORK.contains(&information.device_id)
}
