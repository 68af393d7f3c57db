//! The commands of fcntl(2) about signals: F_SETOWN, F_SETOWN_EX, F_SETSIG and their counterparts.

use alloc::sync::Arc;

use linux_raw_sys::general::{
    F_GETOWN, F_GETOWN_EX, F_GETSIG, F_OWNER_PGRP, F_OWNER_PID, F_OWNER_TID, F_SETOWN, F_SETOWN_EX, F_SETSIG,
};
use socket::error::{Errno, Error, Result};
use vfs::Handle;

use crate::{
    context::Context,
    process::{
        self,
        signal::{Owner, SIGNAL_END, owner, owner_signal, set_owner, set_owner_signal},
    },
};

/// Whether a command is one of those that [`fcntl`] serves.
pub(super) fn is_command(command: u32) -> bool {
    matches!(command, F_GETOWN | F_GETOWN_EX | F_GETSIG | F_SETOWN | F_SETOWN_EX | F_SETSIG)
}

/// Serves a command.
///
/// # Errors
/// EINVAL for no signal's or kind's number; ESRCH for an owner that does not exist; EFAULT.
pub(super) fn fcntl(context: &Context, handle: &Handle, command: u32, argument: usize) -> Result<usize> {
    match command {
        F_SETSIG => {
            if argument >= SIGNAL_END as usize {
                return Err(Error::new(Errno::EINVAL, "no such signal"));
            }
            set_owner_signal(handle, argument as u32);
            Ok(0)
        }
        F_GETSIG => Ok(owner_signal(handle) as usize),
        F_GETOWN => {
            let (kind, number) = describe(&owner(handle));
            // As in Linux, a group whose negative number looks like an error is one all the same.
            Ok(if kind == F_OWNER_PGRP { number.wrapping_neg() } else { number } as usize)
        }
        F_GETOWN_EX => {
            let (kind, number) = describe(&owner(handle));
            context.space.write(argument, &[kind as i32, number]).map(|()| 0)
        }
        F_SETOWN => {
            let number = argument as i32;
            let kind = if number < 0 { F_OWNER_PGRP } else { F_OWNER_PID };
            let number = number.checked_abs().ok_or(Error::new(Errno::EINVAL, "no number of a group"))?;
            set(context, handle, kind, number)
        }
        _ => {
            let [kind, number] = context.space.read::<[i32; 2]>(argument)?;
            set(context, handle, kind as u32, number)
        }
    }
}

fn set(context: &Context, handle: &Handle, kind: u32, number: i32) -> Result<usize> {
    let none = Error::new(Errno::ESRCH, "no such owner");
    let owner = match kind {
        F_OWNER_TID | F_OWNER_PID | F_OWNER_PGRP if number == 0 => Owner::Nobody,
        F_OWNER_TID => Owner::Thread(Arc::downgrade(&process::thread_by_id(number).ok_or(none)?)),
        F_OWNER_PID => Owner::Process(Arc::downgrade(&process::process_of(number).ok_or(none)?)),
        F_OWNER_PGRP if process::members(number).is_empty() => return Err(none),
        F_OWNER_PGRP => Owner::Group(number),
        _ => return Err(Error::new(Errno::EINVAL, "no such kind of owner")),
    };
    let setter = context.thread.credentials.lock().clone();
    set_owner(handle, owner, setter);
    Ok(0)
}

/// The kind of an owner and its number, 0 where it is gone.
fn describe(owner: &Owner) -> (u32, i32) {
    match owner {
        Owner::Nobody => (F_OWNER_PID, 0),
        Owner::Thread(thread) => (F_OWNER_TID, thread.upgrade().map_or(0, |thread| thread.tid())),
        Owner::Process(process) => (F_OWNER_PID, process.upgrade().map_or(0, |process| process.pid)),
        Owner::Group(group) => (F_OWNER_PGRP, *group),
    }
}
