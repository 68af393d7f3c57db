//! Who the caller is: numbers of processes, threads, users and groups.

use linux_raw_sys::general::{
    __NR_getegid, __NR_geteuid, __NR_getgid, __NR_getpid, __NR_getppid, __NR_gettid, __NR_getuid,
};
use socket::error::Result;

use super::{Arguments, Calls, Handler::Plain};
use crate::context::Context;

pub(super) const CALLS: &Calls = &[
    (__NR_getpid, Plain(getpid)),
    (__NR_gettid, Plain(gettid)),
    (__NR_getppid, Plain(getppid)),
    (__NR_getuid, Plain(uid)),
    (__NR_geteuid, Plain(uid)),
    (__NR_getgid, Plain(gid)),
    (__NR_getegid, Plain(gid)),
];

fn getpid(context: &Context, _: &Arguments) -> Result<usize> {
    Ok(context.process.pid as usize)
}

fn gettid(context: &Context, _: &Arguments) -> Result<usize> {
    Ok(context.thread.tid as usize)
}

fn getppid(context: &Context, _: &Arguments) -> Result<usize> {
    Ok(context.process.parent as usize)
}

/// Real and effective numbers are the same so far.
fn uid(context: &Context, _: &Arguments) -> Result<usize> {
    Ok(context.process.identity().uid as usize)
}

fn gid(context: &Context, _: &Arguments) -> Result<usize> {
    Ok(context.process.identity().gid as usize)
}
