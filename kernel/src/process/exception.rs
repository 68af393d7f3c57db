//! What a program does that the processor does not let it.

use linux_raw_sys::general::{SIGBUS, SIGFPE, SIGILL, SIGKILL, SIGSEGV, SIGTRAP};
use ostd::{arch::cpu::context::CpuException, user::UserMode};

use super::exit;
use crate::{
    context::Context,
    mm::{Access, FaultError},
};

/// Serves an exception that user mode raised: a page it lacked, or a signal.
pub(super) fn handle(context: &Context, user: &mut UserMode) {
    let Some(exception) = user.context_mut().take_exception() else { return };
    let signal = match &exception {
        CpuException::PageFault(info) => match context.space.fault(info.addr, Access::from_exception(info)) {
            Ok(()) => return,
            Err(FaultError::NotAllowed) => SIGSEGV,
            Err(FaultError::NoContents) => SIGBUS,
            Err(FaultError::NoMemory) => SIGKILL,
        },
        CpuException::DivisionError
        | CpuException::X87FloatingPointException
        | CpuException::SIMDFloatingPointException => SIGFPE,
        CpuException::Debug | CpuException::BreakPoint => SIGTRAP,
        CpuException::InvalidOpcode => SIGILL,
        CpuException::AlignmentCheck => SIGBUS,
        _ => SIGSEGV,
    };
    let registers = user.context().general_regs();
    ostd::info!(
        "process {}, thread {}: signal {signal} at {:#x}, stack {:#x}: {exception:x?}",
        context.process.pid,
        context.thread.tid(),
        registers.rip,
        registers.rsp,
    );
    exit::end_process_by_signal(context, signal);
}
