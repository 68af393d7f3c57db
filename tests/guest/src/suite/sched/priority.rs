//! Policies and nice values.

use super::{Desk, NOBODY, WILD, negative};
use crate::harness::{Case, Outcome, Test, check, check_eq, check_err, tests};

pub(crate) const TESTS: &[Test] = tests!("sched";
    nice_is_of_a_thread_and_inherited,
    nice_values_are_read_of_groups_and_users,
    nice_refuses_bad_arguments,
    policy_is_set_and_inherited,
    policy_is_reset_for_children,
    policy_refuses_bad_arguments,
    priorities_of_policies,
    attributes_are_set_and_read,
    attributes_refuse_bad_arguments,
);

// linux/sched.h
const SCHED_RESET_ON_FORK: usize = 0x4000_0000;
const BATCH: usize = libc::SCHED_BATCH as usize;
const FIFO: usize = libc::SCHED_FIFO as usize;

fn nice(desk: &Desk) -> Outcome<i32> {
    Ok(20 - desk.call(libc::SYS_getpriority, &[libc::PRIO_PROCESS as usize, 0])? as i32)
}

fn renice(desk: &Desk, nice: i32) -> crate::errno::Result<usize> {
    desk.call(libc::SYS_setpriority, &[libc::PRIO_PROCESS as usize, 0, negative(nice)])
}

/// What a new thread of the calling one sees.
fn in_child<T: Send + 'static>(look: impl FnOnce(&Desk) -> Outcome<T> + Send + 'static) -> Outcome<T> {
    std::thread::spawn(move || look(&Desk::new()?)).join().expect("it does not panic")
}

fn nice_is_of_a_thread_and_inherited(case: &Case) -> Outcome {
    let desk = Desk::new()?;
    let before = nice(&desk)?;
    case.spawn(move || {
        let desk = Desk::new()?;
        renice(&desk, 7)?;
        check_eq!(nice(&desk)?, 7);
        check_eq!(in_child(nice)?, 7);
        renice(&desk, 100)?;
        check_eq!(nice(&desk)?, 19, "no more than that");
        Ok(())
    })
    .join()?;
    check_eq!(nice(&desk)?, before, "that was another thread's");
    Ok(())
}

fn nice_values_are_read_of_groups_and_users(_: &Case) -> Outcome {
    let desk = Desk::new()?;
    let get = |which: u32, who: usize| desk.call(libc::SYS_getpriority, &[which as usize, who]);
    check!((1..=40).contains(&get(libc::PRIO_PGRP, 0)?));
    check!((1..=40).contains(&get(libc::PRIO_USER, 0)?));
    check_err!(get(libc::PRIO_PGRP, NOBODY), ESRCH);
    check_err!(get(libc::PRIO_USER, 123_456), ESRCH);
    Ok(())
}

fn nice_refuses_bad_arguments(_: &Case) -> Outcome {
    let desk = Desk::new()?;
    for number in [libc::SYS_getpriority, libc::SYS_setpriority] {
        check_err!(desk.call(number, &[3, 0, 0]), EINVAL);
        check_err!(desk.call(number, &[negative(-1), 0, 0]), EINVAL);
        check_err!(desk.call(number, &[libc::PRIO_PROCESS as usize, NOBODY, 0]), ESRCH);
        check_err!(desk.call(number, &[libc::PRIO_PROCESS as usize, negative(-1), 0]), ESRCH);
    }
    Ok(())
}

fn policy(desk: &Desk) -> Outcome<usize> {
    Ok(desk.call(libc::SYS_sched_getscheduler, &[0])?)
}

fn set_policy(desk: &Desk, policy: usize, priority: u32) -> crate::errno::Result<usize> {
    desk.put(&[priority]);
    desk.call(libc::SYS_sched_setscheduler, &[0, policy, desk.at()])
}

fn policy_is_set_and_inherited(case: &Case) -> Outcome {
    case.spawn(|| {
        let desk = Desk::new()?;
        set_policy(&desk, BATCH, 0)?;
        check_eq!(policy(&desk)?, BATCH);
        check_eq!(in_child(policy)?, BATCH);
        desk.put(&[0]);
        check_eq!(desk.call(libc::SYS_sched_setparam, &[0, desk.at()])?, 0);
        check_eq!(policy(&desk)?, BATCH, "only the priority was set");
        desk.put(&[77]);
        desk.call(libc::SYS_sched_getparam, &[0, desk.at()])?;
        check_eq!(desk.word(0), 0);
        Ok(())
    })
    .join()
}

fn policy_is_reset_for_children(case: &Case) -> Outcome {
    case.spawn(|| {
        let desk = Desk::new()?;
        // Only upwards: it may have been started with less.
        let niced = nice(&desk)?.max(3);
        renice(&desk, niced)?;
        set_policy(&desk, BATCH | SCHED_RESET_ON_FORK, 0)?;
        check_eq!(policy(&desk)?, BATCH | SCHED_RESET_ON_FORK);
        check_eq!(in_child(|desk| Ok((policy(desk)?, nice(desk)?)))?, (BATCH, niced), "but the flag");
        Ok(())
    })
    .join()
}

fn policy_refuses_bad_arguments(_: &Case) -> Outcome {
    let desk = Desk::new()?;
    let set = |words: &[usize]| desk.call(libc::SYS_sched_setscheduler, words);
    for policy in [negative(-1), 4, 99, libc::SCHED_DEADLINE as usize] {
        check_err!(set_policy(&desk, policy, 0), EINVAL, "policy {policy:#x}");
    }
    check_err!(set_policy(&desk, FIFO, 0), EINVAL);
    check_err!(set_policy(&desk, FIFO, 100), EINVAL);
    check_err!(set_policy(&desk, BATCH, 1), EINVAL);
    check_err!(set(&[0, 0, 0]), EINVAL);
    check_err!(set(&[0, 0, WILD]), EFAULT);
    desk.put(&[0]);
    check_err!(set(&[negative(-1), 0, desk.at()]), EINVAL);
    check_err!(set(&[NOBODY, 0, desk.at()]), ESRCH);
    for number in [libc::SYS_sched_setparam, libc::SYS_sched_getparam, libc::SYS_sched_rr_get_interval] {
        check_err!(desk.call(number, &[negative(-1), desk.at()]), EINVAL);
        check_err!(desk.call(number, &[NOBODY, desk.at()]), ESRCH);
        check_err!(desk.call(number, &[0, WILD]), EFAULT);
    }
    check_err!(desk.call(libc::SYS_sched_getparam, &[0, 0]), EINVAL);
    check_err!(desk.call(libc::SYS_sched_getscheduler, &[negative(-1)]), EINVAL);
    check_err!(desk.call(libc::SYS_sched_getscheduler, &[NOBODY]), ESRCH);
    check_eq!(desk.call(libc::SYS_sched_rr_get_interval, &[0, desk.at()])?, 0);
    Ok(())
}

fn priorities_of_policies(_: &Case) -> Outcome {
    let desk = Desk::new()?;
    let range = |policy: usize| -> Outcome<(usize, usize)> {
        let lowest = desk.call(libc::SYS_sched_get_priority_min, &[policy])?;
        Ok((lowest, desk.call(libc::SYS_sched_get_priority_max, &[policy])?))
    };
    check_eq!(range(FIFO)?, (1, 99));
    check_eq!(range(libc::SCHED_RR as usize)?, (1, 99));
    for policy in [libc::SCHED_OTHER, libc::SCHED_BATCH, libc::SCHED_IDLE, libc::SCHED_DEADLINE] {
        check_eq!(range(policy as usize)?, (0, 0));
    }
    for policy in [4, 50, negative(-1)] {
        check_err!(desk.call(libc::SYS_sched_get_priority_max, &[policy]), EINVAL);
        check_err!(desk.call(libc::SYS_sched_get_priority_min, &[policy]), EINVAL);
    }
    Ok(())
}

fn attributes_are_set_and_read(case: &Case) -> Outcome {
    case.spawn(|| {
        let desk = Desk::new()?;
        // size, policy, flags (two words), nice.
        desk.put(&[48, BATCH as u32, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0]);
        desk.call(libc::SYS_sched_setattr, &[0, desk.at(), 0])?;
        check_eq!(policy(&desk)?, BATCH);
        check_eq!(nice(&desk)?, 6);
        desk.put(&[0; 14]);
        desk.call(libc::SYS_sched_getattr, &[0, desk.at(), 48, 0])?;
        check_eq!((0..6).map(|at| desk.word(at)).collect::<Vec<_>>(), [48, BATCH as u32, 0, 0, 6, 0]);
        Ok(())
    })
    .join()
}

fn attributes_refuse_bad_arguments(_: &Case) -> Outcome {
    let desk = Desk::new()?;
    let get = |words: &[usize]| desk.call(libc::SYS_sched_getattr, words);
    for words in [[0, desk.at(), 47, 0], [0, desk.at(), 5000, 0], [0, desk.at(), 48, 1], [0, 0, 48, 0]] {
        check_err!(get(&words), EINVAL, "{words:?}");
    }
    check_err!(get(&[negative(-1), desk.at(), 48, 0]), EINVAL);
    check_err!(get(&[NOBODY, desk.at(), 48, 0]), ESRCH);
    check_err!(get(&[0, WILD, 48, 0]), EFAULT);
    let set = |attributes: &[u32]| {
        desk.put(&[0; 32]);
        desk.put(attributes);
        desk.call(libc::SYS_sched_setattr, &[0, desk.at(), 0])
    };
    check_err!(set(&[47]), E2BIG);
    check_err!(set(&[5000]), E2BIG);
    check_err!(set(&[100, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]), E2BIG);
    check_err!(set(&[48, 99]), EINVAL);
    check_err!(set(&[48, u32::MAX]), EINVAL);
    check_err!(set(&[48, 0, 0x80]), EINVAL);
    desk.put(&[48]);
    check_err!(desk.call(libc::SYS_sched_setattr, &[0, desk.at(), 1]), EINVAL);
    check_err!(desk.call(libc::SYS_sched_setattr, &[negative(-1), desk.at(), 0]), EINVAL);
    check_err!(desk.call(libc::SYS_sched_setattr, &[NOBODY, desk.at(), 0]), ESRCH);
    check_err!(desk.call(libc::SYS_sched_setattr, &[0, WILD, 0]), EFAULT);
    Ok(())
}
