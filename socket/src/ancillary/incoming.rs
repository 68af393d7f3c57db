//! From ancillary data to control messages.

use linux_raw_sys::net::{SCM_CREDENTIALS, SCM_RIGHTS};

use super::{Gathered, rights::Rights};
use crate::{
    abi::control::ControlOut,
    caller::{Caller, DescriptorSlot},
    error::Result,
    identity::{Credentials, Sender},
    socket::Options,
};

/// `SCM_PIDFD`, which linux-raw-sys lacks.
const SCM_PIDFD: u32 = 4;

/// Stores what was gathered, in Linux's order: credentials, open files, the process. What finds no room, or is of a kind that
/// is not `admitted`, is given up. `close_on_exec` is MSG_CMSG_CLOEXEC.
pub(crate) fn deliver<C: Caller>(
    caller: &C,
    options: Options,
    Gathered { rights, sender }: Gathered,
    out: &mut ControlOut,
    close_on_exec: bool,
    admitted: impl Fn(u32) -> bool,
) {
    if !out.is_wanted() {
        out.truncated |= rights.is_some() || options.intersects(Options::KNOWS_SENDERS);
        return;
    }
    if options.contains(Options::PASS_CREDENTIALS) {
        if admitted(SCM_CREDENTIALS) {
            put_credentials(caller, sender.as_ref(), out);
        } else {
            out.truncated = true;
        }
    }
    if let Some(rights) = rights {
        if admitted(SCM_RIGHTS) {
            install(caller, rights, out, close_on_exec);
        } else {
            out.truncated = true;
        }
    }
    if options.contains(Options::PASS_PIDFD) {
        if admitted(SCM_PIDFD) {
            put_process(caller, sender.flatten().as_ref(), out);
        } else {
            out.truncated = true;
        }
    }
}

fn put_credentials<C: Caller>(caller: &C, sender: Option<&Option<Sender>>, out: &mut ControlOut) {
    let Credentials { pid, uid, gid } = match sender {
        Some(Some(sender)) => sender.credentials,
        Some(None) => Credentials::UNKNOWN,
        // At the end there is no message that could come without; Linux shows zeroes.
        None => Credentials::default(),
    };
    let mut bytes = [0; 12];
    bytes[..4].copy_from_slice(&pid.to_ne_bytes());
    bytes[4..8].copy_from_slice(&uid.to_ne_bytes());
    bytes[8..].copy_from_slice(&gid.to_ne_bytes());
    out.put(caller, SCM_CREDENTIALS, &bytes);
}

/// Opens as many files as there is room for, and numbers.
fn install<C: Caller>(caller: &C, rights: Rights, out: &mut ControlOut, close_on_exec: bool) {
    let files = rights.into_files();
    let (room, total) = (out.ints(), files.len());
    let mut files = files.into_iter();
    let mut installed = 0;
    while installed < room.min(total) {
        let Ok(slot) = caller.reserve_descriptor() else { break };
        // The number is stored before there is anything behind it, so that no descriptor is open of which nobody knows.
        if out.put_int(caller, installed, slot.number()).is_err() {
            break;
        }
        let Some(file) = files.next() else { break };
        caller.install(slot, file, close_on_exec);
        installed += 1;
    }
    if installed > 0 {
        out.finish_ints(caller, SCM_RIGHTS, installed);
    }
    out.truncated |= installed < total;
    super::dispose(files.collect());
}

/// As Linux does, stores in the place of a descriptor why there is none.
fn put_process<C: Caller>(caller: &C, sender: Option<&Sender>, out: &mut ControlOut) {
    if !out.fits(size_of::<i32>()) {
        return;
    }
    let Some(sender) = sender else { return };
    let opened: Result<_> = caller
        .reserve_descriptor()
        .and_then(|slot| caller.process_file(&sender.process).map(|file| (slot, file)));
    let number = match &opened {
        Ok((slot, _)) => slot.number(),
        Err(error) => -i32::from(error.errno.number() as i16),
    };
    if out.put(caller, SCM_PIDFD, &number.to_ne_bytes())
        && let Ok((slot, file)) = opened
    {
        caller.install(slot, file, true);
    }
}
