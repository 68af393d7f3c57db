//! That all threads get their turn, and wake when they should.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
};

use crate::{
    harness::{Case, Outcome, Test, check_eq, tests},
    sys,
};

pub(crate) const TESTS: &[Test] = tests!("sched";
    all_that_compute_get_on,
    sleepers_wake_beside_those_that_compute,
    nothing_is_lost_between_pairs,
    one_futex_many_threads,
    a_process_ends_while_its_threads_compute,
);

fn all_that_compute_get_on(case: &Case) -> Outcome {
    // More than any machine of ours has CPUs; each goes on until all have got somewhere.
    const THREADS: usize = 12;
    let counts: Arc<Vec<AtomicU64>> = Arc::new((0..THREADS).map(|_| AtomicU64::new(0)).collect());
    let threads: Vec<_> = (0..THREADS)
        .map(|index| {
            let counts = Arc::clone(&counts);
            case.spawn(move || {
                while counts.iter().any(|count| count.load(Ordering::Relaxed) < 1000) {
                    counts[index].fetch_add(1, Ordering::Relaxed);
                }
                Ok(())
            })
        })
        .collect();
    threads.into_iter().try_for_each(crate::harness::Worker::join)
}

fn sleepers_wake_beside_those_that_compute(case: &Case) -> Outcome {
    let over = Arc::new(AtomicBool::new(false));
    let busy: Vec<_> = (0..4)
        .map(|_| {
            let over = Arc::clone(&over);
            case.spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
                Ok(())
            })
        })
        .collect();
    for _ in 0..10 {
        sys::nanosleep(0, 500_000)?;
    }
    over.store(true, Ordering::Relaxed);
    busy.into_iter().try_for_each(crate::harness::Worker::join)
}

fn nothing_is_lost_between_pairs(case: &Case) -> Outcome {
    const ROUNDS: usize = 400;
    let pairs: Vec<_> = (0..4)
        .flat_map(|_| {
            let there = sys::pipe2(0);
            let back = sys::pipe2(0);
            let (Ok((read_there, write_there)), Ok((read_back, write_back))) = (there, back) else {
                panic!("no pipes");
            };
            let one = case.spawn(move || {
                for round in 0..ROUNDS {
                    let byte = [round as u8];
                    sys::write(&write_there, &byte)?;
                    let mut echo = [0];
                    check_eq!(sys::read(&read_back, &mut echo)?, 1);
                    check_eq!(echo, byte);
                }
                Ok(())
            });
            let other = case.spawn(move || {
                let mut byte = [0];
                while sys::read(&read_there, &mut byte)? == 1 {
                    sys::write(&write_back, &byte)?;
                }
                Ok(())
            });
            [one, other]
        })
        .collect();
    pairs.into_iter().try_for_each(crate::harness::Worker::join)
}

fn one_futex_many_threads(case: &Case) -> Outcome {
    // Each waits for its turn, and all wait for the same word.
    const THREADS: u32 = 5;
    const ROUNDS: u32 = 100;
    let turn = Arc::new(AtomicU32::new(0));
    let threads: Vec<_> = (0..THREADS)
        .map(|index| {
            let turn = Arc::clone(&turn);
            case.spawn(move || {
                loop {
                    let now = turn.load(Ordering::SeqCst);
                    if now >= THREADS * ROUNDS {
                        return Ok(());
                    }
                    if now % THREADS == index {
                        turn.store(now + 1, Ordering::SeqCst);
                        sys::futex_wake(&turn, u32::MAX >> 1)?;
                    } else {
                        // It may have changed meanwhile.
                        let _ = sys::futex_wait(&turn, now, None);
                    }
                }
            })
        })
        .collect();
    threads.into_iter().try_for_each(crate::harness::Worker::join)?;
    check_eq!(turn.load(Ordering::SeqCst), THREADS * ROUNDS);
    Ok(())
}

fn a_process_ends_while_its_threads_compute(_: &Case) -> Outcome {
    for round in 0..5 {
        let child = sys::fork(move || {
            let started = Arc::new(AtomicU32::new(0));
            for _ in 0..3 {
                let started = Arc::clone(&started);
                std::thread::spawn(move || {
                    started.fetch_add(1, Ordering::SeqCst);
                    loop {
                        std::hint::spin_loop();
                    }
                });
            }
            while started.load(Ordering::SeqCst) < 3 {
                std::thread::yield_now();
            }
            round
        })?;
        check_eq!(sys::wait_for(child)?, round << 8);
    }
    Ok(())
}
