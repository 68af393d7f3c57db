//! epoll(7) by several threads at once.

use std::{
    os::fd::{AsRawFd, OwnedFd},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
};

use super::{EDGE, EXCLUSIVE, IN, ONCE, OUT, add, happened, modify, new_epoll, remove};
use crate::{
    harness::{Case, Outcome, Test, Worker, check, check_eq, tests},
    sys,
};

pub(crate) const TESTS: &[Test] = tests!("ready";
    waiter_is_woken_by_an_event,
    waiter_is_woken_by_a_file_that_is_added,
    waiter_is_woken_by_a_change,
    waiter_is_woken_through_an_inner_epoll,
    each_event_wakes_one_waiter,
    exclusive_wakes_one_epoll,
    once_is_told_to_one_thread,
    edges_are_not_lost,
    levels_are_not_lost,
    many_files_and_threads,
    files_come_and_go_while_others_wait,
    closed_while_somebody_waits,
    epoll_closed_while_somebody_waits,
    epolls_nest_while_events_happen,
);

/// Lets others run until `done`.
fn spin_until(done: impl Fn() -> bool) -> Outcome {
    while !done() {
        sys::sched_yield()?;
    }
    Ok(())
}

/// Lets others run for a while: what is not to happen does not happen meanwhile.
fn linger() -> Outcome {
    for _ in 0..50 {
        sys::sched_yield()?;
    }
    Ok(())
}

/// A thread that waits for one event without a limit.
fn waiter(case: &Case, epoll: &Arc<OwnedFd>) -> Worker<Vec<(u32, u64)>> {
    let epoll = epoll.clone();
    case.spawn(move || Ok(sys::epoll_wait(&*epoll, 1, -1)?))
}

fn waiter_is_woken_by_an_event(case: &Case) -> Outcome {
    let epoll = Arc::new(new_epoll()?);
    let (left, right) = sys::socketpair(libc::AF_UNIX, libc::SOCK_STREAM, 0)?;
    add(&*epoll, &left, IN, 3)?;
    for _ in 0..20 {
        let waiter = waiter(case, &epoll);
        sys::sched_yield()?;
        sys::write(&right, b"x")?;
        check_eq!(waiter.join()?, [(IN, 3)]);
        sys::read(&left, &mut [0])?;
    }
    Ok(())
}

fn waiter_is_woken_by_a_file_that_is_added(case: &Case) -> Outcome {
    let epoll = Arc::new(new_epoll()?);
    for round in 0..20 {
        let waiter = waiter(case, &epoll);
        sys::sched_yield()?;
        let counter = sys::eventfd(1, 0)?;
        add(&*epoll, &counter, IN, round)?;
        check_eq!(waiter.join()?, [(IN, round)]);
    }
    Ok(())
}

fn waiter_is_woken_by_a_change(case: &Case) -> Outcome {
    let epoll = Arc::new(new_epoll()?);
    let (left, _right) = sys::socketpair(libc::AF_UNIX, libc::SOCK_STREAM, 0)?;
    add(&*epoll, &left, IN, 0)?;
    for round in 1..20 {
        let waiter = waiter(case, &epoll);
        sys::sched_yield()?;
        modify(&*epoll, &left, OUT, round)?;
        check_eq!(waiter.join()?, [(OUT, round)]);
        modify(&*epoll, &left, IN, 0)?;
    }
    Ok(())
}

fn waiter_is_woken_through_an_inner_epoll(case: &Case) -> Outcome {
    let outer = Arc::new(new_epoll()?);
    let inner = new_epoll()?;
    let counter = sys::eventfd(0, 0)?;
    add(&*outer, &inner, IN, 1)?;
    add(&inner, &counter, IN, 2)?;
    for _ in 0..20 {
        let waiter = waiter(case, &outer);
        sys::sched_yield()?;
        sys::add(&counter, 1)?;
        check_eq!(waiter.join()?, [(IN, 1)]);
        sys::take(&counter)?;
    }
    Ok(())
}

fn each_event_wakes_one_waiter(case: &Case) -> Outcome {
    const WAITERS: u64 = 4;
    let epoll = Arc::new(new_epoll()?);
    let counter = sys::eventfd(0, libc::EFD_NONBLOCK)?;
    add(&*epoll, &counter, IN | EDGE, 1)?;
    let woken = Arc::new(AtomicU64::new(0));
    let waiters: Vec<_> = (0..WAITERS)
        .map(|_| {
            let (epoll, woken) = (epoll.clone(), woken.clone());
            case.spawn(move || {
                let told = sys::epoll_wait(&*epoll, 4, -1)?;
                woken.fetch_add(1, Ordering::SeqCst);
                Ok(told)
            })
        })
        .collect();
    for round in 0..WAITERS {
        linger()?;
        check_eq!(woken.load(Ordering::SeqCst), round, "one waiter an event");
        sys::add(&counter, 1)?;
        spin_until(|| woken.load(Ordering::SeqCst) > round)?;
    }
    for waiter in waiters {
        check_eq!(waiter.join()?, [(IN, 1)]);
    }
    Ok(())
}

fn exclusive_wakes_one_epoll(case: &Case) -> Outcome {
    const EPOLLS: u64 = 4;
    let counter = Arc::new(sys::eventfd(0, libc::EFD_NONBLOCK | libc::EFD_SEMAPHORE)?);
    let woken = Arc::new(AtomicU64::new(0));
    let waiting = Arc::new(AtomicU64::new(0));
    let waiters: Vec<_> = (0..EPOLLS)
        .map(|_| {
            let (counter, woken, waiting) = (counter.clone(), woken.clone(), waiting.clone());
            case.spawn(move || {
                let epoll = new_epoll()?;
                add(&epoll, &*counter, IN | EXCLUSIVE, 1)?;
                waiting.fetch_add(1, Ordering::SeqCst);
                let told = sys::epoll_wait(&epoll, 1, -1)?;
                check_eq!(told, [(IN, 1)]);
                sys::take(&*counter)?;
                woken.fetch_add(1, Ordering::SeqCst);
                Ok(())
            })
        })
        .collect();
    spin_until(|| waiting.load(Ordering::SeqCst) == EPOLLS)?;
    for round in 0..EPOLLS {
        linger()?;
        check_eq!(woken.load(Ordering::SeqCst), round);
        sys::add(&*counter, 1)?;
        spin_until(|| woken.load(Ordering::SeqCst) > round)?;
    }
    waiters.into_iter().try_for_each(Worker::join)
}

fn once_is_told_to_one_thread(case: &Case) -> Outcome {
    const ROUNDS: u64 = 300;
    let epoll = Arc::new(new_epoll()?);
    let counter = Arc::new(sys::eventfd(0, libc::EFD_NONBLOCK)?);
    add(&*epoll, &*counter, IN | ONCE, 1)?;
    let stop = Arc::new(sys::eventfd(0, 0)?);
    add(&*epoll, &*stop, IN, 2)?;
    let inside = Arc::new(AtomicUsize::new(0));
    let sum = Arc::new(AtomicU64::new(0));
    let threads: Vec<_> = (0..3)
        .map(|_| {
            let (epoll, counter, inside, sum) = (epoll.clone(), counter.clone(), inside.clone(), sum.clone());
            case.spawn(move || {
                loop {
                    let told = sys::epoll_wait(&*epoll, 1, -1)?;
                    if told == [(IN, 2)] {
                        return Ok(());
                    }
                    check_eq!(told, [(IN, 1)]);
                    check_eq!(inside.fetch_add(1, Ordering::SeqCst), 0, "another thread was told too");
                    sum.fetch_add(sys::take(&*counter)?, Ordering::SeqCst);
                    sys::sched_yield()?;
                    inside.fetch_sub(1, Ordering::SeqCst);
                    modify(&*epoll, &*counter, IN | ONCE, 1)?;
                }
            })
        })
        .collect();
    for _ in 0..ROUNDS {
        sys::add(&*counter, 1)?;
    }
    spin_until(|| sum.load(Ordering::SeqCst) == ROUNDS || threads.iter().any(Worker::is_finished))?;
    sys::add(&*stop, 1)?;
    threads.into_iter().try_for_each(Worker::join)?;
    check_eq!(sum.load(Ordering::SeqCst), ROUNDS);
    Ok(())
}

/// One thread writes bytes to several sockets, another one reads what it is told of until all are there.
fn nothing_is_lost(case: &Case, mode: u32) -> Outcome {
    const PAIRS: usize = 8;
    const ROUNDS: usize = 400;
    let epoll = new_epoll()?;
    let pairs = (0..PAIRS)
        .map(|_| sys::socketpair(libc::AF_UNIX, libc::SOCK_STREAM, 0))
        .collect::<Result<Vec<_>, _>>()?;
    let (readers, writers): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
    for (index, reader) in readers.iter().enumerate() {
        sys::fcntl(reader, libc::F_SETFL, libc::O_NONBLOCK)?;
        add(&epoll, reader, IN | mode, index as u64)?;
    }
    let writer = case.spawn(move || {
        for round in 0..ROUNDS {
            for writer in &writers {
                sys::write(writer, &[round as u8])?;
            }
        }
        Ok(writers)
    });
    let mut counts = [0; PAIRS];
    while counts != [ROUNDS; PAIRS] {
        for (events, index) in sys::epoll_wait(&epoll, 3, -1)? {
            check_eq!(events, IN);
            let index = index as usize;
            let mut bytes = [0; 16];
            // By edge, everything is to be read; by level, some of it.
            while let Ok(length) = sys::read(&readers[index], &mut bytes) {
                for byte in &bytes[..length] {
                    check_eq!(*byte, counts[index] as u8);
                    counts[index] += 1;
                }
                if mode & EDGE == 0 {
                    break;
                }
            }
            if mode & ONCE != 0 {
                modify(&epoll, &readers[index], IN | mode, index as u64)?;
            }
        }
    }
    let _open = writer.join()?;
    check_eq!(happened(&epoll)?, [], "all was read");
    Ok(())
}

fn edges_are_not_lost(case: &Case) -> Outcome {
    nothing_is_lost(case, EDGE)
}

fn levels_are_not_lost(case: &Case) -> Outcome {
    nothing_is_lost(case, 0)?;
    nothing_is_lost(case, ONCE)
}

fn many_files_and_threads(case: &Case) -> Outcome {
    const FILES: usize = 32;
    const WRITERS: usize = 3;
    const ROUNDS: u64 = 200;
    let epoll = Arc::new(new_epoll()?);
    let counters =
        Arc::new((0..FILES).map(|_| sys::eventfd(0, libc::EFD_NONBLOCK)).collect::<Result<Vec<_>, _>>()?);
    for (index, counter) in counters.iter().enumerate() {
        let mode = [0, EDGE][index % 2];
        add(&*epoll, counter, IN | mode, index as u64)?;
    }
    let stop = Arc::new(sys::eventfd(0, 0)?);
    add(&*epoll, &*stop, IN, u64::MAX)?;
    let sum = Arc::new(AtomicU64::new(0));
    let readers: Vec<_> = (0..2)
        .map(|_| {
            let (epoll, counters, sum) = (epoll.clone(), counters.clone(), sum.clone());
            case.spawn(move || {
                loop {
                    for (_, index) in sys::epoll_wait(&*epoll, 5, -1)? {
                        if index == u64::MAX {
                            return Ok(());
                        }
                        // The other one may have been told too, and been faster.
                        if let Ok(count) = sys::take(&counters[index as usize]) {
                            sum.fetch_add(count, Ordering::SeqCst);
                        }
                    }
                }
            })
        })
        .collect();
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let counters = counters.clone();
            case.spawn(move || {
                for round in 0..ROUNDS {
                    sys::add(&counters[(round as usize * 7 + writer) % FILES], 1)?;
                }
                Ok(())
            })
        })
        .collect();
    writers.into_iter().try_for_each(Worker::join)?;
    let all = WRITERS as u64 * ROUNDS;
    spin_until(|| sum.load(Ordering::SeqCst) == all || readers.iter().any(Worker::is_finished))?;
    sys::add(&*stop, 1)?;
    readers.into_iter().try_for_each(Worker::join)?;
    check_eq!(sum.load(Ordering::SeqCst), all);
    Ok(())
}

fn files_come_and_go_while_others_wait(case: &Case) -> Outcome {
    let epoll = Arc::new(new_epoll()?);
    let steady = sys::eventfd(0, libc::EFD_NONBLOCK)?;
    add(&*epoll, &steady, IN, u64::MAX)?;
    let stop = Arc::new(AtomicBool::new(false));
    let threads: Vec<_> = (0..2)
        .map(|thread| {
            let (epoll, stop) = (epoll.clone(), stop.clone());
            case.spawn(move || {
                let mut round = 0_u64;
                while round == 0 || !stop.load(Ordering::SeqCst) {
                    round += 1;
                    let (left, right) = sys::socketpair(libc::AF_UNIX, libc::SOCK_STREAM, 0)?;
                    add(&*epoll, &left, IN, thread)?;
                    sys::write(&right, b"x")?;
                    match round % 3 {
                        0 => drop(remove(&*epoll, &left)?),
                        // The file goes with its last descriptor, here or where it is being looked at.
                        1 => drop(left),
                        _ => {
                            modify(&*epoll, &left, OUT | EDGE, thread)?;
                            drop(right);
                        }
                    }
                }
                Ok(round)
            })
        })
        .collect();
    let mut told = 0;
    for round in 0..300 {
        if round % 10 == 0 {
            sys::add(&steady, 1)?;
        }
        for (_, data) in sys::epoll_wait(&*epoll, 2, 1)? {
            check!(data < 2 || data == u64::MAX, "{data:#x}");
            told += 1;
            if data == u64::MAX {
                // The other threads' files may have been first.
                let _ = sys::take(&steady);
            }
        }
    }
    stop.store(true, Ordering::SeqCst);
    for thread in threads {
        check!(thread.join()? > 0);
    }
    check!(told > 0);
    sys::add(&steady, 1)?;
    check_eq!(happened(&*epoll)?, [(IN, u64::MAX)], "the others are gone");
    Ok(())
}

fn closed_while_somebody_waits(case: &Case) -> Outcome {
    for _ in 0..20 {
        let epoll = Arc::new(new_epoll()?);
        let (left, right) = sys::socketpair(libc::AF_UNIX, libc::SOCK_STREAM, 0)?;
        add(&*epoll, &left, IN, 1)?;
        let waiter = waiter(case, &epoll);
        sys::sched_yield()?;
        // Nobody is told of a file that is gone; the waiter waits on.
        drop(left);
        sys::sched_yield()?;
        check!(!waiter.is_finished());
        add(&*epoll, &right, IN, 2)?;
        check_eq!(waiter.join()?[0].1, 2);
    }
    Ok(())
}

fn epoll_closed_while_somebody_waits(case: &Case) -> Outcome {
    let epoll = new_epoll()?;
    let number = epoll.as_raw_fd();
    let counter = sys::eventfd(0, 0)?;
    add(&epoll, &counter, IN, 1)?;
    let entered = Arc::new(AtomicBool::new(false));
    let waiter = case.spawn({
        let entered = entered.clone();
        move || {
            entered.store(true, Ordering::SeqCst);
            Ok(sys::epoll_wait(&number, 1, -1))
        }
    });
    spin_until(|| entered.load(Ordering::SeqCst))?;
    linger()?;
    drop(epoll);
    sys::add(&counter, 1)?;
    // Whether it had begun to wait is not known; if so, the epoll lives on until it is done.
    let result = waiter.join()?;
    let late = Err(crate::errno::Errno(libc::EBADF));
    check!(result == Ok(vec![(IN, 1)]) || result == late, "{result:?}");
    Ok(())
}

fn epolls_nest_while_events_happen(case: &Case) -> Outcome {
    let outer = new_epoll()?;
    let counter = Arc::new(sys::eventfd(0, libc::EFD_NONBLOCK)?);
    let stop = Arc::new(AtomicBool::new(false));
    let writer = case.spawn({
        let (counter, stop) = (counter.clone(), stop.clone());
        move || {
            while !stop.load(Ordering::SeqCst) {
                sys::add(&*counter, 1)?;
                sys::take(&*counter)?;
            }
            Ok(())
        }
    });
    for round in 0..300 {
        let (middle, inner) = (new_epoll()?, new_epoll()?);
        add(&outer, &middle, IN | [0, EDGE][round % 2], 1)?;
        add(&middle, &inner, IN, 2)?;
        add(&inner, &*counter, IN, 3)?;
        for (events, data) in happened(&outer)? {
            check_eq!((events, data), (IN, 1));
        }
        if round % 3 == 0 {
            remove(&middle, &inner)?;
        }
    }
    stop.store(true, Ordering::SeqCst);
    writer.join()?;
    check_eq!(happened(&outer)?, []);
    Ok(())
}
