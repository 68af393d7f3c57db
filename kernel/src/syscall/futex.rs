//! futex(2).

use core::time::Duration;

use linux_raw_sys::general::{
    __NR_futex, __NR_get_robust_list, __NR_set_robust_list, FUTEX_CLOCK_REALTIME, FUTEX_CMP_REQUEUE,
    FUTEX_OP_ADD, FUTEX_OP_ANDN, FUTEX_OP_CMP_EQ, FUTEX_OP_CMP_GE, FUTEX_OP_CMP_GT, FUTEX_OP_CMP_LE,
    FUTEX_OP_CMP_LT, FUTEX_OP_CMP_NE, FUTEX_OP_OPARG_SHIFT, FUTEX_OP_OR, FUTEX_OP_SET, FUTEX_OP_XOR,
    FUTEX_PRIVATE_FLAG, FUTEX_REQUEUE, FUTEX_WAIT, FUTEX_WAIT_BITSET, FUTEX_WAKE, FUTEX_WAKE_BITSET,
    FUTEX_WAKE_OP,
};
use socket::error::{Errno, Result};

use super::{Arguments, Calls, Handler::Plain, time::read_timespec};
use crate::{
    context::Context,
    futex::{self, Scope},
    process,
    time::clock,
};

pub(super) const CALLS: &Calls = &[
    (__NR_futex, Plain(futex)),
    (__NR_set_robust_list, Plain(set_robust_list)),
    (__NR_get_robust_list, Plain(get_robust_list)),
];

/// Size of struct robust_list_head.
const ROBUST_LIST_HEAD_SIZE: usize = 24;

/// Operations on priority-inheriting locks are not served: ENOSYS.
fn futex(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [address, operation, value, timeout, address2, value3] = *arguments;
    let operation = operation as u32;
    let value = value as u32;
    let realtime = operation & FUTEX_CLOCK_REALTIME != 0;
    let command = operation & !(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME);
    if realtime && !matches!(command, FUTEX_WAIT | FUTEX_WAIT_BITSET) {
        return Err(Errno::ENOSYS.into());
    }
    let scope = if operation & FUTEX_PRIVATE_FLAG != 0 { Scope::Private } else { Scope::Any };
    // Counts are signed; a negative one is as good as one (Linux wakes at least one whatever the count).
    let count = |count: u32| usize::try_from(count as i32).unwrap_or(0);
    match command {
        FUTEX_WAIT => {
            let deadline = timespec(context, timeout)?.map(|timeout| clock::now().saturating_add(timeout));
            futex::wait(context, address, scope, value, futex::ANY, deadline).map(|()| 0)
        }
        FUTEX_WAIT_BITSET => {
            let bits = bits(value3)?;
            let deadline = timespec(context, timeout)?;
            let deadline = if realtime { deadline.map(clock::monotonic_from_realtime) } else { deadline };
            futex::wait(context, address, scope, value, bits, deadline).map(|()| 0)
        }
        FUTEX_WAKE => futex::wake(context, address, scope, count(value).max(1), futex::ANY),
        FUTEX_WAKE_BITSET => futex::wake(context, address, scope, count(value).max(1), bits(value3)?),
        FUTEX_REQUEUE | FUTEX_CMP_REQUEUE => {
            let (wakes, moves) = (value as i32, timeout as i32);
            if wakes < 0 || moves < 0 {
                return Err(Errno::EINVAL.into());
            }
            let expected = (command == FUTEX_CMP_REQUEUE).then_some(value3 as u32);
            let (woken, moved) =
                futex::requeue(context, address, address2, scope, wakes as usize, moves as usize, expected)?;
            Ok(woken + moved)
        }
        FUTEX_WAKE_OP => {
            let (change, condition) = operation_on_second(value3 as u32)?;
            let second_wakes = count(timeout as u32).max(1);
            let wakes = count(value).max(1);
            futex::wake_after(context, address, address2, scope, wakes, second_wakes, change, condition)
        }
        _ => Err(Errno::ENOSYS.into()),
    }
}

/// What FUTEX_WAKE_OP does to the second word, and what it asks of its old value: four bits of operation, four of
/// comparison, and two arguments of twelve bits (futex(2)).
///
/// # Errors
/// ENOSYS for an operation or comparison that does not exist.
fn operation_on_second(word: u32) -> Result<(impl Fn(u32) -> u32, impl Fn(u32) -> bool)> {
    // Both arguments are signed.
    let (argument, compared) = ((word << 8) as i32 >> 20, (word << 20) as i32 >> 20);
    let shifted = word & FUTEX_OP_OPARG_SHIFT << 28 != 0;
    let operation = word >> 28 & !FUTEX_OP_OPARG_SHIFT;
    let comparison = word >> 24 & 0xF;
    if operation > FUTEX_OP_XOR || comparison > FUTEX_OP_CMP_GE {
        return Err(Errno::ENOSYS.into());
    }
    // As on Linux, a shift that is too far is taken modulo the width.
    let argument = if shifted { 1u32 << (argument & 31) } else { argument as u32 };
    let change = move |old: u32| match operation {
        FUTEX_OP_SET => argument,
        FUTEX_OP_ADD => old.wrapping_add(argument),
        FUTEX_OP_OR => old | argument,
        FUTEX_OP_ANDN => old & !argument,
        _ => old ^ argument,
    };
    let condition = move |old: u32| {
        let old = old as i32;
        match comparison {
            FUTEX_OP_CMP_EQ => old == compared,
            FUTEX_OP_CMP_NE => old != compared,
            FUTEX_OP_CMP_LT => old < compared,
            FUTEX_OP_CMP_LE => old <= compared,
            FUTEX_OP_CMP_GT => old > compared,
            _ => old >= compared,
        }
    };
    Ok((change, condition))
}

/// # Errors
/// EINVAL for no bits.
fn bits(value: usize) -> Result<u32> {
    match value as u32 {
        0 => Err(Errno::EINVAL.into()),
        bits => Ok(bits),
    }
}

fn timespec(context: &Context, address: usize) -> Result<Option<Duration>> {
    if address == 0 { Ok(None) } else { read_timespec(context, address).map(Some) }
}

fn set_robust_list(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [head, length, ..] = *arguments;
    if length != ROBUST_LIST_HEAD_SIZE {
        return Err(Errno::EINVAL.into());
    }
    context.thread.robust_list.lock().head = head;
    Ok(0)
}

fn get_robust_list(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [tid, head_at, length_at, ..] = *arguments;
    let thread = match tid as i32 {
        0 => context.thread.clone(),
        tid => process::thread_by_id(tid).ok_or(Errno::ESRCH)?,
    };
    let head = thread.robust_list.lock().head;
    context.space.write(length_at, &ROBUST_LIST_HEAD_SIZE)?;
    context.space.write(head_at, &head)?;
    Ok(0)
}
