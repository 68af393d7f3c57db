//! From control messages to ancillary data.

use alloc::{boxed::Box, vec::Vec};

use linux_raw_sys::{
    general::{CAP_SETGID, CAP_SETUID, CAP_SYS_ADMIN, CAP_SYS_RESOURCE},
    net::{SCM_CREDENTIALS, SCM_RIGHTS, SOL_SOCKET},
};

use super::{
    Ancillary,
    flight::{self, Account},
    garbage,
    rights::{OpenFile, Rights},
};
use crate::{
    abi::control::ControlMessages,
    caller::Caller,
    error::{Errno, Error, Result},
    identity::{Credentials, Sender},
    registry,
};

/// How many open files a message can have (SCM_MAX_FD).
const FILES_MAX: usize = 253;

/// `sizeof(int)`.
const INT: usize = 4;

/// What a call is to send besides payload.
#[derive(Default)]
pub(crate) struct Parcel {
    /// Open files: they go with the first piece.
    files: Vec<OpenFile>,
    /// Who it says it is.
    sender: Option<Sender>,
}

impl Parcel {
    /// Looks at control messages one after the other (Linux's `__scm_send`). `None` where there are none that mean anything.
    ///
    /// # Errors
    /// EINVAL for a length that is wrong, for a type that is unknown, and for more than 253 descriptors; EBADF; for credentials
    /// EPERM, ESRCH, EINVAL.
    pub(crate) fn read<C: Caller>(caller: &C, control: &ControlMessages) -> Result<Option<Box<Self>>> {
        let mut parcel = Self::default();
        for (header, data) in control.messages() {
            // Those of other levels Linux passes over.
            if header.level != SOL_SOCKET as i32 {
                continue;
            }
            match header.kind as u32 {
                SCM_RIGHTS => parcel.add_files(caller, data)?,
                SCM_CREDENTIALS => parcel.sender = Some(claim(caller, data)?),
                _ => return Err(Error::new(Errno::EINVAL, "no such control message")),
            }
        }
        control.check_end()?;
        let is_empty = parcel.files.is_empty() && parcel.sender.is_none();
        Ok((!is_empty).then(|| Box::new(parcel)))
    }

    fn add_files<C: Caller>(&mut self, caller: &C, data: &[u8]) -> Result<()> {
        let (numbers, _) = data.as_chunks::<INT>();
        if self.files.len() + numbers.len() > FILES_MAX {
            return Err(Error::new(Errno::EINVAL, "more than 253 descriptors"));
        }
        self.files.reserve_exact(numbers.len());
        for number in numbers {
            self.files.push(caller.open_file(i32::from_ne_bytes(*number))?);
        }
        Ok(())
    }

    /// What goes with the next piece, to the socket in that place.
    ///
    /// # Errors
    /// ETOOMANYREFS where the user has too many files in flight.
    pub(crate) fn pack<C: Caller>(
        &mut self,
        caller: &C,
        names_sender: bool,
        holder: u32,
    ) -> Result<Ancillary> {
        let mut ancillary = self.take(caller)?;
        ancillary.depart(caller, holder);
        if names_sender {
            ancillary.sender.get_or_insert_with(|| caller.identity().as_sender());
        }
        Ok(ancillary)
    }

    /// What goes with the next piece, which has no receiver yet.
    ///
    /// # Errors
    /// As [`Parcel::pack`].
    pub(crate) fn take<C: Caller>(&mut self, caller: &C) -> Result<Ancillary> {
        let mut rights = None;
        if !self.files.is_empty() {
            check_limit(caller, Account::new(caller, registry::NOWHERE))?;
            rights = Some(Rights::new(core::mem::take(&mut self.files)));
        }
        Ok(Ancillary { rights, sender: self.sender.clone() })
    }
}

/// A user may have more files in flight than descriptors only with privileges.
fn check_limit<C: Caller>(caller: &C, Account { world, user, .. }: Account) -> Result<()> {
    let limit = caller.descriptor_limit();
    if flight::of_user(world, user) <= limit {
        return Ok(());
    }
    if caller.is_capable(CAP_SYS_RESOURCE) || caller.is_capable(CAP_SYS_ADMIN) {
        return Ok(());
    }
    // Those that nobody can receive do not count.
    garbage::look_at_all();
    if flight::of_user(world, user) <= limit {
        return Ok(());
    }
    Err(Error::new(Errno::ETOOMANYREFS, "the user has more descriptors in flight than RLIMIT_NOFILE"))
}

/// Who a program says it is: one of those it is, or, with privileges, anybody.
fn claim<C: Caller>(caller: &C, data: &[u8]) -> Result<Sender> {
    let bytes: &[u8; 12] =
        data.try_into().map_err(|_| Error::new(Errno::EINVAL, "not the length of a struct ucred"))?;
    let ([pid, uid, gid], _) = bytes.as_chunks::<INT>() else {
        return Err(Error::new(Errno::EINVAL, "not the length of a struct ucred"));
    };
    let (pid, uid, gid) = (i32::from_ne_bytes(*pid), u32::from_ne_bytes(*uid), u32::from_ne_bytes(*gid));
    if uid == u32::MAX || gid == u32::MAX {
        return Err(Error::new(Errno::EINVAL, "no user's or group's number"));
    }
    let own = caller.identity();
    let may = (pid == own.pid || caller.is_capable(CAP_SYS_ADMIN))
        && (own.users.has(uid) || caller.is_capable(CAP_SETUID))
        && (own.groups.has(gid) || caller.is_capable(CAP_SETGID));
    if !may {
        return Err(Error::new(Errno::EPERM, "credentials of somebody else"));
    }
    let process = if pid == own.pid {
        own.process.clone()
    } else {
        caller.find_process(pid).ok_or(Error::new(Errno::ESRCH, "no such process"))?
    };
    Ok(Sender { credentials: Credentials { pid, uid, gid }, process })
}
