//! poll(2) and ppoll(2).

use std::os::fd::AsRawFd;

use crate::{
    harness::{Case, Outcome, Test, check, check_eq, check_err, tests},
    sys::{self, PAGE, Region},
};

pub(crate) const TESTS: &[Test] = tests!("ready";
    poll_tells_of_each_entry,
    poll_leaves_negative_numbers_alone,
    poll_same_file_twice,
    poll_waits_as_long_as_it_is_told,
    poll_waiter_is_woken,
    poll_number_of_entries,
    poll_bad_addresses,
    ppoll_shows_what_is_left,
    ppoll_bad_times_and_masks,
);

fn entry(fd: i32, events: i16) -> libc::pollfd {
    libc::pollfd { fd, events, revents: -1 }
}

fn poll_tells_of_each_entry(_: &Case) -> Outcome {
    let (read, write) = sys::pipe2(libc::O_NONBLOCK)?;
    let counter = sys::eventfd(1, 0)?;
    let epoll = super::new_epoll()?;
    let numbers = [read.as_raw_fd(), write.as_raw_fd(), counter.as_raw_fd(), epoll.as_raw_fd(), 0x0fff_0000];
    let mut entries = numbers.map(|number| entry(number, libc::POLLIN | libc::POLLOUT));
    check_eq!(sys::poll(&mut entries, -1)?, 3);
    let told = entries.map(|entry| entry.revents);
    check_eq!(told, [0, libc::POLLOUT, libc::POLLIN | libc::POLLOUT, 0, libc::POLLNVAL]);
    drop(write);
    let mut entries = [entry(read.as_raw_fd(), 0)];
    check_eq!(sys::poll(&mut entries, -1)?, 1);
    check_eq!(entries[0].revents, libc::POLLHUP);
    Ok(())
}

fn poll_leaves_negative_numbers_alone(_: &Case) -> Outcome {
    let mut entries = [entry(-1, libc::POLLIN), entry(i32::MIN, -1)];
    check_eq!(sys::poll(&mut entries, 0)?, 0);
    check_eq!(entries.map(|entry| entry.revents), [0, 0]);
    check_eq!(sys::poll(&mut [], 0)?, 0);
    check_eq!(sys::poll(&mut [], 1)?, 0);
    Ok(())
}

fn poll_same_file_twice(_: &Case) -> Outcome {
    let counter = sys::eventfd(1, 0)?;
    let number = counter.as_raw_fd();
    let mut entries = [entry(number, libc::POLLIN), entry(number, libc::POLLOUT), entry(number, 0)];
    check_eq!(sys::poll(&mut entries, -1)?, 2);
    check_eq!(entries.map(|entry| entry.revents), [libc::POLLIN, libc::POLLOUT, 0]);
    Ok(())
}

fn poll_waits_as_long_as_it_is_told(_: &Case) -> Outcome {
    let counter = sys::eventfd(0, 0)?;
    for milliseconds in [0, 1, 15] {
        let mut entries = [entry(counter.as_raw_fd(), libc::POLLIN)];
        let before = sys::clock_nanoseconds(libc::CLOCK_MONOTONIC)?;
        check_eq!(sys::poll(&mut entries, milliseconds)?, 0);
        let passed = sys::clock_nanoseconds(libc::CLOCK_MONOTONIC)? - before;
        check!(passed >= milliseconds as u64 * 1_000_000, "{milliseconds} ms: {passed} ns");
        check_eq!(entries[0].revents, 0);
    }
    Ok(())
}

fn poll_waiter_is_woken(case: &Case) -> Outcome {
    for _ in 0..20 {
        let files = [sys::eventfd(0, 0)?, sys::eventfd(0, 0)?, sys::eventfd(0, 0)?];
        let numbers = files.each_ref().map(AsRawFd::as_raw_fd);
        let waiter = case.spawn(move || {
            let mut entries = numbers.map(|number| entry(number, libc::POLLIN));
            check_eq!(sys::poll(&mut entries, -1)?, 1);
            Ok(entries.map(|entry| entry.revents))
        });
        sys::sched_yield()?;
        sys::add(&files[1], 1)?;
        check_eq!(waiter.join()?, [0, libc::POLLIN, 0]);
    }
    Ok(())
}

fn poll_number_of_entries(_: &Case) -> Outcome {
    let page = Region::new(4, libc::PROT_READ | libc::PROT_WRITE)?;
    let poll = |count: usize| page.call("poll", libc::SYS_poll, [page.at(0), count, 0, 0, 0, 0]);
    let (soft, _) = sys::limit_descriptors(None)?;
    let soft = soft as usize;
    if soft * 8 <= page.length() {
        page.write(0, &vec![0xff; soft * 8]);
        check_eq!(poll(soft)?, 0);
    }
    for count in [soft + 1, u32::MAX as usize, i32::MAX as usize] {
        check_err!(poll(count), EINVAL, "{count}");
    }
    // The upper half of the register does not count.
    check_eq!(poll(1 << 32)?, 0);
    Ok(())
}

fn poll_bad_addresses(_: &Case) -> Outcome {
    let counter = sys::eventfd(1, 0)?;
    let page = Region::new(2, libc::PROT_READ | libc::PROT_WRITE)?;
    page.protect(PAGE..2 * PAGE, libc::PROT_NONE)?;
    let poll = |address: usize, count: usize| page.call("poll", libc::SYS_poll, [address, count, 0, 0, 0, 0]);
    for bad in [0, 8, page.at(PAGE), page.at(PAGE - 7), usize::MAX - 3, 1 << 63] {
        check_err!(poll(bad, 1), EFAULT, "{bad:#x}");
    }
    check_err!(poll(page.at(PAGE - 8), 2), EFAULT);
    // What cannot be written is seen at the end.
    let mut bytes = counter.as_raw_fd().to_ne_bytes().to_vec();
    bytes.extend_from_slice(&libc::POLLIN.to_ne_bytes());
    bytes.extend_from_slice(&[0xff, 0xff]);
    page.write(PAGE - 8, &bytes);
    check_eq!(poll(page.at(PAGE - 8), 1)?, 1);
    page.protect(0..PAGE, libc::PROT_READ)?;
    check_err!(poll(page.at(PAGE - 8), 1), EFAULT);
    Ok(())
}

fn ppoll_shows_what_is_left(_: &Case) -> Outcome {
    let counter = sys::eventfd(1, 0)?;
    let page = Region::new(1, libc::PROT_READ | libc::PROT_WRITE)?;
    let ppoll = |events: i16| {
        let mut bytes = counter.as_raw_fd().to_ne_bytes().to_vec();
        bytes.extend_from_slice(&events.to_ne_bytes());
        bytes.extend_from_slice(&[0, 0]);
        page.write(0, &bytes);
        page.call("ppoll", libc::SYS_ppoll, [page.at(0), 1, page.at(64), 0, 0, 0])
    };
    let time = || {
        let mut bytes = [0; 16];
        page.read(64, &mut bytes);
        let number = |bytes: &[u8]| i64::from_ne_bytes(bytes.try_into().expect("eight bytes"));
        (number(&bytes[..8]), number(&bytes[8..]))
    };
    let put = |seconds: i64, nanoseconds: i64| {
        page.write(64, &seconds.to_ne_bytes());
        page.write(72, &nanoseconds.to_ne_bytes());
    };
    put(100, 0);
    check_eq!(ppoll(libc::POLLIN)?, 1);
    check!((90..=100).contains(&time().0), "{:?}", time());
    put(0, 2_000_000);
    check_eq!(ppoll(libc::POLLPRI)?, 0);
    check_eq!(time(), (0, 0));
    Ok(())
}

fn ppoll_bad_times_and_masks(_: &Case) -> Outcome {
    let page = Region::new(2, libc::PROT_READ | libc::PROT_WRITE)?;
    page.protect(PAGE..2 * PAGE, libc::PROT_NONE)?;
    let ppoll = |time: usize, mask: usize, size: usize| {
        page.call("ppoll", libc::SYS_ppoll, [page.at(0), 0, time, mask, size, 0])
    };
    for (seconds, nanoseconds) in [(-1_i64, 0_i64), (0, -1), (0, 1_000_000_000)] {
        page.write(64, &seconds.to_ne_bytes());
        page.write(72, &nanoseconds.to_ne_bytes());
        check_err!(ppoll(page.at(64), 0, 0), EINVAL);
    }
    page.write(64, &[0; 16]);
    check_eq!(ppoll(page.at(64), 0, 3)?, 0, "without a mask its size does not matter");
    check_eq!(ppoll(page.at(64), page.at(128), 8)?, 0);
    check_err!(ppoll(page.at(64), page.at(128), 16), EINVAL);
    check_err!(ppoll(page.at(64), page.at(PAGE - 4), 8), EFAULT);
    check_err!(ppoll(page.at(PAGE - 8), 0, 0), EFAULT);
    check_err!(ppoll(8, 0, 0), EFAULT);
    Ok(())
}
