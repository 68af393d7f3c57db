//! Network devices: section 5.1.

use alloc::vec::Vec;
use core::fmt;

use bitflags::bitflags;
use net_stack::link::Link;
use ostd::sync::SpinLock;
use virtio_drivers::transport::{DeviceStatus, Transport};

use super::{
    ring::{Direction, Ring, SLOT_SIZE},
    transport::PciTransport,
};
use crate::device::pci::{self, Bus, DeviceFunction};

bitflags! {
    /// Features that this driver knows: 5.1.3 and 6.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    struct Features: u64 {
        /// The device has an address.
        const MAC = 1 << 5;
        /// Version 1 of the specification.
        const VERSION_1 = 1 << 32;
    }
}

/// The queues: 5.1.2.
const RECEIVE: u16 = 0;
const SEND: u16 = 1;

/// The header in front of each frame, all zero where no work is left to the device: 5.1.6.
const HEADER: [u8; 12] = [0; 12];

/// The longest frame without a tag for a virtual network, and its header.
pub(crate) const MTU: u32 = 1500;
const FRAME_MAX: usize = 14 + MTU as usize;

const _: () = assert!(HEADER.len() + FRAME_MAX <= SLOT_SIZE);

/// Why a device cannot be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::device) enum Trouble {
    /// Its registers or its interrupt.
    Pci(pci::Trouble),
    /// It does not speak version 1, or has no address.
    Features,
    /// A queue cannot be had.
    Queue(virtio_drivers::Error),
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pci(pci::Trouble::Region) => f.write_str("its registers are not in memory"),
            Self::Pci(pci::Trouble::Interrupt) => f.write_str("it has no MSI-X interrupt"),
            Self::Features => f.write_str("it does not offer version 1 and an address"),
            Self::Queue(error) => write!(f, "its queues cannot be used: {error}"),
        }
    }
}

/// A network device.
///
/// Lock order: nothing is locked under a ring.
pub(crate) struct Network {
    address: [u8; 6],
    transport: SpinLock<PciTransport>,
    receiving: SpinLock<Ring>,
    sending: SpinLock<Ring>,
}

impl Network {
    /// Takes a device into use: 3.1.1. `interrupted` is called in its interrupts.
    pub(in crate::device) fn open(
        bus: &mut Bus,
        function: DeviceFunction,
        interrupted: fn(),
    ) -> Result<Self, Trouble> {
        let mut transport = PciTransport::open(bus, function, interrupted).map_err(Trouble::Pci)?;
        match Self::start(&mut transport) {
            Ok((address, receiving, sending)) => {
                let device = Self {
                    address,
                    transport: SpinLock::new(transport),
                    receiving: SpinLock::new(receiving),
                    sending: SpinLock::new(sending),
                };
                device.transport.lock().finish_init();
                let mut receiving = device.receiving.lock();
                receiving.offer();
                receiving.notify();
                drop(receiving);
                Ok(device)
            }
            Err(trouble) => {
                // A reset: its interrupt is about to be given back.
                transport.set_status(DeviceStatus::empty());
                Err(trouble)
            }
        }
    }

    /// All but the last step, after which the device may use its queues.
    fn start(transport: &mut PciTransport) -> Result<([u8; 6], Ring, Ring), Trouble> {
        let features = transport.begin_init(Features::all());
        if features != Features::all() || !transport.has_agreed() {
            return Err(Trouble::Features);
        }
        let address: [u8; 6] =
            transport.read_consistent(|| transport.read_config_space(0)).map_err(|_| Trouble::Features)?;
        // RFC 826 and IEEE 802: a group, or nobody, is no address of a device.
        if address[0] & 1 != 0 || address == [0; 6] {
            return Err(Trouble::Features);
        }
        let receiving = Ring::new(transport, RECEIVE, Direction::Receive).map_err(Trouble::Queue)?;
        let mut sending = Ring::new(transport, SEND, Direction::Send).map_err(Trouble::Queue)?;
        // Buffers that were sent are taken back by the next one that is.
        sending.set_quiet();
        if !transport.has_vector(RECEIVE) {
            return Err(Trouble::Pci(pci::Trouble::Interrupt));
        }
        Ok((address, receiving, sending))
    }

    /// Its address on Ethernet.
    pub(crate) fn address(&self) -> [u8; 6] {
        self.address
    }

    /// Takes up to `limit` frames that have come in. Each begins at [`Network::FRAME_START`] of its memory.
    pub(crate) fn receive(&self, limit: usize) -> Vec<Vec<u8>> {
        let mut frames = Vec::new();
        let mut receiving = self.receiving.lock();
        while frames.len() < limit
            && let Some(bytes) = receiving.receive()
        {
            // What is shorter than a header has nothing in it.
            if bytes.len() > Self::FRAME_START {
                frames.push(bytes);
            }
        }
        receiving.offer();
        receiving.notify();
        frames
    }

    /// Where in its memory a frame begins.
    pub(crate) const FRAME_START: usize = HEADER.len();
}

impl Link for Network {
    fn send(&self, frame: Vec<u8>, start: usize) -> bool {
        let Some(bytes) = frame.get(start..).filter(|bytes| bytes.len() <= FRAME_MAX) else { return false };
        let mut sending = self.sending.lock();
        let sent = sending.send([&HEADER, bytes]);
        sending.notify();
        sent
    }
}

impl Drop for Network {
    /// The device forgets its queues before their memory goes.
    fn drop(&mut self) {
        self.transport.lock().set_status(DeviceStatus::empty());
    }
}
