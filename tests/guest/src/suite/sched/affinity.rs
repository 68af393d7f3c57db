//! On which CPUs threads run.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering},
};

use super::{Desk, NOBODY, WILD, negative};
use crate::{
    harness::{Case, Outcome, Test, check, check_eq, check_err, tests},
    sys,
};

pub(crate) const TESTS: &[Test] = tests!("sched";
    affinity_is_where_the_thread_runs,
    affinity_is_inherited,
    affinity_moves_a_thread_that_computes,
    affinity_changes_while_threads_talk,
    affinity_refuses_bad_arguments,
    getcpu_refuses_bad_addresses,
);

fn affinity_is_where_the_thread_runs(case: &Case) -> Outcome {
    let run = || {
        let desk = Desk::new()?;
        let all = desk.affinity(0)?;
        check!(!all.is_empty());
        check!(all.contains(&desk.cpu()?));
        for _ in 0..20 {
            for cpu in &all {
                desk.set_affinity(0, &[*cpu])?;
                check_eq!(desk.cpu()?, *cpu, "at once");
                check_eq!(desk.affinity(0)?, [*cpu]);
                sys::sched_yield()?;
                check_eq!(desk.cpu()?, *cpu, "after it gave way");
                sys::nanosleep(0, 1)?;
                check_eq!(desk.cpu()?, *cpu, "after sleep");
            }
        }
        // CPUs that do not exist do not count.
        desk.set_affinity(0, &[&all[..], &[1000]].concat())?;
        check_eq!(desk.affinity(0)?, all);
        Ok(())
    };
    // Several at once get into each other's way.
    let others: Vec<_> = (0..3).map(|_| case.spawn(run)).collect();
    others.into_iter().try_for_each(crate::harness::Worker::join)
}

fn affinity_is_inherited(case: &Case) -> Outcome {
    case.spawn(|| {
        let desk = Desk::new()?;
        let last = *desk.affinity(0)?.last().expect("at least one");
        desk.set_affinity(0, &[last])?;
        let child = std::thread::spawn(move || {
            let desk = Desk::new()?;
            Ok::<_, crate::errno::Errno>((desk.affinity(0)?, desk.cpu()?))
        });
        let (mask, cpu) = child.join().expect("it does not panic")?;
        check_eq!(mask, [last]);
        check_eq!(cpu, last);
        Ok(())
    })
    .join()
}

fn affinity_moves_a_thread_that_computes(case: &Case) -> Outcome {
    let desk = Desk::new()?;
    let all = desk.affinity(0)?;
    let (tid, on) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicU32::new(u32::MAX)));
    let over = Arc::new(AtomicBool::new(false));
    let other = {
        let (tid, on, over) = (Arc::clone(&tid), Arc::clone(&on), Arc::clone(&over));
        case.spawn(move || {
            let desk = Desk::new()?;
            tid.store(sys::gettid()?, Ordering::SeqCst);
            while !over.load(Ordering::SeqCst) {
                on.store(desk.cpu()?, Ordering::SeqCst);
            }
            Ok(())
        })
    };
    while tid.load(Ordering::SeqCst) == 0 {
        sys::sched_yield()?;
    }
    let tid = tid.load(Ordering::SeqCst);
    for cpu in all.iter().cycle().take(all.len() * 5) {
        desk.set_affinity(tid, &[*cpu])?;
        while on.load(Ordering::SeqCst) != *cpu {
            sys::sched_yield()?;
        }
        check_eq!(desk.affinity(tid)?, [*cpu]);
    }
    over.store(true, Ordering::SeqCst);
    other.join()
}

fn affinity_changes_while_threads_talk(case: &Case) -> Outcome {
    // A byte goes round in a ring of threads, all of which are pushed about meanwhile.
    const THREADS: usize = 6;
    const ROUNDS: usize = 300;
    let mut pipes = (0..THREADS).map(|_| sys::pipe2(0)).collect::<Result<Vec<_>, _>>()?;
    let (mut reads, mut writes): (Vec<_>, Vec<_>) = pipes.drain(..).unzip();
    // Each reads its own pipe and writes into the next one's.
    writes.rotate_left(1);
    let tids: Arc<Vec<AtomicUsize>> = Arc::new((0..THREADS).map(|_| AtomicUsize::new(0)).collect());
    sys::write(&writes[THREADS - 1], b"x")?;
    let threads: Vec<_> = reads
        .drain(..)
        .zip(writes.drain(..))
        .enumerate()
        .map(|(index, (read, write))| {
            let tids = Arc::clone(&tids);
            case.spawn(move || {
                tids[index].store(sys::gettid()?, Ordering::SeqCst);
                for _ in 0..ROUNDS {
                    check_eq!(sys::read(&read, &mut [0; 1])?, 1);
                    // The last one in the last round finds nobody there to read it.
                    let _ = sys::write(&write, b"x");
                }
                tids[index].store(0, Ordering::SeqCst);
                Ok(read)
            })
        })
        .collect();
    let desk = Desk::new()?;
    let all = desk.affinity(0)?;
    let mut turn = 0usize;
    while threads.iter().any(|thread| !thread.is_finished()) {
        let tid = tids[turn % THREADS].load(Ordering::SeqCst);
        if tid != 0 {
            // It may have ended since.
            let _ = desk.set_affinity(tid, &[all[turn / 3 % all.len()]]);
        }
        turn += 1;
        sys::sched_yield()?;
    }
    for thread in threads {
        thread.join()?;
    }
    Ok(())
}

fn affinity_refuses_bad_arguments(_: &Case) -> Outcome {
    let desk = Desk::new()?;
    let set = |words: &[usize]| desk.call(libc::SYS_sched_setaffinity, words);
    let get = |words: &[usize]| desk.call(libc::SYS_sched_getaffinity, words);
    desk.put(&[0; 32]);
    check_err!(set(&[0, 0, desk.at()]), EINVAL);
    check_err!(set(&[0, 128, desk.at()]), EINVAL);
    check_err!(set(&[0, 128, WILD]), EFAULT);
    check_err!(set(&[NOBODY, 128, WILD]), EFAULT);
    check_err!(set(&[NOBODY, 128, desk.at()]), ESRCH);
    check_err!(set(&[negative(-1), 128, desk.at()]), ESRCH);
    let size = get(&[0, 128, desk.at()])?;
    check!(size > 0 && size.is_multiple_of(8));
    check_err!(get(&[0, 0, desk.at()]), EINVAL);
    check_err!(get(&[0, 12, desk.at()]), EINVAL);
    check_err!(get(&[0, 128, WILD]), EFAULT);
    check_err!(get(&[NOBODY, 128, desk.at()]), ESRCH);
    check_err!(get(&[negative(-1), 128, desk.at()]), ESRCH);
    Ok(())
}

fn getcpu_refuses_bad_addresses(_: &Case) -> Outcome {
    let desk = Desk::new()?;
    check_eq!(desk.call(libc::SYS_getcpu, &[0, 0, 0])?, 0);
    check_eq!(desk.call(libc::SYS_getcpu, &[desk.at(), desk.at() + 4, WILD])?, 0, "the cache is not used");
    check_err!(desk.call(libc::SYS_getcpu, &[WILD, 0, 0]), EFAULT);
    check_err!(desk.call(libc::SYS_getcpu, &[0, WILD, 0]), EFAULT);
    Ok(())
}
