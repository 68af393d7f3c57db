//! Waiting for files in sets: select(2).

use alloc::{vec, vec::Vec};
use core::time::Duration;

use ::socket::{
    error::{Errno, Error, Result},
    ready::Events,
};
use linux_raw_sys::general::{
    __NR_pselect6, __NR_select, POLLERR, POLLHUP, POLLIN, POLLOUT, POLLPRI, POLLRDBAND, POLLRDNORM,
    POLLWRBAND, POLLWRNORM,
};
use vfs::UserMemory;

use super::{
    Arguments, Calls,
    Handler::Plain,
    poll::{Deadline, Watched, read_mask, show_left, wait_for},
    time::read_timespec,
};
use crate::{context::Context, process::signal};

pub(super) const CALLS: &Calls = &[(__NR_select, Plain(select)), (__NR_pselect6, Plain(pselect6))];

/// What counts as readable, writable and exceptional for select(2).
const READABLE: u32 = POLLRDNORM | POLLRDBAND | POLLIN | POLLHUP | POLLERR;
const WRITABLE: u32 = POLLWRBAND | POLLWRNORM | POLLOUT | POLLERR;
const EXCEPTIONAL: u32 = POLLPRI;

fn select(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [count, readable, writable, exceptional, timeout_at, _] = *arguments;
    let deadline = match timeout_at {
        0 => Deadline::Never,
        address => {
            let [seconds, microseconds] = context.space.read::<[i64; 2]>(address)?;
            let (Ok(seconds), Ok(microseconds)) = (u64::try_from(seconds), u64::try_from(microseconds))
            else {
                return Err(Error::new(Errno::EINVAL, "a negative time"));
            };
            // Microseconds may be a million and more here.
            let time = Duration::from_secs(seconds).saturating_add(Duration::from_micros(microseconds));
            Deadline::after(time)
        }
    };
    let result = select_until(context, count, [readable, writable, exceptional], deadline);
    if timeout_at != 0 {
        let left = deadline.left();
        let _ = context.space.write(timeout_at, &[left.as_secs(), u64::from(left.subsec_micros())]);
    }
    result
}

fn pselect6(context: &Context, arguments: &Arguments) -> Result<usize> {
    let [count, readable, writable, exceptional, timeout_at, mask] = *arguments;
    let (mask_at, mask_size) = match mask {
        0 => (0, 0),
        address => {
            let [at, size] = context.space.read::<[usize; 2]>(address)?;
            (at, size)
        }
    };
    let deadline = match timeout_at {
        0 => Deadline::Never,
        address => Deadline::after(read_timespec(context, address)?),
    };
    let mask = read_mask(context, mask_at, mask_size)?;
    let result = signal::with_mask(context, mask, || {
        select_until(context, count, [readable, writable, exceptional], deadline)
    });
    show_left(context, timeout_at, deadline, result)
}

/// The sets of select(2) as they are in memory: 64 descriptors a word.
struct Set {
    address: usize,
    words: Vec<u64>,
}

impl Set {
    fn read(context: &Context, address: usize, words: usize) -> Result<Self> {
        let mut bytes = vec![0; words * 8];
        if address != 0 && words != 0 {
            UserMemory::read(context, address, &mut bytes).map_err(|_| Errno::EFAULT)?;
        }
        let word = |bytes: &[u8]| bytes.try_into().map(u64::from_ne_bytes).unwrap_or_default();
        Ok(Self { address, words: bytes.chunks_exact(8).map(word).collect() })
    }

    fn contains(&self, descriptor: usize) -> bool {
        self.words[descriptor / 64] >> (descriptor % 64) & 1 != 0
    }

    fn write(&self, context: &Context) -> Result<()> {
        if self.address != 0 && !self.words.is_empty() {
            let bytes: Vec<u8> = self.words.iter().flat_map(|word| word.to_ne_bytes()).collect();
            UserMemory::write(context, self.address, &bytes).map_err(|_| Errno::EFAULT)?;
        }
        Ok(())
    }
}

fn select_until(context: &Context, count: usize, sets: [usize; 3], deadline: Deadline) -> Result<usize> {
    let count = usize::try_from(count as i32).map_err(|_| Error::new(Errno::EINVAL, "a negative number"))?;
    // Numbers beyond what the process can have are not looked at, as in Linux.
    let count = count.min(context.files.limit() as usize);
    let words = count.div_ceil(64);
    let [readable, writable, exceptional] = sets;
    let mut sets = [
        Set::read(context, readable, words)?,
        Set::read(context, writable, words)?,
        Set::read(context, exceptional, words)?,
    ];
    let kinds = [READABLE, WRITABLE, EXCEPTIONAL];
    let mut watched = Vec::new();
    let mut numbers = Vec::new();
    for descriptor in 0..count {
        let wanted = sets.iter().zip(kinds).filter(|(set, _)| set.contains(descriptor));
        let interest = wanted.fold(0, |interest, (_, kind)| interest | kind);
        if interest != 0 {
            let handle = Some(context.files.get(descriptor as i32)?);
            let interest = Events::from_bits_truncate(interest & !(POLLERR | POLLHUP));
            watched.push(Watched { handle, interest, ignored: false });
            numbers.push((descriptor, sets.each_ref().map(|set| set.contains(descriptor))));
        }
    }
    let mut results = [vec![0_u64; words], vec![0; words], vec![0; words]];
    let mut total = 0;
    wait_for(context, &watched, deadline, |index, events| {
        let (descriptor, asked) = numbers[index];
        let before = total;
        for set in 0..sets.len() {
            if asked[set] && events.bits() & kinds[set] != 0 {
                results[set][descriptor / 64] |= 1 << (descriptor % 64);
                total += 1;
            }
        }
        // A hang-up of a file that is only asked for writing does not end the wait.
        total > before
    })?;
    for (set, result) in sets.iter_mut().zip(results) {
        set.words = result;
        set.write(context)?;
    }
    Ok(total)
}
