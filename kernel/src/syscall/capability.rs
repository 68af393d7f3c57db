//! Capabilities: capget(2), capset(2).

use linux_raw_sys::general::{
    __NR_capget, __NR_capset, _LINUX_CAPABILITY_VERSION_1, _LINUX_CAPABILITY_VERSION_2,
    _LINUX_CAPABILITY_VERSION_3, CAP_SETPCAP,
};
use socket::error::{Errno, Error, Result};

use super::{Arguments, Calls, Handler::Plain};
use crate::{context::Context, process};

pub(super) const CALLS: &Calls = &[(__NR_capget, Plain(capget)), (__NR_capset, Plain(capset))];

/// One struct __user_cap_data_struct: 32 capabilities of each set.
type Data = [u32; 3];

/// How many of [`Data`] the version at `header` has.
///
/// # Errors
/// EFAULT; EINVAL for an unknown version, which is replaced by the one that is preferred.
fn length(context: &Context, header: usize) -> Result<usize> {
    match context.space.read::<u32>(header)? {
        _LINUX_CAPABILITY_VERSION_1 => Ok(1),
        _LINUX_CAPABILITY_VERSION_2 | _LINUX_CAPABILITY_VERSION_3 => Ok(2),
        _ => {
            context.space.write(header, &_LINUX_CAPABILITY_VERSION_3)?;
            Err(Error::new(Errno::EINVAL, "no such version"))
        }
    }
}

fn capget(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [header, data, ..] = *arguments;
    let length = match length(context, header) {
        Ok(length) if data != 0 => length,
        Err(error) if data != 0 || error.errno != Errno::EINVAL => return Err(error),
        // That is how programs ask for the version.
        _ => return Ok(0),
    };
    let pid = context.space.read::<i32>(header.wrapping_add(4))?;
    let capabilities = match pid {
        0 => context.thread.credentials.lock().capabilities,
        pid if pid < 0 => return Err(Errno::EINVAL.into()),
        pid => process::thread_by_id(pid).ok_or(Errno::ESRCH)?.credentials.lock().capabilities,
    };
    for part in 0..length {
        let half = |set: u64| (set >> (32 * part)) as u32;
        let sets: Data =
            [half(capabilities.effective), half(capabilities.permitted), half(capabilities.inheritable)];
        context.space.write(data.wrapping_add(part * size_of::<Data>()), &sets)?;
    }
    Ok(0)
}

fn capset(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [header, data, ..] = *arguments;
    let length = length(context, header)?;
    let pid = context.space.read::<i32>(header.wrapping_add(4))?;
    if pid != 0 && pid != context.thread.tid() {
        return Err(Error::new(Errno::EPERM, "nobody changes others' capabilities"));
    }
    let mut sets = [0u64; 3];
    for part in 0..length {
        let halves = context.space.read::<Data>(data.wrapping_add(part * size_of::<Data>()))?;
        for (set, half) in sets.iter_mut().zip(halves) {
            *set |= u64::from(half) << (32 * part);
        }
    }
    let [effective, permitted, inheritable] = sets;
    let mut credentials = context.thread.credentials.lock();
    let may_inherit_more = credentials.can(CAP_SETPCAP);
    credentials.capabilities.set(effective, permitted, inheritable, may_inherit_more).map(|()| 0)
}
