//! The flag arguments of the calls.

use bitflags::bitflags;
use linux_raw_sys::{general as uapi, net};

bitflags! {
    /// `MSG_*`, of the calls that send and receive. Bits that have no name here Linux ignores; whether a program may
    /// pass them is the policy's business.
    #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
    pub struct MessageFlags: u32 {
        /// Urgent data.
        const OOB = net::MSG_OOB;
        /// Look, and leave the data where it is.
        const PEEK = net::MSG_PEEK;
        /// Of a record, its length rather than how much of it was received; in a result, that it was longer.
        const TRUNC = net::MSG_TRUNC;
        /// Do not wait.
        const DONTWAIT = net::MSG_DONTWAIT;
        /// Wait until the buffer is full.
        const WAITALL = net::MSG_WAITALL;
        /// Of recvmmsg: wait for the first message only.
        const WAITFORONE = 0x1_0000;
        /// What is sent, or was received, ends a record that the program has marked.
        const EOR = net::MSG_EOR;
        /// More follows: it is sent together.
        const MORE = net::MSG_MORE;
        /// What became of datagrams that were sent, rather than those that have come; also in the result.
        const ERRQUEUE = net::MSG_ERRQUEUE;
        /// Control messages did not fit: only in results.
        const CTRUNC = net::MSG_CTRUNC;
        /// No SIGPIPE.
        const NOSIGNAL = net::MSG_NOSIGNAL;
        /// Descriptors that are received are closed by exec.
        const CMSG_CLOEXEC = net::MSG_CMSG_CLOEXEC;
        /// A 32-bit program's structures: no program may pass it.
        const CMSG_COMPAT = 0x8000_0000;
        const _ = !0;
    }
}

bitflags! {
    /// The flag bits in the type argument of socket and socketpair, and the flags of accept4.
    #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
    pub struct CreationFlags: u32 {
        /// SOCK_NONBLOCK
        const NONBLOCK = uapi::O_NONBLOCK;
        /// SOCK_CLOEXEC
        const CLOEXEC = uapi::O_CLOEXEC;
        const _ = !0;
    }
}

impl CreationFlags {
    /// Whether there are others than the two.
    #[must_use]
    pub fn has_unknown(self) -> bool {
        self.intersects((Self::NONBLOCK | Self::CLOEXEC).complement())
    }
}
