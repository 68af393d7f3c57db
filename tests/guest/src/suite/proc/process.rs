//! The directory of a process: formats field by field, who may look, what is written (proc_pid(5)).

use std::os::{fd::AsRawFd, unix::ffi::OsStrExt};

use super::help::{number, path, read, read_in_pieces, text, write};
use crate::{
    errno::Errno,
    harness::{Case, Failure, NOBODY, Need, Outcome, Test, check, check_eq, check_err, tests},
    sys,
};

pub(crate) const TESTS: &[Test] = tests!("proc";
    stat_has_52_fields,
    stat_and_status_agree,
    statm_agrees_with_status,
    status_has_its_lines,
    status_shows_pending_and_blocked_signals,
    cmdline_and_environ_are_those_of_the_start,
    auxv_agrees_with_the_program,
    comm_is_written,
    comm_of_others_is_not_written,
    limits_are_shown,
    maps_cover_the_program,
    mounts_and_mountinfo,
    descriptors_are_listed,
    descriptors_have_details,
    links_lead_somewhere,
    tasks_are_listed,
    oom_adjustment_is_written,
    files_are_read_in_pieces,
    zombies_are_shown,
    files_of_the_dead_fail,
    others_do_not_look needs [Need::OtherUsers],
    owners_are_the_effective_user needs [Need::OtherUsers],
);

/// A line of `status`.
fn status_line(pid: &str, name: &str) -> Outcome<String> {
    let status = text(&format!("/proc/{pid}/status"))?;
    let found = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(":\t"));
    found.map(str::to_owned).ok_or_else(|| Failure::here(format!("no {name} in {status}")))
}

/// The fields of `stat` from the state on: the first is field 3.
fn stat_fields(name: &str) -> Outcome<Vec<String>> {
    let line = text(name)?;
    let rest = line.rsplit_once(") ").ok_or_else(|| Failure::here(format!("no name in {line:?}")))?.1;
    Ok(rest.trim_end_matches('\n').split(' ').map(str::to_owned).collect())
}

fn stat_has_52_fields(_: &Case) -> Outcome {
    let line = text("/proc/self/stat")?;
    check!(line.ends_with('\n') && line.matches('\n').count() == 1);
    let name = text("/proc/self/comm")?;
    check!(line.starts_with(&format!("{} ({}) ", sys::getpid()?, name.trim_end())), "{line}");
    let fields = stat_fields("/proc/self/stat")?;
    check_eq!(fields.len(), 50, "{line}");
    for field in &fields[1..] {
        number::<i128>(field)?;
    }
    check!("RSD".contains(&fields[0]), "{line}");
    check_eq!(number::<usize>(&fields[1])?, sys::getppid()?);
    check!(number::<usize>(&fields[17])? >= 1, "threads: {line}");
    check!(number::<usize>(&fields[20])? > 4096, "size: {line}");
    check!(number::<usize>(&fields[21])? > 1, "resident: {line}");
    let up = text("/proc/uptime")?;
    let up: f64 = number(up.split(' ').next().unwrap_or_default())?;
    check!(number::<f64>(&fields[19])? / 100.0 <= up, "started: {line}, up {up}");
    // Of the calling thread.
    check_eq!(stat_fields("/proc/thread-self/stat")?[0], "R");
    Ok(())
}

fn stat_and_status_agree(_: &Case) -> Outcome {
    let fields = stat_fields("/proc/self/stat")?;
    check_eq!(status_line("self", "PPid")?, fields[1]);
    check_eq!(status_line("self", "NSpgid")?, fields[2]);
    check_eq!(status_line("self", "NSsid")?, fields[3]);
    check_eq!(status_line("self", "Pid")?, sys::getpid()?.to_string());
    check_eq!(status_line("self", "Tgid")?, sys::getpid()?.to_string());
    let thread = text("/proc/thread-self/status")?;
    check!(thread.contains(&format!("\nPid:\t{}\n", sys::gettid()?)), "{thread}");
    check!(thread.contains("State:\tR (running)\n"), "{thread}");
    Ok(())
}

fn statm_agrees_with_status(_: &Case) -> Outcome {
    let statm = text("/proc/self/statm")?;
    let pages: Vec<u64> = statm.trim_end().split(' ').map(number).collect::<Result<_, _>>()?;
    check_eq!(pages.len(), 7, "{statm}");
    check!(pages[0] >= pages[1] && pages[1] >= pages[2], "{statm}");
    check_eq!((pages[4], pages[6]), (0, 0), "{statm}");
    let size = status_line("self", "VmSize")?;
    check!(size.ends_with(" kB") && size.len() == 11, "{size:?}");
    let kilobytes: u64 = number(size.trim_end_matches(" kB").trim_start())?;
    // Other threads of the tests map and unmap meanwhile.
    check!(kilobytes / 4 < pages[0] * 2 && pages[0] < kilobytes / 2, "{size} {statm}");
    Ok(())
}

fn status_has_its_lines(_: &Case) -> Outcome {
    for name in [
        "Name",
        "Umask",
        "State",
        "Tgid",
        "Ngid",
        "Pid",
        "PPid",
        "TracerPid",
        "Uid",
        "Gid",
        "FDSize",
        "Groups",
        "NStgid",
        "NSpid",
        "NSpgid",
        "NSsid",
        "VmPeak",
        "VmSize",
        "VmLck",
        "VmPin",
        "VmHWM",
        "VmRSS",
        "RssAnon",
        "RssFile",
        "RssShmem",
        "VmData",
        "VmStk",
        "VmExe",
        "VmLib",
        "VmPTE",
        "VmSwap",
        "Threads",
        "SigQ",
        "SigPnd",
        "ShdPnd",
        "SigBlk",
        "SigIgn",
        "SigCgt",
        "CapInh",
        "CapPrm",
        "CapEff",
        "CapBnd",
        "CapAmb",
        "NoNewPrivs",
        "Seccomp",
        "Cpus_allowed",
        "Cpus_allowed_list",
        "Mems_allowed_list",
        "voluntary_ctxt_switches",
        "nonvoluntary_ctxt_switches",
    ] {
        check!(!status_line("self", name)?.is_empty(), "{name}");
    }
    for name in
        ["SigPnd", "ShdPnd", "SigBlk", "SigIgn", "SigCgt", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"]
    {
        let set = status_line("self", name)?;
        check!(set.len() == 16 && u64::from_str_radix(&set, 16).is_ok(), "{name} {set}");
    }
    let numbers = status_line("self", "Uid")?;
    let numbers: Vec<u32> = numbers.split('\t').map(number).collect::<Result<_, _>>()?;
    check_eq!(numbers[0], sys::getuid()? as u32);
    check_eq!(numbers[1], sys::geteuid()? as u32);
    check_eq!(numbers.len(), 4);
    check!(status_line("self", "Groups")?.ends_with(' '));
    Ok(())
}

fn status_shows_pending_and_blocked_signals(case: &Case) -> Outcome {
    case.in_child(|| {
        // SAFETY: plain calls about the child's own signals, with sets of its own.
        #[allow(unsafe_code, reason = "the C library's signal sets")]
        unsafe {
            let mut set: libc::sigset_t = std::mem::zeroed();
            libc::sigaddset(&mut set, libc::SIGUSR1);
            libc::sigaddset(&mut set, libc::SIGUSR2);
            libc::sigprocmask(libc::SIG_BLOCK, &set, std::ptr::null_mut());
            libc::signal(libc::SIGHUP, libc::SIG_IGN);
            libc::kill(libc::getpid(), libc::SIGUSR1);
        }
        check_eq!(status_line("self", "SigBlk")?, "0000000000000a00");
        check_eq!(status_line("self", "ShdPnd")?, "0000000000000200");
        check_eq!(status_line("self", "SigPnd")?, "0000000000000000");
        let ignored = u64::from_str_radix(&status_line("self", "SigIgn")?, 16).unwrap_or(0);
        check!(ignored & 1 != 0, "{ignored:x}");
        Ok(())
    })
}

fn cmdline_and_environ_are_those_of_the_start(_: &Case) -> Outcome {
    let mut expected = Vec::new();
    for argument in std::env::args_os() {
        expected.extend_from_slice(argument.as_bytes());
        expected.push(0);
    }
    check_eq!(read("/proc/self/cmdline")?, expected);
    check_eq!(read("/proc/thread-self/cmdline")?, expected);
    let environment = read("/proc/self/environ")?;
    for (name, value) in std::env::vars_os() {
        let variable = [name.as_bytes(), b"=", value.as_bytes()].concat();
        check!(environment.split(|byte| *byte == 0).any(|other| other == variable), "{name:?}");
    }
    Ok(())
}

fn auxv_agrees_with_the_program(_: &Case) -> Outcome {
    let bytes = read("/proc/self/auxv")?;
    let (words, rest) = bytes.as_chunks::<8>();
    check!(rest.is_empty() && words.len().is_multiple_of(2));
    let word = |index: usize| words.get(index).map_or(0, |word| u64::from_ne_bytes(*word));
    let value = |kind: u64| (0..words.len()).step_by(2).find(|at| word(*at) == kind).map(|at| word(at + 1));
    check_eq!(value(libc::AT_PAGESZ), Some(4096));
    check_eq!(value(libc::AT_CLKTCK), Some(100));
    check_eq!(value(libc::AT_NULL), Some(0));
    check_eq!(value(libc::AT_UID), Some(sys::getuid()? as u64));
    Ok(())
}

fn comm_is_written(case: &Case) -> Outcome {
    case.in_child(|| {
        for (name, shown) in [
            (&b"short"[..], &b"short\n"[..]),
            (b"123456789012345", b"123456789012345\n"),
            (b"1234567890123456789", b"123456789012345\n"),
            (b"with\nline", b"with\nline\n"),
            (b"a\0b", b"a\n"),
            (b") R 0 (", b") R 0 (\n"),
        ] {
            check_eq!(write("/proc/self/comm", name)?, name.len());
            check_eq!(read("/proc/self/comm")?, shown);
        }
        check!(read("/proc/self/stat")?.windows(12).any(|part| part == b"() R 0 () R "));
        write("/proc/self/comm", b"a\nb\\c")?;
        check_eq!(status_line("self", "Name")?, "a\\nb\\\\c");
        check_eq!(stat_fields("/proc/self/stat")?.len(), 50);
        Ok(())
    })
}

fn comm_of_others_is_not_written(case: &Case) -> Outcome {
    let parent = sys::getpid()?;
    case.in_child(move || {
        check_err!(write(&format!("/proc/{parent}/comm"), b"x"), EINVAL);
        Ok(())
    })
}

fn limits_are_shown(_: &Case) -> Outcome {
    let limits = text("/proc/self/limits")?;
    let lines: Vec<&str> = limits.lines().collect();
    check_eq!(lines.len(), 17);
    check_eq!(lines[0], "Limit                     Soft Limit           Hard Limit           Units     ");
    let (soft, hard) = sys::limit_descriptors(None)?;
    let expected = format!("{:<25} {soft:<20} {hard:<20} {:<10}", "Max open files", "files");
    check_eq!(lines[8], expected);
    check!(lines[14].starts_with("Max nice priority         "), "{limits}");
    check_eq!(lines[14].len(), 68);
    Ok(())
}

fn maps_cover_the_program(_: &Case) -> Outcome {
    let maps = text("/proc/self/maps")?;
    let program = std::env::current_exe().map_err(|error| Failure::here(error.to_string()))?;
    let program = format!(" {}", program.display());
    let place = maps_cover_the_program as *const () as usize;
    let local = 0u8;
    let stack = std::ptr::from_ref(&local) as usize;
    let (mut last, mut code, mut variable) = (0, false, false);
    for line in maps.lines() {
        let mut words = line.split_ascii_whitespace();
        let range = words.next().unwrap_or_default();
        let (start, end) = range.split_once('-').unwrap_or_default();
        let (start, end) = (usize::from_str_radix(start, 16), usize::from_str_radix(end, 16));
        let (Ok(start), Ok(end)) = (start, end) else { return Err(Failure::here(line)) };
        check!(last <= start && start < end, "{line}");
        last = end;
        let permissions = words.next().unwrap_or_default();
        check_eq!(permissions.len(), 4);
        code |= (start..end).contains(&place) && permissions == "r-xp" && line.ends_with(&program);
        variable |= (start..end).contains(&stack) && permissions.starts_with("rw");
        check_eq!(words.next().map(str::len), Some(8), "{line}");
        check!(words.next().is_some_and(|device| device.contains(':')), "{line}");
        check!(words.next().is_some_and(|inode| inode.parse::<u64>().is_ok()), "{line}");
    }
    check!(code && variable, "{maps}");
    check!(maps.contains("[stack]"), "{maps}");
    Ok(())
}

fn mounts_and_mountinfo(_: &Case) -> Outcome {
    let mounts = text("/proc/self/mounts")?;
    check_eq!(text("/proc/mounts")?.lines().count(), mounts.lines().count());
    for line in mounts.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        check_eq!(words.len(), 6, "{line}");
        check_eq!(&words[4..], ["0", "0"], "{line}");
    }
    check!(mounts.lines().any(|line| line.split(' ').nth(1) == Some("/proc")), "{mounts}");
    let details = text("/proc/self/mountinfo")?;
    for line in details.lines() {
        let (front, back) = line.split_once(" - ").ok_or_else(|| Failure::here(line))?;
        let front: Vec<&str> = front.split(' ').collect();
        check!(front.len() >= 6 && back.split(' ').count() == 3, "{line}");
        number::<u32>(front[0])?;
        number::<u32>(front[1])?;
        check!(front[2].contains(':') && front[4].starts_with('/'), "{line}");
    }
    Ok(())
}

fn descriptors_are_listed(case: &Case) -> Outcome {
    let file = sys::open(&case.path("file"), libc::O_CREAT | libc::O_WRONLY, 0o600)?;
    let (reader, _writer) = sys::pipe2(0)?;
    let (socket, _peer) = sys::socketpair(libc::AF_UNIX, libc::SOCK_STREAM, 0)?;
    let link = |fd: i32| -> Outcome<(String, u32)> {
        let name = path(&format!("/proc/self/fd/{fd}"));
        let mut target = [0; 256];
        let length = sys::readlink(&name, &mut target)?;
        Ok((String::from_utf8_lossy(&target[..length]).into_owned(), sys::lstat(&name)?.st_mode))
    };
    check_eq!(
        link(file.as_raw_fd())?,
        (case.path("file").to_string_lossy().into_owned(), libc::S_IFLNK | 0o300)
    );
    let number = sys::fstat(&reader)?.st_ino;
    check_eq!(link(reader.as_raw_fd())?, (format!("pipe:[{number}]"), libc::S_IFLNK | 0o500));
    let number = sys::fstat(&socket)?.st_ino;
    check_eq!(link(socket.as_raw_fd())?, (format!("socket:[{number}]"), libc::S_IFLNK | 0o700));
    check_err!(sys::open(&path(&format!("/proc/self/fd/{}", socket.as_raw_fd())), libc::O_RDONLY, 0), ENXIO);
    for nonsense in ["-1", "00", "+1", "1000000", "x", ""] {
        check!(link_error(nonsense)?, "{nonsense:?}");
    }
    let listed = std::fs::read_dir("/proc/self/fd")?.flatten().count();
    check!(listed >= 6);
    Ok(())
}

fn link_error(name: &str) -> Outcome<bool> {
    let result = sys::readlink(&path(&format!("/proc/self/fd/{name}")), &mut [0; 16]);
    Ok(result == Err(Errno(libc::ENOENT)) || name.is_empty() && result == Err(Errno(libc::EINVAL)))
}

fn descriptors_have_details(case: &Case) -> Outcome {
    let fd = sys::open(&case.path("file"), libc::O_CREAT | libc::O_RDWR | libc::O_APPEND, 0o600)?;
    sys::write(&fd, b"seven b")?;
    let details = |fd: i32| text(&format!("/proc/self/fdinfo/{fd}"));
    let shown = details(fd.as_raw_fd())?;
    let inode = sys::fstat(&fd)?.st_ino;
    check!(shown.starts_with("pos:\t7\nflags:\t0102002\nmnt_id:\t"), "{shown:?}");
    check!(shown.contains(&format!("\nino:\t{inode}\n")), "{shown:?}");
    sys::fcntl(&fd, libc::F_SETFD, libc::FD_CLOEXEC)?;
    check!(details(fd.as_raw_fd())?.contains("flags:\t02102002\n"));
    let socket = sys::socket(libc::AF_UNIX, libc::SOCK_STREAM | libc::SOCK_NONBLOCK, 0)?;
    check!(details(socket.as_raw_fd())?.starts_with("pos:\t0\nflags:\t04002\n"));
    check_err!(sys::open(&path("/proc/self/fdinfo/99999"), libc::O_RDONLY, 0), ENOENT);
    Ok(())
}

fn links_lead_somewhere(case: &Case) -> Outcome {
    let read = |name: &str| -> Outcome<String> {
        let mut target = [0; 512];
        let length = sys::readlink(&path(name), &mut target)?;
        Ok(String::from_utf8_lossy(&target[..length]).into_owned())
    };
    let (named, linked) = (sys::stat(&path(&read("/proc/self/exe")?))?, sys::stat(&path("/proc/self/exe"))?);
    check_eq!((named.st_dev, named.st_ino), (linked.st_dev, linked.st_ino));
    check_eq!(linked.st_mode & libc::S_IFMT, libc::S_IFREG);
    check_eq!(read("/proc/self/root")?, "/");
    check_eq!(read("/proc/self")?, sys::getpid()?.to_string());
    check_eq!(read("/proc/thread-self")?, format!("{}/task/{}", sys::getpid()?, sys::gettid()?));
    check_eq!(read("/proc/net")?, "self/net");
    check_eq!(read("/proc/mounts")?, "self/mounts");
    let directory = case.directory().to_path_buf();
    case.in_child(move || {
        sys::chdir(&path(&directory.to_string_lossy()))?;
        let mut target = [0; 512];
        let length = sys::readlink(&path("/proc/self/cwd"), &mut target)?;
        check_eq!(&target[..length], directory.as_os_str().as_bytes());
        check_eq!(sys::stat(&path("/proc/self/cwd"))?.st_ino, sys::stat(&path("."))?.st_ino);
        Ok(())
    })
}

fn tasks_are_listed(case: &Case) -> Outcome {
    let (told, hear) = std::sync::mpsc::channel();
    let (end, wait) = std::sync::mpsc::channel::<()>();
    let worker = case.spawn(move || {
        let _ = told.send(sys::gettid()?);
        let _ = wait.recv();
        Ok(())
    });
    let tid = hear.recv().unwrap_or(0);
    let listed: Vec<_> =
        std::fs::read_dir("/proc/self/task")?.flatten().map(|entry| entry.file_name()).collect();
    check!(listed.iter().any(|name| name == tid.to_string().as_str()), "{listed:?}");
    check!(listed.iter().any(|name| name == sys::getpid().unwrap_or(0).to_string().as_str()), "{listed:?}");
    check!(text(&format!("/proc/self/task/{tid}/status"))?.contains(&format!("\nPid:\t{tid}\n")));
    check!(text(&format!("/proc/self/task/{tid}/stat"))?.starts_with(&format!("{tid} (")));
    check_err!(sys::stat(&path(&format!("/proc/self/task/{tid}/task"))), ENOENT);
    // A thread's number leads to its process, although it is not listed.
    check!(text(&format!("/proc/{tid}/status"))?.contains(&format!("Tgid:\t{}\n", sys::getpid()?)));
    drop(end);
    worker.join()
}

fn oom_adjustment_is_written(case: &Case) -> Outcome {
    case.in_child(|| {
        let name = "/proc/self/oom_score_adj";
        for (written, shown) in
            [("500", "500\n"), ("600\n", "600\n"), ("  700 ", "700\n"), ("0x3e8", "1000\n")]
        {
            check_eq!(write(name, written.as_bytes())?, written.len());
            check_eq!(text(name)?, shown);
        }
        for nonsense in ["", "x", "1001", "-1001", "5 6"] {
            if !nonsense.is_empty() {
                check_err!(write(name, nonsense.as_bytes()), EINVAL, "{nonsense}");
            }
        }
        check_err!(write(name, b"123456789012345"), ERANGE);
        check_eq!(text(name)?, "1000\n");
        Ok(())
    })
}

fn files_are_read_in_pieces(_: &Case) -> Outcome {
    for name in ["/proc/self/limits", "/proc/self/cmdline", "/proc/self/mounts", "/proc/self/auxv"] {
        let whole = read(name)?;
        for size in [1, 7, 100] {
            check_eq!(read_in_pieces(name, size)?, whole, "{name} by {size}");
        }
        let fd = sys::open(&path(name), libc::O_RDONLY, 0)?;
        let mut tail = vec![0; whole.len()];
        let length = sys::pread(&fd, &mut tail, 9)?;
        check_eq!(&tail[..length], &whole[9..], "{name}");
        check_eq!(sys::pread(&fd, &mut tail, 1 << 40)?, 0);
    }
    Ok(())
}

fn zombies_are_shown(_: &Case) -> Outcome {
    let (reader, writer) = sys::pipe2(libc::O_CLOEXEC)?;
    let pid = sys::fork(|| 3)?;
    drop(writer);
    // Its copy of the other end is closed when it ends.
    check_eq!(sys::read(&reader, &mut [0])?, 0);
    let fields = loop {
        let fields = stat_fields(&format!("/proc/{pid}/stat"))?;
        if fields[0] == "Z" {
            break fields;
        }
        sys::sched_yield()?;
    };
    check_eq!(fields[20], "0", "size");
    // Its memory is gone, and with it the name space whose root could look further.
    if Need::FirstUserNamespace.missing().is_none() {
        check_eq!(fields[49], "768", "exit code");
        check_err!(sys::readlink(&path(&format!("/proc/{pid}/exe")), &mut [0; 9]), ENOENT);
        check_eq!(std::fs::read_dir(format!("/proc/{pid}/fd"))?.count(), 0);
    }
    let name = pid.to_string();
    check_eq!(status_line(&name, "State")?, "Z (zombie)");
    check!(!text(&format!("/proc/{pid}/status"))?.contains("VmSize"));
    check_eq!(read(&format!("/proc/{pid}/cmdline"))?, b"");
    check_eq!(read(&format!("/proc/{pid}/maps"))?, b"");
    sys::wait_for(pid)?;
    check_err!(sys::stat(&path(&format!("/proc/{pid}"))), ENOENT);
    Ok(())
}

fn files_of_the_dead_fail(_: &Case) -> Outcome {
    let (reader, writer) = sys::pipe2(0)?;
    let pid = {
        let (reader, writer) = (&reader, &writer);
        sys::fork(move || {
            let _ = sys::fcntl(writer, libc::F_GETFD, 0);
            let _ = sys::read(reader, &mut [0]);
            0
        })?
    };
    let directory = sys::open(&path(&format!("/proc/{pid}")), libc::O_RDONLY, 0)?;
    let open = |name: &str| sys::open(&path(&format!("/proc/{pid}/{name}")), libc::O_RDONLY, 0);
    let (stat, status, fds) = (open("stat")?, open("status")?, open("fd")?);
    check!(sys::read(&stat, &mut [0; 10])? == 10);
    sys::write(&writer, b"x")?;
    sys::wait_for(pid)?;
    check_err!(sys::pread(&stat, &mut [0; 10], 0), ESRCH);
    check_err!(sys::read(&status, &mut [0; 10]), ESRCH);
    check_err!(sys::getdents(&fds, &mut [0; 512]), ENOENT);
    check_err!(sys::getdents(&directory, &mut [0; 512]), ENOENT);
    check_err!(sys::openat(directory.as_raw_fd(), &path("stat"), libc::O_RDONLY, 0), ESRCH);
    Ok(())
}

/// Becomes nobody, in a process of its own.
fn become_nobody() -> Outcome {
    sys::set_thread_gids(NOBODY, NOBODY, NOBODY)?;
    sys::set_thread_uids(NOBODY, NOBODY, NOBODY)?;
    Ok(())
}

fn others_do_not_look(case: &Case) -> Outcome {
    let parent = sys::getpid()?;
    case.in_child(move || {
        become_nobody()?;
        for name in ["maps", "environ", "auxv"] {
            let error = sys::open(&path(&format!("/proc/{parent}/{name}")), libc::O_RDONLY, 0);
            check_err!(error, EACCES, "{name}");
        }
        for name in ["exe", "cwd", "root", "fd/0"] {
            check_err!(
                sys::readlink(&path(&format!("/proc/{parent}/{name}")), &mut [0; 9]),
                EACCES,
                "{name}"
            );
            check_err!(sys::stat(&path(&format!("/proc/{parent}/{name}"))), EACCES, "{name}");
        }
        check_err!(sys::open(&path(&format!("/proc/{parent}/fd")), libc::O_RDONLY, 0), EACCES);
        check_err!(write(&format!("/proc/{parent}/comm"), b"x"), EACCES);
        for name in ["stat", "statm", "status", "cmdline", "comm", "limits", "mounts", "cgroup", "wchan"] {
            read(&format!("/proc/{parent}/{name}"))?;
        }
        // Where things are in memory is hidden.
        let fields = stat_fields(&format!("/proc/{parent}/stat"))?;
        check_eq!([&fields[25], &fields[44], &fields[45]], ["0", "0", "0"], "stack and arguments");
        Ok(())
    })
}

fn owners_are_the_effective_user(_: &Case) -> Outcome {
    let (reader, writer) = sys::pipe2(0)?;
    let (told, tell) = sys::pipe2(0)?;
    let pid = {
        let (reader, tell) = (&reader, &tell);
        sys::fork(move || {
            let became = become_nobody().is_ok();
            let _ = sys::write(tell, &[u8::from(became)]);
            let _ = sys::read(reader, &mut [0]);
            0
        })?
    };
    let mut became = [0];
    sys::read(&told, &mut became)?;
    check_eq!(became, [1]);
    let directory = sys::stat(&path(&format!("/proc/{pid}")))?;
    check_eq!((directory.st_uid, directory.st_gid), (NOBODY, NOBODY));
    check_eq!(status_line(&pid.to_string(), "Uid")?, format!("{NOBODY}\t{NOBODY}\t{NOBODY}\t{NOBODY}"));
    sys::write(&writer, b"x")?;
    sys::wait_for(pid)?;
    Ok(())
}
