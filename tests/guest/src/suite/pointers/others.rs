//! Each pointer argument of the calls that are not about networking but that programs with sockets make.

use std::os::fd::AsRawFd;

use super::memory::{Access, After, Memory, Place, Row, Situation, try_places};
use crate::{
    harness::{Case, Outcome, Test, check_eq, check_err, tests},
    sys,
};

pub(crate) const TESTS: &[Test] = tests!("pointers";
    pipe2_numbers,
    poll_entries,
    read_buffer_of_a_pipe,
    write_buffer_of_a_pipe,
    read_buffer_of_a_file,
    write_buffer_of_a_file,
    clock_gettime_time,
    nanosleep_time,
    getrandom_buffer,
    fstat_result,
    stat_result,
    getdents64_buffer,
    getcwd_buffer,
    readlink_buffer,
    paths,
    second_paths,
);

/// A situation that has nothing to look after.
fn bare(words: [usize; 6]) -> Outcome<Situation> {
    Ok(Situation { words, usable: Box::new(|_| Ok(())) })
}

fn written(
    call: &'static str,
    number: i64,
    register: usize,
    size: usize,
    situation: fn(&Case, &Memory) -> Outcome<Situation>,
) -> Row {
    Row { call, number, register, access: Access::Write, contents: vec![0; size], exempt: &[], situation }
}

fn pipe2_numbers(case: &Case) -> Outcome {
    let situation = |_: &Case, memory: &Memory| {
        let lowest = sys::pipe2(0)?.0.as_raw_fd() as usize;
        let usable = move |after: After| {
            if after == After::Good(0) {
                let (read, write) = (sys::adopt(lowest), sys::adopt(lowest + 1));
                check_eq!(sys::write(&write, b"x")?, 1);
                check_eq!(sys::read(&read, &mut [0; 4])?, 1);
            } else {
                check_eq!(sys::pipe2(0)?.0.as_raw_fd() as usize, lowest, "no descriptor is left behind");
            }
            Ok(())
        };
        Ok(Situation { words: [memory.put(0, &[0; 8]), 0, 0, 0, 0, 0], usable: Box::new(usable) })
    };
    try_places(case, &written("pipe2", libc::SYS_pipe2, 0, 8, situation))
}

fn poll_entries(case: &Case) -> Outcome {
    // An entry of a descriptor below zero: ignored, but its result is written.
    let entry = [0xff, 0xff, 0xff, 0xff, 1, 0, 0xff, 0xff];
    let row = Row {
        contents: entry.to_vec(),
        ..written("poll", libc::SYS_poll, 0, 8, |_, memory| {
            bare([memory.put(0, &[0xff, 0xff, 0xff, 0xff, 1, 0, 0xff, 0xff]), 1, 0, 0, 0, 0])
        })
    };
    try_places(case, &row)
}

fn read_buffer_of_a_pipe(case: &Case) -> Outcome {
    let situation = |_: &Case, memory: &Memory| {
        let (read, write) = sys::pipe2(libc::O_NONBLOCK)?;
        sys::write(&write, b"waiting!")?;
        let words = [read.as_raw_fd() as usize, memory.put(0, &[0; 8]), 8, 0, 0, 0];
        let usable = move |after: After| {
            let met = sys::read(&read, &mut [0; 16]);
            match after {
                After::Good(_) => check_err!(met, EAGAIN),
                // A page that is partly writable may have taken its part.
                After::Bad(Place::Crossing) => {}
                After::Bad(_) => check_eq!(met, Ok(8), "the data stays"),
            }
            check_eq!(sys::write(&write, b"x")?, 1);
            check_eq!(sys::read(&read, &mut [0; 4])?, 1);
            Ok(())
        };
        Ok(Situation { words, usable: Box::new(usable) })
    };
    try_places(case, &written("read", libc::SYS_read, 1, 8, situation))
}

fn write_buffer_of_a_pipe(case: &Case) -> Outcome {
    let situation = |_: &Case, memory: &Memory| {
        let (read, write) = sys::pipe2(libc::O_NONBLOCK)?;
        let words = [write.as_raw_fd() as usize, memory.put(0, b"written!"), 8, 0, 0, 0];
        let usable = move |after: After| {
            let met = sys::read(&read, &mut [0; 16]);
            match after {
                After::Good(_) => check_eq!(met, Ok(8)),
                After::Bad(_) => check_err!(met, EAGAIN, "nothing was written"),
            }
            check_eq!(sys::write(&write, b"x")?, 1);
            check_eq!(sys::read(&read, &mut [0; 4])?, 1);
            Ok(())
        };
        Ok(Situation { words, usable: Box::new(usable) })
    };
    let row = Row {
        access: Access::Read,
        contents: b"written!".to_vec(),
        ..written("write", libc::SYS_write, 1, 8, situation)
    };
    try_places(case, &row)
}

fn read_buffer_of_a_file(case: &Case) -> Outcome {
    let situation = |case: &Case, memory: &Memory| {
        let file = sys::open(&case.path("file"), libc::O_CREAT | libc::O_RDWR | libc::O_TRUNC, 0o600)?;
        sys::write(&file, b"contents")?;
        sys::lseek(&file, 0, libc::SEEK_SET)?;
        let words = [file.as_raw_fd() as usize, memory.put(0, &[0; 8]), 8, 0, 0, 0];
        let usable = move |after: After| {
            let at = sys::lseek(&file, 0, libc::SEEK_CUR)?;
            check_eq!(at, if let After::Good(_) = after { 8 } else { 0 }, "the position after {after:?}");
            Ok(())
        };
        Ok(Situation { words, usable: Box::new(usable) })
    };
    // What a file delivers up to a page that it cannot write to is the file system's own choice.
    let row = Row { exempt: &[Place::Crossing], ..written("read", libc::SYS_read, 1, 8, situation) };
    try_places(case, &row)
}

fn write_buffer_of_a_file(case: &Case) -> Outcome {
    let situation = |case: &Case, memory: &Memory| {
        let file = sys::open(&case.path("file"), libc::O_CREAT | libc::O_RDWR | libc::O_TRUNC, 0o600)?;
        let words = [file.as_raw_fd() as usize, memory.put(0, b"contents"), 8, 0, 0, 0];
        let usable = move |after: After| {
            let size = sys::fstat(&file)?.st_size;
            check_eq!(size, if let After::Good(_) = after { 8 } else { 0 });
            Ok(())
        };
        Ok(Situation { words, usable: Box::new(usable) })
    };
    let row = Row {
        access: Access::Read,
        contents: b"contents".to_vec(),
        exempt: &[Place::Crossing],
        ..written("write", libc::SYS_write, 1, 8, situation)
    };
    try_places(case, &row)
}

fn clock_gettime_time(case: &Case) -> Outcome {
    for situation in [
        (|_, memory| bare([libc::CLOCK_MONOTONIC as usize, memory.put(0, &[0; 16]), 0, 0, 0, 0]))
            as fn(&Case, &Memory) -> Outcome<Situation>,
        |_, memory| bare([libc::CLOCK_REALTIME as usize, memory.put(0, &[0; 16]), 0, 0, 0, 0]),
    ] {
        try_places(case, &written("clock_gettime", libc::SYS_clock_gettime, 1, 16, situation))?;
    }
    Ok(())
}

fn nanosleep_time(case: &Case) -> Outcome {
    let row = Row {
        access: Access::Read,
        ..written("nanosleep", libc::SYS_nanosleep, 0, 16, |_, memory| {
            bare([memory.put(0, &[0; 16]), 0, 0, 0, 0, 0])
        })
    };
    try_places(case, &row)
}

fn getrandom_buffer(case: &Case) -> Outcome {
    let situation = |_: &Case, memory: &Memory| bare([memory.put(0, &[0; 16]), 16, 0, 0, 0, 0]);
    // Newer kernels return what they could write before the bad page.
    let row =
        Row { exempt: &[Place::Crossing], ..written("getrandom", libc::SYS_getrandom, 0, 16, situation) };
    try_places(case, &row)
}

const STAT_SIZE: usize = size_of::<libc::stat>();

fn fstat_result(case: &Case) -> Outcome {
    let situation = |case: &Case, memory: &Memory| {
        let file = sys::open(&case.path("file"), libc::O_CREAT | libc::O_RDWR, 0o600)?;
        let words = [file.as_raw_fd() as usize, memory.put(0, &[0; STAT_SIZE]), 0, 0, 0, 0];
        Ok(Situation {
            words,
            usable: Box::new(move |_| {
                check_eq!(sys::fstat(&file)?.st_size, 0);
                Ok(())
            }),
        })
    };
    try_places(case, &written("fstat", libc::SYS_fstat, 1, STAT_SIZE, situation))
}

fn stat_result(case: &Case) -> Outcome {
    for number in [libc::SYS_stat, libc::SYS_lstat] {
        let situation = |_: &Case, memory: &Memory| {
            bare([memory.put(1, b"/\0"), memory.put(0, &[0; STAT_SIZE]), 0, 0, 0, 0])
        };
        try_places(case, &written("stat", number, 1, STAT_SIZE, situation))?;
    }
    Ok(())
}

fn getdents64_buffer(case: &Case) -> Outcome {
    let situation = |case: &Case, memory: &Memory| {
        let directory = sys::open(&case.path(""), libc::O_RDONLY | libc::O_DIRECTORY, 0)?;
        // Room for the first entry, "." or "..", whose record has 24 bytes, and not for two.
        let words = [directory.as_raw_fd() as usize, memory.put(0, &[0; 24]), 24, 0, 0, 0];
        let usable = move |after: After| {
            let mut rest = [0; 1024];
            check_eq!(
                sys::getdents(&directory, &mut rest)?,
                if let After::Good(_) = after { 24 } else { 48 }
            );
            Ok(())
        };
        Ok(Situation { words, usable: Box::new(usable) })
    };
    try_places(
        case,
        &Row { exempt: &[Place::Crossing], ..written("getdents64", libc::SYS_getdents64, 1, 24, situation) },
    )
}

fn getcwd_buffer(case: &Case) -> Outcome {
    let situation = |_: &Case, memory: &Memory| bare([memory.put(0, &[0; 2]), 200, 0, 0, 0, 0]);
    let row = Row { exempt: &[Place::Crossing], ..written("getcwd", libc::SYS_getcwd, 0, 200, situation) };
    try_places(case, &row)
}

fn readlink_buffer(case: &Case) -> Outcome {
    let situation = |case: &Case, memory: &Memory| {
        let link = case.path("link");
        // It is there already from the second situation on.
        let _ = sys::symlink(c"target", &link);
        bare([memory.put(1, link.as_bytes_with_nul()), memory.put(0, &[0; 6]), 6, 0, 0, 0])
    };
    try_places(case, &written("readlink", libc::SYS_readlink, 1, 6, situation))
}

/// Places that no path may lie at.
const BAD_PATHS: [Place; 9] = [
    Place::Null,
    Place::PageZero,
    Place::Unmapped,
    Place::Forbidden,
    Place::Crossing,
    Place::UserEnd,
    Place::NonCanonical,
    Place::Kernel,
    Place::Top,
];

fn paths(case: &Case) -> Outcome {
    let memory = Memory::new()?;
    drop(sys::open(&case.path("file"), libc::O_CREAT | libc::O_RDWR, 0o600)?);
    let result = memory.put(0, &[0; STAT_SIZE]);
    let other = memory.put(1, case.path("other").as_bytes_with_nul());
    for (call, number, register, words) in [
        ("open", libc::SYS_open, 0, [0; 6]),
        ("openat", libc::SYS_openat, 1, [libc::AT_FDCWD as isize as usize, 0, 0, 0, 0, 0]),
        ("stat", libc::SYS_stat, 0, [0, result, 0, 0, 0, 0]),
        ("lstat", libc::SYS_lstat, 0, [0, result, 0, 0, 0, 0]),
        ("mkdir", libc::SYS_mkdir, 0, [0, 0o700, 0, 0, 0, 0]),
        ("rmdir", libc::SYS_rmdir, 0, [0; 6]),
        ("unlink", libc::SYS_unlink, 0, [0; 6]),
        ("chmod", libc::SYS_chmod, 0, [0, 0o600, 0, 0, 0, 0]),
        ("chdir", libc::SYS_chdir, 0, [0; 6]),
        ("access", libc::SYS_access, 0, [0; 6]),
        ("readlink", libc::SYS_readlink, 0, [0, result, 8, 0, 0, 0]),
        ("rename", libc::SYS_rename, 0, [0, other, 0, 0, 0, 0]),
        ("symlink", libc::SYS_symlink, 0, [0, other, 0, 0, 0, 0]),
        ("truncate", libc::SYS_truncate, 0, [0; 6]),
    ] {
        for place in BAD_PATHS {
            let mut words = words;
            // No NUL before the bad page: the path does not end in good memory.
            words[register] = memory.bad(place, b"/tmp/a path without an end")?;
            check_err!(memory.0.call(call, number, words), EFAULT, "{call} at {place:?}");
        }
    }
    check_eq!(sys::stat(&case.path("file"))?.st_size, 0);
    check_err!(sys::lstat(&case.path("other")), ENOENT);
    Ok(())
}

fn second_paths(case: &Case) -> Outcome {
    let memory = Memory::new()?;
    drop(sys::open(&case.path("file"), libc::O_CREAT | libc::O_RDWR, 0o600)?);
    let file = memory.put(0, case.path("file").as_bytes_with_nul());
    for place in BAD_PATHS {
        let bad = memory.bad(place, b"/tmp/a path without an end")?;
        check_err!(memory.0.call("rename", libc::SYS_rename, [file, bad, 0, 0, 0, 0]), EFAULT, "{place:?}");
        check_err!(memory.0.call("symlink", libc::SYS_symlink, [file, bad, 0, 0, 0, 0]), EFAULT, "{place:?}");
    }
    check_eq!(sys::stat(&case.path("file"))?.st_size, 0);
    Ok(())
}
