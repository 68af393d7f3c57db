//! futex(2).

use core::time::Duration;

use linux_raw_sys::general::{
    __NR_futex, __NR_get_robust_list, __NR_set_robust_list, FUTEX_CLOCK_REALTIME, FUTEX_CMP_REQUEUE,
    FUTEX_PRIVATE_FLAG, FUTEX_REQUEUE, FUTEX_WAIT, FUTEX_WAIT_BITSET, FUTEX_WAKE, FUTEX_WAKE_BITSET,
};
use socket::error::{Errno, Result};

use super::{Arguments, Calls, Handler::Plain, time::read_timespec};
use crate::{context::Context, futex, process, time::clock};

pub(super) const CALLS: &Calls = &[
    (__NR_futex, Plain(futex)),
    (__NR_set_robust_list, Plain(set_robust_list)),
    (__NR_get_robust_list, Plain(get_robust_list)),
];

/// Size of struct robust_list_head.
const ROBUST_LIST_HEAD_SIZE: usize = 24;

/// Operations on priority-inheriting locks and on two words at once are not served: ENOSYS.
fn futex(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [address, operation, value, timeout, address2, value3] = *arguments;
    let operation = operation as u32;
    let value = value as u32;
    let realtime = operation & FUTEX_CLOCK_REALTIME != 0;
    let command = operation & !(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME);
    if realtime && !matches!(command, FUTEX_WAIT | FUTEX_WAIT_BITSET) {
        return Err(Errno::ENOSYS.into());
    }
    // Counts are signed; a negative one is as good as one (Linux wakes at least one whatever the count).
    let count = |count: u32| usize::try_from(count as i32).unwrap_or(0);
    match command {
        FUTEX_WAIT => {
            let deadline = timespec(context, timeout)?.map(|timeout| clock::now().saturating_add(timeout));
            futex::wait(context, address, value, futex::ANY, deadline).map(|()| 0)
        }
        FUTEX_WAIT_BITSET => {
            let bits = bits(value3)?;
            let deadline = timespec(context, timeout)?;
            let deadline = if realtime { deadline.map(clock::monotonic_from_realtime) } else { deadline };
            futex::wait(context, address, value, bits, deadline).map(|()| 0)
        }
        FUTEX_WAKE => futex::wake(context, address, count(value).max(1), futex::ANY),
        FUTEX_WAKE_BITSET => futex::wake(context, address, count(value).max(1), bits(value3)?),
        FUTEX_REQUEUE | FUTEX_CMP_REQUEUE => {
            let (wakes, moves) = (value as i32, timeout as i32);
            if wakes < 0 || moves < 0 {
                return Err(Errno::EINVAL.into());
            }
            let expected = (command == FUTEX_CMP_REQUEUE).then_some(value3 as u32);
            let (woken, moved) =
                futex::requeue(context, address, address2, wakes as usize, moves as usize, expected)?;
            Ok(woken + moved)
        }
        _ => Err(Errno::ENOSYS.into()),
    }
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
