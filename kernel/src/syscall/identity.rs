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
    (__NR_getuid, Plain(root)),
    (__NR_geteuid, Plain(root)),
    (__NR_getgid, Plain(root)),
    (__NR_getegid, Plain(root)),
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

fn root(_: &Context, _: &Arguments) -> Result<usize> {
    Ok(0)
}
