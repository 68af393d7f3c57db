//! What a test may need of the machine it runs on.

use std::{sync::OnceLock, thread};

use crate::{errno::Errno, sys};

/// Something that not every host offers. The guest kernel offers all of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Need {
    /// A thread may become another user: root, and that user mapped in the user name space.
    OtherUsers,
    /// The limit of open descriptors can be lowered.
    DescriptorLimit,
    /// The machine is the test's own: what is set for the whole system disturbs nobody.
    OwnSystem,
    /// The first user name space: from others, root may not look at and change everything.
    FirstUserNamespace,
    /// Programs with set-id bits change the user where tests have their files.
    SetIdPrograms,
    /// Calls are judged by rules, and `/proc/scml` tells of it.
    Policy,
    /// Sockets of AF_VSOCK reach each other on the machine itself (Linux: CONFIG_VSOCKETS_LOOPBACK).
    VsockLoopback,
}

/// The user and group that tests become to have no privilege: `nobody`.
pub(crate) const NOBODY: u32 = 65534;

impl Need {
    /// Why the machine does not offer it; `None` where it does.
    pub(crate) fn missing(self) -> Option<String> {
        match self {
            Self::OtherUsers if sys::geteuid() != Ok(0) => Some("needs root".to_owned()),
            Self::OtherUsers => thread::spawn(|| sys::set_thread_uids(NOBODY, NOBODY, NOBODY))
                .join()
                .unwrap_or(Err(Errno(libc::EIO)))
                .err()
                .map(|errno| format!("needs a thread that becomes user {NOBODY}: setresuid gives {errno}")),
            Self::OwnSystem => std::fs::read_to_string("/proc/sys/kernel/osrelease")
                .is_ok_and(|release| release.contains("postern"))
                .then_some(())
                .map_or_else(|| Some("changes settings of the whole system".to_owned()), |()| None),
            // A kernel without name spaces has no such link. The number is that of include/linux/proc_ns.h.
            Self::FirstUserNamespace => std::fs::read_link("/proc/self/ns/user")
                .is_ok_and(|name| name.as_os_str() != "user:[4026531837]")
                .then(|| "needs the first user name space".to_owned()),
            Self::SetIdPrograms => std::fs::read_to_string("/proc/self/mounts")
                .is_ok_and(|mounts| mounts.lines().any(without_set_id))
                .then(|| "needs set-id bits in /tmp: it is mounted with nosuid".to_owned()),
            Self::Policy => (!std::path::Path::new("/proc/scml").exists())
                .then(|| "needs a kernel that enforces SCML".to_owned()),
            Self::VsockLoopback => {
                use crate::suite::vsock::help::{STREAM, VSOCK, address};
                static MISSING: OnceLock<Option<String>> = OnceLock::new();
                // Port 1 of this machine: whoever has the transport is told that nobody listens there. Others may have to
                // wait for somebody who never answers.
                let look = || {
                    let met = sys::socket(VSOCK, STREAM, 0)
                        .and_then(|fd| sys::connect(&fd, address(1, 1).bytes()))
                        .err();
                    met.filter(|errno| errno.0 != libc::ECONNRESET)
                        .map(|errno| format!("needs the loopback transport of vsock: connect gives {errno}"))
                };
                MISSING.get_or_init(look).clone()
            }
            Self::DescriptorLimit => sys::limit_descriptors(None)
                .and_then(|(soft, _)| sys::limit_descriptors(Some(soft)))
                .err()
                .map(|errno| {
                    format!("needs a limit of descriptors that can be set: prlimit64 gives {errno}")
                }),
        }
    }
}

/// Whether a line of the mount table says that set-id bits mean nothing in `/tmp`.
fn without_set_id(line: &str) -> bool {
    let mut words = line.split(' ').skip(1);
    words.next() == Some("/tmp")
        && words.nth(1).is_some_and(|options| options.split(',').any(|o| o == "nosuid"))
}
