//! What a process may do, and what it says about itself: prctl(2), capget(2), capset(2), limits.

use super::memory::{Block, NOWHERE};
use crate::{
    errno::Result,
    harness::{Case, NOBODY, Need, Outcome, Test, check, check_eq, check_err, tests},
    sys,
};

pub(crate) const TESTS: &[Test] = tests!("process";
    options_of_prctl,
    what_prctl_refuses,
    capabilities_go_with_the_user needs [Need::OtherUsers],
    capabilities_are_kept_on_request needs [Need::OtherUsers],
    capabilities_are_given_up_for_good needs [Need::OtherUsers],
    modes_bind_a_root_without_capabilities needs [Need::OtherUsers],
    versions_of_capabilities,
    the_user_for_files_follows_the_effective_one needs [Need::OtherUsers],
    the_death_of_a_parent_is_told,
    limits_are_kept_and_inherited,
    what_limits_refuse needs [Need::OtherUsers],
    what_is_no_longer_shared,
);

fn prctl(block: &Block, option: i32, words: [usize; 4]) -> Result<usize> {
    let [a, b, c, d] = words;
    block.call("prctl", libc::SYS_prctl, [option as usize, a, b, c, d])
}

fn options_of_prctl(case: &Case) -> Outcome {
    case.in_child(|| {
        let block = Block::new(1)?;
        let word = block.put(&[0xff; 8]);
        // Threads of other tests have changed users, after which nobody may look into the process.
        check_eq!(prctl(&block, libc::PR_SET_DUMPABLE, [1, 0, 0, 0])?, 0);
        check_eq!(prctl(&block, libc::PR_GET_DUMPABLE, [0; 4])?, 1);
        check_eq!(prctl(&block, libc::PR_SET_DUMPABLE, [0; 4])?, 0);
        check_eq!(prctl(&block, libc::PR_GET_DUMPABLE, [0; 4])?, 0);
        check_eq!(prctl(&block, libc::PR_SET_PDEATHSIG, [libc::SIGUSR1 as usize, 0, 0, 0])?, 0);
        prctl(&block, libc::PR_GET_PDEATHSIG, [word, 0, 0, 0])?;
        check_eq!(block.number(word), libc::SIGUSR1);
        case.in_child(|| {
            prctl(&block, libc::PR_GET_PDEATHSIG, [word, 0, 0, 0])?;
            check_eq!(block.number(word), 0, "not inherited");
            check_eq!(prctl(&block, libc::PR_GET_DUMPABLE, [0; 4])?, 0, "inherited");
            Ok(())
        })?;
        prctl(&block, libc::PR_GET_CHILD_SUBREAPER, [word, 0, 0, 0])?;
        check_eq!(block.number(word), 0);
        prctl(&block, libc::PR_SET_CHILD_SUBREAPER, [5, 0, 0, 0])?;
        prctl(&block, libc::PR_GET_CHILD_SUBREAPER, [word, 0, 0, 0])?;
        check_eq!(block.number(word), 1);
        check_eq!(prctl(&block, libc::PR_GET_NO_NEW_PRIVS, [0; 4])?, 0);
        check_eq!(prctl(&block, libc::PR_SET_NO_NEW_PRIVS, [1, 0, 0, 0])?, 0);
        check_eq!(prctl(&block, libc::PR_GET_NO_NEW_PRIVS, [0; 4])?, 1);
        check_eq!(prctl(&block, libc::PR_GET_KEEPCAPS, [0; 4])?, 0);
        check_eq!(prctl(&block, libc::PR_SET_KEEPCAPS, [1, 0, 0, 0])?, 0);
        check_eq!(prctl(&block, libc::PR_GET_KEEPCAPS, [0; 4])?, 1);
        check_eq!(prctl(&block, libc::PR_GET_SECUREBITS, [0; 4])?, 1 << 4);
        Ok(())
    })
}

fn what_prctl_refuses(case: &Case) -> Outcome {
    case.in_child(|| {
        let block = Block::new(1)?;
        for (option, words) in [
            (0x7fff_0000, [0; 4]),
            (libc::PR_SET_PDEATHSIG, [65, 0, 0, 0]),
            (libc::PR_SET_DUMPABLE, [2, 0, 0, 0]),
            (libc::PR_SET_KEEPCAPS, [2, 0, 0, 0]),
            (libc::PR_SET_NO_NEW_PRIVS, [0, 0, 0, 0]),
            (libc::PR_SET_NO_NEW_PRIVS, [1, 1, 0, 0]),
            (libc::PR_GET_NO_NEW_PRIVS, [1, 0, 0, 0]),
            (libc::PR_CAPBSET_READ, [64, 0, 0, 0]),
            (libc::PR_CAP_AMBIENT, [9, 0, 0, 0]),
            (libc::PR_CAP_AMBIENT, [libc::PR_CAP_AMBIENT_IS_SET as usize, 64, 0, 0]),
            (libc::PR_CAP_AMBIENT, [libc::PR_CAP_AMBIENT_CLEAR_ALL as usize, 1, 0, 0]),
        ] {
            check_err!(prctl(&block, option, words), EINVAL, "{option} {words:?}");
        }
        for option in
            [libc::PR_GET_PDEATHSIG, libc::PR_GET_CHILD_SUBREAPER, libc::PR_GET_NAME, libc::PR_SET_NAME]
        {
            check_err!(prctl(&block, option, [NOWHERE, 0, 0, 0]), EFAULT, "{option}");
        }
        Ok(())
    })
}

/// Effective, permitted and inheritable capabilities.
fn capabilities(block: &Block) -> Result<[u64; 3]> {
    let header = block.put(&[0x2008_0522u32.to_ne_bytes(), [0; 4]].concat());
    let data = block.put(&[0; 24]);
    block.call("capget", libc::SYS_capget, [header, data])?;
    let half = |index: usize| u64::from(block.number(data + index * 4) as u32);
    Ok([0, 1, 2].map(|set| half(set) | half(set + 3) << 32))
}

fn set_capabilities(block: &Block, [effective, permitted, inheritable]: [u64; 3]) -> Result<usize> {
    let header = block.put(&[0x2008_0522u32.to_ne_bytes(), [0; 4]].concat());
    let halves = |shift: u32| [effective, permitted, inheritable].map(|set| (set >> shift) as u32);
    let words = [halves(0), halves(32)].concat();
    let data = block.put(&words.iter().flat_map(|word| word.to_ne_bytes()).collect::<Vec<_>>());
    block.call("capset", libc::SYS_capset, [header, data])
}

const CHOWN: u64 = 1;
const KILL: u64 = 1 << 5;
const SETUID: u64 = 1 << 7;

fn capabilities_go_with_the_user(case: &Case) -> Outcome {
    case.in_child(|| {
        let block = Block::new(2)?;
        let [effective, permitted, _] = capabilities(&block)?;
        check!(effective & SETUID != 0 && permitted & SETUID != 0);
        sys::set_thread_uids(u32::MAX, NOBODY, u32::MAX)?;
        check_eq!(
            capabilities(&block)?[..2],
            [0, permitted],
            "the effective ones go with the effective user"
        );
        sys::set_thread_uids(u32::MAX, 0, u32::MAX)?;
        check_eq!(capabilities(&block)?[..2], [permitted, permitted], "and come back with it");
        sys::set_thread_uids(NOBODY, NOBODY, NOBODY)?;
        check_eq!(capabilities(&block)?[..2], [0, 0]);
        check_err!(sys::set_thread_uids(0, 0, 0), EPERM);
        Ok(())
    })
}

fn capabilities_are_kept_on_request(case: &Case) -> Outcome {
    case.in_child(|| {
        let block = Block::new(2)?;
        let [_, permitted, inheritable] = capabilities(&block)?;
        prctl(&block, libc::PR_SET_KEEPCAPS, [1, 0, 0, 0])?;
        sys::set_thread_uids(NOBODY, NOBODY, NOBODY)?;
        check_eq!(capabilities(&block)?[..2], [0, permitted]);
        set_capabilities(&block, [SETUID, SETUID | CHOWN, inheritable])?;
        check_eq!(capabilities(&block)?, [SETUID, SETUID | CHOWN, inheritable]);
        sys::set_thread_uids(0, NOBODY, NOBODY)?;
        Ok(())
    })
}

fn capabilities_are_given_up_for_good(case: &Case) -> Outcome {
    case.in_child(|| {
        let block = Block::new(2)?;
        set_capabilities(&block, [CHOWN, CHOWN | KILL, 0])?;
        check_err!(set_capabilities(&block, [SETUID, CHOWN, 0]), EPERM);
        check_err!(set_capabilities(&block, [CHOWN, CHOWN | SETUID, 0]), EPERM);
        check_err!(set_capabilities(&block, [KILL, CHOWN, 0]), EPERM, "effective, but not permitted");
        set_capabilities(&block, [CHOWN, CHOWN | KILL, KILL])?;
        let ambient =
            |what: i32, number: usize| prctl(&block, libc::PR_CAP_AMBIENT, [what as usize, number, 0, 0]);
        check_eq!(ambient(libc::PR_CAP_AMBIENT_RAISE, 5)?, 0);
        check_eq!(ambient(libc::PR_CAP_AMBIENT_IS_SET, 5)?, 1);
        check_err!(ambient(libc::PR_CAP_AMBIENT_RAISE, 0), EPERM, "not inheritable");
        check_eq!(ambient(libc::PR_CAP_AMBIENT_LOWER, 5)?, 0);
        check_eq!(ambient(libc::PR_CAP_AMBIENT_IS_SET, 5)?, 0);
        check_err!(sys::set_thread_uids(NOBODY, NOBODY, NOBODY), EPERM, "without CAP_SETUID");
        check_err!(prctl(&block, libc::PR_CAPBSET_DROP, [7, 0, 0, 0]), EPERM, "without CAP_SETPCAP");
        check_eq!(prctl(&block, libc::PR_CAPBSET_READ, [7, 0, 0, 0])?, 1);
        Ok(())
    })
}

fn modes_bind_a_root_without_capabilities(case: &Case) -> Outcome {
    const DAC_OVERRIDE: u64 = 1 << 1;
    const DAC_READ_SEARCH: u64 = 1 << 2;
    let file = case.path("f");
    drop(sys::open(&file, libc::O_CREAT | libc::O_WRONLY, 0)?);
    let all = CHOWN | DAC_OVERRIDE | DAC_READ_SEARCH;
    let (look, change) = (|| sys::open(&file, libc::O_RDONLY, 0), || sys::open(&file, libc::O_WRONLY, 0));
    case.in_child(|| {
        let block = Block::new(2)?;
        set_capabilities(&block, [0, all, 0])?;
        check_err!(look(), EACCES);
        check_err!(change(), EACCES);
        check_eq!(sys::access(&file, libc::R_OK | libc::W_OK)?, 0, "what is permitted counts here");
        check_err!(sys::chown(&file, NOBODY, NOBODY), EPERM);
        set_capabilities(&block, [DAC_READ_SEARCH, all, 0])?;
        look()?;
        check_err!(change(), EACCES);
        set_capabilities(&block, [DAC_OVERRIDE, all, 0])?;
        look()?;
        change()?;
        check_err!(sys::chown(&file, NOBODY, NOBODY), EPERM);
        set_capabilities(&block, [CHOWN, all, 0])?;
        sys::chown(&file, NOBODY, NOBODY)?;
        check_err!(look(), EACCES);
        set_capabilities(&block, [0, 0, 0])?;
        check_err!(sys::access(&file, libc::R_OK), EACCES);
        Ok(())
    })
}

fn versions_of_capabilities(_: &Case) -> Outcome {
    let block = Block::new(1)?;
    let header = block.put(&[0; 8]);
    let data = block.put(&[0; 24]);
    let get = |header, data| block.call("capget", libc::SYS_capget, [header, data]);
    check_err!(get(header, data), EINVAL);
    check_eq!(block.number(header), 0x2008_0522, "the version that is preferred");
    check_eq!(get(block.put(&[0; 8]), 0)?, 0, "that is how one asks for it");
    check_err!(get(NOWHERE, data), EFAULT);
    check_err!(get(header, NOWHERE), EFAULT);
    let of = |pid: i32| block.put(&[0x2008_0522u32.to_ne_bytes(), pid.to_ne_bytes()].concat());
    check_err!(get(of(-1), data), EINVAL);
    check_err!(get(of(4_194_303), data), ESRCH);
    check_eq!(get(of(sys::getpid()? as i32), data)?, 0);
    check_err!(block.call("capset", libc::SYS_capset, [of(1), data]), EPERM);
    Ok(())
}

fn the_user_for_files_follows_the_effective_one(case: &Case) -> Outcome {
    case.in_child(|| {
        let block = Block::new(1)?;
        let set = |user: u32| block.call("setfsuid", libc::SYS_setfsuid, [user as usize]);
        check_eq!(set(u32::MAX)?, 0);
        check_eq!(set(NOBODY)?, 0);
        check_eq!(set(u32::MAX)?, NOBODY as usize);
        check_eq!(sys::geteuid()?, 0);
        sys::set_thread_uids(u32::MAX, 0, u32::MAX)?;
        check_eq!(set(u32::MAX)?, 0, "a change of the effective user brings it back");
        sys::set_thread_uids(NOBODY, NOBODY, NOBODY)?;
        check_eq!(set(0)?, NOBODY as usize);
        check_eq!(set(u32::MAX)?, NOBODY as usize, "it may not");
        Ok(())
    })
}

fn the_death_of_a_parent_is_told(case: &Case) -> Outcome {
    case.in_child(|| {
        let block = Block::new(2)?;
        prctl(&block, libc::PR_SET_CHILD_SUBREAPER, [1, 0, 0, 0])?;
        let (ready, report) = sys::pipe2(0)?;
        let parent = sys::fork(|| {
            let child = sys::fork(|| {
                let _ = prctl(&block, libc::PR_SET_PDEATHSIG, [libc::SIGTERM as usize, 0, 0, 0]);
                let _ = sys::write(&report, b"x");
                loop {
                    std::hint::spin_loop();
                }
            });
            // The parent ends once the child is ready.
            i32::from(sys::read(&ready, &mut [0; 1]) != Ok(1) || child.is_err())
        })?;
        check_eq!(sys::wait_for(parent)?, 0);
        check_eq!(sys::wait_for(-1)?, libc::SIGTERM);
        Ok(())
    })
}

fn limit(block: &Block, pid: usize, resource: u32, new: Option<[u64; 2]>) -> Result<[u64; 2]> {
    let bytes = |words: [u64; 2]| words.map(u64::to_ne_bytes).concat();
    let new = new.map_or(0, |new| block.put(&bytes(new)));
    let old = block.put(&[0; 16]);
    block.call("prlimit64", libc::SYS_prlimit64, [pid, resource as usize, new, old])?;
    Ok([0, 8].map(|at| u64::from_ne_bytes(block.bytes(old + at))))
}

fn limits_are_kept_and_inherited(case: &Case) -> Outcome {
    case.in_child(|| {
        let block = Block::new(2)?;
        let [_, hard] = limit(&block, 0, libc::RLIMIT_CPU, None)?;
        limit(&block, 0, libc::RLIMIT_CPU, Some([5000, hard]))?;
        check_eq!(limit(&block, sys::getpid()?, libc::RLIMIT_CPU, None)?, [5000, hard]);
        case.in_child(|| {
            check_eq!(limit(&block, 0, libc::RLIMIT_CPU, None)?, [5000, hard]);
            let place = block.put(&[0; 16]);
            block.call("getrlimit", libc::SYS_getrlimit, [libc::RLIMIT_CPU as usize, place])?;
            check_eq!(u64::from_ne_bytes(block.bytes(place)), 5000);
            let new = block.put(&[6000u64.to_ne_bytes(), hard.to_ne_bytes()].concat());
            block.call("setrlimit", libc::SYS_setrlimit, [libc::RLIMIT_CPU as usize, new])?;
            check_eq!(limit(&block, 0, libc::RLIMIT_CPU, None)?, [6000, hard]);
            Ok(())
        })?;
        check_eq!(limit(&block, 0, libc::RLIMIT_CPU, None)?, [5000, hard], "the child's are its own");
        Ok(())
    })
}

fn what_limits_refuse(case: &Case) -> Outcome {
    case.in_child(|| {
        let block = Block::new(2)?;
        check_err!(limit(&block, 0, 16, None), EINVAL);
        check_err!(limit(&block, 4_194_303, 0, None), ESRCH);
        check_err!(limit(&block, 0, libc::RLIMIT_CPU, Some([2, 1])), EINVAL);
        check_err!(limit(&block, 0, libc::RLIMIT_NOFILE, Some([1, u64::MAX])), EPERM);
        let call = |words: [usize; 4]| block.call("prlimit64", libc::SYS_prlimit64, words);
        check_err!(call([0, 0, NOWHERE, 0]), EFAULT);
        check_err!(call([0, 0, 0, NOWHERE]), EFAULT);
        check_err!(block.call("getrlimit", libc::SYS_getrlimit, [16, NOWHERE]), EINVAL);
        check_err!(block.call("getrlimit", libc::SYS_getrlimit, [0, NOWHERE]), EFAULT);
        check_err!(block.call("setrlimit", libc::SYS_setrlimit, [16, NOWHERE]), EFAULT);
        limit(&block, 0, libc::RLIMIT_CPU, Some([5000, 6000]))?;
        let other = sys::getppid()?;
        sys::set_thread_uids(NOBODY, NOBODY, NOBODY)?;
        check_err!(limit(&block, 0, libc::RLIMIT_CPU, Some([5000, 7000])), EPERM, "hard limits");
        check_eq!(limit(&block, 0, libc::RLIMIT_CPU, Some([6000, 6000]))?, [5000, 6000]);
        check_err!(limit(&block, other, libc::RLIMIT_CPU, None), EPERM, "another user's");
        limit(&block, 0, libc::RLIMIT_NPROC, Some([0, 0]))?;
        check_err!(sys::fork(|| 0), EAGAIN);
        Ok(())
    })
}

fn what_is_no_longer_shared(case: &Case) -> Outcome {
    case.in_child(|| {
        let block = Block::new(1)?;
        let unshare = |flags: i32| block.call("unshare", libc::SYS_unshare, [flags as usize]);
        check_err!(unshare(0x1), EINVAL);
        check_err!(unshare(libc::CLONE_VFORK), EINVAL);
        check_eq!(unshare(0)?, 0);
        check_eq!(unshare(libc::CLONE_FILES | libc::CLONE_FS | libc::CLONE_SYSVSEM)?, 0);
        check_eq!(unshare(libc::CLONE_THREAD | libc::CLONE_SIGHAND | libc::CLONE_VM)?, 0, "nobody shares it");
        let (reader, writer) = sys::pipe2(0)?;
        let number = std::os::fd::AsRawFd::as_raw_fd(&writer) as usize;
        let thread = std::thread::spawn(move || -> Result<usize> {
            let block = Block::new(1)?;
            let alone = block.call("unshare", libc::SYS_unshare, [libc::CLONE_VM as usize]);
            assert!(alone.is_err(), "there are two threads");
            block.call("unshare", libc::SYS_unshare, [libc::CLONE_FILES as usize])?;
            block.call("close", libc::SYS_close, [number])
        });
        let closed = thread.join().unwrap_or(Ok(99));
        check_eq!(closed, Ok(0));
        check_eq!(sys::write(&writer, b"x")?, 1, "it was closed for the thread alone");
        check_eq!(sys::read(&reader, &mut [0; 1])?, 1);
        Ok(())
    })
}
