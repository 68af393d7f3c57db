//! What a thread says about itself and its process: prctl(2).

use core::sync::atomic::Ordering;

use linux_raw_sys::{
    general::{__NR_prctl, CAP_LAST_CAP, CAP_SETPCAP},
    prctl::{
        PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, PR_CAP_AMBIENT_IS_SET, PR_CAP_AMBIENT_LOWER,
        PR_CAP_AMBIENT_RAISE, PR_CAPBSET_DROP, PR_CAPBSET_READ, PR_GET_CHILD_SUBREAPER, PR_GET_DUMPABLE,
        PR_GET_KEEPCAPS, PR_GET_NAME, PR_GET_NO_NEW_PRIVS, PR_GET_PDEATHSIG, PR_GET_SECUREBITS,
        PR_GET_THP_DISABLE, PR_GET_TIMERSLACK, PR_SET_CHILD_SUBREAPER, PR_SET_DUMPABLE, PR_SET_KEEPCAPS,
        PR_SET_NAME, PR_SET_NO_NEW_PRIVS, PR_SET_PDEATHSIG, PR_SET_SECUREBITS, PR_SET_THP_DISABLE,
        PR_SET_TIMERSLACK,
    },
};
use socket::error::{Errno, Error, Result};

use super::{Arguments, Calls, Handler::Plain};
use crate::{
    context::Context,
    process::{self, capabilities::secure, signal::SIGNAL_END},
};

pub(super) const CALLS: &Calls = &[(__NR_prctl, Plain(prctl))];

const INVALID: Error = Error::new(Errno::EINVAL, "no such option, or no such value");

fn prctl(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [option, value, third, fourth, fifth, _] = *arguments;
    let rest_is_zero = third == 0 && fourth == 0 && fifth == 0;
    let attributes = &context.process.attributes;
    match option as u32 {
        PR_SET_NAME => set_name(context, value),
        PR_GET_NAME => {
            let name = *context.thread.name.lock();
            context.space.write(value, &name).map(|()| 0)
        }
        PR_SET_PDEATHSIG if value < SIGNAL_END as usize => {
            attributes.death_signal.store(value as u32, Ordering::Relaxed);
            Ok(0)
        }
        PR_GET_PDEATHSIG => {
            context.space.write(value, &attributes.death_signal.load(Ordering::Relaxed)).map(|()| 0)
        }
        PR_SET_DUMPABLE if value <= 1 => {
            attributes.dumpable.store(value == 1, Ordering::Relaxed);
            Ok(0)
        }
        PR_GET_DUMPABLE => Ok(usize::from(attributes.dumpable.load(Ordering::Relaxed))),
        PR_SET_THP_DISABLE if rest_is_zero => {
            attributes.no_huge_pages.store(value != 0, Ordering::Relaxed);
            Ok(0)
        }
        PR_GET_THP_DISABLE if value == 0 && rest_is_zero => {
            Ok(usize::from(attributes.no_huge_pages.load(Ordering::Relaxed)))
        }
        PR_SET_TIMERSLACK => {
            context.thread.timer_slack.store(value as u64, Ordering::Relaxed);
            Ok(0)
        }
        PR_GET_TIMERSLACK => Ok(context.thread.timer_slack() as usize),
        PR_SET_CHILD_SUBREAPER => {
            process::set_subreaper(&context.process, value != 0);
            Ok(0)
        }
        PR_GET_CHILD_SUBREAPER => {
            let subreaper = i32::from(process::is_subreaper(&context.process));
            context.space.write(value, &subreaper).map(|()| 0)
        }
        PR_SET_NO_NEW_PRIVS if value == 1 && rest_is_zero => {
            context.thread.credentials.lock().no_new_privileges = true;
            Ok(0)
        }
        PR_GET_NO_NEW_PRIVS if value == 0 && rest_is_zero => {
            Ok(usize::from(context.thread.credentials.lock().no_new_privileges))
        }
        _ => capabilities(context, arguments),
    }
}

/// Options of capabilities(7).
fn capabilities(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [option, value, third, fourth, fifth, _] = *arguments;
    let mut credentials = context.thread.credentials.lock();
    let bit = |number: usize| {
        u32::try_from(number)
            .ok()
            .filter(|number| *number <= CAP_LAST_CAP)
            .map(|number| 1 << number)
            .ok_or(INVALID)
    };
    match option as u32 {
        PR_GET_KEEPCAPS => Ok(usize::from(credentials.securebits & secure::KEEP_CAPS != 0)),
        PR_SET_KEEPCAPS if value <= 1 => {
            if credentials.securebits & secure::KEEP_CAPS_LOCKED != 0 {
                return Err(Error::new(Errno::EPERM, "it is locked"));
            }
            credentials.securebits &= !secure::KEEP_CAPS;
            credentials.securebits |= if value == 1 { secure::KEEP_CAPS } else { 0 };
            Ok(0)
        }
        PR_GET_SECUREBITS => Ok(credentials.securebits as usize),
        PR_SET_SECUREBITS => {
            let (old, new) = (credentials.securebits, value);
            let locks = old & secure::LOCKS;
            // What is locked stays as it is, and so do the locks.
            let kept = locks | locks >> 1;
            let known = new & !(secure::ALL as usize) == 0;
            if !known || (old ^ new as u32) & kept != 0 || !credentials.can(CAP_SETPCAP) {
                return Err(Error::new(Errno::EPERM, "locked or unknown, or without CAP_SETPCAP"));
            }
            credentials.securebits = new as u32;
            Ok(0)
        }
        PR_CAPBSET_READ => Ok(usize::from(credentials.capabilities.bounding & bit(value)? != 0)),
        PR_CAPBSET_DROP => {
            if !credentials.can(CAP_SETPCAP) {
                return Err(Error::new(Errno::EPERM, "without CAP_SETPCAP"));
            }
            credentials.capabilities.bounding &= !bit(value)?;
            Ok(0)
        }
        PR_CAP_AMBIENT if value as u32 == PR_CAP_AMBIENT_CLEAR_ALL => {
            if third != 0 || fourth != 0 || fifth != 0 {
                return Err(INVALID);
            }
            credentials.capabilities.ambient = 0;
            Ok(0)
        }
        PR_CAP_AMBIENT if fourth == 0 && fifth == 0 => {
            let bit = bit(third)?;
            let securebits = credentials.securebits;
            let sets = &mut credentials.capabilities;
            match value as u32 {
                PR_CAP_AMBIENT_IS_SET => return Ok(usize::from(sets.ambient & bit != 0)),
                PR_CAP_AMBIENT_RAISE => {
                    let inheritable = sets.permitted & sets.inheritable & bit != 0;
                    if !inheritable || securebits & secure::NO_AMBIENT_RAISE != 0 {
                        return Err(Error::new(Errno::EPERM, "not permitted and inheritable"));
                    }
                    sets.ambient |= bit;
                }
                PR_CAP_AMBIENT_LOWER => sets.ambient &= !bit,
                _ => return Err(INVALID),
            }
            Ok(0)
        }
        _ => Err(INVALID),
    }
}

/// A longer name is cut.
fn set_name(context: &Context, address: usize) -> Result<usize> {
    let mut name = [0; 16];
    for (at, place) in name.iter_mut().take(15).enumerate() {
        match context.space.read::<u8>(address.wrapping_add(at))? {
            0 => break,
            byte => *place = byte,
        }
    }
    *context.thread.name.lock() = name;
    Ok(0)
}
