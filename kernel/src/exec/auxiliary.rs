//! The auxiliary vector (getauxval(3)).

use linux_raw_sys::auxvec::{
    AT_BASE, AT_CLKTCK, AT_EGID, AT_ENTRY, AT_EUID, AT_EXECFN, AT_FLAGS, AT_GID, AT_HWCAP, AT_HWCAP2,
    AT_MINSIGSTKSZ, AT_NULL, AT_PAGESZ, AT_PHDR, AT_PHENT, AT_PHNUM, AT_PLATFORM, AT_RANDOM, AT_SECURE,
    AT_UID,
};
use ostd::arch::cpu::cpuid::cpuid;

use super::elf::Placed;
use crate::mm::layout::PAGE_SIZE;

/// How many entries there are, the last one included.
pub(super) const ENTRIES: usize = 20;

/// Clock ticks per second, as times(2) counts.
pub(crate) const CLOCK_TICKS: u64 = 100;

/// The smallest signal frame: the general registers, siginfo and the largest floating point state, rounded up.
const MINIMAL_SIGNAL_STACK: u64 = 4096;

/// Where in memory the vector's strings are.
pub(super) struct Strings {
    pub(super) platform: usize,
    pub(super) random: usize,
    pub(super) path: usize,
}

/// Who the program runs as.
pub(crate) struct Owner {
    pub(crate) uid: u32,
    pub(crate) euid: u32,
    pub(crate) gid: u32,
    pub(crate) egid: u32,
    /// Whether it runs with more rights than whoever started it.
    pub(crate) secure: bool,
}

/// The vector, ending with AT_NULL; `base` is where the interpreter is.
pub(super) fn vector(placed: &Placed, base: usize, strings: &Strings, owner: &Owner) -> [[u64; 2]; ENTRIES] {
    let entries = [
        (AT_HWCAP, u64::from(cpuid(1, 0).map_or(0, |leaf| leaf.edx))),
        // Bit 1: programs may read and write their segment bases, which ostd requires of the processor.
        (AT_HWCAP2, 1 << 1),
        (AT_PAGESZ, PAGE_SIZE as u64),
        (AT_CLKTCK, CLOCK_TICKS),
        (AT_PHDR, placed.table_address as u64),
        (AT_PHENT, 56),
        (AT_PHNUM, placed.table_count as u64),
        (AT_BASE, base as u64),
        (AT_FLAGS, 0),
        (AT_ENTRY, placed.entry as u64),
        (AT_UID, u64::from(owner.uid)),
        (AT_EUID, u64::from(owner.euid)),
        (AT_GID, u64::from(owner.gid)),
        (AT_EGID, u64::from(owner.egid)),
        (AT_SECURE, u64::from(owner.secure)),
        (AT_RANDOM, strings.random as u64),
        (AT_EXECFN, strings.path as u64),
        (AT_PLATFORM, strings.platform as u64),
        (AT_MINSIGSTKSZ, MINIMAL_SIGNAL_STACK),
        (AT_NULL, 0),
    ];
    entries.map(|(kind, value)| [u64::from(kind), value])
}
