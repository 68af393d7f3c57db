//! Processes: how they are made, how they end, and who waits for them.

use std::{
    os::fd::{AsRawFd, OwnedFd},
    sync::atomic::{AtomicU32, Ordering},
};

use super::memory::{Block, NOWHERE};
use crate::{
    errno::{Errno, Result},
    harness::{Case, Outcome, Test, check, check_eq, check_err, tests},
    sys,
};

pub(crate) const TESTS: &[Test] = tests!("process";
    children_are_waited_for,
    ends_by_signals_are_told_apart,
    waiting_finds_the_children_that_it_asks_for,
    waiting_can_look_without_taking,
    waitid_tells_what_happened,
    waiting_refuses_nonsense,
    pointers_of_waiting,
    a_copy_has_memory_of_its_own,
    a_copy_shares_open_files,
    orphans_go_to_the_subreaper,
    the_dead_of_orphans_are_waited_for,
    ignored_children_end_alone,
    clone_flags_that_do_not_go_together,
    clone3_structures,
    a_borrower_of_memory_holds_up_its_maker,
    descriptors_of_processes,
    numbers_come_free_again,
    threads_wait_for_each_others_children,
    groups_and_sessions,
    groups_that_cannot_be,
    numbers_of_processes_that_are_not,
);

/// As wait(2) has it, for an exit status.
const fn exited(code: i32) -> i32 {
    code << 8
}

/// A number that no process has.
const NOBODY_HAS: usize = 4_194_303;

fn wait4(block: &Block, pid: i32, options: i32) -> Result<(i32, i32)> {
    let status = block.put(&[0xff; 4]);
    let found = block.call("wait4", libc::SYS_wait4, [pid as usize, status, options as usize, 0])?;
    Ok((found as i32, block.number(status)))
}

/// What waitid(2) says: signal, code, number, status.
fn waitid(block: &Block, kind: u32, id: i32, options: i32) -> Result<[i32; 4]> {
    let info = block.put(&[0; 128]);
    block.call("waitid", libc::SYS_waitid, [kind as usize, id as usize, info, options as usize, 0])?;
    Ok([0, 8, 16, 24].map(|offset| block.number(info + offset)))
}

fn children_are_waited_for(case: &Case) -> Outcome {
    let parent = sys::getpid()?;
    for code in [0, 1, 127, 255] {
        let status = case.child_status(|| {
            check_eq!(sys::getppid()?, parent);
            check!(sys::getpid()? != parent);
            check_eq!(sys::gettid()?, sys::getpid()?);
            Ok(code)
        })?;
        check_eq!(status, exited(code));
    }
    case.in_child(|| {
        check_err!(sys::wait_for(-1), ECHILD, "a new process has no children");
        Ok(())
    })
}

fn ends_by_signals_are_told_apart(case: &Case) -> Outcome {
    for signal in [libc::SIGKILL, libc::SIGTERM, libc::SIGUSR1, libc::SIGALRM] {
        let status = case.child_status(|| {
            let block = Block::new(1)?;
            block.call("kill", libc::SYS_kill, [sys::getpid()?, signal as usize])?;
            Ok(99)
        })?;
        check_eq!(status, signal);
    }
    Ok(())
}

fn waiting_finds_the_children_that_it_asks_for(case: &Case) -> Outcome {
    case.in_child(|| {
        let block = Block::new(1)?;
        let own = sys::getpid()? as i32;
        let (gate, holder) = sys::pipe2(0)?;
        let one = sys::fork(|| 1)?;
        let two = sys::fork(|| 2)?;
        let last = sys::fork(|| {
            // Ends when the other end is closed.
            let _ = block.call("close", libc::SYS_close, [holder.as_raw_fd() as usize]);
            i32::from(sys::read(&gate, &mut [0; 1]) != Ok(0))
        })?;
        check_eq!(wait4(&block, two, 0)?, (two, exited(2)));
        check_err!(wait4(&block, two, 0), ECHILD, "once only");
        check_eq!(wait4(&block, last, libc::WNOHANG)?.0, 0, "it lives");
        check_eq!(wait4(&block, 0, 0)?, (one, exited(1)), "the own group");
        check_err!(wait4(&block, one, libc::WNOHANG), ECHILD);
        check_err!(wait4(&block, own, 0), ECHILD);
        check_err!(wait4(&block, 1, 0), ECHILD, "it is nobody's child here");
        check_err!(wait4(&block, -1, libc::__WCLONE), ECHILD, "none that was made without SIGCHLD");
        check_eq!(wait4(&block, -1, libc::WNOHANG | libc::__WALL)?.0, 0);
        drop(holder);
        check_eq!(wait4(&block, -1, libc::__WALL)?, (last, 0));
        check_err!(wait4(&block, -1, libc::WNOHANG), ECHILD);
        Ok(())
    })
}

fn waiting_can_look_without_taking(case: &Case) -> Outcome {
    case.in_child(|| {
        let block = Block::new(2)?;
        let pid = sys::fork(|| 3)?;
        let look = libc::WEXITED | libc::WNOWAIT;
        let expected = [libc::SIGCHLD, libc::CLD_EXITED, pid, 3];
        check_eq!(waitid(&block, libc::P_ALL, 0, look)?, expected);
        check_eq!(waitid(&block, libc::P_PID, pid, look | libc::WNOHANG)?, expected);
        check_eq!(block.call("kill", libc::SYS_kill, [pid as usize, 0])?, 0, "its number is still its own");
        check_eq!(waitid(&block, libc::P_PID, pid, libc::WEXITED)?, expected);
        check_err!(waitid(&block, libc::P_PID, pid, libc::WEXITED), ECHILD);
        check_err!(block.call("kill", libc::SYS_kill, [pid as usize, 0]), ESRCH);
        Ok(())
    })
}

fn waitid_tells_what_happened(case: &Case) -> Outcome {
    case.in_child(|| {
        let block = Block::new(2)?;
        let pid = sys::fork(|| {
            loop {
                std::hint::spin_loop();
            }
        })?;
        check_eq!(waitid(&block, libc::P_ALL, 0, libc::WEXITED | libc::WNOHANG)?, [0; 4]);
        block.call("kill", libc::SYS_kill, [pid as usize, libc::SIGKILL as usize])?;
        let killed = [libc::SIGCHLD, libc::CLD_KILLED, pid, libc::SIGKILL];
        check_eq!(waitid(&block, libc::P_PGID, 0, libc::WEXITED)?, killed);
        let pid = sys::fork(|| 200)?;
        // Without a place for the answer.
        let words = [libc::P_PID as usize, pid as usize, 0, libc::WEXITED as usize, 0];
        check_eq!(block.call("waitid", libc::SYS_waitid, words)?, 0);
        check_err!(waitid(&block, libc::P_ALL, 0, libc::WEXITED), ECHILD);
        Ok(())
    })
}

fn waiting_refuses_nonsense(case: &Case) -> Outcome {
    case.in_child(|| {
        let block = Block::new(2)?;
        check_err!(wait4(&block, -1, 0x10), EINVAL);
        check_err!(wait4(&block, -1, libc::WEXITED), EINVAL, "waitid's alone");
        check_err!(wait4(&block, i32::MIN, 0), ESRCH);
        check_err!(wait4(&block, i32::MAX, 0), ECHILD);
        check_err!(waitid(&block, libc::P_ALL, 0, 0), EINVAL);
        check_err!(waitid(&block, libc::P_ALL, 0, libc::WNOHANG), EINVAL);
        check_err!(waitid(&block, libc::P_ALL, 0, libc::WEXITED | 0x10), EINVAL);
        check_err!(waitid(&block, 4, 0, libc::WEXITED), EINVAL);
        check_err!(waitid(&block, libc::P_PID, 0, libc::WEXITED), EINVAL);
        check_err!(waitid(&block, libc::P_PID, -1, libc::WEXITED), EINVAL);
        check_err!(waitid(&block, libc::P_PGID, -1, libc::WEXITED), EINVAL);
        check_err!(waitid(&block, libc::P_PIDFD, -1, libc::WEXITED), EINVAL);
        check_err!(waitid(&block, libc::P_PIDFD, 1000, libc::WEXITED), EBADF);
        let (pipe, _) = sys::pipe2(0)?;
        check_err!(waitid(&block, libc::P_PIDFD, pipe.as_raw_fd(), libc::WEXITED), EBADF);
        Ok(())
    })
}

fn pointers_of_waiting(case: &Case) -> Outcome {
    case.in_child(|| {
        let block = Block::new(1)?;
        let any = -1i32 as usize;
        for words in [[any, NOWHERE, 0, 0, 0], [any, 0, 0, NOWHERE, 0], [any, usize::MAX - 3, 0, 0, 0]] {
            sys::fork(|| 0)?;
            check_err!(block.call("wait4", libc::SYS_wait4, words), EFAULT);
            check_err!(wait4(&block, -1, 0), ECHILD, "it was waited for all the same");
        }
        let exited = libc::WEXITED as usize;
        for words in [[0, 0, NOWHERE, exited, 0], [0, 0, 0, exited, NOWHERE]] {
            sys::fork(|| 0)?;
            check_err!(block.call("waitid", libc::SYS_waitid, words), EFAULT);
            check_err!(wait4(&block, -1, 0), ECHILD, "it was waited for all the same");
        }
        Ok(())
    })
}

fn a_copy_has_memory_of_its_own(case: &Case) -> Outcome {
    static WORD: AtomicU32 = AtomicU32::new(1);
    let local = Box::new(AtomicU32::new(10));
    WORD.store(1, Ordering::SeqCst);
    case.in_child(|| {
        check_eq!((WORD.load(Ordering::SeqCst), local.load(Ordering::SeqCst)), (1, 10));
        WORD.store(2, Ordering::SeqCst);
        local.store(20, Ordering::SeqCst);
        case.in_child(|| {
            check_eq!((WORD.load(Ordering::SeqCst), local.load(Ordering::SeqCst)), (2, 20));
            WORD.store(3, Ordering::SeqCst);
            Ok(())
        })?;
        check_eq!(WORD.load(Ordering::SeqCst), 2);
        Ok(())
    })?;
    check_eq!((WORD.load(Ordering::SeqCst), local.load(Ordering::SeqCst)), (1, 10));
    Ok(())
}

fn a_copy_shares_open_files(case: &Case) -> Outcome {
    let (reader, writer) = sys::pipe2(0)?;
    case.in_child(|| {
        check_eq!(sys::write(&writer, b"from the child")?, 14);
        let flags = libc::O_NONBLOCK as usize;
        let words = [reader.as_raw_fd() as usize, libc::F_SETFL as usize, flags];
        Block::new(1)?.call("fcntl", libc::SYS_fcntl, words)?;
        Ok(())
    })?;
    let mut bytes = [0; 20];
    check_eq!(sys::read(&reader, &mut bytes)?, 14);
    check_err!(sys::read(&reader, &mut bytes), EAGAIN, "the description is shared");
    drop(writer);
    check_eq!(sys::read(&reader, &mut bytes)?, 0, "the child's copy went with it");
    Ok(())
}

fn subreaper(block: &Block, on: bool) -> Result<usize> {
    block.call("prctl", libc::SYS_prctl, [libc::PR_SET_CHILD_SUBREAPER as usize, usize::from(on)])
}

fn orphans_go_to_the_subreaper(case: &Case) -> Outcome {
    case.in_child(|| {
        let block = Block::new(2)?;
        let own = sys::getpid()?;
        subreaper(&block, true)?;
        let (gate, holder) = sys::pipe2(0)?;
        let (report, reporter) = sys::pipe2(0)?;
        let middle = sys::fork(|| {
            let orphan = sys::fork(|| {
                let _ = close_copy(&block, &holder);
                let _ = sys::read(&gate, &mut [0; 1]);
                let parent = sys::getppid().unwrap_or(0) as u32;
                let _ = sys::write(&reporter, &parent.to_ne_bytes());
                44
            });
            i32::from(orphan.is_err())
        })?;
        check_eq!(wait4(&block, middle, 0)?, (middle, 0));
        drop(holder);
        let mut bytes = [0; 4];
        check_eq!(sys::read(&report, &mut bytes)?, 4);
        check_eq!(u32::from_ne_bytes(bytes) as usize, own);
        let (pid, status) = wait4(&block, -1, 0)?;
        check!(pid > 0 && pid != middle);
        check_eq!(status, exited(44));
        Ok(())
    })
}

/// Closes the child's copy of a descriptor.
fn close_copy(block: &Block, fd: &OwnedFd) -> Result<usize> {
    block.call("close", libc::SYS_close, [fd.as_raw_fd() as usize])
}

fn the_dead_of_orphans_are_waited_for(case: &Case) -> Outcome {
    case.in_child(|| {
        let block = Block::new(2)?;
        subreaper(&block, true)?;
        let middle = sys::fork(|| {
            let Ok(dead) = sys::fork(|| 45) else { return 1 };
            // It has ended, and nobody takes it.
            let words = [libc::P_PID as usize, dead as usize, 0, (libc::WEXITED | libc::WNOWAIT) as usize, 0];
            i32::from(block.call("waitid", libc::SYS_waitid, words).is_err())
        })?;
        check_eq!(wait4(&block, middle, 0)?, (middle, 0));
        check_eq!(wait4(&block, -1, 0)?.1, exited(45));
        check_err!(wait4(&block, -1, 0), ECHILD);
        Ok(())
    })
}

fn ignored_children_end_alone(case: &Case) -> Outcome {
    case.in_child(|| {
        let block = Block::new(2)?;
        let ignore = block.put(&[1usize.to_ne_bytes(), [0; 8], [0; 8], [0; 8]].concat());
        block.call("rt_sigaction", libc::SYS_rt_sigaction, [libc::SIGCHLD as usize, ignore, 0, 8])?;
        for _ in 0..3 {
            sys::fork(|| 1)?;
        }
        check_err!(wait4(&block, -1, 0), ECHILD, "when all have ended");
        Ok(())
    })
}

fn clone_flags_that_do_not_go_together(case: &Case) -> Outcome {
    let block = Block::new(1)?;
    let clone = |flags: i32| block.call("clone", libc::SYS_clone, [flags as usize, 0, NOWHERE, NOWHERE, 0]);
    check_err!(clone(libc::CLONE_THREAD), EINVAL);
    check_err!(clone(libc::CLONE_SIGHAND), EINVAL);
    check_err!(clone(libc::CLONE_THREAD | libc::CLONE_SIGHAND), EINVAL);
    check_err!(clone(libc::CLONE_FS | libc::CLONE_NEWNS), EINVAL);
    check_err!(clone(libc::CLONE_PIDFD | libc::CLONE_PARENT_SETTID), EINVAL);
    check_err!(clone(libc::CLONE_PIDFD | libc::CLONE_DETACHED), EINVAL);
    check_err!(clone(libc::CLONE_PIDFD), EFAULT);
    case.in_child(|| {
        check_err!(wait4(&Block::new(1)?, -1, libc::__WALL), ECHILD);
        Ok(())
    })
}

fn clone3_structures(case: &Case) -> Outcome {
    case.in_child(|| {
        let block = Block::new(3)?;
        let clone3 = |words: &[u64], size: usize| {
            let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
            block.call("clone3", libc::SYS_clone3, [block.put(&bytes), size])
        };
        let signal = libc::SIGCHLD as u64;
        // flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size, cgroup
        let with = |at: usize, value: u64| {
            let mut words = [0; 16];
            words[4] = signal;
            words[at] = value;
            words
        };
        check_err!(clone3(&with(0, 0), 63), EINVAL);
        check_err!(clone3(&with(0, 0), 0), EINVAL);
        check_err!(clone3(&with(0, 0), sys::PAGE + 1), E2BIG);
        check_err!(clone3(&with(12, 1), 128), E2BIG, "something that is not known");
        check_err!(clone3(&with(4, 65), 88), EINVAL);
        check_err!(clone3(&with(4, 256), 88), EINVAL);
        check_err!(clone3(&with(0, signal), 88), EINVAL, "a signal among the flags");
        check_err!(clone3(&with(0, libc::CLONE_DETACHED as u64), 88), EINVAL);
        check_err!(clone3(&with(0, libc::CLONE_PARENT as u64), 88), EINVAL, "with a signal");
        check_err!(clone3(&with(0, 1 << 40), 88), EINVAL);
        check_err!(clone3(&with(5, 4096), 88), EINVAL, "a stack without a size");
        check_err!(clone3(&with(6, 4096), 88), EINVAL, "a size without a stack");
        check_err!(clone3(&with(9, 1), 88), EINVAL, "numbers that are nowhere");
        let call = |at, size| block.call("clone3", libc::SYS_clone3, [at, size]);
        check_err!(call(NOWHERE, 88), EFAULT);
        check_err!(call(0, 88), EFAULT);
        check_err!(wait4(&block, -1, libc::__WALL), ECHILD);
        Ok(())
    })
}

fn a_borrower_of_memory_holds_up_its_maker(case: &Case) -> Outcome {
    // The C library makes such children for posix_spawn(3).
    for _ in 0..5 {
        let status = std::process::Command::new("/proc/self/exe").args(["tool", "exit", "6"]).status()?;
        check_eq!(status.code(), Some(6));
    }
    let failed = std::process::Command::new("/no/such/program").status();
    check!(failed.is_err_and(|error| error.raw_os_error() == Some(libc::ENOENT)));
    case.in_child(|| {
        check_err!(wait4(&Block::new(1)?, -1, libc::__WALL), ECHILD);
        Ok(())
    })
}

fn descriptors_of_processes(case: &Case) -> Outcome {
    case.in_child(|| {
        let block = Block::new(3)?;
        let open =
            |pid: usize, flags: i32| block.call("pidfd_open", libc::SYS_pidfd_open, [pid, flags as usize]);
        let signal = |fd: usize, signal: i32, info: usize, flags: usize| {
            block.call("pidfd_send_signal", libc::SYS_pidfd_send_signal, [fd, signal as usize, info, flags])
        };
        check_err!(open(0, 0), EINVAL);
        check_err!(open(usize::MAX, 0), EINVAL);
        check_err!(open(sys::getpid()?, 1), EINVAL);
        check_err!(open(NOBODY_HAS, 0), ESRCH);
        let pid = sys::fork(|| {
            loop {
                std::hint::spin_loop();
            }
        })?;
        let number = open(pid as usize, libc::O_NONBLOCK)?;
        let fd = sys::adopt(number);
        let id = fd.as_raw_fd();
        let mut poll = [libc::pollfd { fd: id, events: libc::POLLIN, revents: 0 }];
        check_eq!(sys::poll(&mut poll, 0)?, 0, "it lives");
        check_err!(waitid(&block, libc::P_PIDFD, id, libc::WEXITED), EAGAIN);
        check_err!(sys::read(&fd, &mut [0; 8]), EINVAL);
        check_err!(signal(number, 65, 0, 0), EINVAL);
        check_err!(signal(number, 0, NOWHERE, 0), EFAULT);
        check_err!(signal(number, 0, 0, 1 << 20), EINVAL);
        let (pipe, _) = sys::pipe2(0)?;
        check_err!(signal(pipe.as_raw_fd() as usize, 0, 0, 0), EBADF);
        check_err!(signal(1000, 0, 0, 0), EBADF);
        check_eq!(signal(number, 0, 0, 0)?, 0);
        check_eq!(signal(number, libc::SIGKILL, 0, 0)?, 0);
        check_eq!(sys::poll(&mut poll, -1)?, 1);
        check_eq!(poll[0].revents, libc::POLLIN, "it has ended");
        let killed = [libc::SIGCHLD, libc::CLD_KILLED, pid, libc::SIGKILL];
        check_eq!(waitid(&block, libc::P_PIDFD, id, libc::WEXITED)?, killed);
        check_err!(waitid(&block, libc::P_PIDFD, id, libc::WEXITED), ECHILD);
        check_err!(signal(number, 0, 0, 0), ESRCH);
        check_eq!(sys::poll(&mut poll, 0)?, 1);
        check_eq!(poll[0].revents, libc::POLLIN | libc::POLLHUP, "it was waited for");
        Ok(())
    })
}

fn numbers_come_free_again(case: &Case) -> Outcome {
    case.in_child(|| {
        let mut before = 0;
        for _ in 0..300 {
            let pid = sys::fork(|| 0)?;
            check!(pid != before, "not at once");
            before = pid;
            check_eq!(sys::wait_for(pid)?, 0);
        }
        Ok(())
    })
}

fn threads_wait_for_each_others_children(case: &Case) -> Outcome {
    case.in_child(|| {
        for _ in 0..20 {
            let threads: Vec<_> = (0..4)
                .map(|code| {
                    std::thread::spawn(move || -> Result<(i32, i32)> {
                        sys::fork(move || code)?;
                        let block = Block::new(1)?;
                        // Any thread may find any child.
                        wait4(&block, -1, 0)
                    })
                })
                .collect();
            let mut codes = Vec::new();
            for thread in threads {
                let (_, status) = thread.join().unwrap_or(Err(Errno(libc::EIO)))?;
                codes.push(status >> 8);
            }
            codes.sort_unstable();
            check_eq!(codes, [0, 1, 2, 3]);
        }
        check_err!(wait4(&Block::new(1)?, -1, 0), ECHILD);
        Ok(())
    })
}

fn group(block: &Block, pid: usize) -> Result<usize> {
    block.call("getpgid", libc::SYS_getpgid, [pid])
}

fn session(block: &Block, pid: usize) -> Result<usize> {
    block.call("getsid", libc::SYS_getsid, [pid])
}

fn set_group(block: &Block, pid: i32, group: i32) -> Result<usize> {
    block.call("setpgid", libc::SYS_setpgid, [pid as usize, group as usize])
}

fn groups_and_sessions(case: &Case) -> Outcome {
    let grown = || {
        let block = Block::new(2)?;
        let own = sys::getpid()?;
        let (old_group, old_session) = (group(&block, 0)?, session(&block, 0)?);
        check!(old_group != own);
        check_eq!(set_group(&block, 0, 0)?, 0);
        check_eq!((group(&block, 0)?, group(&block, own)?), (own, own));
        check_eq!(session(&block, 0)?, old_session);
        check_err!(block.call("setsid", libc::SYS_setsid, [0]), EPERM, "it leads a group");
        let child = sys::fork(|| {
            let good = group(&block, 0) == Ok(own) && session(&block, 0) == Ok(old_session);
            let leads = block.call("setsid", libc::SYS_setsid, [0]);
            let number = sys::getpid();
            let after = group(&block, 0) == number && session(&block, 0) == number;
            let stuck = set_group(&block, 0, 0) == Err(Errno(libc::EPERM));
            i32::from(!(good && leads == number && after && stuck))
        })?;
        check_eq!(sys::wait_for(child)?, 0);
        check_eq!(set_group(&block, 0, old_group as i32)?, 0, "back again");
        check_eq!(group(&block, 0)?, old_group);
        Ok(())
    };
    case.in_child(|| {
        // The group to go back to must be one that this PID name space has a number for.
        Block::new(1)?.call("setsid", libc::SYS_setsid, [0])?;
        case.in_child(grown)
    })
}

fn groups_that_cannot_be(case: &Case) -> Outcome {
    case.in_child(|| {
        let block = Block::new(2)?;
        check_err!(set_group(&block, 0, -1), EINVAL);
        check_err!(set_group(&block, -1, 0), EINVAL);
        check_err!(set_group(&block, NOBODY_HAS as i32, 0), ESRCH);
        check_err!(set_group(&block, 1, 0), ESRCH, "not a child");
        check_err!(set_group(&block, 0, NOBODY_HAS as i32), EPERM);
        let (gate, holder) = sys::pipe2(0)?;
        let (ready, report) = sys::pipe2(0)?;
        let child = sys::fork(|| {
            let _ = close_copy(&block, &holder);
            let _ = block.call("setsid", libc::SYS_setsid, [0]);
            let _ = sys::write(&report, b"x");
            let _ = sys::read(&gate, &mut [0; 1]);
            0
        })?;
        check_eq!(sys::read(&ready, &mut [0; 1])?, 1);
        check_err!(set_group(&block, child, 0), EPERM, "in another session");
        check_err!(set_group(&block, 0, child), EPERM, "a group of another session");
        drop(holder);
        check_eq!(sys::wait_for(child)?, 0);
        let (ready, report) = sys::pipe2(0)?;
        let executed = sys::fork(|| {
            // The program waits for input that never comes.
            let words = [block.string(b"/proc/self/exe"), block.list(&[b"x", b"tool", b"cat"]), 0];
            let (own, _other) = sys::pipe2(0).expect("a pipe");
            let _ = block.call("dup2", libc::SYS_dup2, [own.as_raw_fd() as usize, 0]);
            let _ = sys::write(&report, b"x");
            let _ = block.call("execve", libc::SYS_execve, words);
            1
        })?;
        check_eq!(sys::read(&ready, &mut [0; 1])?, 1);
        // Until it has executed its program, its group can be changed.
        loop {
            match set_group(&block, executed, executed) {
                Ok(0) => std::thread::yield_now(),
                other => {
                    check_err!(other, EACCES);
                    break;
                }
            }
        }
        block.call("kill", libc::SYS_kill, [executed as usize, libc::SIGKILL as usize])?;
        check_eq!(sys::wait_for(executed)?, libc::SIGKILL);
        Ok(())
    })
}

fn numbers_of_processes_that_are_not(_: &Case) -> Outcome {
    let block = Block::new(1)?;
    for number in [NOBODY_HAS, usize::MAX, i32::MIN as usize] {
        check_err!(group(&block, number), ESRCH);
        check_err!(session(&block, number), ESRCH);
    }
    Ok(())
}
