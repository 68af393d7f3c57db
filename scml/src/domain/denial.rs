//! Which errno a refusal has: the one that Linux uses for that kind of argument.
//!
//! | argument | errno |
//! |---|---|
//! | no rule for a networking call | ENOSYS |
//! | `family` | EAFNOSUPPORT, as in a kernel without the family; EOPNOTSUPP for pairs of AF_INET, AF_INET6, AF_NETLINK and AF_VSOCK |
//! | `type` | EINVAL for unknown flag bits and from SOCK_MAX (11) on, EPROTONOSUPPORT for SOCK_RAW of AF_INET and AF_INET6 (whose protocol 0 it has not), ENODEV for SOCK_DGRAM of AF_VSOCK (which no transport carries), else ESOCKTNOSUPPORT |
//! | `protocol` | EPROTONOSUPPORT; for AF_INET and AF_INET6 EINVAL outside 0..IPPROTO_MAX, EACCES for datagrams of ICMP, which are for the groups of `ping_group_range` |
//! | the descriptor (no rule names such a socket) | EOPNOTSUPP |
//! | the family of an address | EINVAL (unix, netlink, vsock), EAFNOSUPPORT (the others) |
//! | `MSG_*` flags | EINVAL; EOPNOTSUPP for MSG_OOB, but where a stream of another family than AF_VSOCK receives; on AF_INET and AF_INET6 EAGAIN for MSG_ERRQUEUE, as of an empty queue, and EISCONN for MSG_FASTOPEN, as on a connection |
//! | `level` | EOPNOTSUPP (unix, and getsockopt on inet but for the levels of UDP), ENOPROTOOPT (the others) |
//! | `optname` | ENOPROTOOPT, as for an option that does not exist; EOPNOTSUPP on a UNIX socket at another level than SOL_SOCKET, and for who sends (SO_PASSCRED, SO_PASSPIDFD) on AF_INET, AF_INET6 and AF_VSOCK (AF_NETLINK: SO_PASSPIDFD); ENODATA there for who the peer is (SO_PEERGROUPS, SO_PEERPIDFD) |
//! | `request` of ioctl | ENOTTY |
//! | `buf` and `msg_iov`: netlink messages | EOPNOTSUPP, which Linux sends back in an NLMSG_ERROR |
//! | control messages, `how`, accept4's flags, commands, and everything else | EINVAL |
//!
//! Each was looked up in a running Linux 6.18.

use linux_raw_sys::{errno, net};

use crate::call::Call;

const SOCK_STREAM: u32 = 1;
const SOCK_DGRAM: u32 = 2;
const SOCK_RAW: u32 = 3;
/// SO_PASSCRED and SO_PASSPIDFD.
const SENDERS: [u32; 2] = [net::SO_PASSCRED, net::SO_PASSPIDFD];
/// SO_PEERGROUPS and SO_PEERPIDFD.
const PEERS: [u32; 2] = [net::SO_PEERGROUPS, net::SO_PEERPIDFD];
const MSG_ERRQUEUE: u32 = 0x2000;
const MSG_FASTOPEN: u32 = 0x2000_0000;
/// SOCK_MAX of the kernel's `include/linux/net.h`: types are below it.
const SOCK_MAX: u32 = 11;
/// SOCK_TYPE_MASK of the same file.
const SOCK_TYPE_MASK: u32 = 0xf;
/// SOCK_NONBLOCK and SOCK_CLOEXEC.
const SOCK_FLAGS: u32 = 0o4000 | 0o2_000_000;
/// NPROTO of the kernel's `include/linux/socket.h`, AF_MAX: families are below it.
const FAMILY_MAX: u32 = 46;
/// IPPROTO_MAX: MPTCP's 262 is the last.
const IPPROTO_MAX: u32 = 263;

/// Whether the type has bits that are neither a type nor a flag: Linux looks at these before anything else.
pub(crate) const fn undefined_type_bits(kind: u32) -> bool {
    kind & !(SOCK_TYPE_MASK | SOCK_FLAGS) != 0
}

/// The errno for a networking call that no rule speaks of.
pub const NO_RULE: u16 = errno::ENOSYS as u16;

/// What was refused, as far as the errno depends on it.
pub(crate) struct Refused<'a> {
    pub(crate) call: Call,
    pub(crate) parameter: &'a str,
    /// The register.
    pub(crate) value: u32,
    /// Of getsockopt and setsockopt.
    pub(crate) level: u32,
    /// Of the socket, or what is asked for.
    pub(crate) family: u32,
    /// The type of the socket, or what is asked for, without flags.
    pub(crate) kind: u32,
    /// Whether it is the family of an address that is refused.
    pub(crate) address: bool,
    /// Whether it is the netlink messages of a message that are refused.
    pub(crate) payload: bool,
}

/// The errno for a refused parameter, or for what lies behind it.
#[must_use]
pub(crate) fn errno(refused: &Refused<'_>) -> u16 {
    let Refused { call, parameter, value, level, family, kind, address, payload } = *refused;
    let inet = family == net::AF_INET || family == net::AF_INET6;
    let netlink = family == net::AF_NETLINK;
    let vsock = family == net::AF_VSOCK;
    let pairs = matches!(call, Call::Socketpair);
    let asks = matches!(call, Call::Getsockopt);
    let number = match parameter {
        _ if address && (family == net::AF_UNIX || netlink || vsock) => errno::EINVAL,
        _ if address => errno::EAFNOSUPPORT,
        "family" if pairs && netlink && kind != SOCK_RAW && kind != SOCK_DGRAM => errno::ESOCKTNOSUPPORT,
        "family" if pairs && (inet || netlink || vsock) => errno::EOPNOTSUPP,
        "family" => errno::EAFNOSUPPORT,
        "type" if undefined_type_bits(value) || value & SOCK_TYPE_MASK >= SOCK_MAX => errno::EINVAL,
        "type" if inet && value & SOCK_TYPE_MASK == SOCK_RAW => errno::EPROTONOSUPPORT,
        "type" if vsock && value & SOCK_TYPE_MASK == SOCK_DGRAM => errno::ENODEV,
        "type" => errno::ESOCKTNOSUPPORT,
        "protocol" if inet && value >= IPPROTO_MAX => errno::EINVAL,
        "protocol" if kind == SOCK_DGRAM && is_icmp(family, value) => errno::EACCES,
        "protocol" => errno::EPROTONOSUPPORT,
        "sockfd" | "fd" | "out_fd" => errno::EOPNOTSUPP,
        "flags" if call.message_flags() => of_message_flags(refused),
        "level" => of_level(refused),
        "optname" if family == net::AF_UNIX && level != net::SOL_SOCKET => errno::EOPNOTSUPP,
        "optname" if (inet || vsock) && level == net::SOL_SOCKET && SENDERS.contains(&value) => {
            errno::EOPNOTSUPP
        }
        "optname" if netlink && level == net::SOL_SOCKET && value == net::SO_PASSPIDFD => errno::EOPNOTSUPP,
        "optname"
            if (inet || netlink || vsock) && asks && level == net::SOL_SOCKET && PEERS.contains(&value) =>
        {
            errno::ENODATA
        }
        "optname" => errno::ENOPROTOOPT,
        "request" => errno::ENOTTY,
        "buf" => errno::EOPNOTSUPP,
        _ if payload => errno::EOPNOTSUPP,
        _ => errno::EINVAL,
    };
    number as u16
}

/// Urgent data is something that a stream could receive, if there were any (`unix(7)`, `tcp(7)`).
fn of_message_flags(refused: &Refused<'_>) -> u32 {
    let Refused { call, value, kind, family, .. } = *refused;
    let receives = matches!(call, Call::Recvfrom | Call::Recvmsg | Call::Recvmmsg);
    let inet = family == net::AF_INET || family == net::AF_INET6;
    if inet && receives && value & MSG_ERRQUEUE != 0 {
        return errno::EAGAIN;
    }
    if inet && !receives && kind == SOCK_STREAM && value & MSG_FASTOPEN != 0 {
        return errno::EISCONN;
    }
    match value & net::MSG_OOB != 0 {
        true if !(receives && kind == SOCK_STREAM) || family == net::AF_VSOCK => errno::EOPNOTSUPP,
        _ => errno::EINVAL,
    }
}

/// The protocols of ping.
const fn is_icmp(family: u32, protocol: u32) -> bool {
    family == net::AF_INET && protocol == 1 || family == net::AF_INET6 && protocol == 58
}

fn of_level(refused: &Refused<'_>) -> u32 {
    match (refused.family, refused.call) {
        (net::AF_INET, _)
            if refused.kind == SOCK_DGRAM && matches!(refused.value, net::SOL_UDP | net::SOL_UDPLITE) =>
        {
            errno::ENOPROTOOPT
        }
        (net::AF_UNIX, _) | (net::AF_INET, Call::Getsockopt) => errno::EOPNOTSUPP,
        _ => errno::ENOPROTOOPT,
    }
}

/// The order in which Linux looks at the parameters of a call, for a call that is refused.
///
/// socket and socketpair look at undefined bits of the type first, at the type's range before they look for the family, and
/// the UNIX family at the protocol before the type (`unix_create`); everything else goes by position.
pub(crate) fn order(call: Call, parameter: impl Fn(usize) -> u32) -> &'static [u8] {
    let by_position: &'static [u8] = &[0, 1, 2, 3, 4, 5];
    if !matches!(call, Call::Socket | Call::Socketpair) {
        return by_position;
    }
    let (family, kind) = (parameter(0), parameter(1));
    let no_type = kind & SOCK_TYPE_MASK >= SOCK_MAX && family < FAMILY_MAX;
    match undefined_type_bits(kind) || no_type {
        true => &[1, 0, 2, 3],
        false if family == net::AF_UNIX => &[0, 2, 1, 3],
        false => by_position,
    }
}
