//! Signals: a handler that keeps a record, and the calls around it.

use std::{
    cell::UnsafeCell,
    sync::atomic::{AtomicU32, AtomicUsize, Ordering},
};

use super::{Argument, Fill, Words, call};
use crate::errno::{Errno, Result};

/// A set of signals, signal N in bit N - 1.
pub(crate) const fn set(signals: &[i32]) -> u64 {
    let mut set = 0;
    let mut at = 0;
    while at < signals.len() {
        set |= 1 << (signals[at] - 1);
        at += 1;
    }
    set
}

/// What a handler was told.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Record {
    /// The signal.
    pub(crate) signal: i32,
    /// Why it was sent.
    pub(crate) code: i32,
    /// The third and fourth word of siginfo_t: for most, sender and user; the address of a fault.
    pub(crate) words: [u64; 2],
    /// The mask to go back to.
    pub(crate) mask: u64,
    /// Where the handler's own stack was.
    pub(crate) stack: usize,
}

const LIMIT: usize = 64;

/// Written by handlers alone, one after the other: tests have them in processes with one thread that takes signals.
struct Log(UnsafeCell<[Record; LIMIT]>);

// SAFETY: see above; readers look after the handlers have run.
unsafe impl Sync for Log {}

static LOG: Log =
    Log(UnsafeCell::new([Record { signal: 0, code: 0, words: [0; 2], mask: 0, stack: 0 }; LIMIT]));
static LENGTH: AtomicUsize = AtomicUsize::new(0);
/// What the handler does to its frame.
static DEED: AtomicU32 = AtomicU32::new(0);

/// What the handler does to its frame before it returns.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub(crate) enum Deed {
    /// Nothing.
    Nothing,
    /// Continue at the address that R11 has.
    Skip,
    /// MXCSR with all bits.
    Mxcsr,
    /// A state component that no processor has.
    Component,
    /// The compacted form, which it is not.
    Compacted,
    /// Reserved bytes of the header.
    Reserved,
    /// Floating point state where nothing is.
    NoState,
    /// Floating point state beyond the user's half.
    KernelState,
    /// No floating point state.
    NullState,
    /// No sign of extended state.
    NoMagic,
    /// An instruction pointer that is not canonical.
    Pointer,
    /// An instruction pointer of the kernel's.
    KernelPointer,
    /// No code segment.
    Segment,
    /// No stack segment.
    StackSegment,
    /// Interrupts off, I/O allowed, virtual 8086 mode.
    Flags,
}

/// Makes the handler do this from now on.
pub(crate) fn do_to_frame(deed: Deed) {
    DEED.store(deed as u32, Ordering::SeqCst);
}

extern "C" fn handler(signal: i32, info: *const u64, context: *mut libc::ucontext_t) {
    let marker = 0u8;
    // SAFETY: the kernel hands over both, and nobody else has them.
    let (words, context) = unsafe { (std::slice::from_raw_parts(info, 16), &mut *context) };
    let at = LENGTH.load(Ordering::SeqCst);
    if at < LIMIT {
        let mask = std::ptr::from_ref(&context.uc_sigmask).cast::<u64>();
        // SAFETY: handlers run one after the other, or nested, each with a place of its own; the mask is in the frame.
        unsafe {
            (*LOG.0.get())[at] = Record {
                signal,
                code: words[1] as i32,
                words: [words[2], words[3]],
                mask: *mask,
                stack: std::ptr::from_ref(&marker).addr(),
            };
        }
        LENGTH.store(at + 1, Ordering::SeqCst);
    }
    // What the frame has must come back whatever happens here.
    // SAFETY: the registers are the function's to use.
    unsafe {
        std::arch::asm!("pcmpeqd xmm0, xmm0", "pcmpeqd xmm7, xmm7", "pcmpeqd xmm15, xmm15", "fninit",
            out("xmm0") _, out("xmm7") _, out("xmm15") _, out("st(0)") _, out("st(1)") _, out("st(2)") _,
            out("st(3)") _, out("st(4)") _, out("st(5)") _, out("st(6)") _, out("st(7)") _);
    }
    let gregs = &mut context.uc_mcontext.gregs;
    let state = context.uc_mcontext.fpregs.cast::<u8>();
    // SAFETY: the frame's floating point part is this handler's to write, as is the rest.
    let put = |at: usize, value: u64| unsafe { state.add(at).cast::<u64>().write_unaligned(value) };
    let deed = DEED.load(Ordering::SeqCst);
    let is = |which: Deed| deed == which as u32;
    if is(Deed::Skip) {
        gregs[libc::REG_RIP as usize] = gregs[libc::REG_R11 as usize];
    } else if is(Deed::Mxcsr) {
        put(24, u64::MAX);
    } else if is(Deed::Component) {
        put(512, 1 << 62 | 3);
    } else if is(Deed::Compacted) {
        put(520, 1 << 63 | 3);
    } else if is(Deed::Reserved) {
        put(528, 1);
    } else if is(Deed::NoState) {
        context.uc_mcontext.fpregs = std::ptr::without_provenance_mut(64);
    } else if is(Deed::KernelState) {
        context.uc_mcontext.fpregs = std::ptr::without_provenance_mut(usize::MAX << 47);
    } else if is(Deed::NullState) {
        context.uc_mcontext.fpregs = std::ptr::null_mut();
    } else if is(Deed::NoMagic) {
        put(464, 0);
    } else if is(Deed::Pointer) {
        gregs[libc::REG_RIP as usize] = i64::MIN;
    } else if is(Deed::KernelPointer) {
        gregs[libc::REG_RIP as usize] = -4096;
    } else if is(Deed::Segment) {
        gregs[libc::REG_CSGSFS as usize] &= !0xffff;
    } else if is(Deed::StackSegment) {
        gregs[libc::REG_CSGSFS as usize] &= 0xffff_ffff_ffff;
    } else if is(Deed::Flags) {
        gregs[libc::REG_EFL as usize] |= 0x23000;
        gregs[libc::REG_EFL as usize] &= !0x200;
    }
}

/// What handlers were told since this was last asked.
pub(crate) fn records() -> Vec<Record> {
    let length = LENGTH.swap(0, Ordering::SeqCst);
    // SAFETY: so many are complete.
    let all = unsafe { *LOG.0.get() };
    all[..length].to_vec()
}

/// What happens when a signal comes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Reaction {
    /// The default.
    Default,
    /// Nothing.
    Ignore,
    /// The handler runs: with these flags besides SA_SIGINFO, and these signals blocked.
    Record(i32, u64),
    /// A handler that is not where one can be.
    Nowhere,
}

/// sigaction(2), by the C library's function, which knows how handlers return.
pub(crate) fn react(signal: i32, reaction: Reaction) -> Result<()> {
    // SAFETY: all zeros is a valid sigaction.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    match reaction {
        Reaction::Default => action.sa_sigaction = libc::SIG_DFL,
        Reaction::Ignore => action.sa_sigaction = libc::SIG_IGN,
        Reaction::Nowhere => {
            action.sa_sigaction = 1 << 63;
            action.sa_flags = libc::SA_NODEFER;
        }
        Reaction::Record(flags, mask) => {
            action.sa_sigaction = handler as *const () as usize;
            action.sa_flags = libc::SA_SIGINFO | flags;
            // SAFETY: the kernel's set is the first word of the library's.
            unsafe { *std::ptr::from_mut(&mut action.sa_mask).cast::<u64>() = mask };
        }
    }
    // SAFETY: the handler keeps to what a handler may do.
    match unsafe { libc::sigaction(signal, &raw const action, std::ptr::null_mut()) } {
        0 => Ok(()),
        _ => Err(Errno(std::io::Error::last_os_error().raw_os_error().unwrap_or_default())),
    }
}

/// rt_sigprocmask(2): the mask as it was.
#[track_caller]
pub(crate) fn mask(how: i32, mut new: u64) -> Result<u64> {
    let mut old = 0u64;
    let mut words = Words::default();
    how.place(&mut words);
    Fill(&mut new).place(&mut words);
    Fill(&mut old).place(&mut words);
    8usize.place(&mut words);
    // SAFETY: one set is read, one filled; both are lent.
    unsafe { call("rt_sigprocmask", libc::SYS_rt_sigprocmask, &words) }?;
    Ok(old)
}

/// rt_sigpending(2)
#[track_caller]
pub(crate) fn pending() -> Result<u64> {
    let mut set = 0u64;
    let mut words = Words::default();
    Fill(&mut set).place(&mut words);
    8usize.place(&mut words);
    // SAFETY: one set is filled, which is lent.
    unsafe { call("rt_sigpending", libc::SYS_rt_sigpending, &words) }?;
    Ok(set)
}

/// rt_sigsuspend(2)
#[track_caller]
pub(crate) fn suspend(mut mask: u64) -> Result<usize> {
    let mut words = Words::default();
    Fill(&mut mask).place(&mut words);
    8usize.place(&mut words);
    // SAFETY: one set is read, which is lent.
    unsafe { call("rt_sigsuspend", libc::SYS_rt_sigsuspend, &words) }
}

/// rt_sigtimedwait(2), with a limit in nanoseconds: the signal, its code and the word behind the sender.
#[track_caller]
pub(crate) fn wait(mut wanted: u64, limit: Option<i64>) -> Result<(i32, i32, u64)> {
    let mut info = [0u64; 16];
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: limit.unwrap_or_default() };
    let mut words = Words::default();
    Fill(&mut wanted).place(&mut words);
    Fill(&mut info).place(&mut words);
    if limit.is_some() {
        Fill(&mut time).place(&mut words);
    } else {
        words.push(0);
    }
    8usize.place(&mut words);
    // SAFETY: set and time are read, a siginfo_t is filled; all are lent.
    let signal = unsafe { call("rt_sigtimedwait", libc::SYS_rt_sigtimedwait, &words) }?;
    Ok((signal as i32, info[1] as i32, info[3]))
}

/// rt_sigqueueinfo(2) with SI_QUEUE and a value.
#[track_caller]
pub(crate) fn queue(pid: i32, signal: i32, code: i32, value: u64) -> Result<usize> {
    let mut info = [0u64; 16];
    info[1] = u64::from(code as u32);
    info[3] = value;
    let mut words = Words::default();
    pid.place(&mut words);
    signal.place(&mut words);
    Fill(&mut info).place(&mut words);
    // SAFETY: a siginfo_t is read, which is lent.
    unsafe { call("rt_sigqueueinfo", libc::SYS_rt_sigqueueinfo, &words) }
}

macro_rules! plain {
    ($($(#[$doc:meta])* $name:ident($($argument:ident: $kind:ty),*) = $number:ident;)*) => {$(
        $(#[$doc])*
        #[track_caller]
        pub(crate) fn $name($($argument: $kind),*) -> Result<usize> {
            #[allow(unused_mut, reason = "not all have arguments")]
            let mut words = Words::default();
            $($argument.place(&mut words);)*
            // SAFETY: numbers alone.
            unsafe { call(stringify!($name), libc::$number, &words) }
        }
    )*};
}

plain! {
    /// kill(2)
    kill(pid: i32, signal: i32) = SYS_kill;
    /// tgkill(2)
    tgkill(pid: i32, tid: i32, signal: i32) = SYS_tgkill;
    /// tkill(2)
    tkill(tid: i32, signal: i32) = SYS_tkill;
    /// pause(2)
    pause() = SYS_pause;
    /// setpgid(2)
    setpgid(pid: i32, group: i32) = SYS_setpgid;
    /// alarm(2)
    alarm(seconds: u32) = SYS_alarm;
}

/// wait4(2) with WUNTRACED, for a child that is about to stop.
#[track_caller]
pub(crate) fn wait_until_stopped(pid: i32) -> Result<usize> {
    let mut status = 0i32;
    let mut words = Words::default();
    pid.place(&mut words);
    Fill(&mut status).place(&mut words);
    libc::WUNTRACED.place(&mut words);
    words.push(0);
    // SAFETY: the kernel fills one int, which is lent.
    unsafe { call("wait4", libc::SYS_wait4, &words) }
}

/// kill(2) of the caller's own process.
#[track_caller]
pub(crate) fn raise(signal: i32) -> Result<usize> {
    kill(super::getpid()? as i32, signal)
}

/// sigaltstack(2) with a region's bounds: the stack as it was, as address, flags and size.
#[track_caller]
pub(crate) fn alternate_stack(new: Option<[usize; 3]>) -> Result<[usize; 3]> {
    let mut old = [0usize; 3];
    let mut new_stack = new.unwrap_or_default();
    let mut words = Words::default();
    if new.is_some() {
        Fill(&mut new_stack).place(&mut words);
    } else {
        words.push(0);
    }
    Fill(&mut old).place(&mut words);
    // SAFETY: one stack_t is read, one filled; callers give memory that is theirs until they take the stack back.
    unsafe { call("sigaltstack", libc::SYS_sigaltstack, &words) }?;
    old[1] &= 0xffff_ffff;
    Ok(old)
}

/// Reads a byte at any address, with a handler that goes on behind ([`Deed::Skip`]).
pub(crate) fn touch(address: usize) {
    // SAFETY: nothing is done with what is read; where nothing can be read, the handler goes on at the address in R11.
    unsafe {
        std::arch::asm!("lea r11, [rip + 2f]", "mov al, byte ptr [{0}]", "2:", in(reg) address, out("rax") _, out("r11") _);
    }
}

/// What a processor refuses, with a handler that goes on behind ([`Deed::Skip`]).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Refused {
    /// Division by zero.
    Division,
    /// An undefined instruction.
    Instruction,
    /// A privileged instruction.
    Privileged,
    /// A breakpoint.
    Breakpoint,
}

/// Does what the processor refuses.
pub(crate) fn refuse(what: Refused) {
    // SAFETY: none of these changes anything but the registers that are named.
    unsafe {
        match what {
            Refused::Division => {
                std::arch::asm!("lea r11, [rip + 2f]", "xor edx, edx", "xor ecx, ecx", "div ecx", "2:",
                out("rax") _, out("rdx") _, out("rcx") _, out("r11") _);
            }
            Refused::Instruction => std::arch::asm!("lea r11, [rip + 2f]", "ud2", "2:", out("r11") _),
            Refused::Privileged => std::arch::asm!("lea r11, [rip + 2f]", "hlt", "2:", out("r11") _),
            Refused::Breakpoint => std::arch::asm!("lea r11, [rip + 2f]", "int3", "2:", out("r11") _),
        }
    }
}

/// Floating point registers before and after a signal.
#[repr(C)]
struct Probe {
    sse: [u64; 3],
    mxcsr: u32,
    control: u32,
    real: f64,
    initial: u32,
}

/// Sends the calling thread a signal with patterns in floating point registers, and says whether they are there
/// afterwards: SSE, the x87 stack, MXCSR and control word.
pub(crate) fn registers_survive(pid: i32, tid: i32, signal: i32) -> bool {
    const SSE: [u64; 3] = [0x0123_4567_89ab_cdef, 0x1111_2222_3333_4444, 0xfedc_ba98_7654_3210];
    const MXCSR: u32 = 0x7fc0;
    const CONTROL: u32 = 0x0f7f;
    const REAL: f64 = 1234.5;
    let mut probe = Probe { sse: SSE, mxcsr: MXCSR, control: CONTROL, real: REAL, initial: 0x1f80 };
    // SAFETY: registers that are named, and the memory of `probe`; control words are put back.
    unsafe {
        std::arch::asm!(
            "movq xmm0, [r12]", "movq xmm7, [r12 + 8]", "movq xmm15, [r12 + 16]",
            "ldmxcsr [r12 + 24]", "fldcw [r12 + 28]", "fld qword ptr [r12 + 32]",
            "mov qword ptr [r12], 0", "mov qword ptr [r12 + 24], 0",
            "syscall",
            "movq [r12], xmm0", "movq [r12 + 8], xmm7", "movq [r12 + 16], xmm15",
            "stmxcsr [r12 + 24]", "fnstcw [r12 + 28]", "fstp qword ptr [r12 + 32]", "fninit", "ldmxcsr [r12 + 40]",
            in("r12") &raw mut probe,
            inout("rax") libc::SYS_tgkill => _, in("rdi") pid, in("rsi") tid, in("rdx") signal,
            out("rcx") _, out("r11") _, out("xmm0") _, out("xmm7") _, out("xmm15") _, out("st(0)") _,
        );
    }
    (probe.sse, probe.mxcsr, probe.control) == (SSE, MXCSR, CONTROL) && probe.real.to_bits() == REAL.to_bits()
}

/// rt_sigreturn(2) with a stack pointer at which no handler's frame is.
pub(crate) fn return_from(stack: usize) -> ! {
    // SAFETY: what follows the call is never reached: there is no frame that leads to it.
    unsafe {
        std::arch::asm!("mov rsp, {0}", "syscall", "ud2", in(reg) stack, in("rax") libc::SYS_rt_sigreturn,
            options(noreturn));
    }
}
