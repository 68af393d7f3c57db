//! The battery-backed clock, read once at boot.
//!
//! Source: Motorola MC146818A data sheet; the century register as ACPI names it.

use core::num::NonZeroU8;

use ostd::{
    arch::{device::io_port::ReadWriteAccess, kernel::ACPI_INFO},
    io::IoPort,
};

const UPDATE_IN_PROGRESS: u8 = 0x80;
const STATUS_A: u8 = 0x0A;
const STATUS_B: u8 = 0x0B;
const BINARY: u8 = 0x04;
const HOURS_24: u8 = 0x02;
const PM: u8 = 0x80;

struct Cmos {
    index: IoPort<u8, ReadWriteAccess>,
    data: IoPort<u8, ReadWriteAccess>,
}

impl Cmos {
    fn read(&self, register: u8) -> u8 {
        self.index.write(register);
        self.data.read()
    }
}

/// Nanoseconds since 1970 (UTC), to the second; `None` where the clock shows nothing sensible.
pub(super) fn read() -> Option<u64> {
    let cmos = Cmos { index: IoPort::acquire(0x70).ok()?, data: IoPort::acquire(0x71).ok()? };
    let century_register =
        ACPI_INFO.get().and_then(|info| info.century_register).map_or(0x32, NonZeroU8::get);
    let registers = [0x00, 0x02, 0x04, 0x07, 0x08, 0x09, century_register];
    let sample = || registers.map(|register| cmos.read(register));
    // An update takes 2 ms: read until two readings agree that none was under way.
    let mut last = sample();
    for _ in 0..10_000 {
        let this = sample();
        if this == last && cmos.read(STATUS_A) & UPDATE_IN_PROGRESS == 0 {
            return decode(this, cmos.read(STATUS_B));
        }
        last = this;
    }
    None
}

fn decode(raw: [u8; 7], status: u8) -> Option<u64> {
    let number = |value: u8| {
        if status & BINARY != 0 {
            u64::from(value)
        } else {
            u64::from(value & 15) + 10 * u64::from(value >> 4)
        }
    };
    let [second, minute, raw_hour, day, month, year, century] = raw;
    let mut hour = number(raw_hour & !PM);
    if status & HOURS_24 == 0 {
        hour = hour % 12 + if raw_hour & PM != 0 { 12 } else { 0 };
    }
    let year = number(century) * 100 + number(year);
    let (month, day) = (number(month), number(day));
    if !(1970..2200).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let seconds =
        ((days_since_1970(year, month, day) * 24 + hour) * 60 + number(minute)) * 60 + number(second);
    Some(seconds * 1_000_000_000)
}

/// Days from 1970-01-01 to a date of the Gregorian calendar from then on.
fn days_since_1970(year: u64, month: u64, day: u64) -> u64 {
    // Years that begin in March put the leap day at the end.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let before_year = year * 365 + year / 4 - year / 100 + year / 400;
    let before_month = (month * 153 + 2) / 5;
    before_year + before_month + (day - 1) - 719_468
}
