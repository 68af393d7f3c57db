//! Programs that take the place of others: execve(2), execveat(2).

use std::{fs, io::Write, os::fd::AsRawFd, os::unix::fs::PermissionsExt};

use super::memory::{Block, NOWHERE, close_range, duplicate_onto};
use crate::{
    harness::{Case, NOBODY, Need, Outcome, Test, check, check_eq, check_err, tests},
    sys,
};

pub(crate) const TESTS: &[Test] = tests!("process";
    a_program_takes_the_place_of_another,
    arguments_and_environment_arrive,
    a_program_without_arguments_gets_an_empty_one,
    long_arguments_arrive,
    arguments_have_limits,
    what_is_no_program_is_refused,
    paths_of_programs_are_checked,
    pointers_of_execve,
    programs_that_are_written_to_do_not_run,
    scripts_are_interpreted,
    scripts_of_scripts_are_interpreted_up_to_a_depth,
    lines_of_scripts_are_split_as_on_linux,
    execveat_finds_programs_by_descriptors,
    descriptors_are_closed_on_execution,
    a_thread_that_is_not_the_first_executes,
    many_threads_execute_at_once,
    ignored_signals_stay_ignored,
    set_user_id_programs_change_the_user needs [Need::OtherUsers, Need::SetIdPrograms],
);

const SELF: &[u8] = b"/proc/self/exe";

/// As wait(2) has it, for an exit status.
const fn exited(code: i32) -> i32 {
    code << 8
}

/// Executes this program as one of its tools; returns only if that fails.
fn execute(
    block: &Block,
    path: &[u8],
    arguments: &[&[u8]],
    environment: &[&[u8]],
) -> crate::errno::Result<usize> {
    let words = [block.string(path), block.list(arguments), block.list(environment)];
    block.call("execve", libc::SYS_execve, words)
}

/// What a child writes to standard output before it ends, and how it ends.
fn output_of(case: &Case, body: impl FnOnce() -> Outcome<i32>) -> Outcome<(Vec<u8>, i32)> {
    let (reader, writer) = sys::pipe2(0)?;
    let child = case.child(|| {
        check_eq!(duplicate_onto(&writer, 1)?, 1);
        body()
    })?;
    drop(writer);
    let mut output = Vec::new();
    std::io::Read::read_to_end(&mut fs::File::from(reader), &mut output)?;
    Ok((output, child.status()?))
}

fn a_program_takes_the_place_of_another(case: &Case) -> Outcome {
    for code in [0, 7, 255] {
        let status = case.child_status(|| {
            let block = Block::new(1)?;
            execute(&block, SELF, &[b"guest", b"tool", b"exit", code.to_string().as_bytes()], &[])?;
            Ok(99)
        })?;
        check_eq!(status, exited(code));
    }
    Ok(())
}

fn arguments_and_environment_arrive(case: &Case) -> Outcome {
    let (output, status) = output_of(case, || {
        let block = Block::new(1)?;
        execute(&block, SELF, &[b"any name", b"tool", b"args", b"a", b"", b"b c"], &[b"X=1"])?;
        Ok(99)
    })?;
    check_eq!((output.as_slice(), status), (b"a\0\0b c\0".as_slice(), 0));
    let (output, status) = output_of(case, || {
        let block = Block::new(1)?;
        execute(&block, SELF, &[b"x", b"tool", b"env", b"X", b"Y", b"Z"], &[b"Y=two", b"X=one"])?;
        Ok(99)
    })?;
    check_eq!((output.as_slice(), status), (b"one\0two\0\0".as_slice(), 0));
    Ok(())
}

fn a_program_without_arguments_gets_an_empty_one(case: &Case) -> Outcome {
    // Without a subcommand, this program complains and exits with 2.
    let empty = [0; 8];
    for null in [true, false] {
        let status = case.child_status(|| {
            let block = Block::new(1)?;
            let list = if null { 0 } else { block.put(&empty) };
            check_eq!(close_range(1, 2)?, 0);
            block.call("execve", libc::SYS_execve, [block.string(SELF), list, 0])?;
            Ok(99)
        })?;
        check_eq!(status, exited(2));
    }
    Ok(())
}

fn long_arguments_arrive(case: &Case) -> Outcome {
    let long = vec![b'x'; 131_071];
    let (output, status) = output_of(case, || {
        let block = Block::new(70)?;
        let other = vec![b'y'; 100_000];
        execute(&block, SELF, &[b"x", b"tool", b"args", &long, &other], &[])?;
        Ok(99)
    })?;
    check_eq!(status, 0);
    check_eq!(output.len(), 131_072 + 100_001);
    check!(output.starts_with(&long) && output[131_072..].starts_with(b"yyy"));
    Ok(())
}

fn arguments_have_limits(case: &Case) -> Outcome {
    case.in_child(|| {
        let block = Block::new(300)?;
        let long = vec![b'x'; 131_072];
        check_err!(execute(&block, SELF, &[b"x", &long], &[]), E2BIG, "one string");
        check_err!(execute(&block, SELF, &[b"x"], &[&long]), E2BIG, "one string of the environment");
        let text = block.string(&[b'z'; 100_000]);
        let many: Vec<u8> = std::iter::repeat_n(text, 100).chain([0]).flat_map(usize::to_ne_bytes).collect();
        let many = block.put(&many);
        let words = [block.string(SELF), many, 0];
        check_err!(block.call("execve", libc::SYS_execve, words), E2BIG, "all together");
        Ok(())
    })
}

fn what_is_no_program_is_refused(case: &Case) -> Outcome {
    let files: [(&str, &[u8]); 5] = [
        ("empty", b""),
        ("text", b"echo hello\n"),
        ("head", b"\x7fELF\x02\x01\x01"),
        ("line", b"#!\n"),
        ("blank", b"#!   \t \n/bin/sh"),
    ];
    let mut paths = Vec::new();
    for (name, contents) in files {
        let path = case.path(name);
        let place = case.directory().join(name);
        fs::write(&place, contents)?;
        fs::set_permissions(&place, fs::Permissions::from_mode(0o755))?;
        paths.push(path);
    }
    case.in_child(|| {
        let block = Block::new(4)?;
        for path in &paths {
            check_err!(execute(&block, path.as_bytes(), &[b"x"], &[]), ENOEXEC, "{path:?}");
        }
        Ok(())
    })
}

fn paths_of_programs_are_checked(case: &Case) -> Outcome {
    let plain = case.directory().join("plain");
    fs::write(&plain, b"#!/bin/sh\n")?;
    fs::set_permissions(&plain, fs::Permissions::from_mode(0o644))?;
    std::os::unix::fs::symlink("loop", case.directory().join("loop"))?;
    std::os::unix::fs::symlink("nothing", case.directory().join("dangling"))?;
    let bad = case.directory().join("bad");
    fs::write(&bad, b"#!/no/such/interpreter\n")?;
    fs::set_permissions(&bad, fs::Permissions::from_mode(0o755))?;
    let expected: [(&str, i32); 8] = [
        ("plain", libc::EACCES),
        (".", libc::EACCES),
        ("loop", libc::ELOOP),
        ("dangling", libc::ENOENT),
        ("none", libc::ENOENT),
        ("plain/x", libc::ENOTDIR),
        ("bad", libc::ENOENT),
        ("bad/", libc::ENOTDIR),
    ];
    let directory = case.path("");
    case.in_child(|| {
        let block = Block::new(2)?;
        for (name, errno) in expected {
            let path = [directory.as_bytes(), name.as_bytes()].concat();
            check_eq!(execute(&block, &path, &[b"x"], &[]), Err(crate::errno::Errno(errno)), "{name}");
        }
        check_err!(execute(&block, b"", &[b"x"], &[]), ENOENT);
        check_err!(execute(&block, &[b'a'; 4096], &[b"x"], &[]), ENAMETOOLONG);
        Ok(())
    })
}

fn pointers_of_execve(case: &Case) -> Outcome {
    case.in_child(|| {
        let block = Block::new(1)?;
        let path = block.string(SELF);
        let good = block.list(&[b"x"]);
        let bad = block.put(&[good.to_ne_bytes(), NOWHERE.to_ne_bytes(), [0; 8]].concat());
        let call = |words| block.call("execve", libc::SYS_execve, words);
        check_err!(call([NOWHERE, good, good]), EFAULT);
        check_err!(call([usize::MAX - 7, good, good]), EFAULT);
        check_err!(call([path, NOWHERE, 0]), EFAULT);
        check_err!(call([path, good, NOWHERE]), EFAULT);
        check_err!(call([path, bad, 0]), EFAULT, "a string");
        check_err!(call([path, good, bad]), EFAULT, "a string of the environment");
        check_err!(call([path, block.put_last(&good.to_ne_bytes()), 0]), EFAULT, "a list without an end");
        Ok(())
    })
}

fn programs_that_are_written_to_do_not_run(case: &Case) -> Outcome {
    let path = case.directory().join("copy");
    fs::copy("/proc/self/exe", &path)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
    let name = case.path("copy");
    let writer = fs::OpenOptions::new().write(true).open(&path)?;
    let try_it = |code: &'static [u8]| {
        case.child_status(|| {
            let block = Block::new(1)?;
            check_err!(execute(&block, name.as_bytes(), &[b"x", b"tool", b"exit", code], &[]), ETXTBSY);
            Ok(0)
        })
    };
    check_eq!(try_it(b"5")?, 0);
    drop(writer);
    // A child of another test may have inherited the descriptor for a moment.
    for _ in 0..1000 {
        let status = case.child_status(|| {
            let block = Block::new(1)?;
            match execute(&block, name.as_bytes(), &[b"x", b"tool", b"exit", b"5"], &[]) {
                Err(errno) if errno.0 == libc::ETXTBSY => Ok(1),
                other => {
                    check_eq!(other, Ok(0));
                    Ok(99)
                }
            }
        })?;
        if status != exited(1) {
            check_eq!(status, exited(5));
            return Ok(());
        }
        std::thread::yield_now();
    }
    check!(false, "the file stays busy");
    Ok(())
}

/// Makes a script.
fn script(case: &Case, name: &str, text: &[u8]) -> Outcome<Vec<u8>> {
    let place = case.directory().join(name);
    let mut file = fs::File::create(&place)?;
    file.write_all(text)?;
    file.set_permissions(fs::Permissions::from_mode(0o755))?;
    Ok(place.into_os_string().into_encoded_bytes())
}

/// A copy of this program under a short name: the first line of a script has 256 bytes.
fn interpreter(case: &Case) -> Outcome<Vec<u8>> {
    let place = case.directory().join("i");
    fs::copy("/proc/self/exe", &place)?;
    fs::set_permissions(&place, fs::Permissions::from_mode(0o755))?;
    Ok(place.into_os_string().into_encoded_bytes())
}

/// Executes a file as soon as no child of another test holds it open for writing.
fn run_when_free(path: &[u8], arguments: &[&[u8]]) -> Outcome<i32> {
    loop {
        let block = Block::new(2)?;
        match execute(&block, path, arguments, &[]) {
            Err(errno) if errno.0 == libc::ETXTBSY => std::thread::yield_now(),
            other => {
                other?;
                return Ok(99);
            }
        }
    }
}

fn scripts_are_interpreted(case: &Case) -> Outcome {
    let cat = script(case, "data", b"#!/proc/self/exe tool\n")?;
    // The interpreter is this program, its argument `tool`; it takes the script's path for the tool's name, and refuses.
    let status = case.child_status(|| {
        close_range(1, 2)?;
        run_when_free(&cat, &[b"zero", b"one"])
    })?;
    check_eq!(status, exited(2));
    let program = interpreter(case)?;
    let first = script(case, "args", &[b"#!".as_slice(), &program, b"  tool args \t\n"].concat())?;
    // One argument only: `tool args` is no subcommand.
    let status = case.child_status(|| {
        close_range(1, 2)?;
        run_when_free(&first, &[b"zero", b"one"])
    })?;
    check_eq!(status, exited(2));
    Ok(())
}

fn scripts_of_scripts_are_interpreted_up_to_a_depth(case: &Case) -> Outcome {
    let program = interpreter(case)?;
    let mut above = program;
    for depth in 1..=6 {
        let name = format!("s{depth}");
        let path = script(case, &name, &[b"#!".as_slice(), &above, b"\n"].concat())?;
        let status = case.child_status(|| {
            close_range(1, 2)?;
            let block = Block::new(2)?;
            loop {
                match execute(&block, &path, &[b"x"], &[]) {
                    Err(errno) if errno.0 == libc::ELOOP => return Ok(40),
                    Err(errno) if errno.0 == libc::ETXTBSY => std::thread::yield_now(),
                    other => return other.map(|_| 99).map_err(Into::into),
                }
            }
        })?;
        // This program does not know the script's path as a subcommand.
        check_eq!(status, if depth <= 5 { exited(2) } else { exited(40) }, "{depth} scripts");
        above = path;
    }
    Ok(())
}

fn lines_of_scripts_are_split_as_on_linux(case: &Case) -> Outcome {
    let long = [b"#!/".as_slice(), &[b'x'; 300], b"\n"].concat();
    let long_argument = [b"#!/no/such ".as_slice(), &[b'x'; 300], b"\n"].concat();
    let expected: [(&str, &[u8], i32); 7] = [
        ("cut", &long, libc::ENOEXEC),
        ("argument", &long_argument, libc::ENOENT),
        ("nothing", b"#!", libc::EACCES),
        ("spaces", b"#!    ", libc::EACCES),
        ("nul", b"#!\0\n", libc::EACCES),
        ("tabs", b"#!\t/no/such\t\n", libc::ENOENT),
        ("lineless", b"#! /no/such", libc::ENOENT),
    ];
    for (name, text, errno) in expected {
        let path = script(case, name, text)?;
        case.in_child(|| {
            let block = Block::new(1)?;
            loop {
                match execute(&block, &path, &[b"x"], &[]) {
                    Err(met) if met.0 == libc::ETXTBSY => std::thread::yield_now(),
                    met => {
                        check_eq!(met, Err(crate::errno::Errno(errno)), "{name}");
                        return Ok(());
                    }
                }
            }
        })?;
    }
    Ok(())
}

fn execveat_finds_programs_by_descriptors(case: &Case) -> Outcome {
    let program = fs::File::open("/proc/self/exe")?;
    let directory = fs::File::open("/proc/self")?;
    let execveat = |block: &Block, fd: i32, path: &[u8], flags: i32| {
        let arguments = block.list(&[b"x", b"tool", b"exit", b"9"]);
        let words = [fd as usize, block.string(path), arguments, 0, flags as usize];
        block.call("execveat", libc::SYS_execveat, words)
    };
    for (fd, path, flags) in [
        (program.as_raw_fd(), b"".as_slice(), libc::AT_EMPTY_PATH),
        (directory.as_raw_fd(), b"exe", 0),
        (-1, SELF, 0),
        (libc::AT_FDCWD, SELF, 0),
    ] {
        let status = case.child_status(|| {
            execveat(&Block::new(1)?, fd, path, flags)?;
            Ok(99)
        })?;
        check_eq!(status, exited(9), "{fd} {path:?}");
    }
    std::os::unix::fs::symlink("/proc/self/exe", case.directory().join("link"))?;
    let text = case.path("text");
    fs::write(case.directory().join("text"), b"#!/no/such\n")?;
    fs::set_permissions(case.directory().join("text"), fs::Permissions::from_mode(0o755))?;
    let closing = fs::File::open(case.directory().join("text"))?;
    let link = case.path("link");
    let (socket, _) = sys::socketpair(libc::AF_UNIX, libc::SOCK_STREAM, 0)?;
    case.in_child(|| {
        let block = Block::new(2)?;
        check_err!(execveat(&block, program.as_raw_fd(), b"", 0), ENOENT);
        check_err!(execveat(&block, program.as_raw_fd(), b"x", 0), ENOTDIR);
        check_err!(execveat(&block, program.as_raw_fd(), b"", 0x40), ENOENT);
        check_err!(execveat(&block, -1, b"exe", 0x40), EINVAL);
        check_err!(execveat(&block, -1, b"exe", 0), EBADF);
        check_err!(execveat(&block, -1, b"", libc::AT_EMPTY_PATH), EBADF);
        check_err!(execveat(&block, directory.as_raw_fd(), b"", libc::AT_EMPTY_PATH), EACCES);
        check_err!(execveat(&block, socket.as_raw_fd(), b"", libc::AT_EMPTY_PATH), EACCES);
        check_err!(execveat(&block, -1, link.as_bytes(), libc::AT_SYMLINK_NOFOLLOW), ELOOP);
        // The interpreter could not open the script.
        check_err!(execveat(&block, closing.as_raw_fd(), b"", libc::AT_EMPTY_PATH), ENOENT);
        drop(text);
        Ok(())
    })
}

fn descriptors_are_closed_on_execution(case: &Case) -> Outcome {
    let (reader, writer) = sys::pipe2(libc::O_CLOEXEC)?;
    let status = case.child_status(|| {
        let kept = sys::dup(&writer)?;
        check!(kept.as_raw_fd() > writer.as_raw_fd());
        let script = format!("/proc/self/fd/{}", kept.as_raw_fd());
        let gone = format!("/proc/self/fd/{}", writer.as_raw_fd());
        let block = Block::new(1)?;
        // One of the two is a link that is there; of the other the tool complains.
        close_range(1, 2)?;
        execute(&block, SELF, &[b"x", b"tool", b"file", script.as_bytes(), gone.as_bytes()], &[])?;
        Ok(0)
    })?;
    check_eq!(status, exited(99));
    drop(writer);
    check_eq!(sys::read(&reader, &mut [0; 1])?, 0, "nobody writes any more");
    Ok(())
}

fn a_thread_that_is_not_the_first_executes(case: &Case) -> Outcome {
    for sleeping in [true, false] {
        let child = case.child(|| {
            let first = sys::getpid()?;
            let thread = std::thread::spawn(move || -> Outcome {
                check!(sys::gettid()? != first);
                let block = Block::new(1)?;
                execute(&block, SELF, &[b"x", b"tool", b"exit", b"11"], &[])?;
                Ok(())
            });
            if sleeping {
                let _ = thread.join();
            }
            loop {
                std::hint::spin_loop();
            }
        })?;
        let status = child.status()?;
        check_eq!(status, exited(11));
    }
    Ok(())
}

fn many_threads_execute_at_once(case: &Case) -> Outcome {
    for _ in 0..5 {
        let status = case.child_status(|| {
            let threads: Vec<_> = (0..4)
                .map(|_| {
                    std::thread::spawn(|| {
                        let block = Block::new(1).expect("memory");
                        let _ = execute(&block, SELF, &[b"x", b"tool", b"exit", b"12"], &[]);
                    })
                })
                .collect();
            for thread in threads {
                let _ = thread.join();
            }
            Ok(99)
        })?;
        check_eq!(status, exited(12));
    }
    Ok(())
}

fn ignored_signals_stay_ignored(case: &Case) -> Outcome {
    let (output, status) = output_of(case, || {
        let block = Block::new(1)?;
        let action = block.put(&[1usize.to_ne_bytes(), [0; 8], [0; 8], [0; 8]].concat());
        block.call("rt_sigaction", libc::SYS_rt_sigaction, [libc::SIGUSR1 as usize, action, 0, 8])?;
        let mask = block.put(&(1u64 << (libc::SIGUSR2 - 1)).to_ne_bytes());
        block.call("rt_sigprocmask", libc::SYS_rt_sigprocmask, [libc::SIG_SETMASK as usize, mask, 0, 8])?;
        let path = b"/proc/self/status";
        close_range(0, 0)?;
        let at = block.string(path);
        check_eq!(block.call("open", libc::SYS_open, [at, 0, 0])?, 0);
        execute(&block, SELF, &[b"x", b"tool", b"cat"], &[])?;
        Ok(99)
    })?;
    check_eq!(status, 0);
    let text = String::from_utf8_lossy(&output);
    let field = |name: &str| {
        let line = text.lines().find(|line| line.starts_with(name));
        line.and_then(|line| u64::from_str_radix(line[name.len()..].trim(), 16).ok())
    };
    check_eq!(field("SigBlk:"), Some(1 << (libc::SIGUSR2 - 1)));
    // The runtime of the program ignores SIGPIPE too.
    check!(field("SigIgn:").is_some_and(|set| set & 1 << (libc::SIGUSR1 - 1) != 0));
    Ok(())
}

fn set_user_id_programs_change_the_user(case: &Case) -> Outcome {
    let program = interpreter(case)?;
    let place = case.directory().join("i");
    std::os::unix::fs::chown(&place, Some(NOBODY), Some(NOBODY))?;
    fs::set_permissions(&place, fs::Permissions::from_mode(0o6755))?;
    for allowed in [true, false] {
        let (output, status) = output_of(case, || {
            let block = Block::new(1)?;
            if !allowed {
                block.call("prctl", libc::SYS_prctl, [libc::PR_SET_NO_NEW_PRIVS as usize, 1, 0, 0, 0])?;
            }
            close_range(0, 0)?;
            let path = block.string(b"/proc/thread-self/status");
            check_eq!(block.call("open", libc::SYS_open, [path, 0, 0])?, 0);
            run_when_free(&program, &[b"x", b"tool", b"cat"])
        })?;
        check_eq!(status, 0);
        let text = String::from_utf8_lossy(&output);
        let line = |name: &str| text.lines().find(|line| line.starts_with(name)).map(str::to_owned);
        let id = if allowed { NOBODY } else { 0 };
        check_eq!(line("Uid:"), Some(format!("Uid:\t0\t{id}\t{id}\t{id}")));
        check_eq!(line("Gid:"), Some(format!("Gid:\t0\t{id}\t{id}\t{id}")));
    }
    Ok(())
}
