//! The kernel's log: a line per record on COM1.

use core::fmt::{self, Write};

use ostd::{
    arch::serial::SERIAL_PORT,
    log::{LevelFilter, Log, Record, inject_logger, set_max_level},
};

use crate::time::clock;

struct SerialLog;

impl Log for SerialLog {
    fn log(&self, record: &Record<'_>) {
        let Some(serial) = SERIAL_PORT.get() else { return };
        let now = clock::now();
        let mut serial = serial.lock();
        let mut out = Raw(|byte| serial.send(byte));
        // Writing to the port cannot fail.
        let _ = writeln!(
            out,
            "[{:5}.{:06}] {}: {}{}",
            now.as_secs(),
            now.subsec_micros(),
            record.level(),
            record.prefix(),
            record.args()
        );
    }
}

/// Bytes as they are: ostd's own writer puts a carriage return before each line end.
struct Raw<F>(F);

impl<F: FnMut(u8)> Write for Raw<F> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.bytes().for_each(&mut self.0);
        Ok(())
    }
}

/// From now on, records up to `level` are written.
pub(crate) fn init(level: LevelFilter) {
    inject_logger(&SerialLog);
    set_max_level(level);
}

/// Writes a line although the kernel is failing, unless the port is in use by the very one that failed.
///
/// # Errors
/// The port's lock is held.
pub(crate) fn write_emergency(line: fmt::Arguments<'_>) -> Result<(), ()> {
    let serial = SERIAL_PORT.get().ok_or(())?;
    // Others hold the lock for a line; who holds it longer will never let go.
    for _ in 0..10_000_000 {
        if let Some(mut serial) = serial.try_lock() {
            let mut out = Raw(|byte| serial.send(byte));
            // Writing to the port cannot fail.
            let _ = writeln!(out, "{line}");
            return Ok(());
        }
        core::hint::spin_loop();
    }
    Err(())
}

/// Waits for a line that another CPU is writing. ostd's driver sends without a FIFO: what it has sent is out.
pub(super) fn drain() {
    if let Some(serial) = SERIAL_PORT.get() {
        for _ in 0..1_000_000 {
            if serial.try_lock().is_some() {
                return;
            }
            core::hint::spin_loop();
        }
    }
}
