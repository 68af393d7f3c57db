//! Random bytes.

use core::sync::atomic::{AtomicU64, Ordering};

use ostd::arch::{read_random, read_tsc};

/// Fills `into` from the processor's generator.
///
/// A processor without one gets numbers that are merely different each time (SplitMix64 over the time stamp counter):
/// good enough for hash seeds, not for keys, and the log says so at the first use.
pub(crate) fn fill(into: &mut [u8]) {
    for chunk in into.chunks_mut(8) {
        chunk.copy_from_slice(&next().to_ne_bytes()[..chunk.len()]);
    }
}

fn next() -> u64 {
    read_random().unwrap_or_else(weak)
}

#[cold]
fn weak() -> u64 {
    static STATE: AtomicU64 = AtomicU64::new(0);
    const STEP: u64 = 0x9E37_79B9_7F4A_7C15;
    if STATE.load(Ordering::Relaxed) == 0 {
        ostd::warn!("the processor has no random number generator: random numbers are predictable");
    }
    let mut mixed = STATE.fetch_add(STEP ^ read_tsc(), Ordering::Relaxed).wrapping_add(STEP);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}
