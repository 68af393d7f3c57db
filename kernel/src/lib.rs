//! The small kernel under the socket layer.
//!
//! It boots on ostd, makes a root file system of the initramfs, runs one program with the Linux system-call interface,
//! and ends the machine with that program's exit status. Socket calls are the business of the crate `socket`, files that
//! of the crate `vfs`; this crate has processes, memory, time, and the table that leads from numbers to calls.

#![no_std]
#![deny(unsafe_code)]

extern crate alloc;

macro_rules! __log_prefix {
    () => {
        ""
    };
}

mod args;
mod boot;
mod caller;
mod console;
mod context;
mod device;
mod exec;
mod futex;
mod mm;
mod network;
mod panic;
mod proc;
mod process;
mod random;
mod sched;
mod special;
mod sys;
mod syscall;
mod system;
mod time;
mod uts;
mod wait;

/// Where ostd hands over on the first CPU. What it returns to is the scheduler.
#[ostd::main]
fn kernel_main() {
    boot::start();
}

/// Where Rust hands over when the kernel fails.
#[ostd::panic_handler]
fn kernel_panic(info: &core::panic::PanicInfo<'_>) -> ! {
    panic::handle(info)
}
