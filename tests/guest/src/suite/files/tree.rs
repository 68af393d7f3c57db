//! The tree of directories: making, finding, listing, moving and removing, and who may.

use crate::{
    harness::{Case, NOBODY, Need, Outcome, Test, check, check_eq, check_err, tests},
    sys,
};

pub(crate) const TESTS: &[Test] = tests!("files";
    directories_are_made_and_removed,
    directories_are_not_files,
    directories_list_what_is_in_them,
    directories_list_in_small_pieces,
    directories_with_many_entries,
    directories_count_links,
    paths_resolve,
    paths_have_limits,
    symlinks_are_followed,
    symlinks_are_read,
    symlinks_in_a_loop,
    symlinks_and_nofollow,
    unlink_refuses_directories,
    rename_moves,
    rename_replaces,
    rename_refuses,
    rename_keeps_the_inode,
    openat_is_relative_to_its_directory,
    modes_follow_the_umask,
    modes_change,
    permissions_bind_other_users needs [Need::OtherUsers],
    permissions_sticky_directory needs [Need::OtherUsers],
    access_tells_what_exists,
    working_directory_changes,
    std_file_system_functions_work,
);

fn make(path: &std::ffi::CStr) -> Outcome {
    drop(sys::open(path, libc::O_CREAT | libc::O_WRONLY, 0o600)?);
    Ok(())
}

fn directories_are_made_and_removed(case: &Case) -> Outcome {
    let path = case.path("directory");
    check_eq!(sys::mkdir(&path, 0o700)?, 0);
    check_err!(sys::mkdir(&path, 0o700), EEXIST);
    check_eq!(sys::stat(&path)?.st_mode, libc::S_IFDIR | 0o700);
    check_err!(sys::mkdir(&case.path("no/such"), 0o700), ENOENT);
    make(&case.path("directory/file"))?;
    check_err!(sys::rmdir(&path), ENOTEMPTY);
    check_err!(sys::rmdir(&case.path("directory/file")), ENOTDIR);
    sys::unlink(&case.path("directory/file"))?;
    check_eq!(sys::rmdir(&path)?, 0);
    check_err!(sys::rmdir(&path), ENOENT);
    Ok(())
}

fn directories_are_not_files(case: &Case) -> Outcome {
    let path = case.path("directory");
    sys::mkdir(&path, 0o700)?;
    check_err!(sys::open(&path, libc::O_WRONLY, 0), EISDIR);
    check_err!(sys::open(&path, libc::O_RDWR, 0), EISDIR);
    let fd = sys::open(&path, libc::O_RDONLY, 0)?;
    check_err!(sys::read(&fd, &mut [0; 8]), EISDIR);
    check_err!(sys::write(&fd, b"x"), EBADF);
    make(&case.path("file"))?;
    check_err!(sys::open(&case.path("file"), libc::O_RDONLY | libc::O_DIRECTORY, 0), ENOTDIR);
    let file = sys::open(&case.path("file"), libc::O_RDONLY, 0)?;
    check_err!(sys::getdents(&file, &mut [0; 512]), ENOTDIR);
    Ok(())
}

/// The entries of a directory by getdents64(2), read with a buffer of the given size: names and types.
fn list(path: &std::ffi::CStr, size: usize) -> Outcome<Vec<(String, u8)>> {
    let fd = sys::open(path, libc::O_RDONLY | libc::O_DIRECTORY, 0)?;
    let mut entries = Vec::new();
    let mut buffer = vec![0; size];
    loop {
        let count = sys::getdents(&fd, &mut buffer)?;
        if count == 0 {
            entries.sort();
            return Ok(entries);
        }
        let mut at = 0;
        while at < count {
            // ino: 8 bytes, offset: 8, length: 2, type: 1, then the name with its NUL.
            let length = usize::from(u16::from_ne_bytes([buffer[at + 16], buffer[at + 17]]));
            check!(
                length >= 20 && length % 8 == 0 && at + length <= count,
                "a record of {length} bytes at {at}"
            );
            let name: Vec<u8> =
                buffer[at + 19..at + length].iter().copied().take_while(|byte| *byte != 0).collect();
            entries.push((String::from_utf8_lossy(&name).into_owned(), buffer[at + 18]));
            at += length;
        }
    }
}

fn directories_list_what_is_in_them(case: &Case) -> Outcome {
    make(&case.path("file"))?;
    sys::mkdir(&case.path("directory"), 0o700)?;
    sys::symlink(c"file", &case.path("link"))?;
    let expected = [
        (".", libc::DT_DIR),
        ("..", libc::DT_DIR),
        ("directory", libc::DT_DIR),
        ("file", libc::DT_REG),
        ("link", libc::DT_LNK),
    ];
    let met = list(&case.path(""), 4096)?;
    check_eq!(met.len(), expected.len(), "{met:?}");
    for ((name, kind), (expected_name, expected_kind)) in met.iter().zip(expected) {
        check_eq!((name.as_str(), *kind), (expected_name, expected_kind));
    }
    Ok(())
}

fn directories_list_in_small_pieces(case: &Case) -> Outcome {
    for index in 0..30 {
        make(&case.path(&format!("entry-{index:02}")))?;
    }
    let whole = list(&case.path(""), 8192)?;
    check_eq!(whole.len(), 32);
    check_eq!(list(&case.path(""), 64)?, whole);
    check_eq!(list(&case.path(""), 100)?, whole);
    let fd = sys::open(&case.path(""), libc::O_RDONLY | libc::O_DIRECTORY, 0)?;
    check_err!(sys::getdents(&fd, &mut [0; 8]), EINVAL, "no room for one entry");
    // The position can go back to the start.
    let mut buffer = [0; 4096];
    let first = sys::getdents(&fd, &mut buffer)?;
    check!(first > 0);
    check_eq!(sys::getdents(&fd, &mut buffer)?, 0);
    sys::lseek(&fd, 0, libc::SEEK_SET)?;
    check_eq!(sys::getdents(&fd, &mut buffer)?, first);
    Ok(())
}

fn directories_with_many_entries(case: &Case) -> Outcome {
    for index in 0..300 {
        make(&case.path(&format!("{index}")))?;
    }
    check_eq!(list(&case.path(""), 1024)?.len(), 302);
    for index in (0..300).step_by(2) {
        sys::unlink(&case.path(&format!("{index}")))?;
    }
    check_eq!(list(&case.path(""), 1024)?.len(), 152);
    check!(sys::stat(&case.path("299")).is_ok());
    check_err!(sys::stat(&case.path("298")), ENOENT);
    Ok(())
}

fn directories_count_links(case: &Case) -> Outcome {
    // Some file systems (overlayfs, btrfs) count 1 for every directory: then there is nothing to compare.
    let before = sys::stat(&case.path(""))?.st_nlink;
    sys::mkdir(&case.path("one"), 0o700)?;
    sys::mkdir(&case.path("two"), 0o700)?;
    if before != 1 {
        check_eq!(sys::stat(&case.path(""))?.st_nlink, before + 2);
        sys::rmdir(&case.path("one"))?;
        check_eq!(sys::stat(&case.path(""))?.st_nlink, before + 1);
    }
    Ok(())
}

fn paths_resolve(case: &Case) -> Outcome {
    sys::mkdir(&case.path("a"), 0o700)?;
    sys::mkdir(&case.path("a/b"), 0o700)?;
    make(&case.path("a/b/file"))?;
    let inode = sys::stat(&case.path("a/b/file"))?.st_ino;
    for path in ["a//b///file", "./a/./b/file", "a/b/../b/file", "a/../a/b/file", "a/b/../../a/b/file"] {
        check_eq!(sys::stat(&case.path(path))?.st_ino, inode, "{path}");
    }
    check_eq!(sys::stat(c"/..")?.st_ino, sys::stat(c"/")?.st_ino);
    check_eq!(sys::stat(&case.path("a/"))?.st_ino, sys::stat(&case.path("a"))?.st_ino);
    check_eq!(sys::stat(&case.path("a/b/.."))?.st_ino, sys::stat(&case.path("a"))?.st_ino);
    check_err!(sys::stat(&case.path("a/b/file/")), ENOTDIR);
    check_err!(sys::stat(&case.path("a/b/file/..")), ENOTDIR);
    check_err!(sys::stat(&case.path("a/x/../b")), ENOENT);
    check_err!(sys::stat(c""), ENOENT);
    Ok(())
}

fn paths_have_limits(case: &Case) -> Outcome {
    let longest = "n".repeat(255);
    make(&case.path(&longest))?;
    check!(sys::stat(&case.path(&longest)).is_ok());
    check_err!(sys::stat(&case.path(&"n".repeat(256))), ENAMETOOLONG);
    check_err!(sys::mkdir(&case.path(&"n".repeat(256)), 0o700), ENAMETOOLONG);
    let long = std::ffi::CString::new("/".repeat(5000)).expect("no NUL");
    check_err!(sys::stat(&long), ENAMETOOLONG);
    let fits = std::ffi::CString::new("/".repeat(4095)).expect("no NUL");
    check!(sys::stat(&fits).is_ok());
    Ok(())
}

fn symlinks_are_followed(case: &Case) -> Outcome {
    sys::mkdir(&case.path("directory"), 0o700)?;
    make(&case.path("directory/file"))?;
    sys::symlink(c"directory", &case.path("link"))?;
    sys::symlink(&case.path("directory/file"), &case.path("absolute"))?;
    sys::symlink(c"../directory/file", &case.path("directory/relative"))?;
    let inode = sys::stat(&case.path("directory/file"))?.st_ino;
    for path in ["link/file", "absolute", "directory/relative", "link/relative"] {
        check_eq!(sys::stat(&case.path(path))?.st_ino, inode, "{path}");
        check!(sys::open(&case.path(path), libc::O_RDONLY, 0).is_ok(), "{path}");
    }
    check_eq!(sys::lstat(&case.path("link"))?.st_mode & libc::S_IFMT, libc::S_IFLNK);
    check_eq!(sys::stat(&case.path("link"))?.st_mode & libc::S_IFMT, libc::S_IFDIR);
    check_eq!(sys::lstat(&case.path("link/"))?.st_mode & libc::S_IFMT, libc::S_IFDIR);
    // Creating through a dangling link makes the file that it names.
    sys::symlink(c"made", &case.path("dangling"))?;
    check_err!(sys::stat(&case.path("dangling")), ENOENT);
    make(&case.path("dangling"))?;
    check_eq!(sys::lstat(&case.path("made"))?.st_mode & libc::S_IFMT, libc::S_IFREG);
    Ok(())
}

fn symlinks_are_read(case: &Case) -> Outcome {
    let link = case.path("link");
    sys::symlink(c"some/target", &link)?;
    let mut got = [0xa5; 32];
    check_eq!(sys::readlink(&link, &mut got)?, 11);
    check_eq!(&got[..12], b"some/target\xa5", "no NUL is added");
    check_eq!(sys::readlink(&link, &mut got[..4])?, 4);
    check_eq!(sys::lstat(&link)?.st_size, 11);
    check_err!(sys::readlink(&link, &mut []), EINVAL);
    make(&case.path("file"))?;
    check_err!(sys::readlink(&case.path("file"), &mut got), EINVAL);
    check_err!(sys::readlink(&case.path("absent"), &mut got), ENOENT);
    check_err!(sys::symlink(c"x", &link), EEXIST);
    check_err!(sys::symlink(c"", &case.path("empty")), ENOENT);
    Ok(())
}

fn symlinks_in_a_loop(case: &Case) -> Outcome {
    sys::symlink(c"b", &case.path("a"))?;
    sys::symlink(c"a", &case.path("b"))?;
    check_err!(sys::stat(&case.path("a")), ELOOP);
    check_err!(sys::open(&case.path("b"), libc::O_RDONLY, 0), ELOOP);
    check!(sys::lstat(&case.path("a")).is_ok());
    // 40 links one after the other are followed, 41 are not.
    make(&case.path("0"))?;
    for index in 1..=41 {
        let target = std::ffi::CString::new(format!("{}", index - 1)).expect("no NUL");
        sys::symlink(&target, &case.path(&format!("{index}")))?;
    }
    check!(sys::stat(&case.path("40")).is_ok());
    check_err!(sys::stat(&case.path("41")), ELOOP);
    Ok(())
}

fn symlinks_and_nofollow(case: &Case) -> Outcome {
    make(&case.path("file"))?;
    sys::symlink(c"file", &case.path("link"))?;
    check_err!(sys::open(&case.path("link"), libc::O_RDONLY | libc::O_NOFOLLOW, 0), ELOOP);
    check!(sys::open(&case.path("file"), libc::O_RDONLY | libc::O_NOFOLLOW, 0).is_ok());
    check_err!(sys::open(&case.path("link"), libc::O_CREAT | libc::O_EXCL | libc::O_WRONLY, 0o600), EEXIST);
    sys::unlink(&case.path("link"))?;
    check!(sys::stat(&case.path("file")).is_ok(), "unlink removes the link, not what it names");
    Ok(())
}

fn unlink_refuses_directories(case: &Case) -> Outcome {
    sys::mkdir(&case.path("directory"), 0o700)?;
    check_err!(sys::unlink(&case.path("directory")), EISDIR);
    check_err!(sys::unlink(&case.path("absent")), ENOENT);
    make(&case.path("file"))?;
    check_err!(sys::unlink(&case.path("file/")), ENOTDIR);
    check_eq!(sys::unlink(&case.path("file"))?, 0);
    check_err!(sys::unlink(&case.path("file")), ENOENT);
    Ok(())
}

fn rename_moves(case: &Case) -> Outcome {
    make(&case.path("before"))?;
    sys::mkdir(&case.path("directory"), 0o700)?;
    check_eq!(sys::rename(&case.path("before"), &case.path("directory/after"))?, 0);
    check_err!(sys::stat(&case.path("before")), ENOENT);
    check!(sys::stat(&case.path("directory/after")).is_ok());
    check_eq!(sys::rename(&case.path("directory"), &case.path("moved"))?, 0);
    check!(sys::stat(&case.path("moved/after")).is_ok());
    check_eq!(sys::stat(&case.path("moved/.."))?.st_ino, sys::stat(&case.path(""))?.st_ino);
    Ok(())
}

fn rename_replaces(case: &Case) -> Outcome {
    let fd = sys::open(&case.path("new"), libc::O_CREAT | libc::O_WRONLY, 0o600)?;
    sys::write(&fd, b"new")?;
    make(&case.path("old"))?;
    sys::rename(&case.path("new"), &case.path("old"))?;
    check_eq!(sys::stat(&case.path("old"))?.st_size, 3);
    sys::mkdir(&case.path("empty"), 0o700)?;
    sys::mkdir(&case.path("full"), 0o700)?;
    make(&case.path("full/file"))?;
    check_eq!(sys::rename(&case.path("full"), &case.path("empty"))?, 0, "an empty directory is replaced");
    check!(sys::stat(&case.path("empty/file")).is_ok());
    Ok(())
}

fn rename_refuses(case: &Case) -> Outcome {
    make(&case.path("file"))?;
    sys::mkdir(&case.path("directory"), 0o700)?;
    sys::mkdir(&case.path("full"), 0o700)?;
    make(&case.path("full/file"))?;
    check_err!(sys::rename(&case.path("absent"), &case.path("x")), ENOENT);
    check_err!(sys::rename(&case.path("file"), &case.path("directory")), EISDIR);
    check_err!(sys::rename(&case.path("directory"), &case.path("file")), ENOTDIR);
    check_err!(sys::rename(&case.path("directory"), &case.path("full")), ENOTEMPTY);
    check_err!(sys::rename(&case.path("directory"), &case.path("directory/inside")), EINVAL);
    check_eq!(sys::rename(&case.path("file"), &case.path("file"))?, 0);
    check!(sys::stat(&case.path("file")).is_ok());
    Ok(())
}

fn rename_keeps_the_inode(case: &Case) -> Outcome {
    let fd = sys::open(&case.path("one"), libc::O_CREAT | libc::O_RDWR, 0o600)?;
    let inode = sys::fstat(&fd)?.st_ino;
    sys::rename(&case.path("one"), &case.path("two"))?;
    check_eq!(sys::stat(&case.path("two"))?.st_ino, inode);
    sys::write(&fd, b"written after")?;
    check_eq!(sys::stat(&case.path("two"))?.st_size, 13);
    Ok(())
}

fn openat_is_relative_to_its_directory(case: &Case) -> Outcome {
    sys::mkdir(&case.path("directory"), 0o700)?;
    make(&case.path("directory/file"))?;
    let directory = sys::open(&case.path("directory"), libc::O_RDONLY | libc::O_DIRECTORY, 0)?;
    let number = sys::Descriptor::number(&directory);
    check!(sys::openat(number, c"file", libc::O_RDONLY, 0).is_ok());
    check_err!(sys::openat(number, c"absent", libc::O_RDONLY, 0), ENOENT);
    check!(sys::openat(number, c"made", libc::O_CREAT | libc::O_WRONLY, 0o600).is_ok());
    check!(sys::stat(&case.path("directory/made")).is_ok());
    check!(
        sys::openat(-1, &case.path("directory/file"), libc::O_RDONLY, 0).is_ok(),
        "an absolute path needs none"
    );
    check_err!(sys::openat(-1, c"file", libc::O_RDONLY, 0), EBADF);
    let file = sys::open(&case.path("directory/file"), libc::O_RDONLY, 0)?;
    check_err!(sys::openat(sys::Descriptor::number(&file), c"x", libc::O_RDONLY, 0), ENOTDIR);
    Ok(())
}

fn modes_follow_the_umask(case: &Case) -> Outcome {
    let old = sys::umask(0o027)? as u32;
    let result = (|| {
        check_eq!(sys::umask(0o027)?, 0o027);
        drop(sys::open(&case.path("file"), libc::O_CREAT | libc::O_WRONLY, 0o666)?);
        sys::mkdir(&case.path("directory"), 0o777)?;
        check_eq!(sys::stat(&case.path("file"))?.st_mode & 0o7777, 0o640);
        check_eq!(sys::stat(&case.path("directory"))?.st_mode & 0o7777, 0o750);
        Ok(())
    })();
    sys::umask(old)?;
    result
}

fn modes_change(case: &Case) -> Outcome {
    let path = case.path("file");
    let fd = sys::open(&path, libc::O_CREAT | libc::O_RDWR, 0o600)?;
    for mode in [0, 0o777, 0o4755, 0o1644] {
        check_eq!(sys::chmod(&path, mode)?, 0);
        check_eq!(sys::stat(&path)?.st_mode, libc::S_IFREG | mode);
    }
    check_eq!(sys::fchmod(&fd, 0o640)?, 0);
    check_eq!(sys::fstat(&fd)?.st_mode & 0o7777, 0o640);
    check_err!(sys::chmod(&case.path("absent"), 0o600), ENOENT);
    Ok(())
}

/// Runs `body` in a thread that is `nobody`.
fn as_nobody(case: &Case, body: impl FnOnce() -> Outcome + Send + 'static) -> Outcome {
    case.spawn(move || {
        sys::set_thread_gids(NOBODY, NOBODY, NOBODY)?;
        sys::set_thread_uids(NOBODY, NOBODY, NOBODY)?;
        body()
    })
    .join()
}

fn permissions_bind_other_users(case: &Case) -> Outcome {
    let path = case.path("file");
    make(&path)?;
    sys::chmod(&case.path(""), 0o755)?;
    for (mode, reads, writes) in
        [(0o600, false, false), (0o604, true, false), (0o602, false, true), (0o666, true, true)]
    {
        sys::chmod(&path, mode)?;
        let path = path.clone();
        as_nobody(case, move || {
            for (flags, allowed) in
                [(libc::O_RDONLY, reads), (libc::O_WRONLY, writes), (libc::O_RDWR, reads && writes)]
            {
                let met = sys::open(&path, flags, 0).map(|_| ());
                if allowed {
                    check_eq!(met, Ok(()), "mode {mode:o}, flags {flags}");
                } else {
                    check_err!(met, EACCES, "mode {mode:o}, flags {flags}");
                }
            }
            check_err!(sys::chmod(&path, 0o777), EPERM);
            check_err!(sys::unlink(&path), EACCES);
            Ok(())
        })?;
    }
    sys::chmod(&case.path(""), 0o700)?;
    as_nobody(case, move || {
        check_err!(sys::stat(&path), EACCES, "no search permission");
        Ok(())
    })
}

fn permissions_sticky_directory(case: &Case) -> Outcome {
    let path = case.path("file");
    make(&path)?;
    sys::chmod(&case.path(""), 0o1777)?;
    let (own, elsewhere) = (case.path("own"), case.path("elsewhere"));
    as_nobody(case, move || {
        check_err!(sys::unlink(&path), EPERM, "somebody else's file in a sticky directory");
        check_err!(sys::rename(&path, &elsewhere), EPERM);
        make(&own)?;
        check_eq!(sys::unlink(&own)?, 0);
        Ok(())
    })
}

fn access_tells_what_exists(case: &Case) -> Outcome {
    let path = case.path("file");
    check_err!(sys::access(&path, libc::F_OK), ENOENT);
    make(&path)?;
    check_eq!(sys::access(&path, libc::F_OK)?, 0);
    check_eq!(sys::access(&path, libc::R_OK | libc::W_OK)?, 0);
    check_err!(sys::access(&path, 0x10), EINVAL);
    Ok(())
}

fn working_directory_changes(case: &Case) -> Outcome {
    let mut buffer = [0; 4096];
    let length = sys::getcwd(&mut buffer)?;
    let old = std::ffi::CString::from_vec_with_nul(buffer[..length].to_vec()).expect("ends with a NUL");
    let result = (|| {
        sys::mkdir(&case.path("below"), 0o700)?;
        check_eq!(sys::chdir(&case.path("below"))?, 0);
        let length = sys::getcwd(&mut buffer)?;
        check_eq!(&buffer[..length], case.path("below").as_bytes_with_nul());
        make(c"file")?;
        check!(sys::stat(&case.path("below/file")).is_ok());
        sys::chdir(c"..")?;
        check!(sys::stat(c"below/file").is_ok());
        check_err!(sys::getcwd(&mut [0; 4]), ERANGE);
        make(&case.path("file"))?;
        check_err!(sys::chdir(&case.path("file")), ENOTDIR);
        check_err!(sys::chdir(&case.path("absent")), ENOENT);
        Ok(())
    })();
    sys::chdir(&old)?;
    result
}

fn std_file_system_functions_work(case: &Case) -> Outcome {
    let directory = case.directory().join("std");
    std::fs::create_dir_all(directory.join("a/b"))?;
    std::fs::write(directory.join("a/file"), "text of a file")?;
    check_eq!(std::fs::read_to_string(directory.join("a/file"))?, "text of a file");
    let mut names = Vec::new();
    for entry in std::fs::read_dir(directory.join("a"))? {
        let entry = entry?;
        names.push((entry.file_name().into_string().unwrap_or_default(), entry.file_type()?.is_dir()));
    }
    names.sort();
    check_eq!(names, [("b".to_owned(), true), ("file".to_owned(), false)]);
    std::fs::rename(directory.join("a/file"), directory.join("a/moved"))?;
    check!(!directory.join("a/file").exists());
    check_eq!(std::fs::metadata(directory.join("a/moved"))?.len(), 14);
    std::fs::remove_file(directory.join("a/moved"))?;
    std::fs::remove_dir(directory.join("a/b"))?;
    std::fs::remove_dir(directory.join("a"))?;
    check_eq!(std::fs::read_dir(&directory)?.count(), 0);
    Ok(())
}
