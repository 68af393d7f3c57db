//! `/proc/sys`: how settings are read and written (proc_sys(5)).

use std::os::fd::AsRawFd;

use super::help::{number, path, read, read_in_pieces, text, write};
use crate::{
    harness::{Case, NOBODY, Need, Outcome, Test, check, check_eq, check_err, tests},
    sys,
};

pub(crate) const TESTS: &[Test] = tests!("proc";
    sysctl_files_have_their_modes needs [Need::FirstUserNamespace],
    nothing_is_made_or_removed needs [Need::OtherUsers],
    sysctl_texts_are_read_in_pieces,
    sysctl_numbers_are_read_in_one_go,
    sysctl_positions,
    sysctl_modes_bind_root needs [Need::FirstUserNamespace],
    sysctl_modes_bind_others needs [Need::OtherUsers],
    sysctl_owner_and_mode_stay needs [Need::OtherUsers],
    sysctl_known_values,
    sysctl_random_identifiers,
    sysctl_nonsense_is_refused needs [Need::OtherUsers],
    sysctl_bad_pointers needs [Need::OtherUsers],
    sysctl_numbers_are_parsed needs [Need::OwnSystem],
    sysctl_names_are_parsed needs [Need::OwnSystem],
    sysctl_port_range needs [Need::OwnSystem],
    sysctl_somaxconn_and_buffers_take_effect needs [Need::OwnSystem],
);

const BACKLOG: &str = "/proc/sys/net/core/somaxconn";
const HOST: &str = "/proc/sys/kernel/hostname";
const PORTS: &str = "/proc/sys/net/ipv4/ip_local_port_range";

const WRITABLE: [&str; 9] = [
    HOST,
    "/proc/sys/kernel/domainname",
    BACKLOG,
    "/proc/sys/net/core/rmem_max",
    "/proc/sys/net/core/wmem_max",
    "/proc/sys/net/unix/max_dgram_qlen",
    PORTS,
    "/proc/sys/vm/overcommit_memory",
    "/proc/sys/fs/pipe-max-size",
];
const FIXED: [&str; 6] = [
    "/proc/sys/kernel/osrelease",
    "/proc/sys/kernel/ostype",
    "/proc/sys/kernel/version",
    "/proc/sys/kernel/random/uuid",
    "/proc/sys/kernel/cap_last_cap",
    "/proc/sys/fs/file-nr",
];

fn sysctl_files_have_their_modes(_: &Case) -> Outcome {
    for (names, mode) in [(&WRITABLE[..], 0o644), (&FIXED[..], 0o444)] {
        for name in names {
            let stat = sys::stat(&path(name))?;
            check_eq!((stat.st_mode, stat.st_size), (libc::S_IFREG | mode, 0), "{name}");
            check_eq!((stat.st_uid, stat.st_gid), (0, 0), "{name}");
        }
    }
    check_eq!(sys::stat(&path("/proc/sys/net/core"))?.st_mode, libc::S_IFDIR | 0o555);
    Ok(())
}

fn nothing_is_made_or_removed(_: &Case) -> Outcome {
    for name in ["/proc/no", "/proc/sys/kernel/no", "/proc/self/fd/no"] {
        let name = path(name);
        check_err!(sys::mkdir(&name, 0o755), ENOENT);
        check_err!(sys::open(&name, libc::O_CREAT | libc::O_RDWR, 0o755), ENOENT);
        check_err!(sys::symlink(&path("x"), &name), ENOENT);
        check_err!(sys::unlink(&name), ENOENT);
        check_err!(sys::rmdir(&name), ENOENT);
    }
    check_err!(sys::unlink(&path("/proc/version")), EPERM);
    Ok(())
}

fn sysctl_texts_are_read_in_pieces(_: &Case) -> Outcome {
    for name in [HOST, "/proc/sys/kernel/osrelease", "/proc/sys/kernel/random/boot_id"] {
        let whole = read(name)?;
        check_eq!(whole.last(), Some(&b'\n'));
        for size in [1, 2, 3, 7] {
            check_eq!(read_in_pieces(name, size)?, whole, "{name} by {size}");
        }
    }
    let whole = read("/proc/version")?;
    check!(whole.starts_with(b"Linux version "));
    check_eq!(read_in_pieces("/proc/version", 5)?, whole);
    Ok(())
}

/// Linux has it that way: what is asked for behind the start of a number is nothing.
fn sysctl_numbers_are_read_in_one_go(_: &Case) -> Outcome {
    for name in [BACKLOG, PORTS, "/proc/sys/kernel/cap_last_cap"] {
        let whole = read(name)?;
        check_eq!(read_in_pieces(name, 1)?, whole[..1], "{name}");
        let fd = sys::open(&path(name), libc::O_RDONLY, 0)?;
        let mut buffer = [0; 64];
        check_eq!(sys::pread(&fd, &mut buffer, 1)?, 0);
        check_eq!(sys::pread(&fd, &mut buffer, 0)?, whole.len());
        check_eq!(sys::read(&fd, &mut buffer)?, whole.len());
        check_eq!(sys::read(&fd, &mut buffer)?, 0);
    }
    Ok(())
}

fn sysctl_positions(_: &Case) -> Outcome {
    let fd = sys::open(&path(HOST), libc::O_RDONLY, 0)?;
    check_eq!(sys::lseek(&fd, 1, libc::SEEK_SET)?, 1);
    check_eq!(sys::lseek(&fd, 1, libc::SEEK_CUR)?, 2);
    check_eq!(sys::lseek(&fd, 0, libc::SEEK_END)?, 0);
    check_err!(sys::lseek(&fd, 0, libc::SEEK_DATA), ENXIO);
    let fd = sys::open(&path("/proc/version"), libc::O_RDONLY, 0)?;
    check_eq!(sys::lseek(&fd, 6, libc::SEEK_SET)?, 6);
    let mut word = [0; 7];
    check_eq!(sys::read(&fd, &mut word)?, 7);
    check_eq!(&word, b"version");
    check_err!(sys::lseek(&fd, 0, libc::SEEK_END), EINVAL);
    check_err!(sys::write(&fd, b"x"), EBADF);
    Ok(())
}

fn sysctl_modes_bind_root(_: &Case) -> Outcome {
    for name in FIXED {
        check_err!(sys::open(&path(name), libc::O_WRONLY, 0), EACCES, "{name}");
        check_err!(sys::open(&path(name), libc::O_RDWR | libc::O_TRUNC, 0), EACCES, "{name}");
        check_err!(sys::access(&path(name), libc::W_OK), EACCES, "{name}");
        check_err!(sys::truncate(&path(name), 0), EACCES, "{name}");
    }
    for name in WRITABLE {
        let fd = sys::open(&path(name), libc::O_RDWR | libc::O_TRUNC, 0)?;
        check_eq!(sys::access(&path(name), libc::W_OK | libc::R_OK)?, 0);
        check_err!(sys::access(&path(name), libc::X_OK), EACCES);
        check_eq!(sys::ftruncate(&fd, 5)?, 0);
        check_eq!(sys::truncate(&path(name), 0)?, 0);
        check_eq!(sys::write(&fd, b"")?, 0);
    }
    Ok(())
}

fn sysctl_modes_bind_others(case: &Case) -> Outcome {
    case.spawn(|| {
        sys::set_thread_gids(NOBODY, NOBODY, NOBODY)?;
        sys::set_thread_uids(NOBODY, NOBODY, NOBODY)?;
        for name in WRITABLE {
            check!(!read(name)?.is_empty(), "{name}");
            check_err!(sys::open(&path(name), libc::O_WRONLY, 0), EACCES, "{name}");
            check_err!(sys::access(&path(name), libc::W_OK), EACCES, "{name}");
        }
        check_err!(sys::sethostname(b"x"), EPERM);
        check_err!(sys::setdomainname(b"x"), EPERM);
        Ok(())
    })
    .join()
}

fn sysctl_owner_and_mode_stay(_: &Case) -> Outcome {
    for name in [HOST, BACKLOG] {
        check_err!(sys::chmod(&path(name), 0o666), EPERM);
        check_err!(sys::chown(&path(name), 0, 0), EPERM);
    }
    Ok(())
}

fn sysctl_known_values(_: &Case) -> Outcome {
    check_eq!(text("/proc/sys/kernel/ostype")?, "Linux\n");
    check!(number::<u32>(text("/proc/sys/kernel/cap_last_cap")?.trim_end())? >= 40);
    check_eq!(text("/proc/sys/kernel/ngroups_max")?, "65536\n");
    check!(number::<u32>(text("/proc/sys/kernel/pid_max")?.trim_end())? >= 32768);
    check_eq!(text("/proc/sys/fs/nr_open")?, "1048576\n");
    check_eq!(text("/proc/sys/fs/pipe-max-size")?, "1048576\n");
    let files = text("/proc/sys/fs/file-nr")?;
    let files: Vec<&str> = files.trim_end().split('\t').collect();
    check_eq!(files.len(), 3);
    check_eq!(files[1], "0");
    check!(number::<u64>(files[0])? >= 4 && number::<u64>(files[2])? > 1000);
    check_eq!(text("/proc/sys/fs/file-max")?.trim_end(), files[2]);
    for name in ["somaxconn", "rmem_default", "rmem_max", "wmem_default", "wmem_max"] {
        check!(number::<u32>(text(&format!("/proc/sys/net/core/{name}"))?.trim_end())? >= 128, "{name}");
    }
    let ports = text(PORTS)?;
    let ports: Vec<&str> = ports.trim_end().split('\t').collect();
    check_eq!(ports.len(), 2);
    check!(number::<u16>(ports[0])? < number::<u16>(ports[1])?);
    Ok(())
}

fn sysctl_random_identifiers(_: &Case) -> Outcome {
    let is_uuid = |text: &str| {
        let lengths: Vec<usize> = text.trim_end().split('-').map(str::len).collect();
        lengths == [8, 4, 4, 4, 12]
            && text.trim_end().bytes().all(|byte| b"0123456789abcdef-".contains(&byte))
            && text.as_bytes()[14] == b'4'
    };
    let [boot, again] = [(); 2].map(|()| text("/proc/sys/kernel/random/boot_id"));
    let (boot, again) = (boot?, again?);
    check!(is_uuid(&boot), "{boot}");
    check_eq!(boot, again);
    let [one, other] = [(); 2].map(|()| text("/proc/sys/kernel/random/uuid"));
    let (one, other) = (one?, other?);
    check!(is_uuid(&one), "{one}");
    check!(one != other);
    Ok(())
}

fn sysctl_nonsense_is_refused(_: &Case) -> Outcome {
    let before = read(BACKLOG)?;
    for nonsense in [
        &b"junk"[..],
        b"-1",
        b"132x",
        b"132\0",
        b"+132",
        b"0x",
        b"09",
        b"\n",
        b" ",
        b"99999999999",
        b"2147483648",
        b"18446744073709551616",
        b"00000000000000000000000000000132",
    ] {
        check_err!(write(BACKLOG, nonsense), EINVAL, "{}", nonsense.escape_ascii());
    }
    let fd = sys::open(&path(BACKLOG), libc::O_RDWR, 0)?;
    // Behind the start, nothing happens.
    check_eq!(sys::pwrite(&fd, b"777", 1)?, 3);
    check_eq!(sys::pwrite(&fd, b"junk", 9)?, 4);
    check_eq!(sys::pwrite(&fd, b"", 0)?, 0);
    check_eq!(read(BACKLOG)?, before);
    let before = read(PORTS)?;
    for nonsense in [&b"70000"[..], b"4000 3000", b"0 70000", b"1000 2000", b"7000,8000"] {
        check_err!(write(PORTS, nonsense), EINVAL, "{}", nonsense.escape_ascii());
    }
    check_eq!(read(PORTS)?, before);
    Ok(())
}

fn sysctl_bad_pointers(_: &Case) -> Outcome {
    let fd = sys::open(&path(BACKLOG), libc::O_RDWR, 0)?;
    let region = sys::Region::new(1, libc::PROT_READ)?;
    let call = |name, number, address, length| {
        region.call(name, number, [fd.as_raw_fd() as usize, address, length, 0, 0, 0])
    };
    for wild in [8, usize::MAX - 100, 0xffff_8000_0000_0000] {
        check_err!(call("read", libc::SYS_read, wild, 10), EFAULT, "{wild:#x}");
        check_err!(call("write", libc::SYS_write, wild, 10), EFAULT, "{wild:#x}");
    }
    let name =
        |address, length| region.call("sethostname", libc::SYS_sethostname, [address, length, 0, 0, 0, 0]);
    check_err!(name(8, 3), EFAULT);
    check_err!(name(8, usize::MAX), EINVAL);
    check_err!(name(8, 65), EINVAL);
    Ok(())
}

/// Puts a file's contents back when dropped.
struct Restored(&'static str, Vec<u8>);

impl Restored {
    fn new(name: &'static str) -> Outcome<Self> {
        Ok(Self(name, read(name)?))
    }
}

impl Drop for Restored {
    fn drop(&mut self) {
        let _ = write(self.0, &self.1);
    }
}

fn sysctl_numbers_are_parsed(_: &Case) -> Outcome {
    let _restored = Restored::new(BACKLOG)?;
    for (written, taken, shown) in [
        (&b"128"[..], 3, "128\n"),
        (b"129\n", 4, "129\n"),
        (b" \t130 ", 6, "130\n"),
        (b"131 junk", 4, "131\n"),
        (b"0x10", 4, "16\n"),
        (b"010", 3, "8\n"),
        (b"133\n134\n", 4, "133\n"),
        (b"2147483647", 10, "2147483647\n"),
        (b"0", 1, "0\n"),
    ] {
        check_eq!(write(BACKLOG, written)?, taken, "{}", written.escape_ascii());
        check_eq!(text(BACKLOG)?, shown);
    }
    Ok(())
}

fn sysctl_names_are_parsed(_: &Case) -> Outcome {
    let _restored = Restored::new(HOST)?;
    let long = [b'x'; 70];
    for (written, shown) in [
        (&b"abc"[..], &b"abc\n"[..]),
        (b"def\nghi", b"def\n"),
        (b"a\0b", b"a\n"),
        (b"  sp", b"  sp\n"),
        (b"\n", b"\n"),
        (&long, &[&long[..64], b"\n"].concat()),
        (b"base", b"base\n"),
    ] {
        check_eq!(write(HOST, written)?, written.len());
        check_eq!(read(HOST)?, shown);
    }
    let fd = sys::open(&path(HOST), libc::O_RDWR, 0)?;
    check_eq!(sys::pwrite(&fd, b"ZZ", 2)?, 2);
    check_eq!(read(HOST)?, b"baZZ\n");
    check_eq!(sys::pwrite(&fd, b"QQ", 10)?, 2);
    check_eq!(read(HOST)?, b"baZZ\n");
    check_eq!(sys::write(&fd, b"he")?, 2);
    check_eq!(sys::write(&fd, b"llo")?, 3);
    check_eq!(read(HOST)?, b"hello\n");
    check_eq!(write(HOST, b"")?, 0);
    check_eq!(read(HOST)?, b"hello\n");
    Ok(())
}

fn sysctl_port_range(_: &Case) -> Outcome {
    let _restored = Restored::new(PORTS)?;
    check_eq!(write(PORTS, b"3000\t4000\n")?, 10);
    check_eq!(text(PORTS)?, "3000\t4000\n");
    check_eq!(write(PORTS, b"7000 8000 9000")?, 10);
    check_eq!(text(PORTS)?, "7000\t8000\n");
    check_eq!(write(PORTS, b"7500")?, 4);
    check_eq!(text(PORTS)?, "7500\t8000\n");
    check_err!(write(PORTS, b"8001"), EINVAL);
    Ok(())
}

fn sysctl_somaxconn_and_buffers_take_effect(case: &Case) -> Outcome {
    use crate::suite::unix::help::{client, listener};
    let _restored = [BACKLOG, "/proc/sys/net/core/wmem_default", "/proc/sys/net/core/wmem_max"]
        .map(Restored::new)
        .into_iter()
        .collect::<Result<Vec<_>, _>>()?;
    write(BACKLOG, b"1")?;
    let address = case.abstract_address("full");
    let _listening = listener(&address, 100)?;
    let _clients = [client(&address)?, client(&address)?];
    let more = sys::socket(libc::AF_UNIX, libc::SOCK_STREAM | libc::SOCK_NONBLOCK, 0)?;
    check_err!(sys::connect(&more, address.bytes()), EAGAIN);

    write("/proc/sys/net/core/wmem_default", b"5000")?;
    write("/proc/sys/net/core/wmem_max", b"6000")?;
    check_err!(write("/proc/sys/net/core/wmem_max", b"4607"), EINVAL);
    let fd = sys::socket(libc::AF_UNIX, libc::SOCK_STREAM, 0)?;
    let size = || -> Outcome<u32> {
        let (mut value, mut length) = ([0; 4], 4);
        sys::getsockopt(&fd, libc::SOL_SOCKET, libc::SO_SNDBUF, &mut value, &mut length)?;
        Ok(u32::from_ne_bytes(value))
    };
    check_eq!(size()?, 5000);
    sys::setsockopt(&fd, libc::SOL_SOCKET, libc::SO_SNDBUF, &1_000_000_u32.to_ne_bytes())?;
    check_eq!(size()?, 12000);
    Ok(())
}
