//! Handlers: how one is entered and returned from.
//!
//! What is put on the stack is Linux's `struct rt_sigframe`, word by word: debuggers and unwinders read it.

use linux_raw_sys::general::{SA_NODEFER, SA_ONSTACK, SA_RESTORER, SA_SIGINFO, SIGSEGV};
use ostd::{arch::cpu::context::GeneralRegs, user::UserMode};

use super::{Action, Info, Stack, UNBLOCKABLE, bit, floating_point, send, set_mask};
use crate::{context::Context, mm::layout::HIGHEST};

/// The frame: return address, struct ucontext, siginfo_t.
const WORDS: usize = 55;
/// Where things are in it, in words.
const FLAGS: usize = 1;
const STACK: usize = 3;
const REGISTERS: usize = 6;
const SELECTORS: usize = 24;
const FAULT: usize = 25;
const FLOATING_POINT: usize = 29;
const MASK: usize = 38;
const INFO: usize = 39;

/// `uc_flags`: there is more floating point state than FXSAVE stores; SS is in the frame, and is restored.
const UC_FP_XSTATE: u64 = 1;
const UC_SIGCONTEXT_SS: u64 = 2;
const UC_STRICT_RESTORE_SS: u64 = 4;

/// Linux's selectors of user code and data: CS, GS, FS, SS from the low half word on.
const USER_CS: u64 = 0x33;
const USER_SS: u64 = 0x2b;

/// What compilers may use below the stack pointer (System V ABI).
const RED_ZONE: usize = 128;

// Processor flags.
const TRAP: usize = 1 << 8;
const DIRECTION: usize = 1 << 10;
const RESUME: usize = 1 << 16;
/// Those that a program may change: CF, PF, AF, ZF, SF, TF, DF, OF, RF, AC.
const CHANGEABLE: usize = 0x50dd5;

/// Has the thread enter the handler of `action` for the signal of `info`.
pub(super) fn enter(context: &Context, user: &mut UserMode, info: &Info, action: &Action) {
    let signal = info.signal();
    let entered = push(context, user, info, action);
    if entered.is_err() {
        // There is no stack to tell it on. For a handler of SIGSEGV, which would meet the same, there is no other way.
        let info = Info::kernel(SIGSEGV);
        if signal == SIGSEGV {
            send::force_fatally(&context.thread, info);
        } else {
            send::force(&context.thread, info);
        }
        return;
    }
    floating_point::reset();
    let mask = {
        let mut state = context.thread.signals.lock();
        state.saved = None;
        state.stack.entered();
        state.mask
    };
    let own = if action.has(SA_NODEFER) { 0 } else { bit(signal) };
    set_mask(context, mask | action.mask | own);
    check_instruction_pointer(context, user);
}

fn push(context: &Context, user: &mut UserMode, info: &Info, action: &Action) -> Result<(), ()> {
    if !action.has(SA_RESTORER) {
        return Err(());
    }
    let (stack, mask, fault) = {
        let state = context.thread.signals.lock();
        (state.stack, state.saved.unwrap_or(state.mask), state.fault)
    };
    let registers = *user.context().general_regs();
    let (frame_at, floating_point_at) = place(&stack, action, registers.rsp)?;
    floating_point::save(context, floating_point_at)?;
    let mut frame = [0; WORDS];
    frame[0] = action.restorer;
    frame[FLAGS] = UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS;
    if floating_point::is_extended() {
        frame[FLAGS] |= UC_FP_XSTATE;
    }
    frame[STACK..STACK + 3].copy_from_slice(&stack.to_words());
    frame[REGISTERS..SELECTORS].copy_from_slice(&to_words(&registers));
    frame[SELECTORS] = USER_CS | USER_SS << 48;
    frame[FAULT..FLOATING_POINT].copy_from_slice(&[
        fault.error_code as u64,
        fault.vector as u64,
        mask,
        fault.address.unwrap_or(0) as u64,
    ]);
    frame[FLOATING_POINT] = floating_point_at as u64;
    frame[MASK] = mask;
    let written = if action.has(SA_SIGINFO) {
        frame[INFO..].copy_from_slice(&info.to_words());
        context.space.write(frame_at, &frame)
    } else {
        // As on Linux, the rest of the frame is left as the stack was.
        let (head, _) = frame.split_first_chunk::<INFO>().ok_or(())?;
        context.space.write(frame_at, head)
    };
    written.map_err(drop)?;
    let registers = user.context_mut().general_regs_mut();
    registers.rdi = info.signal() as usize;
    registers.rsi = frame_at + INFO * 8;
    registers.rdx = frame_at + FLAGS * 8;
    registers.rax = 0;
    registers.rip = action.handler as usize;
    registers.rsp = frame_at;
    registers.rflags &= !(TRAP | DIRECTION | RESUME);
    Ok(())
}

/// Where the frame goes, and its floating point part above it.
fn place(stack: &Stack, action: &Action, pointer: usize) -> Result<(usize, usize), ()> {
    let nested = stack.is_in_use(pointer);
    let mut top = pointer.wrapping_sub(RED_ZONE);
    let mut entering = false;
    if action.has(SA_ONSTACK)
        && let Some(alternate) = stack.top(top)
    {
        top = alternate;
        entering = true;
    }
    let floating_point_at = top.wrapping_sub(floating_point::size()) & !63;
    // As after a call: the address of the return address is not a multiple of 16, that above it is.
    let frame_at = (floating_point_at.wrapping_sub(WORDS * 8) & !15).wrapping_sub(8);
    if (nested || entering) && !stack.contains(frame_at) {
        return Err(());
    }
    Ok((frame_at, floating_point_at))
}

/// rt_sigreturn(2): puts back what the handler's frame has, as the handler left it. Returns what RAX is to be.
pub(crate) fn sigreturn(context: &Context, user: &mut UserMode) -> usize {
    let pointer = user.context().general_regs().rsp;
    match pop(context, user, pointer.wrapping_sub(8)) {
        Ok(value) => value,
        Err(()) => {
            send::force(&context.thread, Info::kernel(SIGSEGV));
            0
        }
    }
}

fn pop(context: &Context, user: &mut UserMode, frame_at: usize) -> Result<usize, ()> {
    if frame_at.checked_add(WORDS * 8).is_none_or(|end| end > HIGHEST) {
        return Err(());
    }
    let frame: [u64; INFO] = context.space.read(frame_at).map_err(drop)?;
    set_mask(context, frame[MASK] & !UNBLOCKABLE);
    // Selectors that are not those of 64-bit user mode cannot be returned to.
    let selectors = frame[SELECTORS];
    let strict = frame[FLAGS] & UC_STRICT_RESTORE_SS != 0;
    let valid = (selectors & 0xffff | 3) == USER_CS && (!strict || (selectors >> 48 | 3) == USER_SS);
    from_words(user.context_mut().general_regs_mut(), &frame[REGISTERS..SELECTORS]);
    floating_point::restore(context, frame[FLOATING_POINT] as usize)?;
    let stack = [frame[STACK], frame[STACK + 1], frame[STACK + 2]];
    let pointer = user.context().general_regs().rsp;
    // As on Linux, a stack that cannot be set is no error here.
    let _ = context.thread.signals.lock().stack.set(stack, pointer);
    if valid {
        check_instruction_pointer(context, user);
    } else {
        send::force(&context.thread, Info::kernel(SIGSEGV));
    }
    Ok(user.context().general_regs().rax)
}

/// The processor cannot return to an address that is not canonical: that is a fault of the program, to be met here, since
/// in the return to user mode it would be the kernel's.
fn check_instruction_pointer(context: &Context, user: &UserMode) {
    let address = user.context().general_regs().rip as isize;
    if address << 16 >> 16 != address {
        send::force(&context.thread, Info::kernel(SIGSEGV));
    }
}

/// In the order of struct sigcontext.
fn to_words(registers: &GeneralRegs) -> [u64; SELECTORS - REGISTERS] {
    let r = registers;
    [
        r.r8, r.r9, r.r10, r.r11, r.r12, r.r13, r.r14, r.r15, r.rdi, r.rsi, r.rbp, r.rbx, r.rdx, r.rax,
        r.rcx, r.rsp, r.rip, r.rflags,
    ]
    .map(|word| word as u64)
}

fn from_words(registers: &mut GeneralRegs, words: &[u64]) {
    let r = registers;
    let flags = r.rflags;
    let places = [
        &mut r.r8,
        &mut r.r9,
        &mut r.r10,
        &mut r.r11,
        &mut r.r12,
        &mut r.r13,
        &mut r.r14,
        &mut r.r15,
        &mut r.rdi,
        &mut r.rsi,
        &mut r.rbp,
        &mut r.rbx,
        &mut r.rdx,
        &mut r.rax,
        &mut r.rcx,
        &mut r.rsp,
        &mut r.rip,
        &mut r.rflags,
    ];
    for (place, word) in places.into_iter().zip(words) {
        *place = *word as usize;
    }
    r.rflags = flags & !CHANGEABLE | r.rflags & CHANGEABLE;
}
