//! Waiting for files: poll(2).

use alloc::{sync::Arc, vec, vec::Vec};
use core::time::Duration;

use ::socket::{
    error::{Errno, Error, Result},
    ready::{Events, Pollee},
};
use linux_raw_sys::general::{__NR_poll, __NR_ppoll};
use vfs::{Handle, UserMemory};

use super::{
    Arguments, Calls,
    Handler::Plain,
    time::{read_timespec, write_timespec},
};
use crate::{
    context::Context,
    process::signal,
    time::clock,
    wait::{self, WaitError},
};

pub(super) const CALLS: &Calls = &[(__NR_poll, Plain(poll)), (__NR_ppoll, Plain(ppoll))];

/// One file that is waited for.
pub(super) struct Watched {
    /// `None` where nothing is open.
    pub(super) handle: Option<Handle>,
    /// Besides errors and hang-ups, which are always told of.
    pub(super) interest: Events,
    /// Nothing is to be said of it.
    pub(super) ignored: bool,
}

impl Watched {
    fn happened(&self) -> Events {
        match &self.handle {
            None if self.ignored => Events::empty(),
            None => Events::NVAL,
            Some(handle) => handle.poll() & (self.interest | Events::ERR | Events::HUP | Events::NVAL),
        }
    }
}

/// Waits until something happened to one of the files, or the deadline has passed. What happened is shown to `found`, which
/// says whether it counts; the result is how many counted.
pub(super) fn wait_for(
    context: &Context,
    watched: &[Watched],
    deadline: Deadline,
    mut found: impl FnMut(usize, Events) -> bool,
) -> Result<usize> {
    let mut look = || {
        let mut count = 0;
        for (index, watched) in watched.iter().enumerate() {
            let events = watched.happened();
            if !events.is_empty() && found(index, events) {
                count += 1;
            }
        }
        (count > 0).then_some(count)
    };
    if let Some(count) = look() {
        return Ok(count);
    }
    let deadline = match deadline {
        // A signal counts even where there is no time to wait for it.
        Deadline::Now if signal::pending(context) => return Err(Errno::EINTR.into()),
        Deadline::Now => return Ok(0),
        Deadline::At(deadline) => Some(deadline),
        Deadline::Never => None,
    };
    let target = |watched: &Watched| -> Option<(Arc<Pollee>, Events)> {
        let pollee = watched.handle.as_ref()?.pollee()?;
        Some((pollee.clone(), watched.interest | Events::ERR | Events::HUP))
    };
    let targets: Vec<_> = watched.iter().filter_map(target).collect();
    match wait::block_on(context, &targets, deadline, look) {
        Ok(count) => Ok(count),
        Err(WaitError::TimedOut) if !signal::pending(context) => Ok(0),
        Err(WaitError::TimedOut | WaitError::Interrupted) => Err(Errno::EINTR.into()),
    }
}

/// How long to wait, on the monotonic clock.
#[derive(Clone, Copy)]
pub(super) enum Deadline {
    Now,
    At(Duration),
    Never,
}

impl Deadline {
    pub(super) fn after(time: Duration) -> Self {
        if time.is_zero() { Self::Now } else { Self::At(clock::now().saturating_add(time)) }
    }

    /// What is left until then.
    pub(super) fn left(self) -> Duration {
        match self {
            Self::At(deadline) => deadline.saturating_sub(clock::now()),
            Self::Now | Self::Never => Duration::ZERO,
        }
    }
}

/// `sizeof(struct pollfd)`: descriptor, events, revents.
const POLLFD: usize = 8;
/// Where revents is in it.
const REVENTS: usize = 6;

fn poll(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [at, count, timeout, ..] = *arguments;
    let deadline = match u64::try_from(timeout as i32) {
        Ok(milliseconds) => Deadline::after(Duration::from_millis(milliseconds)),
        Err(_) => Deadline::Never,
    };
    poll_until(context, at, count, deadline)
}

fn ppoll(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [at, count, timeout_at, mask_at, mask_size, _] = *arguments;
    let deadline = match timeout_at {
        0 => Deadline::Never,
        address => Deadline::after(read_timespec(context, address)?),
    };
    let mask = read_mask(context, mask_at, mask_size)?;
    let result = signal::with_mask(context, mask, || poll_until(context, at, count, deadline));
    show_left(context, timeout_at, deadline, result)
}

fn poll_until(context: &Context, at: usize, count: usize, deadline: Deadline) -> Result<usize> {
    // An unsigned int; the limit also bounds what is allocated.
    let count = count as u32 as usize;
    if count > context.files.limit() as usize {
        return Err(Error::new(Errno::EINVAL, "more than RLIMIT_NOFILE"));
    }
    let mut few = [0; 8 * POLLFD];
    let mut more;
    let bytes = match few.get_mut(..count * POLLFD) {
        Some(bytes) => bytes,
        None => {
            more = vec![0; count * POLLFD];
            &mut more[..]
        }
    };
    UserMemory::read(context, at, bytes).map_err(|_| Errno::EFAULT)?;
    let mut watched = Vec::with_capacity(count);
    for entry in bytes.chunks_exact_mut(POLLFD) {
        let descriptor = i32::from_ne_bytes([entry[0], entry[1], entry[2], entry[3]]);
        let interest = Events::from_bits_truncate(u32::from(u16::from_ne_bytes([entry[4], entry[5]])));
        entry[REVENTS..].fill(0);
        watched.push(match context.files.get(descriptor) {
            Ok(handle) => Watched { handle: Some(handle), interest, ignored: false },
            // An entry with a negative number is to be left alone.
            Err(_) => Watched { handle: None, interest, ignored: descriptor < 0 },
        });
    }
    let result = wait_for(context, &watched, deadline, |index, events| {
        bytes[index * POLLFD + REVENTS..][..2].copy_from_slice(&(events.bits() as u16).to_ne_bytes());
        true
    });
    // Linux writes in any case, and the results alone.
    for (place, entry) in bytes.chunks_exact(POLLFD).enumerate() {
        let address = at.wrapping_add(place * POLLFD + REVENTS);
        UserMemory::write(context, address, &entry[REVENTS..]).map_err(|_| Errno::EFAULT)?;
    }
    result
}

/// Tells the program how much of its timeout is left; as in Linux, one that cannot be told is not an error.
pub(super) fn show_left(
    context: &Context,
    at: usize,
    deadline: Deadline,
    result: Result<usize>,
) -> Result<usize> {
    if at != 0 {
        // The memory may be read-only.
        let _ = write_timespec(context, at, deadline.left());
    }
    result
}

/// Reads the signal mask under which a call is to be made; NULL leaves the thread's.
///
/// # Errors
/// EINVAL for another size than that of a signal set, EFAULT.
pub(super) fn read_mask(context: &Context, at: usize, size: usize) -> Result<Option<u64>> {
    if at == 0 {
        return Ok(None);
    }
    if size != size_of::<u64>() {
        return Err(Error::new(Errno::EINVAL, "not the size of a signal set"));
    }
    context.space.read::<u64>(at).map(Some)
}
