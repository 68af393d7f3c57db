//! What happens when the kernel itself fails.

use core::{
    panic::PanicInfo,
    sync::atomic::{AtomicBool, Ordering},
};

use ostd::power::ExitCode;

use crate::console::{control, log};

static PANICKING: AtomicBool = AtomicBool::new(false);

/// Tells the host and ends the machine. Whatever state the kernel is in, it does not hang here: no lock is waited for
/// without bound, and a second panic ends at once.
pub(crate) fn handle(info: &PanicInfo<'_>) -> ! {
    let _irq_guard = ostd::irq::disable_local();
    if PANICKING.swap(true, Ordering::SeqCst) {
        ostd::power::poweroff(ExitCode::Failure);
    }
    match info.location() {
        Some(at) => control::panic(format_args!("{} at {}:{}", info.message(), at.file(), at.line())),
        None => control::panic(format_args!("{}", info.message())),
    }
    // The trace is printed through a lock of ostd: only where that was free a moment ago.
    if log::write_emergency(format_args!("kernel panic: {info}")).is_ok() {
        ostd::panic::print_stack_trace();
    }
    control::power_off(ExitCode::Failure)
}
