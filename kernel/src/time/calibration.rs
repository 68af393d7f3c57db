//! Measuring the time stamp counter against a clock of known frequency.

use ostd::{
    arch::{device::io_port::ReadWriteAccess, read_tsc},
    io::IoPort,
};

/// The ACPI power management timer of the machine's chip set (ICH9: PMBASE 0x600, offset 8).
///
/// ostd does not export where the firmware put it; whether it is here is seen by whether it runs.
const PM_TIMER_PORT: u16 = 0x608;
/// Its frequency (ACPI specification, 4.8.2.1).
const PM_TIMER_HZ: u64 = 3_579_545;
/// At least 24 bits count.
const PM_TIMER_MASK: u32 = 0xFF_FFFF;
/// How long to measure: 50 ms.
const SPAN: u32 = (PM_TIMER_HZ / 20) as u32;
/// How often to read in search of a reading that nothing came between.
const TRIES: usize = 5;

type Port = IoPort<u32, ReadWriteAccess>;

/// The counter's frequency in Hz; `None` without a timer to compare it with.
pub(super) fn measure_tsc() -> Option<u64> {
    let timer = Port::acquire(PM_TIMER_PORT).ok()?;
    let start = read_both(&timer);
    let mut spins = 0u32;
    while elapsed(start.timer, timer.read()) < SPAN {
        // A timer that stands still is none.
        spins += 1;
        if spins > 1000 && elapsed(start.timer, timer.read()) == 0 {
            return None;
        }
        core::hint::spin_loop();
    }
    let end = read_both(&timer);
    let ticks = u64::from(elapsed(start.timer, end.timer));
    Some(end.tsc.checked_sub(start.tsc)? * PM_TIMER_HZ / ticks)
}

fn elapsed(from: u32, to: u32) -> u32 {
    to.wrapping_sub(from) & PM_TIMER_MASK
}

#[derive(Clone, Copy)]
struct Reading {
    tsc: u64,
    timer: u32,
}

/// Both at the same moment: of several tries the one that took the least time, so that an interruption by the host
/// between the two does not count.
fn read_both(timer: &Port) -> Reading {
    let mut best = (u64::MAX, Reading { tsc: 0, timer: 0 });
    for _ in 0..TRIES {
        let before = read_tsc();
        let value = timer.read();
        let after = read_tsc();
        let took = after.wrapping_sub(before);
        if took < best.0 {
            best = (took, Reading { tsc: before + took / 2, timer: value });
        }
    }
    best.1
}
