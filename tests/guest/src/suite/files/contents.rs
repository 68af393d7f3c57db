//! Open files: reading, writing, positions, sizes, flags, descriptors.

use std::io::{IoSlice, IoSliceMut};

use crate::{
    harness::{Case, Need, Outcome, Test, check, check_eq, check_err, tests},
    sys::{self, Descriptor},
};

pub(crate) const TESTS: &[Test] = tests!("files";
    file_is_created_once,
    file_keeps_its_contents,
    file_appends,
    file_is_truncated,
    file_positions,
    file_positions_refuse_nonsense,
    file_positions_are_shared_by_duplicates,
    file_positions_of_two_opens_are_separate,
    file_holes_read_as_zero,
    file_pread_and_pwrite_leave_the_position,
    file_vectors,
    file_large_contents,
    file_access_modes_are_enforced,
    file_lives_on_while_open,
    file_sizes_in_stat,
    file_from_the_image_can_be_read,
    descriptors_lowest_first,
    descriptors_dup2_and_dup3,
    descriptors_dup_from_a_number,
    descriptors_close_on_exec,
    descriptors_run_out needs [Need::DescriptorLimit],
    descriptors_status_flags,
    descriptors_refuse_bad_commands,
    devices_null_and_zero,
    devices_random,
);

const NEW: i32 = libc::O_CREAT | libc::O_RDWR;

fn file_is_created_once(case: &Case) -> Outcome {
    let path = case.path("file");
    check_err!(sys::open(&path, libc::O_RDWR, 0), ENOENT);
    let fd = sys::open(&path, NEW | libc::O_EXCL, 0o600)?;
    check_err!(sys::open(&path, NEW | libc::O_EXCL, 0o600), EEXIST);
    check_eq!(sys::read(&fd, &mut [0; 4])?, 0);
    drop(sys::open(&path, NEW, 0o600)?);
    check_eq!(sys::stat(&path)?.st_mode, libc::S_IFREG | 0o600);
    Ok(())
}

fn file_keeps_its_contents(case: &Case) -> Outcome {
    let path = case.path("file");
    let fd = sys::open(&path, NEW, 0o600)?;
    check_eq!(sys::write(&fd, b"first line\n")?, 11);
    check_eq!(sys::write(&fd, b"")?, 0);
    check_eq!(sys::write(&fd, b"second")?, 6);
    drop(fd);
    let fd = sys::open(&path, libc::O_RDONLY, 0)?;
    let mut got = [0; 64];
    check_eq!(sys::read(&fd, &mut got)?, 17);
    check_eq!(&got[..17], b"first line\nsecond");
    check_eq!(sys::read(&fd, &mut got)?, 0);
    Ok(())
}

fn file_appends(case: &Case) -> Outcome {
    let path = case.path("file");
    let one = sys::open(&path, libc::O_CREAT | libc::O_WRONLY | libc::O_APPEND, 0o600)?;
    let other = sys::open(&path, libc::O_WRONLY | libc::O_APPEND, 0)?;
    for (fd, text) in [(&one, b"a"), (&other, b"b"), (&one, b"c")] {
        check_eq!(sys::write(fd, text)?, 1);
    }
    sys::lseek(&one, 0, libc::SEEK_SET)?;
    check_eq!(sys::write(&one, b"d")?, 1, "at the end, wherever the position is");
    check_eq!(sys::lseek(&one, 0, libc::SEEK_CUR)?, 4);
    let mut got = [0; 8];
    check_eq!(sys::read(&sys::open(&path, libc::O_RDONLY, 0)?, &mut got)?, 4);
    check_eq!(&got[..4], b"abcd");
    Ok(())
}

fn file_is_truncated(case: &Case) -> Outcome {
    let path = case.path("file");
    let fd = sys::open(&path, NEW, 0o600)?;
    sys::write(&fd, b"0123456789")?;
    check_eq!(sys::ftruncate(&fd, 4)?, 0);
    check_eq!(sys::fstat(&fd)?.st_size, 4);
    check_eq!(sys::ftruncate(&fd, 6)?, 0);
    let mut got = [0xff; 8];
    check_eq!(sys::pread(&fd, &mut got, 0)?, 6);
    check_eq!(&got[..6], b"0123\0\0");
    check_eq!(sys::truncate(&path, 1)?, 0);
    check_eq!(sys::fstat(&fd)?.st_size, 1);
    drop(sys::open(&path, libc::O_WRONLY | libc::O_TRUNC, 0)?);
    check_eq!(sys::fstat(&fd)?.st_size, 0);
    check_err!(sys::ftruncate(&fd, -1), EINVAL);
    check_err!(sys::truncate(&path, -1), EINVAL);
    check_err!(sys::truncate(&case.path(""), 0), EISDIR);
    check_err!(sys::ftruncate(&sys::open(&path, libc::O_RDONLY, 0)?, 0), EINVAL);
    Ok(())
}

fn file_positions(case: &Case) -> Outcome {
    let fd = sys::open(&case.path("file"), NEW, 0o600)?;
    sys::write(&fd, b"0123456789")?;
    for (offset, whence, expected) in [
        (3, libc::SEEK_SET, 3),
        (2, libc::SEEK_CUR, 5),
        (-4, libc::SEEK_CUR, 1),
        (-1, libc::SEEK_END, 9),
        (5, libc::SEEK_END, 15),
        (0, libc::SEEK_CUR, 15),
    ] {
        check_eq!(sys::lseek(&fd, offset, whence)?, expected);
    }
    check_eq!(sys::read(&fd, &mut [0; 4])?, 0, "behind the end");
    sys::lseek(&fd, 8, libc::SEEK_SET)?;
    let mut got = [0; 8];
    check_eq!(sys::read(&fd, &mut got)?, 2);
    check_eq!(&got[..2], b"89");
    Ok(())
}

fn file_positions_refuse_nonsense(case: &Case) -> Outcome {
    let fd = sys::open(&case.path("file"), NEW, 0o600)?;
    check_err!(sys::lseek(&fd, -1, libc::SEEK_SET), EINVAL);
    check_err!(sys::lseek(&fd, -1, libc::SEEK_END), EINVAL);
    check_err!(sys::lseek(&fd, 0, 99), EINVAL);
    check_err!(sys::pread(&fd, &mut [0], -1), EINVAL);
    check_err!(sys::pwrite(&fd, &[0], -1), EINVAL);
    let (read, _write) = sys::pipe2(0)?;
    check_err!(sys::lseek(&read, 0, libc::SEEK_SET), ESPIPE);
    check_err!(sys::pread(&read, &mut [0], 0), ESPIPE);
    Ok(())
}

fn file_positions_are_shared_by_duplicates(case: &Case) -> Outcome {
    let fd = sys::open(&case.path("file"), NEW, 0o600)?;
    let copy = sys::dup(&fd)?;
    sys::write(&fd, b"abc")?;
    sys::write(&copy, b"def")?;
    check_eq!(sys::lseek(&fd, 0, libc::SEEK_CUR)?, 6);
    sys::lseek(&copy, 1, libc::SEEK_SET)?;
    let mut got = [0; 2];
    check_eq!(sys::read(&fd, &mut got)?, 2);
    check_eq!(&got, b"bc");
    Ok(())
}

fn file_positions_of_two_opens_are_separate(case: &Case) -> Outcome {
    let path = case.path("file");
    let one = sys::open(&path, NEW, 0o600)?;
    let other = sys::open(&path, libc::O_RDWR, 0)?;
    sys::write(&one, b"abc")?;
    check_eq!(sys::lseek(&other, 0, libc::SEEK_CUR)?, 0);
    sys::write(&other, b"X")?;
    let mut got = [0; 4];
    check_eq!(sys::pread(&one, &mut got, 0)?, 3);
    check_eq!(&got[..3], b"Xbc");
    Ok(())
}

fn file_holes_read_as_zero(case: &Case) -> Outcome {
    let fd = sys::open(&case.path("file"), NEW, 0o600)?;
    sys::lseek(&fd, 100_000, libc::SEEK_SET)?;
    sys::write(&fd, b"end")?;
    check_eq!(sys::fstat(&fd)?.st_size, 100_003);
    let mut got = vec![0xff; 100_010];
    check_eq!(sys::pread(&fd, &mut got, 0)?, 100_003);
    check!(got[..100_000].iter().all(|byte| *byte == 0));
    check_eq!(&got[100_000..100_003], b"end");
    Ok(())
}

fn file_pread_and_pwrite_leave_the_position(case: &Case) -> Outcome {
    let fd = sys::open(&case.path("file"), NEW, 0o600)?;
    sys::write(&fd, b"0123456789")?;
    check_eq!(sys::pwrite(&fd, b"XY", 2)?, 2);
    let mut got = [0; 4];
    check_eq!(sys::pread(&fd, &mut got, 1)?, 4);
    check_eq!(&got, b"1XY4");
    check_eq!(sys::lseek(&fd, 0, libc::SEEK_CUR)?, 10);
    check_eq!(sys::pread(&fd, &mut got, 10)?, 0);
    check_eq!(sys::pwrite(&fd, b"!", 12)?, 1);
    check_eq!(sys::fstat(&fd)?.st_size, 13);
    Ok(())
}

fn file_vectors(case: &Case) -> Outcome {
    let fd = sys::open(&case.path("file"), NEW, 0o600)?;
    check_eq!(sys::writev(&fd, &[IoSlice::new(b"ab"), IoSlice::new(b""), IoSlice::new(b"cde")])?, 5);
    sys::lseek(&fd, 0, libc::SEEK_SET)?;
    let (mut one, mut two) = ([0; 3], [0; 9]);
    check_eq!(sys::readv(&fd, &mut [IoSliceMut::new(&mut one), IoSliceMut::new(&mut two)])?, 5);
    check_eq!((&one, &two[..2]), (b"abc", &b"de"[..]));
    Ok(())
}

fn file_large_contents(case: &Case) -> Outcome {
    let fd = sys::open(&case.path("file"), NEW, 0o600)?;
    let contents = super::super::unix::help::pattern(1, 1_000_003);
    for piece in contents.chunks(33_333) {
        check_eq!(sys::write(&fd, piece)?, piece.len());
    }
    sys::lseek(&fd, 0, libc::SEEK_SET)?;
    let mut got = vec![0; contents.len() + 1];
    check_eq!(super::super::unix::help::read_full(&fd, &mut got)?, contents.len());
    check!(got[..contents.len()] == contents[..]);
    // In the middle, over several pages.
    let patch = super::super::unix::help::pattern(2, 20_000);
    check_eq!(sys::pwrite(&fd, &patch, 499_999)?, 20_000);
    check_eq!(sys::pread(&fd, &mut got[..20_002], 499_998)?, 20_002);
    check!(got[0] == contents[499_998] && got[1..20_001] == patch[..] && got[20_001] == contents[519_999]);
    Ok(())
}

fn file_access_modes_are_enforced(case: &Case) -> Outcome {
    let path = case.path("file");
    drop(sys::open(&path, NEW, 0o600)?);
    let reader = sys::open(&path, libc::O_RDONLY, 0)?;
    let writer = sys::open(&path, libc::O_WRONLY, 0)?;
    check_err!(sys::write(&reader, b"x"), EBADF);
    check_err!(sys::read(&writer, &mut [0]), EBADF);
    check_err!(sys::pwrite(&reader, b"x", 0), EBADF);
    check_err!(sys::writev(&reader, &[IoSlice::new(b"x")]), EBADF);
    check_eq!(sys::fcntl(&reader, libc::F_GETFL, 0)? as i32 & libc::O_ACCMODE, libc::O_RDONLY);
    check_eq!(sys::fcntl(&writer, libc::F_GETFL, 0)? as i32 & libc::O_ACCMODE, libc::O_WRONLY);
    let (read, write) = sys::pipe2(0)?;
    check_err!(sys::write(&read, b"x"), EBADF);
    check_err!(sys::read(&write, &mut [0]), EBADF);
    Ok(())
}

fn file_lives_on_while_open(case: &Case) -> Outcome {
    let path = case.path("file");
    let fd = sys::open(&path, NEW, 0o600)?;
    sys::write(&fd, b"still here")?;
    sys::unlink(&path)?;
    check_err!(sys::stat(&path), ENOENT);
    check_eq!(sys::fstat(&fd)?.st_nlink, 0);
    let mut got = [0; 16];
    check_eq!(sys::pread(&fd, &mut got, 0)?, 10);
    check_eq!(sys::write(&fd, b"!")?, 1);
    check_eq!(sys::fstat(&fd)?.st_size, 11);
    Ok(())
}

fn file_sizes_in_stat(case: &Case) -> Outcome {
    let path = case.path("file");
    let fd = sys::open(&path, NEW, 0o640)?;
    sys::write(&fd, &[1; 5000])?;
    let (by_path, by_fd, by_link) = (sys::stat(&path)?, sys::fstat(&fd)?, sys::lstat(&path)?);
    for stat in [by_path, by_fd, by_link] {
        check_eq!(stat.st_size, 5000);
        check_eq!(stat.st_nlink, 1);
        check_eq!(stat.st_mode & libc::S_IFMT, libc::S_IFREG);
        check_eq!((stat.st_ino, stat.st_dev), (by_fd.st_ino, by_fd.st_dev));
        check!(stat.st_blksize > 0);
    }
    Ok(())
}

fn file_from_the_image_can_be_read(_: &Case) -> Outcome {
    // The program itself: it came with the image, and was not written here.
    let path = std::env::args_os().next().unwrap_or_default().into_encoded_bytes();
    let path = std::ffi::CString::new(path).expect("arguments have no NUL");
    let Ok(fd) = sys::open(&path, libc::O_RDONLY, 0) else {
        // Started by a name that is not a path: nothing to read.
        return Ok(());
    };
    let mut magic = [0; 4];
    check_eq!(sys::read(&fd, &mut magic)?, 4);
    check_eq!(&magic, b"\x7fELF");
    let size = sys::fstat(&fd)?.st_size;
    check_eq!(sys::lseek(&fd, 0, libc::SEEK_END)? as i64, size);
    check_eq!(sys::pread(&fd, &mut magic, size)?, 0);
    check_eq!(sys::pread(&fd, &mut magic, size - 2)?, 2);
    Ok(())
}

fn descriptors_lowest_first(case: &Case) -> Outcome {
    let path = case.path("file");
    let fds = (0..5).map(|_| sys::open(&path, NEW, 0o600)).collect::<Result<Vec<_>, _>>()?;
    let numbers: Vec<_> = fds.iter().map(Descriptor::number).collect();
    check!(numbers.windows(2).all(|two| two[0] < two[1]), "{numbers:?}");
    let mut fds: Vec<_> = fds.into_iter().map(Some).collect();
    fds[3] = None;
    fds[1] = None;
    let first = sys::open(&path, libc::O_RDONLY, 0)?;
    let second = sys::dup(&first)?;
    check_eq!((first.number(), second.number()), (numbers[1], numbers[3]));
    Ok(())
}

fn descriptors_dup2_and_dup3(case: &Case) -> Outcome {
    let one = sys::open(&case.path("one"), NEW, 0o600)?;
    let other = sys::open(&case.path("other"), NEW, 0o600)?;
    sys::write(&one, b"one")?;
    check_eq!(sys::dup2(&one, &other)? as i32, other.number());
    let mut got = [0; 8];
    check_eq!(sys::pread(&other, &mut got, 0)?, 3, "the other file was closed");
    check_eq!(sys::dup2(&one, &one)? as i32, one.number());
    check_err!(sys::dup2(&-1, &other), EBADF);
    check_eq!(sys::dup3(&one, &other, libc::O_CLOEXEC)? as i32, other.number());
    check_eq!(sys::fcntl(&other, libc::F_GETFD, 0)? as i32, libc::FD_CLOEXEC);
    check_eq!(sys::dup3(&one, &other, 0)? as i32, other.number());
    check_eq!(sys::fcntl(&other, libc::F_GETFD, 0)?, 0);
    check_err!(sys::dup3(&one, &one, 0), EINVAL);
    check_err!(sys::dup3(&one, &other, libc::O_NONBLOCK), EINVAL);
    Ok(())
}

fn descriptors_dup_from_a_number(case: &Case) -> Outcome {
    let fd = sys::open(&case.path("file"), NEW, 0o600)?;
    let high = sys::dup_from(&fd, libc::F_DUPFD, 100)?;
    check!(high.number() >= 100);
    let next = sys::dup_from(&fd, libc::F_DUPFD_CLOEXEC, high.number())?;
    check_eq!(next.number(), high.number() + 1);
    check_eq!(sys::fcntl(&next, libc::F_GETFD, 0)? as i32, libc::FD_CLOEXEC);
    check_err!(sys::dup_from(&fd, libc::F_DUPFD, -1), EINVAL);
    check_err!(sys::dup_from(&fd, libc::F_DUPFD, i32::MAX), EINVAL);
    Ok(())
}

fn descriptors_close_on_exec(case: &Case) -> Outcome {
    let path = case.path("file");
    let fd = sys::open(&path, NEW | libc::O_CLOEXEC, 0o600)?;
    check_eq!(sys::fcntl(&fd, libc::F_GETFD, 0)? as i32, libc::FD_CLOEXEC);
    sys::fcntl(&fd, libc::F_SETFD, 0)?;
    check_eq!(sys::fcntl(&fd, libc::F_GETFD, 0)?, 0);
    sys::fcntl(&fd, libc::F_SETFD, libc::FD_CLOEXEC)?;
    check_eq!(sys::fcntl(&fd, libc::F_GETFD, 0)? as i32, libc::FD_CLOEXEC);
    let (read, write) = sys::pipe2(libc::O_CLOEXEC)?;
    for end in [&read, &write] {
        check_eq!(sys::fcntl(end, libc::F_GETFD, 0)? as i32, libc::FD_CLOEXEC);
    }
    Ok(())
}

fn descriptors_run_out(case: &Case) -> Outcome {
    let path = case.path("file");
    let fd = sys::open(&path, NEW, 0o600)?;
    let limit = fd.number() as u64 + 6;
    // Whoever started the tests may have left some open.
    let mut free = 0;
    for number in 0..limit as i32 {
        free += usize::from(sys::fcntl(&number, libc::F_GETFD, 0).is_err());
    }
    let (soft, _) = sys::limit_descriptors(Some(limit))?;
    let mut held = Vec::new();
    let failed = loop {
        match sys::open(&path, libc::O_RDONLY, 0) {
            Ok(fd) => held.push(fd),
            Err(errno) => break errno,
        }
        if held.len() > 10 {
            break crate::errno::Errno(0);
        }
    };
    let dup = sys::dup(&fd);
    let from = sys::dup_from(&fd, libc::F_DUPFD, 0);
    let beyond = sys::dup_from(&fd, libc::F_DUPFD, limit as i32);
    let pipe = sys::pipe2(0);
    let freed = held.pop().map(|fd| fd.number());
    let again = sys::open(&path, libc::O_RDONLY, 0);
    sys::limit_descriptors(Some(soft))?;
    check_eq!(failed.0, libc::EMFILE);
    check_eq!(held.len() + 1, free);
    check_err!(dup, EMFILE);
    check_err!(from, EMFILE);
    check_err!(beyond, EINVAL);
    check_err!(pipe, EMFILE);
    check_eq!(again.map(|fd| fd.number()).ok(), freed);
    Ok(())
}

fn descriptors_status_flags(case: &Case) -> Outcome {
    let fd = sys::open(&case.path("file"), NEW | libc::O_APPEND, 0o600)?;
    let flags = |fd| -> Outcome<i32> { Ok(sys::fcntl(fd, libc::F_GETFL, 0)? as i32 & !libc::O_LARGEFILE) };
    check_eq!(flags(&fd)? & 0o7777, libc::O_RDWR | libc::O_APPEND, "O_CREAT does not stay");
    sys::fcntl(&fd, libc::F_SETFL, libc::O_NONBLOCK)?;
    check_eq!(flags(&fd)? & 0o7777, libc::O_RDWR | libc::O_NONBLOCK, "O_APPEND can be taken away");
    sys::fcntl(&fd, libc::F_SETFL, libc::O_WRONLY | libc::O_CREAT)?;
    check_eq!(flags(&fd)? & 0o7777, libc::O_RDWR, "the access mode cannot");
    let (read, write) = sys::pipe2(libc::O_NONBLOCK)?;
    check_eq!(flags(&read)?, libc::O_RDONLY | libc::O_NONBLOCK);
    check_eq!(flags(&write)?, libc::O_WRONLY | libc::O_NONBLOCK);
    Ok(())
}

fn descriptors_refuse_bad_commands(case: &Case) -> Outcome {
    let fd = sys::open(&case.path("file"), NEW, 0o600)?;
    check_err!(sys::fcntl(&fd, 12_345, 0), EINVAL);
    check_err!(sys::fcntl(&-1, libc::F_GETFD, 0), EBADF);
    check_err!(sys::pipe2(0x4), EINVAL);
    check_err!(sys::pipe2(-1), EINVAL);
    Ok(())
}

fn devices_null_and_zero(_: &Case) -> Outcome {
    let null = sys::open(c"/dev/null", libc::O_RDWR, 0)?;
    check_eq!(sys::write(&null, &[1; 10_000])?, 10_000);
    check_eq!(sys::read(&null, &mut [0; 16])?, 0);
    check_eq!(sys::fstat(&null)?.st_mode & libc::S_IFMT, libc::S_IFCHR);
    let zero = sys::open(c"/dev/zero", libc::O_RDWR, 0)?;
    let mut got = vec![0xff; 10_000];
    check_eq!(sys::read(&zero, &mut got)?, 10_000);
    check!(got.iter().all(|byte| *byte == 0));
    check_eq!(sys::write(&zero, b"gone")?, 4);
    Ok(())
}

fn devices_random(_: &Case) -> Outcome {
    let fd = sys::open(c"/dev/urandom", libc::O_RDONLY, 0)?;
    let (mut one, mut other) = ([0; 64], [0; 64]);
    check_eq!(sys::read(&fd, &mut one)?, 64);
    check_eq!(sys::read(&fd, &mut other)?, 64);
    check!(one != other);
    Ok(())
}
