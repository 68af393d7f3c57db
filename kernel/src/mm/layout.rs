//! Where things are in a process's address space.

pub(crate) use ostd::mm::PAGE_SIZE;

/// The first address that can be mapped (`vm.mmap_min_addr`).
pub(crate) const LOWEST: usize = 0x1_0000;
/// One past the last address that can be mapped: the page below the canonical hole is not, as on Linux.
pub(crate) const HIGHEST: usize = ostd::mm::MAX_USERSPACE_VADDR;
/// One past the stack of the first thread.
pub(crate) const STACK_TOP: usize = HIGHEST;
/// How much the stack may grow to (RLIMIT_STACK's default), in bytes.
pub(crate) const STACK_SIZE: usize = 8 << 20;
/// What the stack has before it grows, in bytes.
pub(crate) const STACK_START: usize = 33 * PAGE_SIZE;
/// What stays unmapped below the stack (Linux: stack_guard_gap).
pub(crate) const STACK_GUARD: usize = 256 * PAGE_SIZE;
/// Where mappings without an address are placed, downwards.
pub(crate) const MMAP_TOP: usize = STACK_TOP - STACK_SIZE - STACK_GUARD - 0x1000_0000;
/// Where a position-independent executable is placed (Linux: ELF_ET_DYN_BASE without randomisation).
pub(crate) const PIE_BASE: usize = 0x5555_5555_4000;
/// How many mappings an address space may have (`vm.max_map_count`).
pub(crate) const MAX_MAPPINGS: usize = 65_530;

/// Rounds up to a page's start; `None` beyond the end of the address range.
pub(crate) fn page_up(address: usize) -> Option<usize> {
    address.checked_add(PAGE_SIZE - 1).map(page_down)
}

/// Rounds down to a page's start.
pub(crate) const fn page_down(address: usize) -> usize {
    address & !(PAGE_SIZE - 1)
}
