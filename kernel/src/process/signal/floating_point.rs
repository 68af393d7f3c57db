//! The floating point registers in a handler's frame: as XSAVE lays them out, with a description in the part that the
//! processor leaves to software (`struct _fpx_sw_bytes`) and a magic number behind.

use alloc::vec;

use ostd::arch::cpu::{context::FpuContext, cpuid::cpuid};
use spin::Once;

use crate::{context::Context, process::floating_point};

/// Size of what FXSAVE stores.
const LEGACY: usize = 512;
/// Where software's own part of it begins.
const SOFTWARE: usize = 464;
/// Size of the header that XSAVE puts behind it.
const HEADER: usize = 64;
/// Where FXSAVE stores MXCSR and the mask of its bits.
const MXCSR: usize = 24;
const MXCSR_MASK: usize = 28;
/// The bits of MXCSR where the processor does not say (Intel SDM, volume 1, 11.6.6), and its value after a reset.
const DEFAULT_MXCSR_MASK: u32 = 0xffbf;
const INITIAL_MXCSR: u32 = 0x1f80;

/// FP_XSTATE_MAGIC1, FP_XSTATE_MAGIC2: there is more than FXSAVE stores.
const MAGIC1: u32 = 0x4650_5853;
const MAGIC2: u32 = 0x4650_5845;
/// `sizeof(MAGIC2)`
const TAIL: usize = 4;

/// State components: those of FXSAVE, x87 and SSE; and what makes MXCSR be looked at.
const X87_AND_SSE: u64 = 0b11;
const SSE_AND_AVX: u64 = 0b110;

/// What this processor has.
struct Layout {
    /// Registers as they are after a reset.
    initial: FpuContext,
    /// Size of what is stored, without the magic number.
    size: usize,
    /// Which state components that includes; 0 where there is only FXSAVE.
    components: u64,
    mxcsr_mask: u32,
}

impl Layout {
    fn get() -> &'static Self {
        static LAYOUT: Once<Layout> = Once::new();
        LAYOUT.call_once(|| {
            let initial = FpuContext::new();
            let mut present = FpuContext::new();
            present.save();
            let mxcsr_mask = match word(present.as_bytes(), MXCSR_MASK) {
                0 => DEFAULT_MXCSR_MASK,
                mask => mask,
            };
            // ostd's area has room for what the processor could have enabled, too.
            let enabled = cpuid(0xd, 0).map_or(LEGACY, |leaf| leaf.ebx as usize);
            let length = initial.as_bytes().len().min(enabled);
            let components = if length >= LEGACY + HEADER { double(initial.as_bytes(), LEGACY) } else { 0 };
            let size = if components == 0 { LEGACY } else { length };
            Self { initial, size, components, mxcsr_mask }
        })
    }
}

/// Bytes of a frame's floating point part.
pub(super) fn size() -> usize {
    let layout = Layout::get();
    if layout.components == 0 { LEGACY } else { layout.size + TAIL }
}

/// Whether a frame has more than FXSAVE stores (UC_FP_XSTATE).
pub(super) fn is_extended() -> bool {
    Layout::get().components != 0
}

/// Stores the thread's registers at `address`, which is a multiple of 64.
///
/// # Errors
/// The memory cannot be written.
pub(super) fn save(context: &Context, address: usize) -> Result<(), ()> {
    let layout = Layout::get();
    with_buffer(|buffer| {
        floating_point::with_registers(|registers| {
            registers.save();
            let stored = registers.as_bytes();
            let length = layout.size.min(stored.len()).min(buffer.len());
            buffer[..length].copy_from_slice(&stored[..length]);
        });
        if layout.components != 0 {
            describe(layout, buffer);
        }
        context.space.write_bytes(address, buffer).map_err(drop)
    })
}

/// Adds to what XSAVE stored what software adds.
fn describe(layout: &Layout, buffer: &mut [u8]) {
    let mut put = |at: usize, bytes: &[u8]| {
        if let Some(place) = buffer.get_mut(at..at + bytes.len()) {
            place.copy_from_slice(bytes);
        }
    };
    put(SOFTWARE, &MAGIC1.to_ne_bytes());
    put(SOFTWARE + 4, &((layout.size + TAIL) as u32).to_ne_bytes());
    put(SOFTWARE + 8, &layout.components.to_ne_bytes());
    put(SOFTWARE + 16, &(layout.size as u32).to_ne_bytes());
    put(SOFTWARE + 20, &[0; 28]);
    put(layout.size, &MAGIC2.to_ne_bytes());
    // A handler that changes these registers need not know of the header.
    let stored = double(buffer, LEGACY) | X87_AND_SSE;
    if let Some(place) = buffer.get_mut(LEGACY..LEGACY + 8) {
        place.copy_from_slice(&stored.to_ne_bytes());
    }
}

/// Gives the thread the registers of the frame at `address`; those of a reset for NULL.
///
/// # Errors
/// The memory cannot be read, or has what no processor stored: the registers are then those of a reset.
pub(super) fn restore(context: &Context, address: usize) -> Result<(), ()> {
    if address == 0 {
        reset();
        return Ok(());
    }
    with_buffer(|buffer| restore_from(context, address, buffer)).inspect_err(|()| reset())
}

fn restore_from(context: &Context, address: usize, buffer: &mut [u8]) -> Result<(), ()> {
    let layout = Layout::get();
    let (legacy, rest) = buffer.split_at_mut_checked(LEGACY).ok_or(())?;
    context.space.read_bytes(address, legacy).map_err(drop)?;
    let mut extended = layout.components != 0 && word(legacy, SOFTWARE) == MAGIC1;
    if extended {
        let rest_at = address.checked_add(LEGACY).ok_or(())?;
        context.space.read_bytes(rest_at, rest).map_err(drop)?;
        extended = word(rest, layout.size - LEGACY) == MAGIC2;
    }
    // Which components are taken from the frame, and which of these have other than their initial values.
    let (taken, stored) = if extended {
        let stored = double(rest, 0);
        // XRSTOR would fault: components that are not there, the compacted form, reserved bits.
        if stored & !layout.components != 0 || rest[8..24].iter().any(|byte| *byte != 0) {
            return Err(());
        }
        let taken = double(legacy, SOFTWARE + 8) & layout.components;
        (taken, stored & taken)
    } else {
        (X87_AND_SSE, X87_AND_SSE)
    };
    if taken & SSE_AND_AVX == 0 {
        put_word(legacy, MXCSR, INITIAL_MXCSR);
    } else if word(legacy, MXCSR) & !layout.mxcsr_mask != 0 {
        // XRSTOR and FXRSTOR would fault.
        return Err(());
    }
    floating_point::with_registers(|registers| {
        let bytes = registers.as_bytes_mut();
        bytes[..LEGACY].copy_from_slice(legacy);
        if layout.components != 0 && bytes.len() >= layout.size {
            if extended {
                bytes[LEGACY..layout.size].copy_from_slice(&rest[..layout.size - LEGACY]);
            }
            bytes[LEGACY..LEGACY + HEADER].fill(0);
            bytes[LEGACY..LEGACY + 8].copy_from_slice(&stored.to_ne_bytes());
        }
        registers.load();
    });
    Ok(())
}

/// Gives the thread the registers of a reset, as a handler finds them.
pub(super) fn reset() {
    Layout::get().initial.load();
}

/// Why the floating point unit raised an exception (si_code); `None` where it did not, after all.
pub(in crate::process) fn exception_code(x87: bool) -> Option<u32> {
    use linux_raw_sys::general::{FPE_FLTDIV, FPE_FLTINV, FPE_FLTOVF, FPE_FLTRES, FPE_FLTUND};
    let mut raised = 0;
    floating_point::with_registers(|registers| {
        registers.save();
        let bytes = registers.as_bytes();
        raised = if x87 {
            // Control and status word: flags of exceptions that are not masked.
            let words = word(bytes, 0);
            words >> 16 & !words
        } else {
            let mxcsr = word(bytes, MXCSR);
            mxcsr & !(mxcsr >> 7)
        };
    });
    match raised {
        raised if raised & 0x01 != 0 => Some(FPE_FLTINV),
        raised if raised & 0x04 != 0 => Some(FPE_FLTDIV),
        raised if raised & 0x08 != 0 => Some(FPE_FLTOVF),
        raised if raised & 0x12 != 0 => Some(FPE_FLTUND),
        raised if raised & 0x20 != 0 => Some(FPE_FLTRES),
        _ => None,
    }
}

/// Lends a buffer of [`size`] bytes.
fn with_buffer<T>(f: impl FnOnce(&mut [u8]) -> T) -> T {
    let mut few = [0; 1024];
    match few.get_mut(..size()) {
        Some(buffer) => f(buffer),
        None => f(&mut vec![0; size()]),
    }
}

fn word(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map_or(0, u32::from_ne_bytes)
}

fn double(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..at + 8).and_then(|bytes| bytes.try_into().ok()).map_or(0, u64::from_ne_bytes)
}

fn put_word(bytes: &mut [u8], at: usize, value: u32) {
    if let Some(place) = bytes.get_mut(at..at + 4) {
        place.copy_from_slice(&value.to_ne_bytes());
    }
}
