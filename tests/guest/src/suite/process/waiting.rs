//! What threads wait with: locks, conditions, channels, and the futex below them.

use std::{
    sync::{
        Arc, Barrier, Condvar, Mutex, Once, RwLock,
        atomic::{AtomicBool, AtomicU32, Ordering},
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
);

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
