//! Virtio over PCI: section 4.1.

use ostd::{
    io::IoMem,
    irq::IrqLine,
    mm::{PodOnce, VmIoOnce},
};
use virtio_drivers::{
    Error, PhysAddr, Result,
    transport::{DeviceStatus, DeviceType, InterruptStatus, Transport},
};
use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::device::pci::{Bus, CAPABILITY_VENDOR, DeviceFunction, Regions, Trouble};

/// Fields of the common configuration: 4.1.4.3.
mod field {
    pub(super) const DEVICE_FEATURE_SELECT: usize = 0;
    pub(super) const DEVICE_FEATURE: usize = 4;
    pub(super) const DRIVER_FEATURE_SELECT: usize = 8;
    pub(super) const DRIVER_FEATURE: usize = 12;
    pub(super) const DEVICE_STATUS: usize = 20;
    pub(super) const CONFIG_GENERATION: usize = 21;
    pub(super) const QUEUE_SELECT: usize = 22;
    pub(super) const QUEUE_SIZE: usize = 24;
    pub(super) const QUEUE_MSIX_VECTOR: usize = 26;
    pub(super) const QUEUE_ENABLE: usize = 28;
    pub(super) const QUEUE_NOTIFY_OFF: usize = 30;
    pub(super) const QUEUE_DESC: usize = 32;
    pub(super) const QUEUE_DRIVER: usize = 40;
    pub(super) const QUEUE_DEVICE: usize = 48;
    pub(super) const LENGTH: u32 = 56;
}

/// Kinds of structures: 4.1.4.
const COMMON: u8 = 1;
const NOTIFY: u8 = 2;
const DEVICE: u8 = 4;

/// A device as its registers.
pub(super) struct PciTransport {
    common: IoMem,
    notify: IoMem,
    notify_multiplier: usize,
    device: Option<IoMem>,
    _line: IrqLine,
}

/// Where a queue's notifications are written.
pub(super) struct Doorbell {
    register: IoMem,
    offset: usize,
    queue: u16,
}

impl Doorbell {
    /// Tells the device that there is something new in the queue.
    pub(super) fn ring(&self) {
        // Outside of the region the device has said nonsense, and hears nothing.
        let _ = self.register.write_once(self.offset, &self.queue);
    }
}

impl PciTransport {
    /// Finds a device's registers, and takes its interrupt.
    pub(super) fn open(
        bus: &mut Bus,
        function: DeviceFunction,
        interrupted: fn(),
    ) -> core::result::Result<Self, Trouble> {
        bus.enable(function);
        let mut regions = Regions::default();
        let (mut common, mut notify, mut device, mut notify_multiplier) = (None, None, None, 0);
        for at in bus.capabilities(function, CAPABILITY_VENDOR) {
            // The first of each kind that can be used is preferred by the device.
            let word = |offset: u8| bus.word(function, at.saturating_add(offset));
            let (kind, bar) = ((word(0) >> 24) as u8, word(4) as u8);
            let (offset, length, more) = (word(8), word(12), word(16));
            match kind {
                COMMON if common.is_none() && length >= field::LENGTH => {
                    common = bus.region(function, &mut regions, bar, offset, length).ok();
                }
                NOTIFY if notify.is_none() => {
                    notify = bus.region(function, &mut regions, bar, offset, length).ok();
                    notify_multiplier = more as usize;
                }
                DEVICE if device.is_none() => {
                    device = bus.region(function, &mut regions, bar, offset, length).ok();
                }
                _ => {}
            }
        }
        let common = common.ok_or(Trouble::Region)?;
        let notify = notify.ok_or(Trouble::Region)?;
        let _line = bus.interrupt(function, &mut regions, interrupted)?;
        Ok(Self { common, notify, notify_multiplier, device, _line })
    }

    /// A register; the offsets above lie in the region, which is not shorter than they say.
    fn get<T: PodOnce + Default>(&self, offset: usize) -> T {
        self.common.read_once(offset).unwrap_or_default()
    }

    fn set<T: PodOnce>(&self, offset: usize, value: T) {
        let _ = self.common.write_once(offset, &value);
    }

    /// A register of 64 bits, in halves: 4.1.3.1.
    fn set_long(&self, offset: usize, value: u64) {
        self.set(offset, value as u32);
        self.set(offset + 4, (value >> 32) as u32);
    }

    fn select(&self, queue: u16) {
        self.set(field::QUEUE_SELECT, queue);
    }

    /// Where the queue's notifications go: 4.1.4.4.
    pub(super) fn doorbell(&self, queue: u16) -> Doorbell {
        self.select(queue);
        let offset = usize::from(self.get::<u16>(field::QUEUE_NOTIFY_OFF));
        let offset = offset.saturating_mul(self.notify_multiplier);
        Doorbell { register: self.notify.clone(), offset, queue }
    }

    /// Whether the device has agreed to the features: 3.1.1, step 6.
    pub(super) fn has_agreed(&self) -> bool {
        self.get_status().contains(DeviceStatus::FEATURES_OK)
    }

    /// Whether the queue's interrupts come: the device refuses a vector by another value, 4.1.5.1.2.
    pub(super) fn has_vector(&self, queue: u16) -> bool {
        self.select(queue);
        self.get::<u16>(field::QUEUE_MSIX_VECTOR) == 0
    }
}

impl Transport for PciTransport {
    fn device_type(&self) -> DeviceType {
        DeviceType::Network
    }

    fn read_device_features(&mut self) -> u64 {
        let half = |index: u32| {
            self.set(field::DEVICE_FEATURE_SELECT, index);
            u64::from(self.get::<u32>(field::DEVICE_FEATURE))
        };
        half(0) | half(1) << 32
    }

    fn write_driver_features(&mut self, features: u64) {
        for (index, half) in [(0u32, features as u32), (1, (features >> 32) as u32)] {
            self.set(field::DRIVER_FEATURE_SELECT, index);
            self.set(field::DRIVER_FEATURE, half);
        }
    }

    fn max_queue_size(&mut self, queue: u16) -> u32 {
        self.select(queue);
        u32::from(self.get::<u16>(field::QUEUE_SIZE))
    }

    fn notify(&mut self, queue: u16) {
        self.doorbell(queue).ring();
    }

    fn get_status(&self) -> DeviceStatus {
        DeviceStatus::from_bits_truncate(u32::from(self.get::<u8>(field::DEVICE_STATUS)))
    }

    fn set_status(&mut self, status: DeviceStatus) {
        self.set(field::DEVICE_STATUS, status.bits() as u8);
    }

    fn set_guest_page_size(&mut self, _: u32) {}

    fn requires_legacy_layout(&self) -> bool {
        false
    }

    fn queue_set(
        &mut self,
        queue: u16,
        size: u32,
        descriptors: PhysAddr,
        driver_area: PhysAddr,
        device_area: PhysAddr,
    ) {
        self.select(queue);
        self.set(field::QUEUE_SIZE, size as u16);
        self.set(field::QUEUE_MSIX_VECTOR, 0u16);
        self.set_long(field::QUEUE_DESC, descriptors);
        self.set_long(field::QUEUE_DRIVER, driver_area);
        self.set_long(field::QUEUE_DEVICE, device_area);
        self.set(field::QUEUE_ENABLE, 1u16);
    }

    /// Only a reset of the device unsets its queues.
    fn queue_unset(&mut self, _: u16) {}

    fn queue_used(&mut self, queue: u16) -> bool {
        self.select(queue);
        self.get::<u16>(field::QUEUE_ENABLE) != 0
    }

    /// Messages need no acknowledgement.
    fn ack_interrupt(&mut self) -> InterruptStatus {
        InterruptStatus::empty()
    }

    fn read_config_generation(&self) -> u32 {
        u32::from(self.get::<u8>(field::CONFIG_GENERATION))
    }

    fn read_config_space<T: FromBytes + IntoBytes>(&self, offset: usize) -> Result<T> {
        let device = self.device.as_ref().ok_or(Error::ConfigSpaceMissing)?;
        let mut value = T::new_zeroed();
        for (at, byte) in (offset..).zip(value.as_mut_bytes()) {
            *byte = device.read_once(at).map_err(|_| Error::ConfigSpaceTooSmall)?;
        }
        Ok(value)
    }

    fn write_config_space<T: IntoBytes + Immutable>(&mut self, offset: usize, value: T) -> Result<()> {
        let device = self.device.as_ref().ok_or(Error::ConfigSpaceMissing)?;
        for (at, byte) in (offset..).zip(value.as_bytes()) {
            device.write_once(at, byte).map_err(|_| Error::ConfigSpaceTooSmall)?;
        }
        Ok(())
    }
}
