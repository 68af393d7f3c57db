//! Waiting for children (wait(2)).

use alloc::sync::Arc;
use linux_raw_sys::general::{__WALL, __WCLONE, SIGCHLD, WCONTINUED, WEXITED, WNOHANG, WNOWAIT, WSTOPPED};
use socket::{
    error::{Errno, Error, Result},
    ready::Events,
};

use super::{
    ExitStatus, Process, Usage,
    tree::{self, Change, Entry, Tree},
};
use crate::{context::Context, wait::block_on};

/// Which children are waited for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Which {
    /// Any.
    Any,
    /// The one of that number.
    One(i32),
    /// The members of that process group.
    Group(i32),
}

/// What has happened to a child.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Event {
    /// It has ended.
    Ended(ExitStatus),
    /// It was stopped by a signal.
    Stopped(u32),
    /// It goes on.
    Continued,
}

/// A child, and what has happened to it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Found {
    pub(crate) pid: i32,
    /// Its real user.
    pub(crate) uid: u32,
    pub(crate) event: Event,
    /// What it has used, with the children that it has waited for.
    pub(crate) usage: Usage,
}

/// Waits until one of the children has done one of the things that `options` asks for (`WEXITED`, `WSTOPPED`,
/// `WCONTINUED`), and takes note of it unless `WNOWAIT`. `None` where nothing has happened yet, with `WNOHANG`.
///
/// # Errors
/// ECHILD where there is no such child, EINTR.
pub(crate) fn wait(context: &Context, which: Which, options: u32) -> Result<Option<Found>> {
    let process = &context.process;
    let attempt = || match look(process, which, options) {
        Ok(None) if options & WNOHANG == 0 => None,
        outcome => Some(outcome),
    };
    if let Some(outcome) = attempt() {
        return outcome;
    }
    let targets = [(process.child_events.clone(), Events::IN)];
    block_on(context, &targets, None, attempt).unwrap_or_else(|error| Err(error.error(Errno::EINTR)))
}

/// One look at the children.
fn look(parent: &Process, which: Which, options: u32) -> Result<Option<Found>> {
    let mut tree = tree::lock();
    let none = Error::new(Errno::ECHILD, "no such child");
    let Some(own) = tree.get(parent.pid) else { return Err(none) };
    let one = if let Which::One(pid) = which { Some(pid) } else { None };
    let mut any = false;
    let mut found = None;
    let only = one.filter(|pid| own.children.contains(pid));
    let candidates = own.children.iter().copied().filter(|_| one.is_none()).chain(only);
    for pid in candidates {
        let Some(child) = tree.get(pid) else { continue };
        if !is_meant(child, which, options) {
            continue;
        }
        any = true;
        if let Some(event) = happened(child, options) {
            found = Some((pid, event));
            break;
        }
    }
    match found {
        Some((pid, event)) => {
            let (found, released) = take(&mut tree, parent, pid, event, options & WNOWAIT != 0);
            drop(tree);
            if let Some(entry) = released {
                entry.process.bury();
            }
            Ok(found)
        }
        None if any => Ok(None),
        None => Err(none),
    }
}

fn is_meant(child: &Entry, which: Which, options: u32) -> bool {
    let kind = options & __WALL != 0 || (child.exit_signal != SIGCHLD) == (options & __WCLONE != 0);
    kind && match which {
        Which::Any => true,
        Which::One(pid) => child.process.pid == pid,
        Which::Group(group) => child.process.group() == group,
    }
}

fn happened(child: &Entry, options: u32) -> Option<Event> {
    if let Some(ending) = child.ending {
        return (options & WEXITED != 0).then_some(Event::Ended(ending.status));
    }
    match child.change? {
        Change::Stopped(signal) if options & WSTOPPED != 0 => Some(Event::Stopped(signal)),
        Change::Continued if options & WCONTINUED != 0 => Some(Event::Continued),
        _ => None,
    }
}

/// Describes the child, and unless it is only looked at, takes note.
fn take(
    tree: &mut Tree,
    parent: &Process,
    pid: i32,
    event: Event,
    only_look: bool,
) -> (Option<Found>, Option<Entry>) {
    let Some(child) = tree.get_mut(pid) else { return (None, None) };
    let process: Arc<Process> = child.process.clone();
    let uid = process.real_user();
    let mut usage = child.ending.map_or_else(|| process.usage(), |ending| ending.usage);
    usage += process.children_usage();
    let found = Found { pid, uid, event, usage };
    if only_look {
        return (Some(found), None);
    }
    child.change = None;
    if !matches!(event, Event::Ended(_)) {
        return (Some(found), None);
    }
    parent.add_children_usage(usage);
    (Some(found), tree.release(pid))
}
