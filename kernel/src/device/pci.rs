//! The first PCI bus: its functions, their memory and their interrupts.
//!
//! What a function says of itself is not believed: a region must lie within its BAR, and a BAR must be one that may be mapped.

use alloc::{collections::BTreeMap, sync::Arc, vec::Vec};

use ostd::{
    arch::device::io_port::ReadWriteAccess,
    io::{IoMem, IoPort},
    irq::IrqLine,
    mm::VmIoOnce,
    sync::SpinLock,
};
pub(super) use virtio_drivers::transport::pci::bus::DeviceFunction;
use virtio_drivers::transport::pci::bus::{Command, ConfigurationAccess, DeviceFunctionInfo, PciRoot};

/// Capabilities: PCI 3.0, appendix H.
pub(super) const CAPABILITY_VENDOR: u8 = 0x09;
const CAPABILITY_MSI_X: u8 = 0x11;

/// In MSI-X's message control: PCI 3.0, 6.8.2.3.
const MSI_X_ENABLE: u32 = 1 << 31;
const MSI_X_MASK_ALL: u32 = 1 << 30;

/// The interrupt message of the first CPU's local APIC: Intel's manual, volume 3, 11.11.
const MESSAGE_ADDRESS: u32 = 0xfee0_0000;

/// Room for all capabilities that a configuration space of 256 bytes can hold: more are a circle.
const CAPABILITIES_MAX: usize = 48;

/// A BAR that is larger is none of a device we know.
const BAR_MAX: u64 = 64 << 20;

/// Why a function cannot be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Trouble {
    /// A region is not in memory that the function has, or that may be mapped.
    Region,
    /// It has no MSI-X, or no interrupt is left.
    Interrupt,
}

/// The ports of configuration mechanism 1 (PCI 3.0, 3.2.2.3.2): an address, and the word there.
struct Ports {
    address: IoPort<u32, ReadWriteAccess>,
    data: IoPort<u32, ReadWriteAccess>,
}

#[derive(Clone)]
struct Configuration(Arc<SpinLock<Ports>>);

impl Configuration {
    fn at<R>(&self, function: DeviceFunction, register: u8, access: impl FnOnce(&Ports) -> R) -> R {
        let bus = u32::from(function.bus) << 16;
        let number = u32::from(function.device) << 11 | u32::from(function.function) << 8;
        let ports = self.0.lock();
        ports.address.write(1 << 31 | bus | number | u32::from(register & !3));
        access(&ports)
    }
}

impl ConfigurationAccess for Configuration {
    fn read_word(&self, function: DeviceFunction, register: u8) -> u32 {
        self.at(function, register, |ports| ports.data.read())
    }

    fn write_word(&mut self, function: DeviceFunction, register: u8, word: u32) {
        self.at(function, register, |ports| ports.data.write(word));
    }

    #[expect(unsafe_code, reason = "the trait declares it so; nothing here relies on what callers promise")]
    unsafe fn unsafe_clone(&self) -> Self {
        self.clone()
    }
}

/// The bus.
pub(super) struct Bus {
    root: PciRoot<Configuration>,
    configuration: Configuration,
}

/// A function's memory that is in use, by BAR.
#[derive(Default)]
pub(super) struct Regions(BTreeMap<u8, IoMem>);

impl Bus {
    /// The first bus; `None` where somebody has its ports.
    pub(super) fn open() -> Option<Self> {
        let ports = Ports {
            address: IoPort::acquire_overlapping(0xcf8).ok()?,
            data: IoPort::acquire_overlapping(0xcfc).ok()?,
        };
        let configuration = Configuration(Arc::new(SpinLock::new(ports)));
        Some(Self { root: PciRoot::new(configuration.clone()), configuration })
    }

    /// The functions that are wanted.
    pub(super) fn find(&self, wanted: impl Fn(&DeviceFunctionInfo) -> bool) -> Vec<DeviceFunction> {
        let all = self.root.enumerate_bus(0);
        all.filter(|(_, info)| wanted(info)).map(|(function, _)| function).collect()
    }

    /// Lets a function answer in its memory, and read and write ours.
    pub(super) fn enable(&mut self, function: DeviceFunction) {
        let (_, command) = self.root.get_status_command(function);
        let wanted = Command::MEMORY_SPACE | Command::BUS_MASTER | Command::INTERRUPT_DISABLE;
        self.root.set_command(function, command | wanted);
    }

    /// A word of its configuration space.
    pub(super) fn word(&self, function: DeviceFunction, register: u8) -> u32 {
        self.configuration.read_word(function, register)
    }

    /// Where its capabilities of that kind are.
    pub(super) fn capabilities(&self, function: DeviceFunction, kind: u8) -> Vec<u8> {
        let all = self.root.capabilities(function).take(CAPABILITIES_MAX);
        all.filter(|capability| capability.id == kind).map(|capability| capability.offset).collect()
    }

    /// A part of a function's memory.
    pub(super) fn region(
        &mut self,
        function: DeviceFunction,
        regions: &mut Regions,
        bar: u8,
        offset: u32,
        length: u32,
    ) -> Result<IoMem, Trouble> {
        if bar > 5 || length == 0 {
            return Err(Trouble::Region);
        }
        let information = self.root.bar_info(function, bar).ok().flatten();
        let memory = information.and_then(|bar| bar.memory_address_size());
        let (address, size) = memory.filter(|(_, size)| *size <= BAR_MAX).ok_or(Trouble::Region)?;
        let end = u64::from(offset) + u64::from(length);
        if address == 0 || end > size {
            return Err(Trouble::Region);
        }
        let whole = match regions.0.get(&bar) {
            Some(whole) => whole,
            None => {
                let last = address.checked_add(size).ok_or(Trouble::Region)?;
                let range = address as usize..last as usize;
                let whole = IoMem::acquire(range).map_err(|_| Trouble::Region)?;
                regions.0.entry(bar).or_insert(whole)
            }
        };
        Ok(whole.slice(offset as usize..end as usize))
    }

    /// Makes the function's first MSI-X message an interrupt, in which `interrupted` is called while the line is kept.
    pub(super) fn interrupt(
        &mut self,
        function: DeviceFunction,
        regions: &mut Regions,
        interrupted: fn(),
    ) -> Result<IrqLine, Trouble> {
        let capabilities = self.capabilities(function, CAPABILITY_MSI_X);
        let at = *capabilities.first().ok_or(Trouble::Interrupt)?;
        let table = self.word(function, at.saturating_add(4));
        let entry = self.region(function, regions, (table & 7) as u8, table & !7, 16)?;
        let mut line = IrqLine::alloc().map_err(|_| Trouble::Interrupt)?;
        line.on_active(move |_| interrupted());
        // PCI 3.0, 6.8.2: address, upper address, data, and whether it is masked.
        let words = [MESSAGE_ADDRESS, 0, u32::from(line.num()), 0];
        for (offset, word) in (0..).step_by(4).zip(words) {
            entry.write_once(offset, &word).map_err(|_| Trouble::Region)?;
        }
        let control = self.word(function, at);
        self.configuration.write_word(function, at, control & !MSI_X_MASK_ALL | MSI_X_ENABLE);
        Ok(line)
    }
}
