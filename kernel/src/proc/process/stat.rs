//! `stat` (proc_pid_stat(5)).

use alloc::{format, vec::Vec};
use core::time::Duration;

use socket::error::Result;

use super::{Subject, access, memory};
use crate::{exec::CLOCK_TICKS, process::signal::Set};

/// A time in the unit of `stat`: clock ticks.
pub(super) fn ticks(time: Duration) -> u64 {
    (time.as_nanos() * u128::from(CLOCK_TICKS) / 1_000_000_000) as u64
}

/// The signals that `stat` has room for.
fn first(set: Set) -> u64 {
    set & 0x7fff_ffff
}

/// The line.
pub(super) fn stat(subject: &Subject) -> Result<Vec<u8>> {
    let Subject { process, thread, alone } = subject;
    let (state, _) = subject.state();
    let sizes = memory::sizes(subject);
    let usage = if *alone { thread.usage() } else { process.usage() };
    let of_children = process.children_usage();
    let schedule = &thread.schedule;
    let (policy, nice) = (schedule.policy(), schedule.nice());
    let priority = if policy.is_real_time() { -1 - policy.priority as i32 } else { 20 + nice };
    let strings = process.space().strings();
    let (mask, own_signals) = {
        let state = thread.signals.lock();
        (state.mask, state.queue.set())
    };
    let (caught, ignored) = process.signals.actions().lock().caught_and_ignored();
    let tid = if *alone { thread.tid() } else { process.pid };

    let mut line = format!("{tid} (").into_bytes();
    line.extend(subject.name());
    line.extend(format!(") {state} ").into_bytes());
    let numbers = format!(
        "{} {} {} 0 -1 {} 0 0 0 0 {} {} {} {} {priority} {nice} {} 0 {} {} {} 18446744073709551615 ",
        process.parent(),
        process.group(),
        process.session(),
        if process.has_executed() { 0 } else { FORKED },
        ticks(usage.user),
        ticks(usage.system),
        ticks(of_children.user),
        ticks(of_children.system),
        process.thread_count(),
        ticks(process.start_time),
        sizes.total,
        process.space().resident_bytes() / crate::mm::layout::PAGE_SIZE,
    );
    line.extend(numbers.into_bytes());
    // Where things are in memory, for those who may look there.
    let look = access::may_look(subject);
    let seen = |place: usize| if look { place } else { usize::from(place != 0) };
    let places = format!(
        "{} {} {} 0 0 {} {} {} {} 0 0 0 ",
        seen(sizes.code_range.start),
        seen(sizes.code_range.end),
        if look { strings.arguments.0 } else { 0 },
        first(own_signals),
        first(mask),
        first(ignored),
        first(caught),
    );
    line.extend(places.into_bytes());
    let hidden = |place: usize| if look { place } else { 0 };
    let rest = format!(
        "17 {} {} {} 0 0 0 {} {} {} {} {} {} {} {}\n",
        schedule.last_cpu(),
        policy.priority,
        policy.number,
        hidden(sizes.data_range.start),
        hidden(sizes.data_range.end),
        hidden(sizes.heap_start),
        hidden(strings.arguments.0),
        hidden(strings.arguments.1),
        hidden(strings.environment.0),
        hidden(strings.environment.1),
        if look { process.wait_status() } else { 0 },
    );
    line.extend(rest.into_bytes());
    Ok(line)
}

/// PF_FORKNOEXEC
const FORKED: u32 = 0x40;
