//! Threads and the end of processes.

use core::sync::atomic::Ordering;

use linux_raw_sys::general::{__NR_arch_prctl, __NR_exit, __NR_exit_group, __NR_set_tid_address};
use ostd::arch::cpu::context::{FsBase, GsBase};
use socket::error::{Errno, Result};

use super::{Arguments, Calls, Handler::Plain};
use crate::{
    context::Context,
    mm::layout::HIGHEST,
    process::{ExitStatus, exit},
};

// asm/prctl.h
const ARCH_SET_GS: u32 = 0x1001;
const ARCH_SET_FS: u32 = 0x1002;
const ARCH_GET_FS: u32 = 0x1003;
const ARCH_GET_GS: u32 = 0x1004;

pub(super) const CALLS: &Calls = &[
    (__NR_exit, Plain(exit)),
    (__NR_exit_group, Plain(exit_group)),
    (__NR_set_tid_address, Plain(set_tid_address)),
    (__NR_arch_prctl, Plain(arch_prctl)),
];

fn exit(context: &Context, arguments: &Arguments) -> Result<usize> {
    exit::end_thread(context, arguments[0] as i32);
    Ok(0)
}

fn exit_group(context: &Context, arguments: &Arguments) -> Result<usize> {
    context.process.end(ExitStatus::Exited(arguments[0] as u8));
    Ok(0)
}

fn set_tid_address(context: &Context, arguments: &Arguments) -> Result<usize> {
    context.thread.clear_tid_at.store(arguments[0], Ordering::Relaxed);
    Ok(context.thread.tid() as usize)
}

/// The bases are in the processor while the thread runs: they are read and written there.
fn arch_prctl(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [code, address, ..] = *arguments;
    match code as u32 {
        ARCH_SET_FS | ARCH_SET_GS if address >= HIGHEST => Err(Errno::EPERM.into()),
        ARCH_SET_FS => {
            FsBase::new(address).load();
            Ok(0)
        }
        ARCH_SET_GS => {
            GsBase::new(address).load(&ostd::irq::disable_local());
            Ok(0)
        }
        ARCH_GET_FS => {
            let mut base = FsBase::default();
            base.save();
            context.space.write(address, &base.addr()).map(|()| 0)
        }
        ARCH_GET_GS => {
            let mut base = GsBase::default();
            base.save(&ostd::irq::disable_local());
            context.space.write(address, &base.addr()).map(|()| 0)
        }
        _ => Err(Errno::EINVAL.into()),
    }
}
