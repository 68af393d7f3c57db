//! fallocate(2), posix_fadvise(2), sync_file_range(2), extended attributes, vectors with flags.

use std::{
    ffi::CStr,
    io::{IoSlice, IoSliceMut},
    os::fd::OwnedFd,
};

use crate::{
    errno::{Errno, Result},
    harness::{Case, Outcome, Test, check_eq, check_err, tests},
    suite::unix::help::pair,
    sys,
};

pub(crate) const TESTS: &[Test] = tests!("files::space";
    allocated_space_reads_as_zeros, holes_are_zeros, fallocate_refuses, advice_is_taken, ranges_are_synced,
    vectors_at_offsets, vectors_with_flags, vectors_of_sockets_and_pipes, attributes_that_are_not_there,
);

const KEEP: i32 = libc::FALLOC_FL_KEEP_SIZE;
const PUNCH: i32 = libc::FALLOC_FL_PUNCH_HOLE | KEEP;

fn open(case: &Case, flags: i32) -> Result<OwnedFd> {
    sys::open(&case.path("file"), flags | libc::O_CREAT, 0o600)
}

/// Size, and memory in units of 512 bytes.
fn size(fd: &OwnedFd) -> Result<(i64, i64)> {
    sys::fstat(fd).map(|stat| (stat.st_size, stat.st_blocks))
}

fn allocated_space_reads_as_zeros(case: &Case) -> Outcome {
    let fd = open(case, libc::O_RDWR)?;
    check_eq!(sys::fallocate(&fd, KEEP, 0, 8192)?, 0);
    check_eq!(size(&fd)?, (0, 16));
    check_eq!(sys::fallocate(&fd, 0, 5000, 10)?, 0);
    check_eq!(size(&fd)?, (5010, 16));
    let mut data = [1; 6000];
    check_eq!(sys::pread(&fd, &mut data, 0)?, 5010);
    check_eq!(data[..5010], [0; 5010]);
    sys::write(&fd, b"stays")?;
    check_eq!(sys::fallocate(&fd, 0, 0, 20_000)?, 0);
    check_eq!(sys::pread(&fd, &mut data, 0)?, 6000);
    check_eq!(&data[..6], b"stays\0");
    check_eq!(size(&fd)?, (20_000, 40));
    Ok(())
}

fn holes_are_zeros(case: &Case) -> Outcome {
    let fd = open(case, libc::O_RDWR)?;
    sys::write(&fd, &[b'x'; 5010])?;
    check_eq!(sys::fallocate(&fd, PUNCH, 100, 4000)?, 0);
    check_eq!(sys::fallocate(&fd, PUNCH, 4000, 1000)?, 0);
    let mut data = [1; 6000];
    check_eq!(sys::pread(&fd, &mut data, 0)?, 5010);
    check_eq!(data[..100], [b'x'; 100]);
    check_eq!(data[100..5000], [0; 4900]);
    check_eq!(data[5000..5010], [b'x'; 10]);
    check_eq!(size(&fd)?, (5010, 16));
    check_eq!(sys::fallocate(&fd, PUNCH, 0, 100_000)?, 0);
    check_eq!(size(&fd)?, (5010, 0));
    check_eq!(sys::fallocate(&fd, PUNCH, 1 << 40, 1 << 40)?, 0);
    check_eq!(size(&fd)?, (5010, 0));
    sys::pwrite(&fd, b"again", 4096)?;
    check_eq!(sys::pread(&fd, &mut data, 4090)?, 920);
    check_eq!(&data[..12], b"\0\0\0\0\0\0again\0");
    Ok(())
}

fn fallocate_refuses(case: &Case) -> Outcome {
    let fd = open(case, libc::O_RDWR)?;
    let read_only = open(case, libc::O_RDONLY)?;
    let named = sys::open(&case.path("file"), libc::O_PATH, 0)?;
    let (reader, writer) = sys::pipe2(0)?;
    let null = sys::open(c"/dev/null", libc::O_RDWR, 0)?;
    let (socket, _other) = pair()?;
    for (offset, length, errno) in [
        (-1, 1, libc::EINVAL),
        (0, 0, libc::EINVAL),
        (0, -1, libc::EINVAL),
        (i64::MAX, 1, libc::EFBIG),
        (i64::MAX - 4096, 8192, libc::EFBIG),
    ] {
        check_eq!(sys::fallocate(&fd, 0, offset, length), Err(Errno(errno)), "{offset} {length}");
    }
    check_eq!(size(&fd)?, (0, 0));
    for mode in [2, 4, 6, 9, 33, 256, -1] {
        check_err!(sys::fallocate(&fd, mode, 0, 4096), EOPNOTSUPP, "{mode}");
    }
    for (fd, errno) in [
        (&read_only, libc::EBADF),
        (&named, libc::EBADF),
        (&reader, libc::EBADF),
        (&writer, libc::ESPIPE),
        (&null, libc::ENODEV),
        (&socket, libc::ENODEV),
    ] {
        check_eq!(sys::fallocate(fd, 0, 0, 1), Err(Errno(errno)));
        check_eq!(sys::fallocate(fd, PUNCH, 0, 1), Err(Errno(errno)));
    }
    check_err!(sys::fallocate(&-1, 0, 0, 1), EBADF);
    check_err!(sys::fallocate(&read_only, 0, 0, 0), EINVAL);
    Ok(())
}

fn advice_is_taken(case: &Case) -> Outcome {
    let fd = open(case, libc::O_RDWR)?;
    let named = sys::open(&case.path("file"), libc::O_PATH, 0)?;
    let (reader, _writer) = sys::pipe2(0)?;
    let (socket, _other) = pair()?;
    for advice in 0..6 {
        check_eq!(sys::fadvise(&fd, 0, 0, advice)?, 0);
        check_eq!(sys::fadvise(&socket, 0, 0, advice)?, 0);
        check_err!(sys::fadvise(&reader, 0, 0, advice), ESPIPE);
        check_err!(sys::fadvise(&named, 0, 0, advice), EBADF);
        check_err!(sys::fadvise(&fd, 0, -1, advice), EINVAL);
    }
    check_eq!(sys::fadvise(&fd, -1, 0, 0)?, 0);
    check_err!(sys::fadvise(&fd, 0, 0, 6), EINVAL);
    check_err!(sys::fadvise(&fd, 0, 0, -1), EINVAL);
    check_err!(sys::fadvise(&-1, 0, 0, 9), EBADF);
    Ok(())
}

fn ranges_are_synced(case: &Case) -> Outcome {
    let fd = open(case, libc::O_RDWR)?;
    let (reader, _writer) = sys::pipe2(0)?;
    check_eq!(sys::sync_file_range(&fd, 0, 0, 7)?, 0);
    check_eq!(sys::sync_file_range(&fd, 5, 100, 0)?, 0);
    check_err!(sys::sync_file_range(&fd, 0, 0, 8), EINVAL);
    check_err!(sys::sync_file_range(&fd, -1, 0, 0), EINVAL);
    check_err!(sys::sync_file_range(&fd, 0, -1, 0), EINVAL);
    check_err!(sys::sync_file_range(&fd, i64::MAX, 1, 0), EINVAL);
    check_err!(sys::sync_file_range(&reader, 0, 0, 0), ESPIPE);
    check_err!(sys::sync_file_range(&pair()?.0, 0, 0, 0), ESPIPE);
    check_err!(sys::sync_file_range(&-1, 0, 0, 0), EBADF);
    Ok(())
}

fn vectors_at_offsets(case: &Case) -> Outcome {
    let fd = open(case, libc::O_RDWR)?;
    check_eq!(sys::pwritev2(&fd, &[IoSlice::new(b"01"), IoSlice::new(b"234")], -1, 0)?, 5);
    check_eq!(sys::lseek(&fd, 0, libc::SEEK_CUR)?, 5);
    check_eq!(sys::pwritev2(&fd, &[IoSlice::new(b"ab")], 1, 0)?, 2);
    check_eq!(sys::lseek(&fd, 0, libc::SEEK_CUR)?, 5);
    let (mut one, mut other) = ([0; 2], [0; 9]);
    check_eq!(sys::preadv2(&fd, &mut [IoSliceMut::new(&mut one), IoSliceMut::new(&mut other)], 0, 0)?, 5);
    check_eq!((&one, &other[..3]), (b"0a", b"b34".as_slice()));
    check_eq!(sys::preadv2(&fd, &mut [IoSliceMut::new(&mut one)], -1, 0)?, 0);
    for offset in [-2, i64::MIN] {
        check_err!(sys::preadv2(&fd, &mut [], offset, 0), EINVAL);
        check_err!(sys::pwritev2(&fd, &[], offset, 0), EINVAL);
    }
    check_err!(sys::preadv2(&-1, &mut [], 0, 0), EBADF);
    check_eq!(sys::preadv2(&fd, &mut [], 0, 1024)?, 0, "nothing is nothing");
    Ok(())
}

fn vectors_with_flags(case: &Case) -> Outcome {
    let fd = open(case, libc::O_RDWR)?;
    let appends = open(case, libc::O_RDWR | libc::O_APPEND)?;
    sys::write(&fd, b"0123")?;
    sys::lseek(&fd, 1, libc::SEEK_SET)?;
    let data = [IoSlice::new(b"x")];
    check_eq!(sys::pwritev2(&fd, &data, 0, libc::RWF_APPEND)?, 1);
    check_eq!(sys::lseek(&fd, 0, libc::SEEK_CUR)?, 1);
    check_eq!(sys::pwritev2(&fd, &data, -1, libc::RWF_APPEND)?, 1);
    check_eq!(sys::lseek(&fd, 0, libc::SEEK_CUR)?, 6);
    const NOAPPEND: i32 = 0x20;
    check_eq!(sys::pwritev2(&appends, &data, 0, 0)?, 1);
    let mut all = [0; 9];
    check_eq!(sys::pread(&fd, &mut all, 0)?, 7);
    check_eq!(&all[..7], b"0123xxx");
    for flags in [libc::RWF_HIPRI, libc::RWF_DSYNC, libc::RWF_SYNC, libc::RWF_APPEND] {
        check_eq!(sys::preadv2(&fd, &mut [IoSliceMut::new(&mut all)], 0, flags)?, 7);
    }
    for flags in [0x200, 0x400, 1 << 30] {
        check_err!(sys::preadv2(&fd, &mut [IoSliceMut::new(&mut all)], 0, flags), EOPNOTSUPP);
        check_err!(sys::pwritev2(&fd, &data, 0, flags), EOPNOTSUPP);
    }
    // Newer than the oldest Linux that these tests are made on.
    if sys::pwritev2(&appends, &data, 1, NOAPPEND) != Err(Errno(libc::EOPNOTSUPP)) {
        check_eq!(sys::pread(&fd, &mut all, 0)?, 7);
        check_eq!(&all[..7], b"0x23xxx");
        check_err!(sys::pwritev2(&appends, &data, 0, NOAPPEND | libc::RWF_APPEND), EINVAL);
    }
    let directory = sys::open(&case.path("."), libc::O_RDONLY, 0)?;
    check_err!(sys::preadv2(&directory, &mut [IoSliceMut::new(&mut all)], 0, 0), EISDIR);
    check_err!(sys::pwritev2(&directory, &data, 0, 0), EBADF);
    Ok(())
}

fn vectors_of_sockets_and_pipes(_: &Case) -> Outcome {
    let (left, right) = pair()?;
    let (reader, writer) = sys::pipe2(0)?;
    let data = [IoSlice::new(b"ab"), IoSlice::new(b"c")];
    let mut room = [0; 8];
    let nowait = libc::RWF_NOWAIT;
    let read =
        |fd: &OwnedFd, room: &mut [u8], at, flags| sys::preadv2(fd, &mut [IoSliceMut::new(room)], at, flags);
    for (from, to) in [(&left, &right), (&writer, &reader)] {
        check_eq!(sys::pwritev2(from, &data, -1, 0)?, 3);
        check_eq!(sys::pwritev2(from, &data, -1, nowait)?, 3);
        check_eq!(read(to, &mut room[..4], -1, 0)?, 4);
        check_eq!(read(to, &mut room, -1, nowait)?, 2);
        check_err!(read(to, &mut room, -1, nowait), EAGAIN);
        check_err!(read(to, &mut room, 0, 0), ESPIPE);
        check_err!(sys::pwritev2(from, &data, 0, 0), ESPIPE);
        check_err!(read(to, &mut room, -1, 0x400), EOPNOTSUPP);
        check_err!(sys::pwritev2(from, &data, -1, 0x400), EOPNOTSUPP);
    }
    drop((right, reader));
    for fd in [&left, &writer] {
        check_err!(sys::pwritev2(fd, &data, -1, 0), EPIPE);
    }
    Ok(())
}

/// What every file system says, whichever attributes it has.
fn attributes_that_are_not_there(case: &Case) -> Outcome {
    let fd = open(case, libc::O_RDWR)?;
    let named = sys::open(&case.path("file"), libc::O_PATH, 0)?;
    let path = case.path("file");
    let long = std::ffi::CString::new(vec![b'a'; 256]).expect("it has no NUL");
    let missing: [&CStr; 2] = [c"nothing", c"no.thing"];
    for name in missing {
        check_err!(sys::getxattr(&path, name, &mut [0; 8]), EOPNOTSUPP);
        check_err!(sys::fgetxattr(&fd, name, &mut [0; 8]), EOPNOTSUPP);
    }
    for name in [c"", &*long] {
        check_err!(sys::getxattr(&path, name, &mut [0; 8]), ERANGE);
        check_err!(sys::fgetxattr(&fd, name, &mut [0; 8]), ERANGE);
    }
    check_err!(sys::getxattr(&case.path("missing"), c"user.x", &mut []), ENOENT);
    check_err!(sys::fgetxattr(&named, c"user.x", &mut []), EBADF);
    check_err!(sys::fgetxattr(&-1, c"user.x", &mut []), EBADF);
    check_eq!(sys::listxattr(&path, &mut [0; 64])?, 0);
    check_err!(sys::listxattr(&case.path("missing"), &mut [0; 64]), ENOENT);
    Ok(())
}
