//! Futexes: sleeping on a word of user memory (futex(2)).
//!
//! A futex is its address in its address space, unless it is in memory that is shared: there it is its place in the file.
//! Programs may say that it is not (FUTEX_PRIVATE_FLAG), which saves looking.

use alloc::{sync::Arc, vec::Vec};
use core::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use ostd::sync::SpinLock;
use socket::{
    caller::NodeId,
    error::{Errno, Result},
};

use crate::{
    context::Context,
    mm::{AddressSpace, layout::HIGHEST},
    process::Thread,
    wait::{self, WaitError},
};

/// Any of the bits (`FUTEX_BITSET_MATCH_ANY`).
pub(crate) const ANY: u32 = u32::MAX;

/// Where a futex is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Key {
    /// In private memory: address space and address.
    Private(u64, usize),
    /// In a file, at an offset.
    Shared(NodeId, u64),
}

/// Whose futex a program says it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Scope {
    /// The process's own (FUTEX_PRIVATE_FLAG).
    Private,
    /// Anyone's who has the memory.
    Any,
}

struct Sleeper {
    thread: Arc<Thread>,
    /// Wanted by somebody who woke it, as opposed to anything else that ends its sleep.
    woken: AtomicBool,
    /// Where it sleeps: changes when it is sent elsewhere.
    key: SpinLock<Key>,
}

struct Entry {
    key: Key,
    bits: u32,
    sleeper: Arc<Sleeper>,
}

type Bucket = SpinLock<Vec<Entry>>;

const BUCKETS: usize = 256;

/// Those who sleep, by address, in the order in which they came. Two buckets are locked in the order of their index;
/// a sleeper's key is locked within its bucket.
static TABLE: [Bucket; BUCKETS] = [const { SpinLock::new(Vec::new()) }; BUCKETS];

impl Key {
    /// # Errors
    /// EINVAL for an address that is no word's; EFAULT for one that is no user address or, where that has to be looked at,
    /// where nothing is mapped.
    fn new(space: &AddressSpace, address: usize, scope: Scope) -> Result<Self> {
        if !address.is_multiple_of(4) {
            return Err(Errno::EINVAL.into());
        }
        if address > HIGHEST - 4 {
            return Err(Errno::EFAULT.into());
        }
        let shared = match scope {
            Scope::Private => None,
            Scope::Any => space.shared_place(address)?,
        };
        Ok(shared.map_or(Self::Private(space.id(), address), |(file, offset)| Self::Shared(file, offset)))
    }

    fn index(self) -> usize {
        let (whole, part) = match self {
            Self::Private(space, address) => (space, address as u64),
            Self::Shared(file, offset) => (file.inode ^ file.device << 16, offset),
        };
        let mixed = (part >> 2 ^ whole << 32).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        (mixed >> 56) as usize % BUCKETS
    }

    fn bucket(self) -> &'static Bucket {
        &TABLE[self.index()]
    }
}

/// Sleeps while the word at `address` is `expected`, until woken with one of `bits`.
///
/// # Errors
/// EAGAIN where the word is something else; ETIMEDOUT at the deadline (monotonic); EINTR; EINVAL, EFAULT for a bad address.
pub(crate) fn wait(
    context: &Context,
    address: usize,
    scope: Scope,
    expected: u32,
    bits: u32,
    deadline: Option<Duration>,
) -> Result<()> {
    let key = Key::new(&context.space, address, scope)?;
    let sleeper = Arc::new(Sleeper {
        thread: context.thread.clone(),
        woken: AtomicBool::new(false),
        key: SpinLock::new(key),
    });
    loop {
        let mut bucket = key.bucket().lock();
        if let Some(value) = load(context, address) {
            if value != expected {
                return Err(Errno::EAGAIN.into());
            }
            bucket.push(Entry { key, bits, sleeper: sleeper.clone() });
            break;
        }
        drop(bucket);
        // The page has to be brought in, which cannot be done with the lock held.
        context.space.read::<u32>(address)?;
    }
    let outcome = wait::until(context, deadline, || sleeper.woken.load(Ordering::Acquire).then_some(()));
    match outcome {
        Ok(()) => Ok(()),
        // Woken while the wait was being given up: that counts, or the wake-up would be lost.
        Err(_) if !take_back(&sleeper) => Ok(()),
        Err(WaitError::TimedOut) => Err(Errno::ETIMEDOUT.into()),
        Err(WaitError::Interrupted) => Err(Errno::EINTR.into()),
    }
}

/// Takes a sleeper out of its bucket; false if it was not in there any more.
fn take_back(sleeper: &Arc<Sleeper>) -> bool {
    loop {
        let key = *sleeper.key.lock();
        let mut bucket = key.bucket().lock();
        if *sleeper.key.lock() != key {
            // Sent elsewhere meanwhile.
            continue;
        }
        let Some(at) = bucket.iter().position(|entry| Arc::ptr_eq(&entry.sleeper, sleeper)) else {
            return false;
        };
        bucket.remove(at);
        return true;
    }
}

/// Wakes up to `count` of those who sleep at `address` with one of `bits`; says how many.
///
/// # Errors
/// EINVAL for a bad address.
pub(crate) fn wake(
    context: &Context,
    address: usize,
    scope: Scope,
    count: usize,
    bits: u32,
) -> Result<usize> {
    let key = Key::new(&context.space, address, scope)?;
    let woken = take(&mut key.bucket().lock(), key, count, bits);
    Ok(rouse(&woken))
}

/// As [`wake`], for the kernel's own purposes.
pub(crate) fn wake_address(context: &Context, address: usize, count: usize) {
    // An address that nobody can sleep at wakes nobody.
    let _ = wake(context, address, Scope::Any, count, ANY);
}

/// Wakes up to `wakes` of those who sleep at `from` and sends up to `moves` others to sleep at `to`. With `expected`,
/// only where the word at `from` is that. Says how many were woken and how many moved.
///
/// # Errors
/// EAGAIN where the word is something else; EINVAL, EFAULT for bad addresses.
pub(crate) fn requeue(
    context: &Context,
    from: usize,
    to: usize,
    scope: Scope,
    wakes: usize,
    moves: usize,
    expected: Option<u32>,
) -> Result<(usize, usize)> {
    let (from_key, to_key) = (Key::new(&context.space, from, scope)?, Key::new(&context.space, to, scope)?);
    loop {
        let (low, high) = (from_key.index().min(to_key.index()), from_key.index().max(to_key.index()));
        let mut first = TABLE[low].lock();
        let mut second = (low != high).then(|| TABLE[high].lock());
        if let Some(expected) = expected {
            match load(context, from) {
                Some(value) if value == expected => {}
                Some(_) => return Err(Errno::EAGAIN.into()),
                None => {
                    drop((second, first));
                    context.space.read::<u32>(from)?;
                    continue;
                }
            }
        }
        let source = match &mut second {
            Some(second) if from_key.index() == high => second,
            _ => &mut first,
        };
        let woken = take(source, from_key, wakes, ANY);
        let mut moved = 0;
        let mut at = 0;
        let mut travellers = Vec::new();
        while at < source.len() && moved < moves {
            if source[at].key == from_key && from_key != to_key {
                travellers.push(source.remove(at));
                moved += 1;
            } else {
                at += 1;
            }
        }
        let target = match &mut second {
            Some(second) if to_key.index() == high => second,
            _ => &mut first,
        };
        for mut entry in travellers {
            entry.key = to_key;
            *entry.sleeper.key.lock() = to_key;
            target.push(entry);
        }
        drop((second, first));
        return Ok((rouse(&woken), moved));
    }
}

/// FUTEX_WAKE_OP: changes the word at `second` in one step, wakes up to `wakes` of those who sleep at `first`, and where
/// `condition` holds of what the word was, up to `second_wakes` of those who sleep at `second`. Says how many were woken.
///
/// # Errors
/// EINVAL, EFAULT for bad addresses.
#[expect(clippy::too_many_arguments, reason = "it is two calls in one")]
pub(crate) fn wake_after(
    context: &Context,
    first: usize,
    second: usize,
    scope: Scope,
    wakes: usize,
    second_wakes: usize,
    change: impl Fn(u32) -> u32,
    condition: impl Fn(u32) -> bool,
) -> Result<usize> {
    let first = Key::new(&context.space, first, scope)?;
    let second_key = Key::new(&context.space, second, scope)?;
    let mut old = 0;
    update(context, second, |value| {
        old = value;
        Some(change(value))
    })?;
    let mut woken = rouse(&take(&mut first.bucket().lock(), first, wakes, ANY));
    if condition(old) {
        woken += rouse(&take(&mut second_key.bucket().lock(), second_key, second_wakes, ANY));
    }
    Ok(woken)
}

/// Replaces the word at `address` by what `change` makes of it, in one step; leaves it where `change` gives nothing.
///
/// # Errors
/// EINVAL, EFAULT for a bad address.
pub(crate) fn update(
    context: &Context,
    address: usize,
    mut change: impl FnMut(u32) -> Option<u32>,
) -> Result<()> {
    Key::new(&context.space, address, Scope::Private)?;
    let (reader, writer) = context.space.vm().reader_writer(address, 4).map_err(|_| Errno::EFAULT)?;
    let mut value = reader.atomic_load::<u32>().map_err(|_| Errno::EFAULT)?;
    loop {
        let Some(wanted) = change(value) else { return Ok(()) };
        match writer.atomic_compare_exchange(&reader, value, wanted) {
            Ok((_, true)) => return Ok(()),
            Ok((now, false)) => value = now,
            Err(_) => return Err(Errno::EFAULT.into()),
        }
    }
}

/// The word at `address`, unless a page would have to be brought in for it.
fn load(context: &Context, address: usize) -> Option<u32> {
    context.thread.without_faults(|| context.space.vm().reader(address, 4).ok()?.atomic_load::<u32>().ok())
}

/// Takes up to `count` sleepers out of a bucket.
fn take(bucket: &mut Vec<Entry>, key: Key, count: usize, bits: u32) -> Vec<Arc<Sleeper>> {
    let mut taken = Vec::new();
    let mut at = 0;
    while at < bucket.len() && taken.len() < count {
        if bucket[at].key == key && bucket[at].bits & bits != 0 {
            let sleeper = bucket.remove(at).sleeper;
            sleeper.woken.store(true, Ordering::Release);
            taken.push(sleeper);
        } else {
            at += 1;
        }
    }
    taken
}

/// Wakes sleepers, with no lock held.
fn rouse(sleepers: &[Arc<Sleeper>]) -> usize {
    for sleeper in sleepers {
        sleeper.thread.wake();
    }
    sleepers.len()
}
