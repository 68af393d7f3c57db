//! Bad and unusual arguments of epoll_create(2), epoll_ctl(2) and epoll_wait(2).

use std::os::fd::AsRawFd;

use super::{EDGE, EXCLUSIVE, IN, ONCE, OUT, RDHUP, add, happened, modify, new_epoll, remove};
use crate::{
    harness::{Case, Outcome, Test, check_eq, check_err, tests},
    sys::{self, PAGE, Region},
};

pub(crate) const TESTS: &[Test] = tests!("ready";
    create_flags,
    control_operations,
    control_bad_addresses,
    exclusive_combinations,
    wait_bad_arguments,
    wait_bad_addresses,
    wait_range_that_ends_too_early,
    pwait_masks,
    pwait2_times,
    epoll_limit_of_descriptors,
);

fn create_flags(_: &Case) -> Outcome {
    for bit in 0..32 {
        let flag = 1_i32.wrapping_shl(bit);
        if flag != libc::EPOLL_CLOEXEC {
            check_err!(sys::epoll(flag), EINVAL, "flag {flag:#x}");
        }
    }
    let epoll = sys::epoll(libc::EPOLL_CLOEXEC)?;
    check_eq!(sys::fcntl(&epoll, libc::F_GETFD, 0)?, libc::FD_CLOEXEC as usize);
    check_eq!(sys::fcntl(&epoll, libc::F_GETFL, 0)?, libc::O_RDWR as usize);
    let plain = sys::epoll(0)?;
    check_eq!(sys::fcntl(&plain, libc::F_GETFD, 0)?, 0);
    let path = format!("/proc/self/fd/{}", plain.as_raw_fd());
    check_eq!(std::fs::read_link(path)?.as_os_str(), "anon_inode:[eventpoll]");
    let page = Region::new(1, libc::PROT_READ)?;
    let create = |size: usize| page.call("epoll_create", libc::SYS_epoll_create, [size, 0, 0, 0, 0, 0]);
    check_err!(create(0), EINVAL);
    check_err!(create(usize::MAX), EINVAL);
    check_err!(create(1 << 31), EINVAL);
    drop(sys::adopt(create(1)?));
    Ok(())
}

fn control_operations(_: &Case) -> Outcome {
    let epoll = new_epoll()?;
    let counter = sys::eventfd(1, 0)?;
    for operation in [0, 4, -1, i32::MAX, i32::MIN] {
        check_err!(sys::epoll_ctl(&epoll, operation, &counter, IN, 1), EINVAL, "operation {operation}");
    }
    check_eq!(happened(&epoll)?, []);
    check_err!(modify(&epoll, &counter, IN, 1), ENOENT);
    check_err!(remove(&epoll, &counter), ENOENT);
    add(&epoll, &counter, IN, 1)?;
    check_err!(add(&epoll, &counter, OUT, 2), EEXIST);
    check_eq!(happened(&epoll)?, [(IN, 1)]);
    remove(&epoll, &counter)?;
    check_err!(remove(&epoll, &counter), ENOENT);
    Ok(())
}

fn control_bad_addresses(_: &Case) -> Outcome {
    let epoll = new_epoll()?;
    let counter = sys::eventfd(1, 0)?;
    let page = Region::new(2, libc::PROT_READ | libc::PROT_WRITE)?;
    page.protect(PAGE..2 * PAGE, libc::PROT_NONE)?;
    let control = |epoll: i32, operation: i32, address: usize| {
        let words =
            [epoll as isize as usize, operation as usize, counter.as_raw_fd() as usize, address, 0, 0];
        page.call("epoll_ctl", libc::SYS_epoll_ctl, words)
    };
    let number = epoll.as_raw_fd();
    for bad in [0, 8, page.at(PAGE), page.at(PAGE - 11), usize::MAX - 3, 1 << 63] {
        check_err!(control(number, libc::EPOLL_CTL_ADD, bad), EFAULT, "{bad:#x}");
        check_err!(control(number, libc::EPOLL_CTL_MOD, bad), EFAULT);
        check_err!(control(number, 9, bad), EFAULT);
        // It is read before anything else is looked at, and not at all where nothing is to be told.
        check_err!(control(-1, libc::EPOLL_CTL_ADD, bad), EFAULT);
        check_err!(control(number, libc::EPOLL_CTL_DEL, bad), ENOENT);
    }
    check_eq!(control(number, libc::EPOLL_CTL_ADD, page.at(PAGE - 12))?, 0);
    check_eq!(control(number, libc::EPOLL_CTL_DEL, 0)?, 0);
    Ok(())
}

fn exclusive_combinations(_: &Case) -> Outcome {
    let (epoll, other) = (new_epoll()?, new_epoll()?);
    let counter = sys::eventfd(1, 0)?;
    check_err!(add(&epoll, &counter, IN | EXCLUSIVE | RDHUP, 1), EINVAL);
    check_err!(add(&epoll, &counter, IN | EXCLUSIVE | ONCE, 1), EINVAL);
    check_err!(add(&epoll, &counter, IN | EXCLUSIVE | libc::EPOLLPRI as u32, 1), EINVAL);
    check_err!(add(&epoll, &other, IN | EXCLUSIVE, 1), EINVAL);
    check_err!(modify(&epoll, &counter, IN | EXCLUSIVE, 1), EINVAL);
    let wakeup = libc::EPOLLWAKEUP as u32;
    let errors = libc::EPOLLERR as u32 | libc::EPOLLHUP as u32;
    add(&epoll, &counter, IN | OUT | errors | wakeup | EDGE | EXCLUSIVE, 1)?;
    check_eq!(happened(&epoll)?, [(IN | OUT, 1)]);
    check_err!(modify(&epoll, &counter, IN, 2), EINVAL);
    check_err!(modify(&epoll, &counter, IN | EXCLUSIVE, 2), EINVAL);
    check_err!(add(&epoll, &counter, IN, 2), EEXIST);
    remove(&epoll, &counter)?;
    Ok(())
}

fn wait_bad_arguments(_: &Case) -> Outcome {
    let epoll = new_epoll()?;
    let counter = sys::eventfd(1, 0)?;
    let page = Region::new(1, libc::PROT_READ | libc::PROT_WRITE)?;
    let wait = |epoll: i32, address: usize, most: usize| {
        page.call("epoll_wait", libc::SYS_epoll_wait, [epoll as isize as usize, address, most, 0, 0, 0])
    };
    let number = epoll.as_raw_fd();
    let most = i32::MAX as usize / 12;
    for bad in [0, usize::MAX, 1 << 31, most + 1, i32::MAX as usize] {
        check_err!(wait(number, page.at(0), bad), EINVAL, "{bad}");
        check_err!(wait(counter.as_raw_fd(), page.at(0), bad), EINVAL);
        check_err!(wait(-1, page.at(0), bad), EBADF);
    }
    check_eq!(wait(number, page.at(0), most)?, 0);
    check_err!(wait(counter.as_raw_fd(), page.at(0), 1), EINVAL);
    check_err!(wait(counter.as_raw_fd(), 1 << 63, 1), EFAULT);
    check_err!(wait(sys::open(c"/", libc::O_PATH, 0)?.as_raw_fd(), page.at(0), 1), EBADF);
    check_err!(wait(sys::open(c"/", libc::O_RDONLY, 0)?.as_raw_fd(), page.at(0), 1), EINVAL);
    Ok(())
}

fn wait_bad_addresses(_: &Case) -> Outcome {
    let epoll = new_epoll()?;
    let number = epoll.as_raw_fd() as usize;
    let page = Region::new(1, libc::PROT_NONE)?;
    let wait = |address: usize| page.call("epoll_wait", libc::SYS_epoll_wait, [number, address, 8, 0, 0, 0]);
    // An address that cannot be one is refused; another one that is bad matters once there is something to tell.
    check_err!(wait(1 << 63), EFAULT);
    check_err!(wait(usize::MAX - 8), EFAULT);
    check_eq!(wait(0)?, 0);
    check_eq!(wait(page.at(0))?, 0);
    let counters = [sys::eventfd(1, 0)?, sys::eventfd(1, 0)?, sys::eventfd(1, 0)?];
    for (index, mode) in [ONCE, EDGE, 0].into_iter().enumerate() {
        add(&epoll, &counters[index], IN | mode, index as u64)?;
    }
    check_err!(wait(0), EFAULT);
    check_err!(wait(page.at(0)), EFAULT);
    check_eq!(happened(&epoll)?, [(IN, 0), (IN, 1), (IN, 2)], "nothing was lost");
    check_eq!(happened(&epoll)?, [(IN, 2)]);
    Ok(())
}

fn wait_range_that_ends_too_early(_: &Case) -> Outcome {
    let epoll = new_epoll()?;
    let number = epoll.as_raw_fd() as usize;
    let counters = [sys::eventfd(1, 0)?, sys::eventfd(1, 0)?, sys::eventfd(1, 0)?];
    for (index, mode) in [ONCE, EDGE, 0].into_iter().enumerate() {
        add(&epoll, &counters[index], IN | mode, index as u64)?;
    }
    let page = Region::new(2, libc::PROT_READ | libc::PROT_WRITE)?;
    page.protect(PAGE..2 * PAGE, libc::PROT_NONE)?;
    // Room for one and a half.
    let words = [number, page.at(PAGE - 18), 3, 0, 0, 0];
    check_eq!(page.call("epoll_wait", libc::SYS_epoll_wait, words)?, 1);
    let mut event = [0; 12];
    page.read(PAGE - 18, &mut event);
    check_eq!(event, [IN as u8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    check_eq!(happened(&epoll)?, [(IN, 1), (IN, 2)]);
    Ok(())
}

fn pwait_masks(_: &Case) -> Outcome {
    let epoll = new_epoll()?;
    let page = Region::new(1, libc::PROT_READ | libc::PROT_WRITE)?;
    let wait = |epoll: i32, mask: usize, size: usize| {
        let words = [epoll as isize as usize, page.at(64), 1, 0, mask, size];
        page.call("epoll_pwait", libc::SYS_epoll_pwait, words)
    };
    let number = epoll.as_raw_fd();
    check_eq!(wait(number, 0, 4)?, 0);
    check_eq!(wait(number, page.at(0), 8)?, 0);
    for size in [0, 4, 9, 16, 128] {
        check_err!(wait(number, page.at(0), size), EINVAL);
    }
    check_err!(wait(number, 1 << 63, 8), EFAULT);
    check_err!(wait(-1, page.at(0), 4), EINVAL);
    check_err!(wait(-1, page.at(0), 8), EBADF);
    let counter = sys::eventfd(1, 0)?;
    add(&epoll, &counter, IN, 5)?;
    check_eq!(wait(number, page.at(0), 8)?, 1);
    Ok(())
}

fn pwait2_times(_: &Case) -> Outcome {
    let epoll = new_epoll()?;
    let page = Region::new(1, libc::PROT_READ | libc::PROT_WRITE)?;
    let number = epoll.as_raw_fd();
    let wait = |epoll: i32, time: usize| {
        let words = [epoll as isize as usize, page.at(64), 1, time, 0, 0];
        page.call("epoll_pwait2", libc::SYS_epoll_pwait2, words)
    };
    let put = |seconds: i64, nanoseconds: i64| {
        page.write(0, &seconds.to_ne_bytes());
        page.write(8, &nanoseconds.to_ne_bytes());
    };
    put(0, 0);
    check_eq!(wait(number, page.at(0))?, 0);
    put(0, 3_000_000);
    let before = sys::clock_nanoseconds(libc::CLOCK_MONOTONIC)?;
    check_eq!(wait(number, page.at(0))?, 0);
    let passed = sys::clock_nanoseconds(libc::CLOCK_MONOTONIC)? - before;
    crate::harness::check!(passed >= 3_000_000, "{passed} ns");
    for (seconds, nanoseconds) in [(-1, 0), (0, -1), (0, 1_000_000_000), (i64::MIN, 0)] {
        put(seconds, nanoseconds);
        check_err!(wait(number, page.at(0)), EINVAL);
        check_err!(wait(-1, page.at(0)), EINVAL);
    }
    check_err!(wait(number, 8), EFAULT);
    let counter = sys::eventfd(1, 0)?;
    add(&epoll, &counter, IN, 5)?;
    check_eq!(wait(number, 0)?, 1);
    put(i64::MAX, 999_999_999);
    check_eq!(wait(number, page.at(0))?, 1);
    Ok(())
}

fn epoll_limit_of_descriptors(_: &Case) -> Outcome {
    let mut held = Vec::new();
    let met = loop {
        match new_epoll() {
            Ok(epoll) => held.push(epoll),
            Err(errno) => break errno,
        }
        if held.len() > 5000 {
            return Ok(());
        }
    };
    check_eq!(met, crate::errno::Errno(libc::EMFILE));
    held.pop();
    new_epoll()?;
    Ok(())
}
