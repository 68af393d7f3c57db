//! Threads and what they wait with, clocks, random bytes.

use std::{
    cell::Cell,
    collections::HashSet,
    sync::{
        Arc, Barrier, Condvar, Mutex, Once, RwLock,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use crate::{
    harness::{Case, Outcome, Test, check, check_eq, check_err, tests},
    sys,
};

pub(crate) const TESTS: &[Test] = tests!("process";
    process_has_one_identity,
    threads_have_identities_of_their_own,
    threads_return_values,
    threads_panic_alone,
    threads_many_at_once,
    threads_one_after_the_other,
    threads_have_stacks_of_their_own,
    threads_have_local_storage,
    threads_destroy_local_storage,
    threads_keep_floating_point_state,
    threads_are_named,
    mutex_excludes,
    mutex_blocks_until_it_is_free,
    condvar_wakes_one_and_all,
    condvar_times_out,
    rwlock_admits_readers_together,
    barrier_releases_all_together,
    channel_passes_everything_in_order,
    channel_times_out,
    once_runs_once,
    park_waits_for_unpark,
    park_times_out,
    scoped_threads_borrow,
    futex_wait_refuses_a_changed_word,
    futex_wait_times_out,
    futex_wake_wakes_as_many_as_it_says,
    futex_wake_without_waiters,
    spinning_thread_lets_others_run,
    clock_never_goes_back,
    clock_agrees_with_std,
    clock_refuses_unknown_clocks,
    nanosleep_sleeps_long_enough,
    nanosleep_refuses_bad_times,
    sleeping_threads_wake_in_order,
    getrandom_gives_random_bytes,
    getrandom_refuses_unknown_flags,
    credentials_are_roots_or_the_users,
    arguments_and_environment_are_there,
);

fn process_has_one_identity(case: &Case) -> Outcome {
    let process = sys::getpid()?;
    check!(process > 0);
    check_eq!(process, std::process::id() as usize);
    let parent = sys::getppid()?;
    let seen = case.spawn(|| Ok((sys::getpid()?, sys::getppid()?))).join()?;
    check_eq!(seen, (process, parent), "the same in every thread");
    Ok(())
}

fn threads_have_identities_of_their_own(case: &Case) -> Outcome {
    let barrier = Arc::new(Barrier::new(4));
    let threads: Vec<_> = (0..3)
        .map(|_| {
            let barrier = Arc::clone(&barrier);
            case.spawn(move || {
                let id = sys::gettid()?;
                // All are alive at once, so that no number is used twice.
                barrier.wait();
                Ok(id)
            })
        })
        .collect();
    barrier.wait();
    let mut ids = HashSet::from([sys::gettid()?]);
    for thread in threads {
        let id = thread.join()?;
        check!(ids.insert(id), "{id} twice");
    }
    Ok(())
}

fn threads_return_values(case: &Case) -> Outcome {
    let threads: Vec<_> = (0..8u64).map(|index| case.spawn(move || Ok(vec![index; 100]))).collect();
    for (index, thread) in threads.into_iter().enumerate() {
        check_eq!(thread.join()?, vec![index as u64; 100]);
    }
    Ok(())
}

fn threads_panic_alone(_: &Case) -> Outcome {
    let result = thread::spawn(|| std::panic::resume_unwind(Box::new("on purpose"))).join();
    check_eq!(result.err().and_then(|payload| payload.downcast_ref::<&str>().copied()), Some("on purpose"));
    Ok(())
}

fn threads_many_at_once(case: &Case) -> Outcome {
    const THREADS: usize = 40;
    let barrier = Arc::new(Barrier::new(THREADS));
    let count = Arc::new(AtomicU64::new(0));
    let threads: Vec<_> = (0..THREADS)
        .map(|_| {
            let (barrier, count) = (Arc::clone(&barrier), Arc::clone(&count));
            case.spawn(move || {
                barrier.wait();
                count.fetch_add(1, Ordering::Relaxed);
                Ok(())
            })
        })
        .collect();
    threads.into_iter().try_for_each(crate::harness::Worker::join)?;
    check_eq!(count.load(Ordering::Relaxed), THREADS as u64);
    Ok(())
}

fn threads_one_after_the_other(case: &Case) -> Outcome {
    let mut sum = 0;
    for index in 0..200u64 {
        sum += case.spawn(move || Ok(index)).join()?;
    }
    check_eq!(sum, 19_900);
    Ok(())
}

/// Recursion that uses about `depth` KiB of stack.
fn deep(depth: usize) -> u64 {
    let block = [depth as u8; 1024];
    let block = std::hint::black_box(block);
    if depth == 0 { 0 } else { deep(depth - 1) + u64::from(block[depth % 1024] == depth as u8) }
}

fn threads_have_stacks_of_their_own(case: &Case) -> Outcome {
    let threads: Vec<_> = (0..4).map(|_| case.spawn(|| Ok(deep(1000)))).collect();
    for thread in threads {
        check_eq!(thread.join()?, 1000);
    }
    let small = thread::Builder::new().stack_size(64 * 1024).spawn(|| deep(20))?;
    check_eq!(small.join().ok(), Some(20));
    let large = thread::Builder::new().stack_size(16 << 20).spawn(|| deep(8000))?;
    check_eq!(large.join().ok(), Some(8000));
    Ok(())
}

thread_local! {
    static LOCAL: Cell<u32> = const { Cell::new(7) };
}

fn threads_have_local_storage(case: &Case) -> Outcome {
    LOCAL.set(1);
    let seen = case
        .spawn(|| {
            let first = LOCAL.get();
            LOCAL.set(2);
            Ok((first, LOCAL.get()))
        })
        .join()?;
    check_eq!(seen, (7, 2));
    check_eq!(LOCAL.get(), 1);
    Ok(())
}

fn threads_destroy_local_storage(case: &Case) -> Outcome {
    struct Flag(Arc<AtomicBool>);
    impl Drop for Flag {
        fn drop(&mut self) {
            self.0.store(true, Ordering::SeqCst);
        }
    }
    thread_local! {
        static SLOT: std::cell::RefCell<Option<Flag>> = const { std::cell::RefCell::new(None) };
    }
    let dropped = Arc::new(AtomicBool::new(false));
    let flag = Flag(Arc::clone(&dropped));
    case.spawn(move || {
        SLOT.set(Some(flag));
        Ok(())
    })
    .join()?;
    check!(dropped.load(Ordering::SeqCst));
    Ok(())
}

fn threads_keep_floating_point_state(case: &Case) -> Outcome {
    // Each thread computes a series of its own, giving the processor away all the time.
    let threads: Vec<_> = (1..5u32)
        .map(|seed| {
            case.spawn(move || {
                let mut value = f64::from(seed);
                let mut lanes = [f64::from(seed); 8];
                for round in 0..300u32 {
                    value = (value * 1.000_1 + f64::from(round)).sqrt() + f64::from(seed);
                    lanes.iter_mut().for_each(|lane| *lane = (*lane * 0.5 + value).sqrt());
                    sys::sched_yield()?;
                }
                Ok((seed, value.to_bits(), lanes.map(f64::to_bits)))
            })
        })
        .collect();
    for thread in threads {
        let (seed, value, lanes) = thread.join()?;
        let mut expected = f64::from(seed);
        let mut expected_lanes = [f64::from(seed); 8];
        for round in 0..300u32 {
            expected = (expected * 1.000_1 + f64::from(round)).sqrt() + f64::from(seed);
            expected_lanes.iter_mut().for_each(|lane| *lane = (*lane * 0.5 + expected).sqrt());
        }
        check_eq!(value, expected.to_bits(), "thread {seed}");
        check_eq!(lanes, expected_lanes.map(f64::to_bits), "thread {seed}");
    }
    Ok(())
}

fn threads_are_named(_: &Case) -> Outcome {
    let builder = thread::Builder::new().name("a thread".to_owned());
    let name = builder.spawn(|| thread::current().name().map(str::to_owned))?.join();
    check_eq!(name.ok().flatten().as_deref(), Some("a thread"));
    Ok(())
}

fn mutex_excludes(case: &Case) -> Outcome {
    const ROUNDS: u64 = 2000;
    // Two counters that are equal whenever nobody is inside.
    let shared = Arc::new(Mutex::new((0u64, 0u64)));
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let shared = Arc::clone(&shared);
            case.spawn(move || {
                for round in 0..ROUNDS {
                    let mut pair = shared.lock().expect("nobody panics inside");
                    if pair.0 != pair.1 {
                        return Err(crate::harness::Failure::here(format!("{pair:?} in round {round}")));
                    }
                    pair.0 += 1;
                    if round % 50 == 0 {
                        // Leave the others time to come in, if they can.
                        sys::sched_yield()?;
                    }
                    pair.1 += 1;
                }
                Ok(())
            })
        })
        .collect();
    threads.into_iter().try_for_each(crate::harness::Worker::join)?;
    check_eq!(*shared.lock().expect("nobody panics inside"), (4 * ROUNDS, 4 * ROUNDS));
    Ok(())
}

fn mutex_blocks_until_it_is_free(case: &Case) -> Outcome {
    let shared = Arc::new(Mutex::new(0));
    let guard = shared.lock().expect("nobody panics inside");
    let waiting = case.spawn({
        let shared = Arc::clone(&shared);
        move || Ok(*shared.lock().expect("nobody panics inside"))
    });
    for _ in 0..20 {
        check!(!waiting.is_finished(), "came in although the lock is held");
        sys::sched_yield()?;
    }
    let mut guard = guard;
    *guard = 5;
    drop(guard);
    check_eq!(waiting.join()?, 5);
    Ok(())
}

fn condvar_wakes_one_and_all(case: &Case) -> Outcome {
    // Tickets are handed out one by one, then the end is announced to all.
    let shared = Arc::new((Mutex::new((0u32, false)), Condvar::new()));
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let shared = Arc::clone(&shared);
            case.spawn(move || {
                let (state, changed) = &*shared;
                let mut taken = 0u32;
                let mut guard = state.lock().expect("nobody panics inside");
                loop {
                    if guard.0 > 0 {
                        guard.0 -= 1;
                        taken += 1;
                    } else if guard.1 {
                        return Ok(taken);
                    } else {
                        guard = changed.wait(guard).expect("nobody panics inside");
                    }
                }
            })
        })
        .collect();
    let (state, changed) = &*shared;
    for _ in 0..100 {
        state.lock().expect("nobody panics inside").0 += 1;
        changed.notify_one();
    }
    state.lock().expect("nobody panics inside").1 = true;
    changed.notify_all();
    let mut taken = 0;
    for thread in threads {
        taken += thread.join()?;
    }
    check_eq!(taken, 100);
    Ok(())
}

fn condvar_times_out(_: &Case) -> Outcome {
    let state = Mutex::new(());
    let changed = Condvar::new();
    let before = Instant::now();
    let limit = Duration::from_millis(20);
    let guard = state.lock().expect("nobody panics inside");
    let (_guard, result) = changed.wait_timeout_while(guard, limit, |()| true).expect("nobody panics inside");
    check!(result.timed_out());
    check!(before.elapsed() >= limit, "woke after {:?}", before.elapsed());
    Ok(())
}

fn rwlock_admits_readers_together(case: &Case) -> Outcome {
    let lock = Arc::new(RwLock::new(1));
    let inside = Arc::new(Barrier::new(3));
    let readers: Vec<_> = (0..2)
        .map(|_| {
            let (lock, inside) = (Arc::clone(&lock), Arc::clone(&inside));
            case.spawn(move || {
                let value = lock.read().expect("nobody panics inside");
                // All three hold the lock here, or the test hangs.
                inside.wait();
                Ok(*value)
            })
        })
        .collect();
    {
        let value = lock.read().expect("nobody panics inside");
        inside.wait();
        check_eq!(*value, 1);
    }
    for reader in readers {
        check_eq!(reader.join()?, 1);
    }
    *lock.write().expect("nobody panics inside") = 2;
    check_eq!(*lock.read().expect("nobody panics inside"), 2);
    Ok(())
}

fn barrier_releases_all_together(case: &Case) -> Outcome {
    let barrier = Arc::new(Barrier::new(5));
    let arrived = Arc::new(AtomicU32::new(0));
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let (barrier, arrived) = (Arc::clone(&barrier), Arc::clone(&arrived));
            case.spawn(move || {
                for round in 1..=20 {
                    arrived.fetch_add(1, Ordering::SeqCst);
                    barrier.wait();
                    check_eq!(arrived.load(Ordering::SeqCst), round * 4);
                    barrier.wait();
                }
                Ok(())
            })
        })
        .collect();
    for _ in 0..40 {
        barrier.wait();
    }
    threads.into_iter().try_for_each(crate::harness::Worker::join)
}

fn channel_passes_everything_in_order(case: &Case) -> Outcome {
    let (sender, receiver) = mpsc::sync_channel(2);
    let producer = case.spawn(move || {
        for index in 0..500u32 {
            if sender.send(index).is_err() {
                return Err(crate::harness::Failure::here("the receiver is gone"));
            }
        }
        Ok(())
    });
    for index in 0..500 {
        check_eq!(receiver.recv().ok(), Some(index));
    }
    check!(receiver.recv().is_err(), "the sender is gone");
    producer.join()
}

fn channel_times_out(_: &Case) -> Outcome {
    let (sender, receiver) = mpsc::channel::<()>();
    let before = Instant::now();
    let met = receiver.recv_timeout(Duration::from_millis(15));
    check_eq!(met, Err(mpsc::RecvTimeoutError::Timeout));
    check!(before.elapsed() >= Duration::from_millis(15));
    drop(sender);
    check_eq!(receiver.recv_timeout(Duration::from_secs(5)), Err(mpsc::RecvTimeoutError::Disconnected));
    Ok(())
}

fn once_runs_once(case: &Case) -> Outcome {
    static ONCE: Once = Once::new();
    static RUNS: AtomicU32 = AtomicU32::new(0);
    let threads: Vec<_> = (0..4)
        .map(|_| {
            case.spawn(|| {
                ONCE.call_once(|| {
                    RUNS.fetch_add(1, Ordering::SeqCst);
                });
                check_eq!(RUNS.load(Ordering::SeqCst), 1);
                Ok(())
            })
        })
        .collect();
    threads.into_iter().try_for_each(crate::harness::Worker::join)
}

fn park_waits_for_unpark(_: &Case) -> Outcome {
    let flag = Arc::new(AtomicBool::new(false));
    let parked = thread::spawn({
        let flag = Arc::clone(&flag);
        move || {
            while !flag.load(Ordering::SeqCst) {
                thread::park();
            }
        }
    });
    flag.store(true, Ordering::SeqCst);
    parked.thread().unpark();
    check!(parked.join().is_ok());
    Ok(())
}

fn park_times_out(_: &Case) -> Outcome {
    // park may return early by its contract; what it must not do is stay.
    let before = Instant::now();
    while before.elapsed() < Duration::from_millis(10) {
        thread::park_timeout(Duration::from_millis(10));
    }
    Ok(())
}

fn scoped_threads_borrow(_: &Case) -> Outcome {
    let numbers: Vec<u64> = (0..1000).collect();
    let sums: Vec<u64> = thread::scope(|scope| {
        let threads: Vec<_> =
            numbers.chunks(250).map(|part| scope.spawn(move || part.iter().sum::<u64>())).collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or_default()).collect()
    });
    check_eq!(sums.iter().sum::<u64>(), 499_500);
    Ok(())
}

fn futex_wait_refuses_a_changed_word(_: &Case) -> Outcome {
    let word = AtomicU32::new(5);
    check_err!(sys::futex_wait(&word, 4, None), EAGAIN);
    check_err!(sys::futex_wait(&word, 6, Some(0)), EAGAIN);
    Ok(())
}

fn futex_wait_times_out(_: &Case) -> Outcome {
    let word = AtomicU32::new(5);
    let before = sys::clock_nanoseconds(libc::CLOCK_MONOTONIC)?;
    check_err!(sys::futex_wait(&word, 5, Some(20_000_000)), ETIMEDOUT);
    let passed = sys::clock_nanoseconds(libc::CLOCK_MONOTONIC)? - before;
    check!(passed >= 20_000_000, "woke after {passed} ns");
    check_err!(sys::futex_wait(&word, 5, Some(0)), ETIMEDOUT);
    Ok(())
}

fn futex_wake_wakes_as_many_as_it_says(case: &Case) -> Outcome {
    let word = Arc::new(AtomicU32::new(0));
    let threads: Vec<_> = (0..3)
        .map(|_| {
            let word = Arc::clone(&word);
            case.spawn(move || Ok(sys::futex_wait(&word, 0, None)?))
        })
        .collect();
    // Each waiter is woken by exactly one of these; a wake that comes too early finds nobody and is made again.
    let mut woken = 0;
    while woken < 3 {
        let count = sys::futex_wake(&word, 1)?;
        check!(count <= 1);
        woken += count;
        sys::sched_yield()?;
    }
    for thread in threads {
        check_eq!(thread.join()?, 0);
    }
    check_eq!(sys::futex_wake(&word, 10)?, 0);
    Ok(())
}

fn futex_wake_without_waiters(_: &Case) -> Outcome {
    let word = AtomicU32::new(0);
    check_eq!(sys::futex_wake(&word, 1)?, 0);
    check_eq!(sys::futex_wake(&word, i32::MAX as u32)?, 0);
    Ok(())
}

fn spinning_thread_lets_others_run(case: &Case) -> Outcome {
    // On one processor, only preemption ends this.
    let stop = Arc::new(AtomicBool::new(false));
    let spinning = case.spawn({
        let stop = Arc::clone(&stop);
        move || {
            while !stop.load(Ordering::Relaxed) {
                std::hint::spin_loop();
            }
            Ok(())
        }
    });
    let other = case.spawn(|| Ok(sys::gettid()?));
    check!(other.join()? > 0);
    stop.store(true, Ordering::Relaxed);
    spinning.join()
}

fn clock_never_goes_back(case: &Case) -> Outcome {
    let watch = || {
        let mut last = sys::clock_nanoseconds(libc::CLOCK_MONOTONIC)?;
        for _ in 0..2000 {
            let now = sys::clock_nanoseconds(libc::CLOCK_MONOTONIC)?;
            if now < last {
                return Err(crate::harness::Failure::here(format!("{now} after {last}")));
            }
            last = now;
        }
        Ok(())
    };
    let other = case.spawn(watch);
    watch()?;
    other.join()?;
    check!(sys::clock_nanoseconds(libc::CLOCK_MONOTONIC)? > 0);
    Ok(())
}

fn clock_agrees_with_std(_: &Case) -> Outcome {
    // std may read the clock without a call; the two must be the same clock.
    for _ in 0..10 {
        let before = sys::clock_nanoseconds(libc::CLOCK_MONOTONIC)?;
        let instant = Instant::now();
        let elapsed = instant.elapsed().as_nanos() as u64;
        let after = sys::clock_nanoseconds(libc::CLOCK_MONOTONIC)?;
        check!(
            after >= before && elapsed <= after - before,
            "{elapsed} ns passed within {} ns",
            after - before
        );
    }
    check!(std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).is_ok());
    Ok(())
}

fn clock_refuses_unknown_clocks(_: &Case) -> Outcome {
    check_err!(sys::clock_nanoseconds(1000), EINVAL);
    check_err!(sys::clock_nanoseconds(i32::MAX), EINVAL);
    check!(sys::clock_nanoseconds(libc::CLOCK_REALTIME)? > 0);
    Ok(())
}

fn nanosleep_sleeps_long_enough(_: &Case) -> Outcome {
    for nanoseconds in [0, 1, 1_000_000, 15_000_000] {
        let before = sys::clock_nanoseconds(libc::CLOCK_MONOTONIC)?;
        check_eq!(sys::nanosleep(0, nanoseconds)?, 0);
        let passed = sys::clock_nanoseconds(libc::CLOCK_MONOTONIC)? - before;
        check!(passed >= nanoseconds as u64, "{passed} ns instead of {nanoseconds}");
    }
    let before = Instant::now();
    thread::sleep(Duration::from_millis(5));
    check!(before.elapsed() >= Duration::from_millis(5));
    Ok(())
}

fn nanosleep_refuses_bad_times(_: &Case) -> Outcome {
    for (seconds, nanoseconds) in [(-1, 0), (0, -1), (0, 1_000_000_000), (0, i64::MAX), (i64::MIN, 0)] {
        check_err!(sys::nanosleep(seconds, nanoseconds), EINVAL, "{seconds} s {nanoseconds} ns");
    }
    Ok(())
}

fn sleeping_threads_wake_in_order(case: &Case) -> Outcome {
    // Deadlines far enough apart that only a broken queue of timers confuses them; each records when it woke, and
    // no thread may wake before its own time.
    let threads: Vec<_> = [30u64, 10, 20, 5]
        .into_iter()
        .map(|milliseconds| {
            case.spawn(move || {
                let before = sys::clock_nanoseconds(libc::CLOCK_MONOTONIC)?;
                sys::nanosleep(0, milliseconds as i64 * 1_000_000)?;
                let passed = sys::clock_nanoseconds(libc::CLOCK_MONOTONIC)? - before;
                check!(passed >= milliseconds * 1_000_000, "{passed} ns instead of {milliseconds} ms");
                Ok(())
            })
        })
        .collect();
    threads.into_iter().try_for_each(crate::harness::Worker::join)
}

fn getrandom_gives_random_bytes(_: &Case) -> Outcome {
    let (mut one, mut other) = ([0; 256], [0; 256]);
    check_eq!(sys::getrandom(&mut one, 0)?, 256);
    check_eq!(sys::getrandom(&mut other, 0)?, 256);
    check!(one != other);
    // 256 random bytes hold far more than 100 different values (fewer: once in 10^20 universes).
    check!(one.iter().collect::<HashSet<_>>().len() > 100);
    let mut long = vec![0; 10_000];
    check_eq!(sys::getrandom(&mut long, libc::GRND_NONBLOCK)?, 10_000);
    check!(long[9_900..].iter().any(|byte| *byte != 0));
    check_eq!(sys::getrandom(&mut [], 0)?, 0);
    Ok(())
}

fn getrandom_refuses_unknown_flags(_: &Case) -> Outcome {
    check_err!(sys::getrandom(&mut [0; 4], 0x80), EINVAL);
    check_err!(sys::getrandom(&mut [0; 4], u32::MAX), EINVAL);
    Ok(())
}

fn credentials_are_roots_or_the_users(_: &Case) -> Outcome {
    check_eq!(sys::getuid()?, sys::geteuid()?);
    check_eq!(sys::getgid()?, sys::getegid()?);
    Ok(())
}

fn arguments_and_environment_are_there(_: &Case) -> Outcome {
    let arguments: Vec<_> = std::env::args_os().collect();
    check!(arguments.len() >= 2, "{arguments:?}");
    check_eq!(arguments[1].to_str(), Some("test"));
    check!(std::env::vars_os().all(|(name, _)| !name.is_empty()));
    Ok(())
}
