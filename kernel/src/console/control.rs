//! The control channel: what the kernel and the one who booted it tell each other, a line each.
//!
//! | line | direction | meaning |
//! |---|---|---|
//! | `ready NS` | out | the first program's first instruction is about to run, NS nanoseconds after reset |
//! | `exit STATUS` | out | the first program is over: 0 to 255, 128 + N for signal N |
//! | `fail MESSAGE` | out | the boot failed |
//! | `panic MESSAGE` | out | the kernel failed |
//! | `eof COUNT` | in | standard input has ended after COUNT bytes |
//!
//! After `exit`, `fail` and `panic` the machine is off. All output of the program is with the host before `exit` is said.

use core::fmt::{self, Write};

use ostd::{
    log::{LevelFilter, set_max_level},
    power::{ExitCode, poweroff},
};

use super::CONTROL;

/// The first program is about to run.
pub(crate) fn ready(nanoseconds: u64) {
    say(format_args!("ready {nanoseconds}"));
}

/// The first program is over: ends the machine.
pub(crate) fn exit(status: u8) -> ! {
    super::drain();
    say(format_args!("exit {status}"));
    power_off(ExitCode::Success)
}

/// The boot failed, for a reason that is not the kernel's: ends the machine.
pub(crate) fn fail(message: fmt::Arguments<'_>) -> ! {
    ostd::error!("boot failed: {message}");
    super::drain();
    say(format_args!("fail {message}"));
    power_off(ExitCode::Failure)
}

/// The kernel failed: the line alone, because there is more to be told before the end.
pub(crate) fn panic(message: fmt::Arguments<'_>) {
    // Another line may have been under way.
    say(format_args!("\npanic {message}"));
}

/// Ends the machine.
pub(crate) fn power_off(code: ExitCode) -> ! {
    super::log::drain();
    if let Some(Some(uart)) = CONTROL.get() {
        uart.drain();
    }
    // QEMU takes a moment to end, which ostd mistakes for a failure worth a line.
    set_max_level(LevelFilter::Off);
    poweroff(code)
}

fn say(line: fmt::Arguments<'_>) {
    // Writing to the port cannot fail.
    let _ = writeln!(Line { inside: false }, "{line}");
}

/// Writes to the control port; line ends within the message become spaces.
struct Line {
    inside: bool,
}

impl Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let Some(Some(uart)) = CONTROL.get() else { return Ok(()) };
        if text == "\n" {
            uart.write(b"\n");
            return Ok(());
        }
        for part in text.split_inclusive('\n') {
            match part.strip_suffix('\n') {
                // The leading line end of `panic` is meant.
                Some("") if !self.inside => uart.write(b"\n"),
                Some(part) => {
                    uart.write(part.as_bytes());
                    uart.write(b" ");
                }
                None => uart.write(part.as_bytes()),
            }
            self.inside |= part != "\n";
        }
        Ok(())
    }
}
