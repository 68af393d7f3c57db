//! Process groups and sessions (credentials(7)).

use linux_raw_sys::general::{__NR_getpgid, __NR_getpgrp, __NR_getsid, __NR_setpgid, __NR_setsid};
use socket::error::{Errno, Result};

use super::{Arguments, Calls, Handler::Plain};
use crate::{context::Context, process};

pub(super) const CALLS: &Calls = &[
    (__NR_getpgid, Plain(getpgid)),
    (__NR_getpgrp, Plain(getpgrp)),
    (__NR_setpgid, Plain(setpgid)),
    (__NR_getsid, Plain(getsid)),
    (__NR_setsid, Plain(setsid)),
];

fn getpgrp(context: &Context, _: &Arguments) -> Result<usize> {
    Ok(context.process.group() as usize)
}

fn getpgid(context: &Context, arguments: &Arguments) -> Result<usize> {
    match arguments[0] as i32 {
        0 => getpgrp(context, arguments),
        pid => Ok(process::process_of(pid).ok_or(Errno::ESRCH)?.group() as usize),
    }
}

fn getsid(context: &Context, arguments: &Arguments) -> Result<usize> {
    match arguments[0] as i32 {
        0 => Ok(context.process.session() as usize),
        pid => Ok(process::process_of(pid).ok_or(Errno::ESRCH)?.session() as usize),
    }
}

fn setpgid(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [pid, group, ..] = arguments.map(|argument| argument as i32);
    process::set_group(&context.process, pid, group).map(|()| 0)
}

fn setsid(context: &Context, _: &Arguments) -> Result<usize> {
    process::new_session(&context.process).map(|session| session as usize)
}
