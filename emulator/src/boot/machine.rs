//! The virtual machine, as QEMU's arguments.

use std::{fmt, num::NonZero, path::PathBuf, str::FromStr};

use anyhow::{Result, bail};

use super::{network::Network, qemu::Qemu};

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// A size of memory in bytes, a whole number of MiB.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Memory(u64);

/// Why a text is no size of memory.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ParseMemoryError(String);

impl fmt::Display for ParseMemoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ParseMemoryError {}

impl Memory {
    /// Less than this does not hold the kernel and a program.
    pub const LEAST: Self = Self(256 * MIB);
    /// As much as an image can be, and some. Each GiB above the address 4 GiB makes the boot 40 ms longer (of the guest's
    /// time, in counted mode), and this has next to nothing there.
    pub const DEFAULT: Self = Self(2 * GIB);
    /// QEMU reserves this much address space; a machine that has less of its own refuses it by itself.
    pub const MOST: Self = Self(1024 * GIB);

    /// Whole GiB.
    ///
    /// # Panics
    /// When it is more than [`Memory::MOST`].
    pub fn gib(count: u64) -> Self {
        assert!(count <= Self::MOST.0 / GIB, "no more than 1 TiB of memory");
        Self(count * GIB)
    }

    /// The size in bytes.
    pub fn bytes(self) -> u64 {
        self.0
    }

    /// The machine's part below 4 GiB, in bytes, where QEMU puts the kernel and the image (`hw/i386/pc_q35.c`).
    fn low(self) -> u64 {
        self.split().unwrap_or(2 * GIB)
    }

    /// Where to cut a small memory in two, the upper part going above 4 GiB: in one piece, of 256 MiB to 2.5 GiB,
    /// ostd faults while it reads the ACPI tables. A small upper part will do, and leaves most of it to the image.
    fn split(self) -> Option<u64> {
        (self.0 < 3 * GIB).then(|| self.0 - 64 * MIB)
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_multiple_of(GIB) {
            write!(f, "{}G", self.0 / GIB)
        } else {
            write!(f, "{}M", self.0 / MIB)
        }
    }
}

impl FromStr for Memory {
    type Err = ParseMemoryError;

    /// A number with the unit M or G (powers of 1024).
    fn from_str(text: &str) -> Result<Self, ParseMemoryError> {
        let bad = |reason: &str| ParseMemoryError(format!("{text:?} is no size of memory: {reason}"));
        let number = text.trim_end_matches(|c: char| !c.is_ascii_digit());
        let unit = match text[number.len()..].to_ascii_uppercase().as_str() {
            "M" | "MB" | "MIB" => MIB,
            "G" | "GB" | "GIB" => GIB,
            "" => return Err(bad("it needs a unit, as in 512M or 4G")),
            _ => return Err(bad("the units are M and G, as in 512M or 4G")),
        };
        let bytes = number.parse::<u64>().ok().and_then(|number| number.checked_mul(unit));
        match bytes.map(Self) {
            None => Err(bad("it needs a whole number, as in 512M or 4G")),
            Some(size) if size < Self::LEAST => {
                Err(bad(&format!("the guest needs at least {}", Self::LEAST)))
            }
            Some(size) if size > Self::MOST => Err(bad(&format!("at most {} can be had", Self::MOST))),
            Some(size) => Ok(size),
        }
    }
}

/// A guest's machine.
#[derive(Clone, Debug)]
pub struct Machine {
    /// The kernel's ELF file.
    pub kernel: PathBuf,
    /// Who plays the machine.
    pub qemu: Qemu,
    /// Its memory. 2 GiB unless told.
    pub memory: Memory,
    /// Its CPUs. One unless told.
    pub cpus: NonZero<u32>,
    /// Counted mode: one instruction is one nanosecond of the guest's time, on one CPU.
    pub counted: bool,
    /// Its network. None unless told.
    pub network: Option<Network>,
}

impl Machine {
    /// More CPUs than this QEMU's q35 does not have without a split interrupt controller.
    pub const MOST_CPUS: u32 = 255;

    /// Room that the kernel wants beside the image.
    const KERNEL_ROOM: u64 = 96 * MIB;

    /// The usual machine: 2 GiB, one CPU, the host's time.
    pub fn new(kernel: impl Into<PathBuf>, qemu: Qemu) -> Self {
        Self {
            kernel: kernel.into(),
            qemu,
            memory: Memory::DEFAULT,
            cpus: NonZero::<u32>::MIN,
            counted: false,
            network: None,
        }
    }

    /// Says what this machine cannot do, before anything is started.
    ///
    /// # Errors
    /// A missing kernel, more than one CPU in counted mode or on a QEMU before 9, a network that cannot be had.
    pub fn check(&self) -> Result<()> {
        if !self.kernel.is_file() {
            bail!(
                "there is no kernel at {}: build it with `make run` or `make build`",
                self.kernel.display()
            );
        }
        if self.counted && self.cpus.get() > 1 {
            bail!("counted mode has one CPU, not {}: instructions are counted one after another", self.cpus);
        }
        if self.cpus.get() > Self::MOST_CPUS {
            bail!("{} CPUs are more than the machine can have ({})", self.cpus, Self::MOST_CPUS);
        }
        let version = self.qemu.version();
        if self.cpus.get() > 1 && !version.has_x2apic() {
            bail!("{} CPUs need QEMU 9 or later, and {} is {version}", self.cpus, self.qemu.path().display());
        }
        self.network.as_ref().map_or(Ok(()), Network::check)
    }

    /// Says when an image of `size` bytes does not fit into this machine.
    ///
    /// # Errors
    /// Names the memory that would do.
    pub fn check_image(&self, size: u64) -> Result<()> {
        let image = size.div_ceil(MIB);
        let room = |memory: Memory| memory.low() - Self::KERNEL_ROOM;
        if size > room(Memory::gib(4)) {
            bail!(
                "the image has {image} MiB, and no machine loads more than {} MiB",
                room(Memory::gib(4)) / MIB
            );
        }
        if size > room(self.memory) {
            bail!(
                "the image has {image} MiB, and with {} of memory the machine loads at most {} MiB: give it more",
                self.memory,
                room(self.memory) / MIB
            );
        }
        Ok(())
    }

    /// QEMU's arguments for the machine itself: without the kernel, the image and the serial ports.
    pub(super) fn arguments(&self) -> Vec<String> {
        let machine = match self.memory.split() {
            Some(low) => format!("q35,sata=off,max-ram-below-4g={}M", low / MIB),
            None => "q35,sata=off".to_owned(),
        };
        let cpus = self.cpus.to_string();
        let memory = format!("{}M", self.memory.bytes() / MIB);
        let mut arguments = vec!["-nodefaults", "-no-user-config", "-machine", &machine, "-accel", "tcg"];
        if self.counted {
            // x2apic=off: QEMU 10 aborts with "Bad icount read" otherwise. erms=off: TCG executes `rep movsb` byte
            // by byte, and fsrm=off because the two go together.
            arguments.extend(["-icount", "shift=0,sleep=off", "-cpu", "max,erms=off,fsrm=off,x2apic=off"]);
        } else {
            arguments.extend(["-cpu", "max"]);
        }
        arguments.extend(["-smp", &cpus, "-m", &memory]);
        arguments.extend([
            "-nic",
            "none",
            "-display",
            "none",
            "-vga",
            "none",
            "-monitor",
            "none",
            "-no-reboot",
        ]);
        arguments.extend(["-device", "isa-debug-exit,iobase=0xf4,iosize=0x04"]);
        arguments.into_iter().map(ToOwned::to_owned).collect()
    }

    /// Options that the kernel is told because the machine is so.
    pub(super) fn kernel_options(&self) -> Option<(&'static str, &'static str)> {
        // The time stamp counter counts the guest's nanoseconds then: there is nothing to calibrate.
        self.counted.then_some(("tsc_hz", "1000000000"))
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZero;

    use super::{GIB, MIB, Machine, Memory};
    use crate::boot::{Qemu, Version};

    fn machine(major: u32) -> Machine {
        Machine::new(std::env::current_exe().unwrap(), Qemu::known("/qemu", Version { major, minor: 0 }))
    }

    #[test]
    fn sizes_of_memory() {
        assert_eq!("4G".parse::<Memory>().unwrap().bytes(), 4 * GIB);
        assert_eq!("512m".parse::<Memory>().unwrap().bytes(), 512 * MIB);
        assert_eq!("3072MiB".parse::<Memory>().unwrap().to_string(), "3G");
        for bad in ["", "4", "G", "4T", "1.5G", "-1G", "64M", "99999999999G", "2000G"] {
            assert!(bad.parse::<Memory>().is_err(), "{bad}");
        }
    }

    #[test]
    fn several_cpus_need_a_new_qemu_and_the_hosts_time() {
        let mut machine = machine(7);
        assert!(machine.check().is_ok());
        machine.cpus = NonZero::new(2).unwrap();
        assert!(machine.check().unwrap_err().to_string().contains("QEMU 9"));
        machine.qemu = Qemu::known("/qemu", Version { major: 10, minor: 0 });
        assert!(machine.check().is_ok());
        machine.counted = true;
        assert!(machine.check().unwrap_err().to_string().contains("one CPU"));
    }

    #[test]
    fn images_must_fit() {
        let mut machine = machine(10);
        assert!(machine.check_image(300 * MIB).is_ok());
        assert!(machine.check_image(2 * GIB).is_err());
        machine.memory = "1G".parse().unwrap();
        assert!(machine.check_image(300 * MIB).is_ok());
        assert!(machine.check_image(1000 * MIB).unwrap_err().to_string().contains("with 1G of memory"));
    }

    #[test]
    fn little_memory_is_split() {
        let mut machine = machine(10);
        machine.memory = Memory::gib(4);
        assert!(machine.arguments().contains(&"q35,sata=off".to_owned()));
        machine.memory = "1G".parse().unwrap();
        assert!(machine.arguments().contains(&"q35,sata=off,max-ram-below-4g=960M".to_owned()));
        assert!(machine.arguments().contains(&"1024M".to_owned()));
    }
}
