//! Waiting for children: wait4(2), waitid(2).

use linux_raw_sys::general::{
    __NR_wait4, __NR_waitid, __WALL, __WCLONE, __WNOTHREAD, P_ALL, P_PGID, P_PID, P_PIDFD, SIGCHLD, SIGCONT,
    WCONTINUED, WEXITED, WNOHANG, WNOWAIT, WSTOPPED, WUNTRACED,
};
use socket::error::{Errno, Error, Result};

use super::{Arguments, Calls, Handler::Plain, pidfd::process_behind, time::usage};
use crate::{
    context::Context,
    process::{
        ExitStatus,
        wait::{self, Event, Found, Which},
    },
};

pub(super) const CALLS: &Calls = &[(__NR_wait4, Plain(wait4)), (__NR_waitid, Plain(waitid))];

// asm-generic/siginfo.h
const CLD_EXITED: i32 = 1;
const CLD_KILLED: i32 = 2;
const CLD_STOPPED: i32 = 5;
const CLD_CONTINUED: i32 = 6;

/// What both calls know of kinds of children.
const KINDS: u32 = __WNOTHREAD | __WCLONE | __WALL;

fn wait4(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [pid, status_at, options, usage_at, ..] = *arguments;
    let options = options as u32;
    if options & !(WNOHANG | WUNTRACED | WCONTINUED | KINDS) != 0 {
        return Err(Error::new(Errno::EINVAL, "no such option"));
    }
    let which = match pid as i32 {
        i32::MIN => return Err(Errno::ESRCH.into()),
        -1 => Which::Any,
        0 => Which::Group(context.process.group()),
        pid if pid < 0 => Which::Group(-pid),
        pid => Which::One(pid),
    };
    let Some(found) = wait::wait(context, which, options | WEXITED)? else { return Ok(0) };
    if usage_at != 0 {
        context.space.write(usage_at, &usage(&found.usage))?;
    }
    if status_at != 0 {
        context.space.write(status_at, &status(found.event))?;
    }
    Ok(found.pid as usize)
}

fn waitid(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [kind, id, info_at, options, usage_at, _] = *arguments;
    let (id, options) = (id as i32, options as u32);
    let events = WEXITED | WSTOPPED | WCONTINUED;
    if options & !(WNOHANG | WNOWAIT | events | KINDS) != 0 || options & events == 0 {
        return Err(Error::new(Errno::EINVAL, "no such option, or nothing to wait for"));
    }
    let mut nonblocking = false;
    let which = match kind as u32 {
        P_PIDFD if id >= 0 => {
            let (process, does_not_wait) = process_behind(context, id)?;
            if process.is_gone() {
                return Err(Error::new(Errno::ECHILD, "it was waited for"));
            }
            nonblocking = does_not_wait;
            Which::One(process.pid)
        }
        P_ALL => Which::Any,
        P_PID if id > 0 => Which::One(id),
        P_PGID if id > 0 => Which::Group(id),
        P_PGID if id == 0 => Which::Group(context.process.group()),
        _ => return Err(Error::new(Errno::EINVAL, "no such kind of number, or no such number")),
    };
    let mut waiting = options;
    if nonblocking {
        waiting |= WNOHANG;
    }
    let found = wait::wait(context, which, waiting)?;
    if nonblocking && found.is_none() && options & WNOHANG == 0 {
        return Err(Error::new(Errno::EAGAIN, "the process has not ended, and the descriptor does not wait"));
    }
    if let Some(found) = &found
        && usage_at != 0
    {
        context.space.write(usage_at, &usage(&found.usage))?;
    }
    if info_at != 0 {
        let (head, tail) = info(found.as_ref());
        // What is between and behind stays as it is, as on Linux.
        context.space.write(info_at, &head)?;
        context.space.write(info_at.wrapping_add(16), &tail)?;
    }
    Ok(0)
}

/// As wait(2) has it: the exit code or the signal, with what tells them apart.
fn status(event: Event) -> i32 {
    match event {
        Event::Ended(ExitStatus::Exited(code)) => i32::from(code) << 8,
        Event::Ended(ExitStatus::Killed(signal)) => i32::from(signal),
        Event::Stopped(signal) => (signal as i32) << 8 | 0x7f,
        Event::Continued => 0xffff,
    }
}

/// The fields of siginfo_t: signal, errno and code; number, user and status of the child. All zero where nothing has
/// happened.
fn info(found: Option<&Found>) -> ([i32; 3], [i32; 3]) {
    let Some(found) = found else { return ([0; 3], [0; 3]) };
    let (code, status) = match found.event {
        Event::Ended(ExitStatus::Exited(code)) => (CLD_EXITED, i32::from(code)),
        Event::Ended(ExitStatus::Killed(signal)) => (CLD_KILLED, i32::from(signal)),
        Event::Stopped(signal) => (CLD_STOPPED, signal as i32),
        Event::Continued => (CLD_CONTINUED, SIGCONT as i32),
    };
    ([SIGCHLD as i32, 0, code], [found.pid, found.uid as i32, status])
}
