//! Threads: their identities, stacks, storage and registers.

use std::{
    cell::Cell,
    collections::HashSet,
    sync::{
        Arc, Barrier,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
};

use crate::{
    harness::{Case, Outcome, Test, check, check_eq, tests},
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
