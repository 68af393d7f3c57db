//! Who programs are, as far as sockets show it to others.

use alloc::sync::Arc;
use core::{any::Any, fmt};

/// What `struct ucred` has (`unix(7)`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Credentials {
    /// Thread group, in the caller's PID name space.
    pub pid: i32,
    /// User.
    pub uid: u32,
    /// Group.
    pub gid: u32,
}

impl Credentials {
    /// What SO_PEERCRED shows where there is no peer.
    pub const NOBODY: Self = Self { pid: 0, uid: u32::MAX, gid: u32::MAX };

    /// What SCM_CREDENTIALS shows of a message that came without: the numbers that stand for those which a name space does
    /// not have (`/proc/sys/kernel/overflowuid`).
    pub const UNKNOWN: Self = Self { pid: 0, uid: 65_534, gid: 65_534 };
}

/// A process, whatever becomes of its number: the caller knows what is behind it.
#[derive(Clone)]
pub struct Process(pub Arc<dyn Any + Send + Sync>);

impl PartialEq for Process {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Process {}

impl fmt::Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Process")
    }
}

/// The user or group numbers of a thread (credentials(7)).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Numbers {
    /// Who started it.
    pub real: u32,
    /// Whose rights it has.
    pub effective: u32,
    /// Whose rights it may take on again.
    pub saved: u32,
}

impl Numbers {
    /// Three times the same.
    #[must_use]
    pub const fn all(number: u32) -> Self {
        Self { real: number, effective: number, saved: number }
    }

    /// Whether it is one of them.
    #[must_use]
    pub fn has(self, number: u32) -> bool {
        [self.real, self.effective, self.saved].contains(&number)
    }
}

/// Who a thread is, at one moment: it does not change when the thread does.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Identity {
    /// Its process, by number.
    pub pid: i32,
    /// Its process.
    pub process: Process,
    /// Its users.
    pub users: Numbers,
    /// Its groups.
    pub groups: Numbers,
    /// Its supplementary groups.
    pub supplementary: Arc<[u32]>,
}

impl Identity {
    /// Who has one user, one group and no others.
    #[must_use]
    pub fn new(Credentials { pid, uid, gid }: Credentials, process: Process) -> Self {
        let (users, groups) = (Numbers::all(uid), Numbers::all(gid));
        Self { pid, process, users, groups, supplementary: Arc::from([]) }
    }

    /// The kernel's own code.
    #[must_use]
    pub fn kernel() -> Arc<Self> {
        Arc::new(Self::new(Credentials::default(), Process(Arc::new(()))))
    }

    /// As SO_PEERCRED shows it.
    #[must_use]
    pub fn as_peer(&self) -> Credentials {
        Credentials { pid: self.pid, uid: self.users.effective, gid: self.groups.effective }
    }

    /// As SCM_CREDENTIALS shows it to those who want to know, where it does not say itself who it is.
    #[must_use]
    pub fn as_sender(&self) -> Sender {
        let credentials = Credentials { pid: self.pid, uid: self.users.real, gid: self.groups.real };
        Sender { credentials, process: self.process.clone() }
    }
}

/// Who sent a message: SCM_CREDENTIALS and SCM_PIDFD.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sender {
    /// By number.
    pub credentials: Credentials,
    /// The process of that number.
    pub process: Process,
}
