//! The serial ports, and what each of them is for.
//!
//! | port | what passes |
//! |---|---|
//! | COM1 | the kernel's log, out |
//! | COM2 | standard input in, standard output out, raw bytes |
//! | COM3 | standard error out, raw bytes |
//! | COM4 | control lines: see [`control`] |

pub(crate) mod control;
pub(crate) mod device;
pub(crate) mod input;
pub(crate) mod log;
mod uart;

use ostd::{sync::Mutex, task::Task};
use spin::Once;
use uart::Uart;

use crate::process::current_thread;

/// Standard input and output.
static STANDARD: Once<Option<Uart>> = Once::new();
/// Standard error.
static ERROR: Once<Option<Uart>> = Once::new();
/// The control channel.
static CONTROL: Once<Option<Uart>> = Once::new();

/// Keeps what one call writes to a port together.
static STANDARD_WRITER: Mutex<()> = Mutex::new(());
static ERROR_WRITER: Mutex<()> = Mutex::new(());

/// Where a program's output goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Output {
    /// Standard output, COM2.
    Standard,
    /// Standard error, COM3.
    Error,
}

/// Takes hold of the ports. A port that does not exist takes all output and gives no input.
pub(crate) fn init() {
    STANDARD.call_once(|| Uart::acquire(0x2F8));
    ERROR.call_once(|| Uart::acquire(0x3E8));
    CONTROL.call_once(|| Uart::acquire(0x2E8));
}

/// Writes `bytes`, waiting for the host to take them; says how many it took. That is all, unless the calling thread has
/// to attend to something meanwhile.
pub(crate) fn write(output: Output, bytes: &[u8]) -> usize {
    let (port, writer) = match output {
        Output::Standard => (&STANDARD, &STANDARD_WRITER),
        Output::Error => (&ERROR, &ERROR_WRITER),
    };
    let Some(Some(uart)) = port.get() else { return bytes.len() };
    let thread = current_thread();
    let _together = writer.lock();
    let mut written = 0;
    while written < bytes.len() {
        let taken = uart.try_write(&bytes[written..]);
        written += taken;
        if taken == 0 {
            if thread.as_ref().is_some_and(|thread| thread.must_attend()) {
                break;
            }
            Task::yield_now();
        }
    }
    written
}

/// Waits until the host has taken everything that was written to the program's ports.
fn drain() {
    for port in [&STANDARD, &ERROR] {
        if let Some(Some(uart)) = port.get() {
            uart.drain();
        }
    }
}
