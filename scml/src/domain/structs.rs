//! The struct types that patterns may speak of, with their layout in memory (x86-64, as the UAPI headers have it).

use linux_raw_sys::{net, netlink};

use super::{Domain, Field, Kind, Struct, StructId, Variant, Width, constants::*};

const fn field(name: &'static str, kind: Kind, offset: usize, width: Width) -> Field {
    Field { name, kind, offset, width, network_order: false }
}

const fn integer(name: &'static str, offset: usize, width: Width) -> Field {
    field(name, Kind::Integer, offset, width)
}

const fn network(name: &'static str, offset: usize, width: Width) -> Field {
    Field { name, kind: Kind::Integer, offset, width, network_order: true }
}

const fn bytes(name: &'static str, offset: usize) -> Field {
    field(name, Kind::Buffer, offset, Width::Bits8)
}

const fn family(name: &'static str) -> Field {
    field(name, Kind::Enumeration(&FAMILY), 0, Width::Bits16)
}

const fn address(
    id: StructId,
    name: &'static str,
    family: u32,
    fields: &'static [Field],
    size: usize,
) -> Struct {
    Struct { id, name, aliases: &[], family: Some(family as u16), fields, size }
}

const fn plain(id: StructId, name: &'static str, fields: &'static [Field], size: usize) -> Struct {
    Struct { id, name, aliases: &[], family: None, fields, size }
}

/// The protocols of each family that has any.
pub static PROTOCOLS: &[Variant] = &[
    Variant { selector: net::AF_UNIX, domain: &PROTOCOL_UNIX },
    Variant { selector: net::AF_INET, domain: &PROTOCOL_IP },
    Variant { selector: net::AF_INET6, domain: &PROTOCOL_IP },
    Variant { selector: net::AF_NETLINK, domain: &PROTOCOL_NETLINK },
    Variant { selector: net::AF_PACKET, domain: &PROTOCOL_PACKET },
];

/// The options of each level.
pub static OPTIONS: &[Variant] = &[
    Variant { selector: net::SOL_SOCKET, domain: &SO_OPTIONS },
    Variant { selector: net::SOL_IP, domain: &IP_OPTIONS },
    Variant { selector: net::SOL_TCP, domain: &TCP_OPTIONS },
    Variant { selector: net::SOL_UDP, domain: &UDP_OPTIONS },
    Variant { selector: net::SOL_UDPLITE, domain: &UDP_OPTIONS },
    Variant { selector: net::SOL_IPV6, domain: &IPV6_OPTIONS },
    Variant { selector: net::SOL_ICMPV6, domain: &RAW_OPTIONS },
    Variant { selector: net::SOL_RAW, domain: &RAW_OPTIONS },
    Variant { selector: net::SOL_PACKET, domain: &PACKET_OPTIONS },
    Variant { selector: net::SOL_NETLINK, domain: &NETLINK_OPTIONS },
    Variant { selector: net::AF_VSOCK, domain: &VSOCK_OPTIONS },
    Variant { selector: linux_raw_sys::vm_sockets::SOL_VSOCK, domain: &VSOCK_OPTIONS },
];

static CONTROL_TYPES: &[Variant] = &[
    Variant { selector: net::SOL_SOCKET, domain: &SCM_SOCKET },
    Variant { selector: net::SOL_IP, domain: &SCM_IP },
    Variant { selector: net::SOL_IPV6, domain: &SCM_IPV6 },
    Variant { selector: net::SOL_TCP, domain: &SCM_TCP },
    Variant { selector: net::SOL_UDP, domain: &SCM_UDP },
    Variant { selector: net::SOL_NETLINK, domain: &SCM_NETLINK },
];

/// What is known of an open socket. Not a struct of the UAPI: the field's offsets are not used.
pub static DESCRIPTOR: Struct = plain(
    StructId::Descriptor,
    "descriptor",
    &[
        field("family", Kind::Enumeration(&FAMILY), 0, Width::Bits16),
        field("type", Kind::Enumeration(&TYPE), 0, Width::Bits8),
        field("protocol", Kind::Dependent { on: 0, variants: PROTOCOLS }, 0, Width::Bits16),
        field("state", Kind::Enumeration(&STATE), 0, Width::Bits8),
    ],
    0,
);

/// `struct sockaddr` (`sockaddr(3type)`)
pub static SOCKADDR: Struct =
    plain(StructId::Sockaddr, "sockaddr", &[family("sa_family"), bytes("sa_data", 2)], 16);

/// `struct sockaddr_un` (`unix(7)`)
pub static SOCKADDR_UN: Struct = address(
    StructId::SockaddrUn,
    "sockaddr_un",
    net::AF_UNIX,
    &[family("sun_family"), field("sun_path", Kind::Path, 2, Width::Bits8)],
    110,
);

/// `struct sockaddr_in` (`ip(7)`)
pub static SOCKADDR_IN: Struct = address(
    StructId::SockaddrIn,
    "sockaddr_in",
    net::AF_INET,
    &[family("sin_family"), network("sin_port", 2, Width::Bits16), network("sin_addr", 4, Width::Bits32)],
    16,
);

/// `struct sockaddr_in6` (`ipv6(7)`)
pub static SOCKADDR_IN6: Struct = address(
    StructId::SockaddrIn6,
    "sockaddr_in6",
    net::AF_INET6,
    &[
        family("sin6_family"),
        network("sin6_port", 2, Width::Bits16),
        network("sin6_flowinfo", 4, Width::Bits32),
        bytes("sin6_addr", 8),
        integer("sin6_scope_id", 24, Width::Bits32),
    ],
    28,
);

/// `struct sockaddr_nl` (`netlink(7)`)
pub static SOCKADDR_NL: Struct = address(
    StructId::SockaddrNl,
    "sockaddr_nl",
    net::AF_NETLINK,
    &[family("nl_family"), integer("nl_pid", 4, Width::Bits32), integer("nl_groups", 8, Width::Bits32)],
    12,
);

/// `struct sockaddr_vm` (`vsock(7)`)
pub static SOCKADDR_VM: Struct = address(
    StructId::SockaddrVm,
    "sockaddr_vm",
    net::AF_VSOCK,
    &[family("svm_family"), integer("svm_port", 4, Width::Bits32), integer("svm_cid", 8, Width::Bits32)],
    16,
);

/// `struct sockaddr_ll` (`packet(7)`)
pub static SOCKADDR_LL: Struct = address(
    StructId::SockaddrLl,
    "sockaddr_ll",
    net::AF_PACKET,
    &[
        family("sll_family"),
        network("sll_protocol", 2, Width::Bits16),
        integer("sll_ifindex", 4, Width::Bits32),
        integer("sll_hatype", 8, Width::Bits16),
        integer("sll_pkttype", 10, Width::Bits8),
        integer("sll_halen", 11, Width::Bits8),
        bytes("sll_addr", 12),
    ],
    20,
);

/// The types that an address argument may point to.
pub static ADDRESSES: &[&Struct] =
    &[&SOCKADDR, &SOCKADDR_UN, &SOCKADDR_IN, &SOCKADDR_IN6, &SOCKADDR_NL, &SOCKADDR_VM, &SOCKADDR_LL];

/// `struct iovec` (`iovec(3type)`)
pub static IOVEC: Struct =
    plain(StructId::Iovec, "iovec", &[bytes("iov_base", 0), integer("iov_len", 8, Width::Bits64)], 16);

/// `struct cmsghdr` (`cmsg(3)`)
pub static CMSGHDR: Struct = plain(
    StructId::Cmsghdr,
    "cmsghdr",
    &[
        integer("cmsg_len", 0, Width::Bits64),
        field("cmsg_level", Kind::Enumeration(&LEVEL), 8, Width::Bits32),
        field("cmsg_type", Kind::Dependent { on: 1, variants: CONTROL_TYPES }, 12, Width::Bits32),
    ],
    16,
);

const fn message_fields(out: bool) -> [Field; 7] {
    let parts = if out { Kind::Array { of: &IOVEC, out } } else { Kind::Payload(&NLMSGHDR) };
    [
        field("msg_name", Kind::Struct { types: ADDRESSES, out }, 0, Width::Bits64),
        integer("msg_namelen", 8, Width::Bits32),
        field("msg_iov", parts, 16, Width::Bits64),
        integer("msg_iovlen", 24, Width::Bits64),
        field("msg_control", Kind::Array { of: &CMSGHDR, out }, 32, Width::Bits64),
        integer("msg_controllen", 40, Width::Bits64),
        field("msg_flags", Kind::BitSet(&MSG_FLAGS), 48, Width::Bits32),
    ]
}

const fn message(fields: &'static [Field]) -> Struct {
    Struct { id: StructId::Msghdr, name: "msghdr", aliases: &["msg_hdr"], family: None, fields, size: 56 }
}

static FIELDS_SENT: [Field; 7] = message_fields(false);
static FIELDS_RECEIVED: [Field; 7] = message_fields(true);

/// `struct msghdr` of a sending call (`sendmsg(2)`)
pub static MSGHDR_SENT: Struct = message(&FIELDS_SENT);

/// `struct msghdr` of a receiving call (`recvmsg(2)`): the call writes the name and the control data.
pub static MSGHDR_RECEIVED: Struct = message(&FIELDS_RECEIVED);

const fn several(fields: &'static [Field]) -> Struct {
    Struct { id: StructId::Mmsghdr, name: "mmsghdr", aliases: &["mmsg_hdr"], family: None, fields, size: 64 }
}

/// `struct mmsghdr` of `sendmmsg(2)`
pub static MMSGHDR_SENT: Struct = several(&[
    field("msg_hdr", Kind::Struct { types: &[&MSGHDR_SENT], out: false }, 0, Width::Bits64),
    integer("msg_len", 56, Width::Bits32),
]);

/// `struct mmsghdr` of `recvmmsg(2)`
pub static MMSGHDR_RECEIVED: Struct = several(&[
    field("msg_hdr", Kind::Struct { types: &[&MSGHDR_RECEIVED], out: false }, 0, Width::Bits64),
    integer("msg_len", 56, Width::Bits32),
]);

/// `struct pollfd` (`poll(2)`)
pub static POLLFD: Struct = plain(
    StructId::Pollfd,
    "pollfd",
    &[
        integer("fd", 0, Width::Bits32),
        field("events", Kind::BitSet(&POLL_EVENTS), 4, Width::Bits16),
        field("revents", Kind::BitSet(&POLL_EVENTS), 6, Width::Bits16),
    ],
    8,
);

/// `struct epoll_event` (`epoll_event(3type)`; packed on x86-64)
pub static EPOLL_EVENT: Struct = plain(
    StructId::EpollEvent,
    "epoll_event",
    &[field("events", Kind::BitSet(&EPOLL_EVENTS), 0, Width::Bits32), integer("data", 4, Width::Bits64)],
    12,
);

/// `struct linger` (`socket(7)`)
pub static LINGER: Struct = plain(
    StructId::Linger,
    "linger",
    &[integer("l_onoff", 0, Width::Bits32), integer("l_linger", 4, Width::Bits32)],
    8,
);

/// `struct timeval` (`timeval(3type)`)
pub static TIMEVAL: Struct = plain(
    StructId::Timeval,
    "timeval",
    &[integer("tv_sec", 0, Width::Bits64), integer("tv_usec", 8, Width::Bits64)],
    16,
);

/// `struct timespec` (`timespec(3type)`)
pub static TIMESPEC: Struct = plain(
    StructId::Timespec,
    "timespec",
    &[integer("tv_sec", 0, Width::Bits64), integer("tv_nsec", 8, Width::Bits64)],
    16,
);

/// `struct ucred` (`unix(7)`)
pub static UCRED: Struct = plain(
    StructId::Ucred,
    "ucred",
    &[integer("pid", 0, Width::Bits32), integer("uid", 4, Width::Bits32), integer("gid", 8, Width::Bits32)],
    12,
);

/// The types of rtnetlink's messages come in groups of four (new, delete, get, set), and so do the attributes.
const fn group(new: u32, domain: &'static Domain) -> [Variant; 4] {
    [
        Variant { selector: new, domain },
        Variant { selector: new + 1, domain },
        Variant { selector: new + 2, domain },
        Variant { selector: new + 3, domain },
    ]
}

/// The attributes of each type of message.
static NETLINK_ATTRIBUTES: &[Variant] = {
    const GROUPS: [[Variant; 4]; 9] = [
        group(netlink::RTM_NEWLINK as u32, &LINK_ATTRIBUTES),
        group(netlink::RTM_NEWLINKPROP as u32, &LINK_ATTRIBUTES),
        group(netlink::RTM_NEWADDR as u32, &ADDRESS_ATTRIBUTES),
        group(netlink::RTM_NEWROUTE as u32, &ROUTE_ATTRIBUTES),
        group(netlink::RTM_NEWNEIGH as u32, &NEIGHBOUR_ATTRIBUTES),
        group(netlink::RTM_NEWRULE as u32, &RULE_ATTRIBUTES),
        group(netlink::RTM_NEWQDISC as u32, &TRAFFIC_ATTRIBUTES),
        group(netlink::RTM_NEWTCLASS as u32, &TRAFFIC_ATTRIBUTES),
        group(netlink::RTM_NEWTFILTER as u32, &TRAFFIC_ATTRIBUTES),
    ];
    GROUPS.as_flattened()
};

/// `struct nlmsghdr` (`netlink(7)`), and the attributes behind it: as strace shows them.
pub static NLMSGHDR: Struct = plain(
    StructId::Nlmsghdr,
    "nlmsghdr",
    &[
        integer("nlmsg_len", 0, Width::Bits32),
        field("nlmsg_type", Kind::Enumeration(&NLMSG_TYPE), 4, Width::Bits16),
        field("nlmsg_flags", Kind::BitSet(&NLMSG_FLAGS), 6, Width::Bits16),
        integer("nlmsg_seq", 8, Width::Bits32),
        integer("nlmsg_pid", 12, Width::Bits32),
        field("nlmsg_attrs", Kind::Array { of: &NLATTR, out: false }, 16, Width::Bits64),
    ],
    16,
);

/// `struct nlattr`: the type without the two bits that say how it is laid out.
pub static NLATTR: Struct = plain(
    StructId::Nlattr,
    "nlattr",
    &[
        integer("nla_len", 0, Width::Bits16),
        field(
            "nla_type",
            Kind::Dependent { on: Kind::OUTER, variants: NETLINK_ATTRIBUTES },
            2,
            Width::Bits16,
        ),
    ],
    4,
);

/// Every type, for names that stand alone.
pub static ALL: &[&Struct] = &[
    &DESCRIPTOR,
    &SOCKADDR,
    &SOCKADDR_UN,
    &SOCKADDR_IN,
    &SOCKADDR_IN6,
    &SOCKADDR_NL,
    &SOCKADDR_VM,
    &SOCKADDR_LL,
    &MSGHDR_SENT,
    &MMSGHDR_SENT,
    &CMSGHDR,
    &IOVEC,
    &POLLFD,
    &EPOLL_EVENT,
    &LINGER,
    &TIMEVAL,
    &TIMESPEC,
    &UCRED,
    &NLMSGHDR,
    &NLATTR,
];

/// The type behind a number in compiled tables. The two directions of a msghdr have one layout.
#[must_use]
pub fn by_id(id: StructId) -> &'static Struct {
    ALL[id as usize]
}
