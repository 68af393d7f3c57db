//! select(2) and pselect6(2).

use std::os::fd::{AsRawFd, OwnedFd};

use crate::{
    errno::Result,
    harness::{Case, Outcome, Test, check, check_eq, check_err, tests},
    sys::{self, PAGE, Region},
};

pub(crate) const TESTS: &[Test] = tests!("ready";
    select_tells_of_each_set,
    select_clears_what_is_not_ready,
    select_hang_up_is_readable,
    select_shows_what_is_left,
    select_waiter_is_woken,
    select_numbers,
    select_bad_times,
    select_bad_addresses,
    pselect6_masks,
);

/// Where the sets and the time are in the page.
const SETS: [usize; 3] = [0, 128, 256];
const TIME: usize = 512;

struct Call {
    page: Region,
}

impl Call {
    fn new() -> Result<Self> {
        let page = Region::new(2, libc::PROT_READ | libc::PROT_WRITE)?;
        page.protect(PAGE..2 * PAGE, libc::PROT_NONE)?;
        Ok(Self { page })
    }

    fn put(&self, set: usize, files: &[&OwnedFd]) {
        let mut bits = [0_u8; 128];
        for file in files {
            let number = file.as_raw_fd() as usize;
            bits[number / 8] |= 1 << (number % 8);
        }
        self.page.write(SETS[set], &bits);
    }

    fn contains(&self, set: usize, file: &OwnedFd) -> bool {
        let number = file.as_raw_fd() as usize;
        let mut byte = [0];
        self.page.read(SETS[set] + number / 8, &mut byte);
        byte[0] >> (number % 8) & 1 != 0
    }

    fn set_time(&self, seconds: i64, fraction: i64) {
        self.page.write(TIME, &seconds.to_ne_bytes());
        self.page.write(TIME + 8, &fraction.to_ne_bytes());
    }

    fn time(&self) -> (i64, i64) {
        let mut bytes = [[0; 8]; 2];
        let [seconds, fraction] = &mut bytes;
        self.page.read(TIME, seconds);
        self.page.read(TIME + 8, fraction);
        (i64::from_ne_bytes(bytes[0]), i64::from_ne_bytes(bytes[1]))
    }

    #[track_caller]
    fn select(&self, count: usize) -> Result<usize> {
        let [one, two, three] = SETS.map(|set| self.page.at(set));
        let words = [count, one, two, three, self.page.at(TIME), 0];
        self.page.call("select", libc::SYS_select, words)
    }
}

fn select_tells_of_each_set(_: &Case) -> Outcome {
    let call = Call::new()?;
    let (empty, full) = (sys::eventfd(0, 0)?, sys::eventfd(1, 0)?);
    for set in 0..3 {
        call.put(set, &[&empty, &full]);
    }
    call.set_time(10, 0);
    check_eq!(call.select(1024)?, 3, "a file counts once a set");
    check_eq!([&empty, &full].map(|file| call.contains(0, file)), [false, true]);
    check_eq!([&empty, &full].map(|file| call.contains(1, file)), [true, true]);
    check_eq!([&empty, &full].map(|file| call.contains(2, file)), [false, false]);
    Ok(())
}

fn select_clears_what_is_not_ready(_: &Case) -> Outcome {
    let call = Call::new()?;
    let empty = sys::eventfd(0, 0)?;
    call.put(0, &[&empty]);
    call.set_time(0, 0);
    check_eq!(call.select(1024)?, 0);
    check!(!call.contains(0, &empty));
    // Numbers from the first argument on do not count.
    call.put(1, &[&empty]);
    check_eq!(call.select(empty.as_raw_fd() as usize)?, 0);
    call.put(1, &[&empty]);
    check_eq!(call.select(empty.as_raw_fd() as usize + 1)?, 1);
    Ok(())
}

fn select_hang_up_is_readable(_: &Case) -> Outcome {
    let call = Call::new()?;
    let (read, write) = sys::pipe2(0)?;
    drop(write);
    call.put(0, &[&read]);
    call.put(1, &[&read]);
    call.put(2, &[&read]);
    call.set_time(10, 0);
    check_eq!(call.select(1024)?, 1);
    check_eq!([0, 1, 2].map(|set| call.contains(set, &read)), [true, false, false]);
    let (read, write) = sys::pipe2(0)?;
    drop(read);
    for set in 0..3 {
        call.put(set, &[&write]);
    }
    check_eq!(call.select(1024)?, 2, "an error is both");
    check_eq!([0, 1, 2].map(|set| call.contains(set, &write)), [true, true, false]);
    Ok(())
}

fn select_shows_what_is_left(_: &Case) -> Outcome {
    let call = Call::new()?;
    let counter = sys::eventfd(1, 0)?;
    call.put(0, &[&counter]);
    // Microseconds may be more than a second.
    call.set_time(98, 2_000_000);
    check_eq!(call.select(1024)?, 1);
    let (seconds, microseconds) = call.time();
    check!((90..=100).contains(&seconds) && (0..1_000_000).contains(&microseconds), "{:?}", call.time());
    call.put(0, &[]);
    call.set_time(0, 3000);
    let before = sys::clock_nanoseconds(libc::CLOCK_MONOTONIC)?;
    check_eq!(call.select(1024)?, 0);
    check!(sys::clock_nanoseconds(libc::CLOCK_MONOTONIC)? - before >= 3_000_000);
    check_eq!(call.time(), (0, 0));
    Ok(())
}

fn select_waiter_is_woken(case: &Case) -> Outcome {
    for _ in 0..20 {
        let counter = std::sync::Arc::new(sys::eventfd(0, 0)?);
        let waiter = case.spawn({
            let counter = counter.clone();
            move || {
                let call = Call::new()?;
                call.put(0, &[&counter]);
                call.set_time(1000, 0);
                Ok(call.select(1024)?)
            }
        });
        sys::sched_yield()?;
        sys::add(&*counter, 1)?;
        check_eq!(waiter.join()?, 1);
    }
    Ok(())
}

fn select_numbers(_: &Case) -> Outcome {
    let call = Call::new()?;
    call.set_time(0, 0);
    for count in [usize::MAX, 1 << 31] {
        check_err!(call.select(count), EINVAL, "{count:#x}");
    }
    let closed = {
        let counter = sys::eventfd(0, 0)?;
        call.put(2, &[&counter]);
        counter.as_raw_fd() as usize
    };
    check_err!(call.select(closed + 1), EBADF);
    check_eq!(call.select(closed)?, 0);
    check_eq!(call.select(0)?, 0);
    Ok(())
}

fn select_bad_times(_: &Case) -> Outcome {
    let call = Call::new()?;
    for (seconds, microseconds) in [(-1, 0), (0, -1), (i64::MIN, i64::MIN)] {
        call.set_time(seconds, microseconds);
        check_err!(call.select(0), EINVAL);
        check_err!(call.select(usize::MAX), EINVAL);
    }
    Ok(())
}

fn select_bad_addresses(_: &Case) -> Outcome {
    let call = Call::new()?;
    let page = &call.page;
    let select = |count: usize, sets: [usize; 3], time: usize| {
        page.call("select", libc::SYS_select, [count, sets[0], sets[1], sets[2], time, 0])
    };
    call.set_time(0, 0);
    let time = page.at(TIME);
    for bad in [8, page.at(PAGE), usize::MAX - 3, 1 << 63] {
        for set in 0..3 {
            let mut sets = [0; 3];
            sets[set] = bad;
            check_err!(select(64, sets, time), EFAULT, "{bad:#x}");
            check_eq!(select(0, sets, time)?, 0, "nothing is read");
        }
        check_err!(select(0, [0; 3], bad), EFAULT);
    }
    // Only as many bytes are touched as the numbers take, in words.
    check_eq!(select(64, [page.at(PAGE - 8), 0, 0], time)?, 0);
    check_err!(select(65, [page.at(PAGE - 8), 0, 0], time), EFAULT);
    Ok(())
}

fn pselect6_masks(_: &Case) -> Outcome {
    let call = Call::new()?;
    let page = &call.page;
    let pselect =
        |argument: usize| page.call("pselect6", libc::SYS_pselect6, [0, 0, 0, 0, page.at(TIME), argument]);
    let put = |address: usize, size: usize| {
        page.write(1024, &address.to_ne_bytes());
        page.write(1032, &size.to_ne_bytes());
    };
    call.set_time(0, 0);
    check_eq!(pselect(0)?, 0);
    put(0, 3);
    check_eq!(pselect(page.at(1024))?, 0);
    put(page.at(0), 8);
    check_eq!(pselect(page.at(1024))?, 0);
    put(page.at(0), 16);
    check_err!(pselect(page.at(1024)), EINVAL);
    put(8, 8);
    check_err!(pselect(page.at(1024)), EFAULT);
    check_err!(pselect(page.at(PAGE - 8)), EFAULT);
    call.set_time(0, 1_000_000_000);
    check_err!(pselect(0), EINVAL, "nanoseconds here");
    Ok(())
}
