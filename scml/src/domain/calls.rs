//! The signature of every governed call.

use super::{Kind, Parameter, Signature, Width, constants::*, structs::*};
use crate::call::Call;

/// The signature of a call.
#[must_use]
pub const fn signature(call: Call) -> &'static Signature {
    &SIGNATURES[call.index()]
}

const fn parameter(
    name: &'static str,
    aliases: &'static [&'static str],
    kind: Kind,
    width: Width,
) -> Parameter {
    Parameter { name, aliases, kind, width }
}

const fn int(name: &'static str, aliases: &'static [&'static str], kind: Kind) -> Parameter {
    parameter(name, aliases, kind, Width::Bits32)
}

const fn pointer(name: &'static str, aliases: &'static [&'static str], kind: Kind) -> Parameter {
    parameter(name, aliases, kind, Width::Bits64)
}

const fn number(name: &'static str, aliases: &'static [&'static str]) -> Parameter {
    parameter(name, aliases, Kind::Integer, Width::Bits64)
}

const SOCKET: Parameter = int("sockfd", &["fd", "s", "socket"], Kind::Descriptor);
const FD: Parameter = int("fd", &["sockfd", "fildes"], Kind::Descriptor);
const OTHER_FD: Kind = Kind::Integer;
const FAMILY_ARGUMENT: Parameter = int("family", &["domain"], Kind::Enumeration(&FAMILY));
const TYPE_ARGUMENT: Parameter = int("type", &[], Kind::Typed { values: &TYPE, flags: &TYPE_FLAGS });
const PROTOCOL_ARGUMENT: Parameter = int("protocol", &[], Kind::Dependent { on: 0, variants: PROTOCOLS });
const ADDRESS_IN: Kind = Kind::Struct { types: ADDRESSES, out: false };
const ADDRESS_OUT: Kind = Kind::Struct { types: ADDRESSES, out: true };
const ADDRESS_LENGTH: Parameter = int("addrlen", &["addr_len"], Kind::Integer);
const ADDRESS_LENGTH_OUT: Parameter = pointer("addrlen", &["addr_len"], Kind::Buffer);
const BUFFER: Parameter = pointer("buf", &["buffer", "msg"], Kind::Buffer);
const LENGTH: Parameter = number("len", &["size", "count", "length", "nbytes"]);
const MESSAGE_FLAGS: Parameter = int("flags", &[], Kind::BitSet(&MSG_FLAGS));
const LEVEL_ARGUMENT: Parameter = int("level", &[], Kind::Enumeration(&LEVEL));
const OPTION_NAME: Parameter =
    int("optname", &["option", "name"], Kind::Dependent { on: 1, variants: OPTIONS });
const OPTION_TYPES: &[&super::Struct] = &[&LINGER, &TIMEVAL, &UCRED];
const VECTOR: Parameter = pointer("iov", &["vec"], Kind::Array { of: &IOVEC, out: true });
const VECTOR_LENGTH: Parameter = int("iovcnt", &["vlen"], Kind::Integer);
const EVENTS_OUT: Parameter = pointer("events", &[], Kind::Array { of: &EPOLL_EVENT, out: true });
const MAX_EVENTS: Parameter = int("maxevents", &[], Kind::Integer);
const TIMEOUT: Parameter = int("timeout", &[], Kind::Integer);
const TIMESPEC_IN: Kind = Kind::Struct { types: &[&TIMESPEC], out: false };
const TIMEVAL_IN: Kind = Kind::Struct { types: &[&TIMEVAL], out: false };
const SIGNAL_MASK: Parameter = pointer("sigmask", &["sig_mask"], Kind::Buffer);
const SIGNAL_SET_SIZE: Parameter = number("sigsetsize", &["size", "sigset_size"]);
const NFDS: Parameter = int("nfds", &["n"], Kind::Integer);
const FD_SETS: [Parameter; 3] = [
    pointer("readfds", &["inp", "read_fds"], Kind::Buffer),
    pointer("writefds", &["outp", "write_fds"], Kind::Buffer),
    pointer("exceptfds", &["exp", "except_fds"], Kind::Buffer),
];

const fn of(call: Call, parameters: &'static [Parameter]) -> Signature {
    Signature { call, parameters }
}

static SIGNATURES: [Signature; Call::COUNT] = [
    of(Call::Socket, &[FAMILY_ARGUMENT, TYPE_ARGUMENT, PROTOCOL_ARGUMENT]),
    of(
        Call::Socketpair,
        &[FAMILY_ARGUMENT, TYPE_ARGUMENT, PROTOCOL_ARGUMENT, pointer("sv", &["usockvec"], Kind::Buffer)],
    ),
    of(Call::Bind, &[SOCKET, pointer("addr", &["address"], ADDRESS_IN), ADDRESS_LENGTH]),
    of(Call::Listen, &[SOCKET, int("backlog", &[], Kind::Integer)]),
    of(Call::Accept, &[SOCKET, pointer("addr", &["address"], ADDRESS_OUT), ADDRESS_LENGTH_OUT]),
    of(
        Call::Accept4,
        &[
            SOCKET,
            pointer("addr", &["address"], ADDRESS_OUT),
            ADDRESS_LENGTH_OUT,
            int("flags", &[], Kind::BitSet(&TYPE_FLAGS)),
        ],
    ),
    of(Call::Connect, &[SOCKET, pointer("addr", &["address"], ADDRESS_IN), ADDRESS_LENGTH]),
    of(Call::Getsockname, &[SOCKET, pointer("addr", &["address"], ADDRESS_OUT), ADDRESS_LENGTH_OUT]),
    of(Call::Getpeername, &[SOCKET, pointer("addr", &["address"], ADDRESS_OUT), ADDRESS_LENGTH_OUT]),
    of(
        Call::Sendto,
        &[
            SOCKET,
            pointer("buf", &["buffer", "msg"], Kind::Payload(&NLMSGHDR)),
            LENGTH,
            MESSAGE_FLAGS,
            pointer("dest_addr", &["addr", "to"], ADDRESS_IN),
            ADDRESS_LENGTH,
        ],
    ),
    of(
        Call::Recvfrom,
        &[
            SOCKET,
            BUFFER,
            LENGTH,
            MESSAGE_FLAGS,
            pointer("src_addr", &["addr", "from"], ADDRESS_OUT),
            ADDRESS_LENGTH_OUT,
        ],
    ),
    of(
        Call::Sendmsg,
        &[
            SOCKET,
            pointer("msg", &["message"], Kind::Struct { types: &[&MSGHDR_SENT], out: false }),
            MESSAGE_FLAGS,
        ],
    ),
    of(
        Call::Recvmsg,
        &[
            SOCKET,
            pointer("msg", &["message"], Kind::Struct { types: &[&MSGHDR_RECEIVED], out: false }),
            MESSAGE_FLAGS,
        ],
    ),
    of(
        Call::Sendmmsg,
        &[
            SOCKET,
            pointer("msgvec", &["mmsg"], Kind::Array { of: &MMSGHDR_SENT, out: false }),
            int("vlen", &[], Kind::Integer),
            MESSAGE_FLAGS,
        ],
    ),
    of(
        Call::Recvmmsg,
        &[
            SOCKET,
            pointer("msgvec", &["mmsg"], Kind::Array { of: &MMSGHDR_RECEIVED, out: false }),
            int("vlen", &[], Kind::Integer),
            MESSAGE_FLAGS,
            pointer("timeout", &[], TIMESPEC_IN),
        ],
    ),
    of(Call::Shutdown, &[SOCKET, int("how", &[], Kind::Enumeration(&HOW))]),
    of(
        Call::Getsockopt,
        &[
            SOCKET,
            LEVEL_ARGUMENT,
            OPTION_NAME,
            pointer("optval", &[], Kind::OptionValue { types: OPTION_TYPES, out: true }),
            pointer("optlen", &[], Kind::Buffer),
        ],
    ),
    of(
        Call::Setsockopt,
        &[
            SOCKET,
            LEVEL_ARGUMENT,
            OPTION_NAME,
            pointer("optval", &[], Kind::OptionValue { types: OPTION_TYPES, out: false }),
            int("optlen", &[], Kind::Integer),
        ],
    ),
    of(Call::Read, &[FD, BUFFER, LENGTH]),
    of(Call::Write, &[FD, BUFFER, LENGTH]),
    of(Call::Readv, &[FD, VECTOR, VECTOR_LENGTH]),
    of(Call::Writev, &[FD, VECTOR, VECTOR_LENGTH]),
    of(
        Call::Sendfile,
        &[
            int("out_fd", &[], Kind::Descriptor),
            int("in_fd", &[], OTHER_FD),
            pointer("offset", &[], Kind::Buffer),
            LENGTH,
        ],
    ),
    of(
        Call::Splice,
        &[
            int("fd_in", &[], OTHER_FD),
            pointer("off_in", &[], Kind::Buffer),
            int("fd_out", &[], OTHER_FD),
            pointer("off_out", &[], Kind::Buffer),
            LENGTH,
            int("flags", &[], Kind::BitSet(&SPLICE_FLAGS)),
        ],
    ),
    of(
        Call::Ioctl,
        &[
            FD,
            int("request", &["cmd", "op"], Kind::Enumeration(&IOCTL)),
            pointer("argp", &["arg"], Kind::Buffer),
        ],
    ),
    of(
        Call::Fcntl,
        &[
            FD,
            int("cmd", &["op"], Kind::Enumeration(&FCNTL)),
            parameter("arg", &[], Kind::Integer, Width::Bits64),
        ],
    ),
    of(Call::Poll, &[pointer("fds", &["ufds"], Kind::Array { of: &POLLFD, out: false }), NFDS, TIMEOUT]),
    of(
        Call::Ppoll,
        &[
            pointer("fds", &["ufds"], Kind::Array { of: &POLLFD, out: false }),
            NFDS,
            pointer("tmo_p", &["timeout", "tsp"], TIMESPEC_IN),
            SIGNAL_MASK,
            SIGNAL_SET_SIZE,
        ],
    ),
    of(Call::Select, &[NFDS, FD_SETS[0], FD_SETS[1], FD_SETS[2], pointer("timeout", &["tvp"], TIMEVAL_IN)]),
    of(
        Call::Pselect6,
        &[NFDS, FD_SETS[0], FD_SETS[1], FD_SETS[2], pointer("timeout", &["tsp"], TIMESPEC_IN), SIGNAL_MASK],
    ),
    of(Call::EpollCreate, &[int("size", &[], Kind::Integer)]),
    of(Call::EpollCreate1, &[int("flags", &[], Kind::BitSet(&EPOLL_CREATE_FLAGS))]),
    of(
        Call::EpollCtl,
        &[
            int("epfd", &[], OTHER_FD),
            int("op", &[], Kind::Enumeration(&EPOLL_OPERATION)),
            FD,
            pointer("event", &[], Kind::Struct { types: &[&EPOLL_EVENT], out: false }),
        ],
    ),
    of(Call::EpollWait, &[int("epfd", &[], OTHER_FD), EVENTS_OUT, MAX_EVENTS, TIMEOUT]),
    of(
        Call::EpollPwait,
        &[int("epfd", &[], OTHER_FD), EVENTS_OUT, MAX_EVENTS, TIMEOUT, SIGNAL_MASK, SIGNAL_SET_SIZE],
    ),
    of(
        Call::EpollPwait2,
        &[
            int("epfd", &[], OTHER_FD),
            EVENTS_OUT,
            MAX_EVENTS,
            pointer("timeout", &[], TIMESPEC_IN),
            SIGNAL_MASK,
            SIGNAL_SET_SIZE,
        ],
    ),
];
