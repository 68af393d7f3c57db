//! What a program does that the processor does not let it.

use linux_raw_sys::general::{
    BUS_ADRALN, BUS_ADRERR, FPE_INTDIV, ILL_ILLOPN, SEGV_ACCERR, SEGV_MAPERR, SIGBUS, SIGFPE, SIGILL,
    SIGSEGV, SIGTRAP, TRAP_TRACE,
};
use ostd::{
    arch::cpu::context::CpuException,
    user::{UserContextApi, UserMode},
};

use super::signal::{self, Info, LastFault};
use crate::{
    context::Context,
    mm::{Access, FaultError, layout::page_down, relieve},
};

/// Serves an exception that user mode raised: a page it lacked, or a signal.
pub(super) fn handle(context: &Context, user: &mut UserMode) {
    let Some(exception) = user.context_mut().take_exception() else { return };
    let at = user.context().instruction_pointer();
    let mut address = None;
    let info = match &exception {
        CpuException::PageFault(page) => {
            let Err(error) = context.space.fault(page.addr, Access::from_exception(page)) else { return };
            address = Some(page.addr);
            match error {
                FaultError::NotAllowed => Info::fault(SIGSEGV, why(context, page.addr), page.addr),
                FaultError::NoContents => Info::fault(SIGBUS, BUS_ADRERR, page.addr),
                // The page is touched again, unless this is the process that had to end.
                FaultError::NoMemory => return relieve(&context.process),
            }
        }
        CpuException::DivisionError => Info::fault(SIGFPE, FPE_INTDIV, at),
        CpuException::X87FloatingPointException | CpuException::SIMDFloatingPointException => {
            let x87 = matches!(exception, CpuException::X87FloatingPointException);
            // What is no exception any more is executed again.
            let Some(code) = signal::exception_code(x87) else { return };
            Info::fault(SIGFPE, code, at)
        }
        CpuException::Debug => Info::fault(SIGTRAP, TRAP_TRACE, at),
        CpuException::BreakPoint => Info::kernel(SIGTRAP),
        CpuException::InvalidOpcode => Info::fault(SIGILL, ILL_ILLOPN, at),
        CpuException::AlignmentCheck => Info::fault(SIGBUS, BUS_ADRALN, 0),
        CpuException::StackSegmentFault(_) | CpuException::SegmentNotPresent(_) => Info::kernel(SIGBUS),
        _ => Info::kernel(SIGSEGV),
    };
    let registers = user.context().general_regs();
    ostd::info!(
        "process {}, thread {}: signal {} at {:#x}, stack {:#x}: {exception:x?}",
        context.process.pid,
        context.thread.tid(),
        info.signal(),
        registers.rip,
        registers.rsp,
    );
    context.thread.signals.lock().set_fault(LastFault {
        vector: user.context().trap_number(),
        error_code: user.context().trap_error_code(),
        address,
    });
    signal::force(&context.thread, info);
}

/// Whether a page that may not be touched is there at all.
fn why(context: &Context, address: usize) -> u32 {
    let mapped = context.space.with_mappings(|mappings, _| mappings.find(page_down(address)).is_some());
    if mapped { SEGV_ACCERR } else { SEGV_MAPERR }
}
