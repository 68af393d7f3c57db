//! What a test may need of the machine it runs on.

use std::thread;

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
            Self::DescriptorLimit => sys::limit_descriptors(None)
                .and_then(|(soft, _)| sys::limit_descriptors(Some(soft)))
                .err()
                .map(|errno| {
                    format!("needs a limit of descriptors that can be set: prlimit64 gives {errno}")
                }),
        }
    }
}
