//! The names of the system: uname(2), sethostname(2), setdomainname(2).

use super::help::{read, text};
use crate::{
    harness::{Case, Need, Outcome, Test, check, check_eq, check_err, tests},
    sys,
};

pub(crate) const TESTS: &[Test] = tests!("proc";
    uname_agrees_with_proc,
    uname_bad_pointer,
    hostname_is_set needs [Need::OwnSystem],
    domainname_is_set needs [Need::OwnSystem],
);

fn uname_agrees_with_proc(_: &Case) -> Outcome {
    let names = sys::uname()?;
    check_eq!(names[0], "Linux");
    check_eq!(format!("{}\n", names[1]), text("/proc/sys/kernel/hostname")?);
    check_eq!(format!("{}\n", names[2]), text("/proc/sys/kernel/osrelease")?);
    check_eq!(format!("{}\n", names[3]), text("/proc/sys/kernel/version")?);
    check_eq!(names[4], "x86_64");
    check_eq!(format!("{}\n", names[5]), text("/proc/sys/kernel/domainname")?);
    let version = text("/proc/version")?;
    check!(version.starts_with(&format!("Linux version {} (", names[2])), "{version}");
    check!(version.trim_end().ends_with(&names[3]), "{version}");
    Ok(())
}

fn uname_bad_pointer(_: &Case) -> Outcome {
    let region = sys::Region::new(1, libc::PROT_READ)?;
    for wild in [8, usize::MAX - 100, region.at(0)] {
        check_err!(region.call("uname", libc::SYS_uname, [wild, 0, 0, 0, 0, 0]), EFAULT);
    }
    Ok(())
}

fn hostname_is_set(_: &Case) -> Outcome {
    let before = read("/proc/sys/kernel/hostname")?;
    for name in [&[b'y'; 64][..], b"", b"short"] {
        check_eq!(sys::sethostname(name)?, 0);
        check_eq!(sys::uname()?[1].as_bytes(), name);
        check_eq!(read("/proc/sys/kernel/hostname")?, [name, b"\n"].concat());
    }
    check_err!(sys::sethostname(&[b'y'; 65]), EINVAL);
    sys::sethostname(before.trim_ascii_end())?;
    Ok(())
}

fn domainname_is_set(_: &Case) -> Outcome {
    let before = read("/proc/sys/kernel/domainname")?;
    check_eq!(sys::setdomainname(b"example.org")?, 0);
    check_eq!(sys::uname()?[5], "example.org");
    check_eq!(text("/proc/sys/kernel/domainname")?, "example.org\n");
    sys::setdomainname(before.trim_ascii_end())?;
    Ok(())
}
