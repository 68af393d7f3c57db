//! The system calls that SCML governs.

macro_rules! calls {
    ($($variant:ident $name:literal,)*) => {
        /// A system call with a signature, as a dense index into every table that is kept per call.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[repr(u8)]
        pub enum Call {
            $(#[doc = concat!("`", $name, "(2)`")] $variant,)*
        }

        impl Call {
            /// Every call, in the order of the index.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// How many there are.
            pub const COUNT: usize = Self::ALL.len();

            /// The name, as in section 2 of the manual and in SCML.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }
    };
}

// The networking calls stand first, up to `Setsockopt`: see `Call::networking`.
calls! {
    Socket "socket",
    Socketpair "socketpair",
    Bind "bind",
    Listen "listen",
    Accept "accept",
    Accept4 "accept4",
    Connect "connect",
    Getsockname "getsockname",
    Getpeername "getpeername",
    Sendto "sendto",
    Recvfrom "recvfrom",
    Sendmsg "sendmsg",
    Recvmsg "recvmsg",
    Sendmmsg "sendmmsg",
    Recvmmsg "recvmmsg",
    Shutdown "shutdown",
    Getsockopt "getsockopt",
    Setsockopt "setsockopt",
    Read "read",
    Write "write",
    Readv "readv",
    Writev "writev",
    Sendfile "sendfile",
    Splice "splice",
    Ioctl "ioctl",
    Fcntl "fcntl",
    Poll "poll",
    Ppoll "ppoll",
    Select "select",
    Pselect6 "pselect6",
    EpollCreate "epoll_create",
    EpollCreate1 "epoll_create1",
    EpollCtl "epoll_ctl",
    EpollWait "epoll_wait",
    EpollPwait "epoll_pwait",
    EpollPwait2 "epoll_pwait2",
}

impl Call {
    /// The dense index.
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// Whether the call exists for sockets only. Without a rule such a call is refused; the others are then not
    /// governed at all.
    #[must_use]
    pub const fn networking(self) -> bool {
        (self as u8) <= (Self::Setsockopt as u8)
    }

    /// Whether its `flags` are `MSG_*`.
    #[must_use]
    pub(crate) const fn message_flags(self) -> bool {
        matches!(
            self,
            Self::Sendto | Self::Recvfrom | Self::Sendmsg | Self::Recvmsg | Self::Sendmmsg | Self::Recvmmsg
        )
    }

    /// The call of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|call| call.name() == name)
    }
}
