//! Taking signals, on the way to user mode or out of a wait.

use linux_raw_sys::general::{SA_RESETHAND, SA_RESTART};
use ostd::user::UserMode;

use super::{Action, Disposition, Info, bit, frame, halt, set_mask};
use crate::{context::Context, process::ExitStatus, syscall};

/// How a thread goes on after it has attended to what it had to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Attended {
    /// In user mode.
    GoOn,
    /// Not at all: it is to end.
    End,
}

/// Attends to signals until none is left that the thread would take. What it was doing in user mode goes on, or a handler
/// begins.
#[cold]
pub(crate) fn attend(context: &Context, user: &mut UserMode) -> Attended {
    let thread = &context.thread;
    let mut interrupted = context.interrupted.take();
    while thread.must_attend() {
        if thread.is_killed() {
            return Attended::End;
        }
        thread.forget_signals();
        let continuations = settle(context);
        while let Some((info, action)) = take(context) {
            let signal = info.signal();
            match action.disposition(signal) {
                Disposition::Ignore => {}
                Disposition::Stop => halt::order(context, signal, continuations),
                Disposition::End => context.process.end(ExitStatus::Killed(signal as u8)),
                Disposition::Handle => {
                    if let Some((number, may_restart)) = interrupted.take()
                        && may_restart
                        && action.has(SA_RESTART)
                        && syscall::restarts(number, user)
                    {
                        call_again(user, number);
                    }
                    frame::enter(context, user, &info, &action);
                }
            }
            settle(context);
            if thread.is_killed() {
                return Attended::End;
            }
        }
        // No handler runs: the call is made as if nothing had been.
        if let Some((number, _)) = interrupted.take() {
            call_again(user, number);
        }
        let saved = thread.signals.lock().saved.take();
        if let Some(mask) = saved {
            set_mask(context, mask);
        }
    }
    Attended::GoOn
}

/// Halts if the process is to stop. Returns how often it has been told to go on.
fn settle(context: &Context) -> u64 {
    let ordered = &context.process.signals.halt;
    while ordered.is_ordered() && !context.thread.is_killed() {
        halt::halt(context);
    }
    ordered.continuations()
}

/// Takes the next signal that the thread does not block, and what it does.
fn take(context: &Context) -> Option<(Info, Action)> {
    let (own, mask) = {
        let mut state = context.thread.signals.lock();
        let mask = state.mask;
        (state.queue.take(!mask), mask)
    };
    let info = match own {
        Some(info) => info,
        None => context.process.signals.queue.lock().take(!mask)?,
    };
    let actions = context.process.signals.actions();
    let mut actions = actions.lock();
    let action = actions.get(info.signal()).unwrap_or_default();
    if action.has(SA_RESETHAND) && action.disposition(info.signal()) == Disposition::Handle {
        actions.reset(info.signal());
    }
    Some((info, action))
}

/// Has the system call instruction executed again.
fn call_again(user: &mut UserMode, number: usize) {
    /// Bytes of `syscall`.
    const LENGTH: usize = 2;
    let registers = user.context_mut().general_regs_mut();
    registers.rax = number;
    registers.rip = registers.rip.wrapping_sub(LENGTH);
}

/// Whether a handler is about to run, or the thread to end.
pub(crate) fn pending(context: &Context) -> bool {
    context.thread.must_attend() && interrupts(context)
}

/// Whether what the thread has to attend to ends the wait that it is in: its own end, or a handler's run. All else is
/// attended to here, and the wait goes on.
#[cold]
fn interrupts(context: &Context) -> bool {
    let thread = &context.thread;
    loop {
        if thread.is_killed() {
            return true;
        }
        thread.forget_signals();
        let continuations = settle(context);
        let (own, mask) = {
            let state = context.thread.signals.lock();
            (state.queue.first(!state.mask), state.mask)
        };
        let shared = || context.process.signals.queue.lock().first(!mask);
        let Some(signal) = own.or_else(shared) else { return false };
        match context.process.signals.action(signal).disposition(signal) {
            Disposition::Handle | Disposition::End => {
                thread.note_signals();
                return true;
            }
            Disposition::Ignore => drop(take_one(context, signal)),
            Disposition::Stop => {
                if take_one(context, signal).is_some() {
                    halt::order(context, signal, continuations);
                }
            }
        }
    }
}

/// Takes one signal with this number.
fn take_one(context: &Context, signal: u32) -> Option<Info> {
    let own = context.thread.signals.lock().queue.take(bit(signal));
    own.or_else(|| context.process.signals.queue.lock().take(bit(signal)))
}
