//! From a system call's number to what serves it.
//!
//! Each file here has a list of the calls it serves; the table is made of them at build time. A number that is in none
//! of them is ENOSYS, and counted.

mod at;
mod attribute;
mod descriptor;
mod file;
mod futex;
mod identity;
mod memory;
mod path;
mod poll;
mod process;
mod signal;
mod socket;
mod system;
mod time;
mod transfer;

use core::sync::atomic::{AtomicU32, Ordering};

pub(crate) use attribute::socket_number;
pub(crate) use system::RELEASE;

use ostd::user::UserMode;
use ::socket::error::{Errno, Result};

use crate::context::Context;

/// The six arguments, as the registers hold them.
pub(crate) type Arguments = [usize; 6];

/// What serves a call.
#[derive(Clone, Copy)]
pub(crate) enum Handler {
    /// Needs the arguments alone.
    Plain(fn(&Context, &Arguments) -> Result<usize>),
    /// Copies or changes the thread's registers too.
    Registers(fn(&mut Context, &mut UserMode, &Arguments) -> Result<usize>),
}

/// The calls that a file serves.
pub(crate) type Calls = [(u32, Handler)];

/// One more than the highest number in the table.
const SIZE: usize = 512;

static TABLE: [Option<Handler>; SIZE] = table(&[
    attribute::CALLS,
    descriptor::CALLS,
    file::CALLS,
    futex::CALLS,
    identity::CALLS,
    memory::CALLS,
    path::CALLS,
    poll::CALLS,
    process::CALLS,
    signal::CALLS,
    socket::CALLS,
    system::CALLS,
    time::CALLS,
    transfer::CALLS,
]);

const fn table(files: &[&Calls]) -> [Option<Handler>; SIZE] {
    let mut table = [None; SIZE];
    let mut file = 0;
    while file < files.len() {
        let calls = files[file];
        let mut call = 0;
        while call < calls.len() {
            let (number, handler) = calls[call];
            assert!(table[number as usize].is_none(), "a call is in two lists");
            table[number as usize] = Some(handler);
            call += 1;
        }
        file += 1;
    }
    table
}

/// Serves the call that the thread has made.
pub(crate) fn dispatch(context: &mut Context, user: &mut UserMode) {
    let registers = user.context().general_regs();
    let number = registers.rax;
    let arguments =
        [registers.rdi, registers.rsi, registers.rdx, registers.r10, registers.r8, registers.r9];
    let result = match TABLE.get(number) {
        Some(Some(Handler::Plain(serve))) => serve(context, &arguments),
        Some(Some(Handler::Registers(serve))) => serve(context, user, &arguments),
        _ => missing(number),
    };
    let value = match result {
        Ok(value) => value,
        Err(error) => usize::from(error.errno.number()).wrapping_neg(),
    };
    user.context_mut().set_rax(value);
}

/// How often calls that nothing serves were made, by number; those beyond the table together at the end.
static MISSING: [AtomicU32; SIZE + 1] = [const { AtomicU32::new(0) }; SIZE + 1];

#[cold]
fn missing(number: usize) -> Result<usize> {
    if MISSING[number.min(SIZE)].fetch_add(1, Ordering::Relaxed) == 0 {
        ostd::info!("system call {number} is not served");
    }
    Err(Errno::ENOSYS.into())
}
