//! Where and how threads are scheduled (sched(7), getpriority(2)).

use alloc::{sync::Arc, vec::Vec};
use core::time::Duration;

use linux_raw_sys::general::{
    __NR_getpriority, __NR_sched_get_priority_max, __NR_sched_get_priority_min, __NR_sched_getaffinity,
    __NR_sched_getattr, __NR_sched_getparam, __NR_sched_getscheduler, __NR_sched_rr_get_interval,
    __NR_sched_setaffinity, __NR_sched_setattr, __NR_sched_setparam, __NR_sched_setscheduler,
    __NR_sched_yield, __NR_setpriority, PRIO_PGRP, PRIO_PROCESS, PRIO_USER, RLIMIT_NICE, RLIMIT_RTPRIO,
    SCHED_DEADLINE, SCHED_FIFO, SCHED_IDLE, SCHED_RESET_ON_FORK, SCHED_RR,
};
use ostd::{
    cpu::{CpuId, CpuSet, all_cpus, num_cpus},
    task::Task,
    util::id_set::Id,
};
use socket::error::{Errno, Error, Result};

use super::{Arguments, Calls, Handler::Plain, time::write_timespec};
use crate::{
    context::Context,
    process::{self, Thread},
    sched::Policy,
};

pub(super) const CALLS: &Calls = &[
    (__NR_sched_yield, Plain(sched_yield)),
    (__NR_sched_setaffinity, Plain(sched_setaffinity)),
    (__NR_sched_getaffinity, Plain(sched_getaffinity)),
    (__NR_sched_setscheduler, Plain(sched_setscheduler)),
    (__NR_sched_getscheduler, Plain(sched_getscheduler)),
    (__NR_sched_setparam, Plain(sched_setparam)),
    (__NR_sched_getparam, Plain(sched_getparam)),
    (__NR_sched_setattr, Plain(sched_setattr)),
    (__NR_sched_getattr, Plain(sched_getattr)),
    (
        __NR_sched_get_priority_max,
        Plain(|_, arguments| priority_range(arguments).map(|(_, highest)| highest)),
    ),
    (__NR_sched_get_priority_min, Plain(|_, arguments| priority_range(arguments).map(|(lowest, _)| lowest))),
    (__NR_sched_rr_get_interval, Plain(sched_rr_get_interval)),
    (__NR_getpriority, Plain(getpriority)),
    (__NR_setpriority, Plain(setpriority)),
];

/// Nice values.
const NICEST: i32 = 19;
const LEAST_NICE: i32 = -20;

/// struct sched_attr, up to `sched_period`, and up to `sched_util_max` (linux/sched/types.h).
const ATTRIBUTES_SIZE_0: usize = 48;
const ATTRIBUTES_SIZE: usize = 56;
// linux/sched.h
const FLAG_RESET_ON_FORK: u64 = 0x01;
const FLAG_KEEP_POLICY: u64 = 0x08;
const FLAG_KEEP_PARAMETERS: u64 = 0x10;
const FLAG_UTIL_CLAMP: u64 = 0x60;
const FLAGS: u64 = 0x7F;

fn sched_yield(_: &Context, _: &Arguments) -> Result<usize> {
    Task::yield_now();
    Ok(0)
}

/// The thread with a number, 0 for the calling one.
///
/// # Errors
/// ESRCH.
fn thread(context: &Context, tid: usize) -> Result<Arc<Thread>> {
    match tid as i32 {
        0 => Ok(context.thread.clone()),
        tid => process::thread_by_id(tid).ok_or(Errno::ESRCH.into()),
    }
}

/// As [`thread`], where a negative number is EINVAL.
fn thread_not_negative(context: &Context, tid: usize) -> Result<Arc<Thread>> {
    if (tid as i32) < 0 {
        return Err(Errno::EINVAL.into());
    }
    thread(context, tid)
}

fn is_privileged(context: &Context) -> bool {
    context.thread.credentials.lock().can(linux_raw_sys::general::CAP_SYS_NICE)
}

/// Whether the caller is whom the other thread belongs to, or may do anything.
fn may_change(context: &Context, other: &Arc<Thread>) -> bool {
    if Arc::ptr_eq(other, &context.thread) {
        return true;
    }
    let user = other.credentials.lock().user;
    let own = context.thread.credentials.lock();
    own.can(linux_raw_sys::general::CAP_SYS_NICE)
        || own.user.effective == user.effective
        || own.user.effective == user.real
}

/// How many bytes of a mask the kernel has.
fn mask_size() -> usize {
    num_cpus().div_ceil(64) * 8
}

fn sched_setaffinity(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [tid, length, mask_at, ..] = *arguments;
    // A longer mask is cut, a shorter one filled up with zeros.
    let mut mask = alloc::vec![0; length.min(mask_size())];
    context.space.read_bytes(mask_at, &mut mask)?;
    let thread = thread(context, tid)?;
    if !may_change(context, &thread) {
        return Err(Errno::EPERM.into());
    }
    let mut cpus = CpuSet::new_empty();
    let chosen =
        |cpu: &CpuId| mask.get(cpu.as_usize() / 8).is_some_and(|byte| byte >> (cpu.as_usize() % 8) & 1 != 0);
    all_cpus().filter(chosen).for_each(|cpu| cpus.add(cpu));
    if cpus.is_empty() {
        return Err(Error::new(Errno::EINVAL, "none of the CPUs exists"));
    }
    thread.schedule.set_affinity(&cpus);
    if Arc::ptr_eq(&thread, &context.thread) {
        // It comes back on a CPU where it may be.
        Task::yield_now();
    }
    Ok(0)
}

fn sched_getaffinity(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [tid, length, mask_at, ..] = *arguments;
    // As on Linux the length is an unsigned int.
    let length = length as u32 as usize;
    if length * 8 < num_cpus() || !length.is_multiple_of(8) {
        return Err(Errno::EINVAL.into());
    }
    let thread = thread(context, tid)?;
    let mut mask = alloc::vec![0u8; mask_size()];
    for cpu in thread.schedule.affinity().iter() {
        if let Some(byte) = mask.get_mut(cpu.as_usize() / 8) {
            *byte |= 1 << (cpu.as_usize() % 8);
        }
    }
    context.space.write_bytes(mask_at, &mask)?;
    Ok(mask.len())
}

/// What is asked for: `None` for the policy where it is to stay as it is.
struct Wish {
    policy: Option<u32>,
    /// `None` where it is to stay as it is.
    priority: Option<u32>,
    reset_on_fork: bool,
    nice: Option<i32>,
}

/// Gives a thread another policy.
///
/// # Errors
/// EINVAL for a policy that does not exist or a priority that it has not, EPERM, EBUSY for SCHED_DEADLINE: no CPU time is
/// set aside for it, so that there is none left.
fn set_scheduler(context: &Context, thread: &Arc<Thread>, wish: &Wish) -> Result<()> {
    let old = thread.schedule.policy();
    let number = wish.policy.unwrap_or(old.number);
    let (lowest, highest) = Policy::priorities(number).ok_or(Errno::EINVAL)?;
    let priority = wish.priority.unwrap_or(old.priority);
    if !(lowest..=highest).contains(&priority) {
        return Err(Errno::EINVAL.into());
    }
    let policy = Policy { number, priority, reset_on_fork: wish.reset_on_fork };
    if !is_privileged(context) {
        let limit = |resource| thread.process.limits.lock().get(resource).map_or(0, |limit| limit.soft);
        let real_time = limit(RLIMIT_RTPRIO);
        let refused = policy.is_real_time()
            && (number != old.number && real_time == 0
                || priority > old.priority && u64::from(priority) > real_time);
        let nice = wish.nice.unwrap_or(thread.schedule.nice());
        let nicer = |nice: i32| (20 - nice) as u64 <= limit(RLIMIT_NICE);
        let refused = refused
            || nice < thread.schedule.nice() && !nicer(nice)
            || old.number == SCHED_IDLE && number != SCHED_IDLE && !nicer(thread.schedule.nice())
            || number == SCHED_DEADLINE
            || old.reset_on_fork && !policy.reset_on_fork
            || !may_change(context, thread);
        if refused {
            return Err(Errno::EPERM.into());
        }
    }
    if number == SCHED_DEADLINE {
        return Err(Error::new(Errno::EBUSY, "no CPU time is set aside for SCHED_DEADLINE"));
    }
    if let Some(nice) = wish.nice
        && !policy.is_real_time()
    {
        thread.schedule.set_nice(nice);
    }
    thread.schedule.set_policy(policy);
    Ok(())
}

fn set_with_parameter(context: &Context, tid: usize, policy: Option<i32>, at: usize) -> Result<usize> {
    if at == 0 || (tid as i32) < 0 {
        return Err(Errno::EINVAL.into());
    }
    let priority = context.space.read::<u32>(at)?;
    let thread = thread(context, tid)?;
    let wish = Wish {
        policy: policy.map(|policy| policy as u32 & !SCHED_RESET_ON_FORK),
        priority: Some(priority),
        reset_on_fork: match policy {
            Some(policy) => policy as u32 & SCHED_RESET_ON_FORK != 0,
            None => thread.schedule.policy().reset_on_fork,
        },
        nice: None,
    };
    // The parameters of SCHED_DEADLINE do not fit in here.
    if wish.policy == Some(SCHED_DEADLINE) {
        return Err(Errno::EINVAL.into());
    }
    set_scheduler(context, &thread, &wish).map(|()| 0)
}

fn sched_setscheduler(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [tid, policy, parameter_at, ..] = *arguments;
    if (policy as i32) < 0 {
        return Err(Errno::EINVAL.into());
    }
    set_with_parameter(context, tid, Some(policy as i32), parameter_at)
}

fn sched_setparam(context: &Context, arguments: &Arguments) -> Result<usize> {
    set_with_parameter(context, arguments[0], None, arguments[1])
}

fn sched_getscheduler(context: &Context, arguments: &Arguments) -> Result<usize> {
    let policy = thread_not_negative(context, arguments[0])?.schedule.policy();
    let reset = if policy.reset_on_fork { SCHED_RESET_ON_FORK } else { 0 };
    Ok((policy.number | reset) as usize)
}

fn sched_getparam(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [tid, at, ..] = *arguments;
    if at == 0 {
        return Err(Errno::EINVAL.into());
    }
    let policy = thread_not_negative(context, tid)?.schedule.policy();
    context.space.write(at, &policy.priority).map(|()| 0)
}

fn sched_setattr(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [tid, at, flags, ..] = *arguments;
    if at == 0 || (tid as i32) < 0 || flags as u32 != 0 {
        return Err(Errno::EINVAL.into());
    }
    let size = match context.space.read::<u32>(at)? as usize {
        0 => ATTRIBUTES_SIZE_0,
        size => size,
    };
    if !(ATTRIBUTES_SIZE_0..=4096).contains(&size) {
        context.space.write(at, &(ATTRIBUTES_SIZE as u32))?;
        return Err(Errno::E2BIG.into());
    }
    let mut bytes = alloc::vec![0u8; size.max(ATTRIBUTES_SIZE)];
    context.space.read_bytes(at, &mut bytes[..size])?;
    let (known, beyond) = bytes.split_at(ATTRIBUTES_SIZE);
    if beyond.iter().any(|byte| *byte != 0) {
        context.space.write(at, &(ATTRIBUTES_SIZE as u32))?;
        return Err(Errno::E2BIG.into());
    }
    let word = |at: usize| u32::from_le_bytes([known[at], known[at + 1], known[at + 2], known[at + 3]]);
    let flags = u64::from(word(8)) | u64::from(word(12)) << 32;
    let (policy, nice, priority) = (word(4), word(16) as i32, word(20));
    if flags & FLAG_UTIL_CLAMP != 0 && size < ATTRIBUTES_SIZE || (policy as i32) < 0 {
        return Err(Errno::EINVAL.into());
    }
    let thread = thread(context, tid)?;
    if flags & !FLAGS != 0 {
        return Err(Errno::EINVAL.into());
    }
    if flags & FLAG_UTIL_CLAMP != 0 {
        // As on a Linux without CONFIG_UCLAMP_TASK.
        return Err(Error::new(Errno::EOPNOTSUPP, "utilisation is not clamped"));
    }
    let keep = flags & FLAG_KEEP_PARAMETERS != 0;
    let policy = (flags & FLAG_KEEP_POLICY == 0).then_some(policy);
    let effective = policy.unwrap_or(thread.schedule.policy().number);
    let has_nice = !matches!(effective, SCHED_FIFO | SCHED_RR | SCHED_DEADLINE);
    let wish = Wish {
        policy,
        priority: (!keep).then_some(priority),
        reset_on_fork: flags & FLAG_RESET_ON_FORK != 0,
        nice: (!keep && has_nice).then_some(nice.clamp(LEAST_NICE, NICEST)),
    };
    set_scheduler(context, &thread, &wish).map(|()| 0)
}

fn sched_getattr(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [tid, at, size, flags, ..] = *arguments;
    let size = size as u32 as usize;
    if at == 0 || (tid as i32) < 0 || !(ATTRIBUTES_SIZE_0..=4096).contains(&size) || flags as u32 != 0 {
        return Err(Errno::EINVAL.into());
    }
    let thread = thread(context, tid)?;
    let policy = thread.schedule.policy();
    let size = size.min(ATTRIBUTES_SIZE);
    let mut words = [0u32; ATTRIBUTES_SIZE / 4];
    words[0] = size as u32;
    words[1] = policy.number;
    words[2] = if policy.reset_on_fork { FLAG_RESET_ON_FORK as u32 } else { 0 };
    if policy.is_real_time() {
        words[5] = policy.priority;
    } else {
        words[4] = thread.schedule.nice() as u32;
    }
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).take(size).collect();
    context.space.write_bytes(at, &bytes)?;
    Ok(0)
}

fn priority_range(arguments: &Arguments) -> Result<(usize, usize)> {
    let (lowest, highest) = Policy::priorities(arguments[0] as u32).ok_or(Errno::EINVAL)?;
    Ok((lowest as usize, highest as usize))
}

/// How long a time slice is; SCHED_FIFO has none on Linux, and 0 stands for that.
fn sched_rr_get_interval(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [tid, at, ..] = *arguments;
    let thread = thread_not_negative(context, tid)?;
    let policy = thread.schedule.policy();
    let ticks = match policy.number {
        SCHED_FIFO => 0,
        _ => policy.slice(thread.schedule.nice()),
    };
    write_timespec(context, at, Duration::from_millis(u64::from(ticks))).map(|()| 0)
}

/// The threads that getpriority(2) and setpriority(2) mean; 0 stands for the caller's own.
///
/// # Errors
/// EINVAL for another kind of number, ESRCH where there is none.
fn chosen(context: &Context, which: usize, who: usize) -> Result<Vec<Arc<Thread>>> {
    let who = who as i32;
    let threads = match which as u32 {
        PRIO_PROCESS => alloc::vec![thread(context, who as usize)?],
        PRIO_PGRP => {
            let group = if who == 0 { context.process.group() } else { who };
            process::threads().into_iter().filter(|thread| thread.process.group() == group).collect()
        }
        PRIO_USER => {
            let user = match who {
                0 => context.thread.credentials.lock().user.real,
                user => user as u32,
            };
            process::threads()
                .into_iter()
                .filter(|thread| thread.credentials.lock().user.real == user)
                .collect()
        }
        _ => return Err(Errno::EINVAL.into()),
    };
    if threads.is_empty() { Err(Errno::ESRCH.into()) } else { Ok(threads) }
}

/// 20 less the least nice value: 1 to 40, as no negative value can be returned.
fn getpriority(context: &Context, arguments: &Arguments) -> Result<usize> {
    let threads = chosen(context, arguments[0], arguments[1])?;
    let least = threads.iter().map(|thread| thread.schedule.nice()).min().unwrap_or_default();
    Ok((20 - least) as usize)
}

fn setpriority(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [which, who, nice, ..] = *arguments;
    let nice = (nice as i32).clamp(LEAST_NICE, NICEST);
    let privileged = is_privileged(context);
    let mut result = Ok(0);
    for thread in chosen(context, which, who)? {
        let limit = thread.process.limits.lock().get(RLIMIT_NICE).map_or(0, |limit| limit.soft);
        if !may_change(context, &thread) {
            result = Err(Errno::EPERM.into());
        } else if nice < thread.schedule.nice() && !privileged && (20 - nice) as u64 > limit {
            result = Err(Errno::EACCES.into());
        } else {
            thread.schedule.set_nice(nice);
        }
    }
    result
}
