//! Signals (signal(7)): from who sends one to what the program does about it.
//!
//! A signal that is sent waits in a queue, that of a thread or that of a process ([`queue`]). A thread that may take it
//! is told to attend ([`send`]); it does so on its way to user mode ([`attend`]), where the signal ends or stops the
//! process, or a handler is made to run ([`frame`]).
//!
//! Locks: those of a process's queue, of a thread's state and of the actions are taken one at a time, except that the
//! count of queued signals is changed under one of the queues'.

mod action;
mod attend;
mod floating_point;
mod frame;
mod halt;
mod info;
mod owner;
mod queue;
mod send;
mod stack;
mod state;
mod timers;
mod wait;

pub(crate) use action::{Action, Actions, Disposition};
pub(crate) use attend::{Attended, attend, pending};
pub(super) use floating_point::exception_code;
pub(crate) use frame::sigreturn;
pub(super) use halt::check as check_halt;
pub(crate) use info::{Info, Layout};
pub(crate) use owner::{
    Owner, is_asynchronous, owner, set_asynchronous, set_owner, set_signal as set_owner_signal,
    signal as owner_signal,
};
pub(crate) use queue::queued;
pub(super) use send::pass_on_all;
pub(crate) use send::{discard, force, may_signal, post, send_to_process, send_to_thread};
pub(crate) use stack::Stack;
pub(crate) use state::{Interrupted, LastFault, ProcessSignals, SignalState, set_mask, with_mask};
pub(crate) use timers::{Measure, Setting as TimerSetting, set_timer, timer};
pub(crate) use wait::{dequeue, wait_for};

use linux_raw_sys::general::{SIGKILL, SIGSTOP};

/// One past the highest signal number.
pub(crate) const SIGNAL_END: u32 = 65;

/// A set of signals, signal N in bit N - 1 (sigset_t).
pub(crate) type Set = u64;

/// The set with one signal in it; empty for no signal's number.
pub(crate) const fn bit(signal: u32) -> Set {
    if signal >= 1 && signal < SIGNAL_END { 1 << (signal - 1) } else { 0 }
}

/// Those that cannot be blocked, caught or ignored.
pub(crate) const UNBLOCKABLE: Set = bit(SIGKILL) | bit(SIGSTOP);
