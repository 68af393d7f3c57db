/// Compiled from 12 rules: sample.scml.
#[rustfmt::skip]
#[allow(unreachable_pub, reason = "who sees it is for the module around it to say")]
pub static SAMPLE: ::scml::Tables<'static> = ::scml::Tables {
    first: [
        ::scml::tables::Row { forbidden: 0x0, choice: ::scml::tables::Choice { base: 0x200000006, outside: 0xffffffffffffffc0, set: 0x1 }, bits: ::scml::tables::Bits { forbidden: 0xfff7f7f0, types: 0xa, further: 0x0 }, rule: 0, tests: 0, first: 0, shortcut: 0x0 }, // socket
        ::scml::tables::Row::NONE, // socketpair
        ::scml::tables::Row { forbidden: 0x81ff7ffffffffbfb, choice: ::scml::tables::Choice { base: 0x0, outside: 0x0, set: 0xffffffffffffffff }, bits: ::scml::tables::Bits { forbidden: 0x0, types: 0x0, further: 0xffffffff }, rule: 2, tests: 1, first: 2, shortcut: 0x4 }, // bind
        ::scml::tables::Row::NONE, // listen
        ::scml::tables::Row::NONE, // accept
        ::scml::tables::Row::NONE, // accept4
        ::scml::tables::Row { forbidden: 0x8000000000000000, choice: ::scml::tables::Choice { base: 0x0, outside: 0x0, set: 0xffffffffffffffff }, bits: ::scml::tables::Bits { forbidden: 0x0, types: 0x0, further: 0xffffffff }, rule: 3, tests: 2, first: 6, shortcut: 0x0 }, // connect
        ::scml::tables::Row::NONE, // getsockname
        ::scml::tables::Row::NONE, // getpeername
        ::scml::tables::Row::NONE, // sendto
        ::scml::tables::Row::NONE, // recvfrom
        ::scml::tables::Row { forbidden: 0x81ff7ffffffffbfb, choice: ::scml::tables::Choice { base: 0x0, outside: 0x0, set: 0xffffffffffffffff }, bits: ::scml::tables::Bits { forbidden: 0xffffbfff, types: 0x0, further: 0xffffffff }, rule: 4, tests: 1, first: 14, shortcut: 0x1 }, // sendmsg
        ::scml::tables::Row::NONE, // recvmsg
        ::scml::tables::Row { forbidden: 0x8000000000000000, choice: ::scml::tables::Choice { base: 0x0, outside: 0x0, set: 0xffffffffffffffff }, bits: ::scml::tables::Bits { forbidden: 0x0, types: 0x0, further: 0xffffffff }, rule: 5, tests: 1, first: 19, shortcut: 0x10001 }, // sendmmsg
        ::scml::tables::Row::NONE, // recvmmsg
        ::scml::tables::Row::NONE, // shutdown
        ::scml::tables::Row { forbidden: 0x0, choice: ::scml::tables::Choice { base: 0x100000003, outside: 0xffffffffffffffc0, set: 0x1 }, bits: ::scml::tables::Bits { forbidden: 0x0, types: 0xffffffff, further: 0x0 }, rule: 6, tests: 0, first: 0, shortcut: 0x0 }, // getsockopt
        ::scml::tables::Row { forbidden: 0x8000000000000000, choice: ::scml::tables::Choice { base: 0x10000000d, outside: 0xffffffffffffffc0, set: 0x1 }, bits: ::scml::tables::Bits { forbidden: 0x0, types: 0x0, further: 0xffffffff }, rule: 7, tests: 1, first: 21, shortcut: 0x0 }, // setsockopt
        ::scml::tables::Row { forbidden: 0x8000000000000000, choice: ::scml::tables::Choice { base: 0x0, outside: 0x0, set: 0xffffffffffffffff }, bits: ::scml::tables::Bits { forbidden: 0x0, types: 0x0, further: 0xffffffff }, rule: 11, tests: 1, first: 28, shortcut: 0x0 }, // read
        ::scml::tables::Row::NONE, // write
        ::scml::tables::Row::NONE, // readv
        ::scml::tables::Row::NONE, // writev
        ::scml::tables::Row::NONE, // sendfile
        ::scml::tables::Row::NONE, // splice
        ::scml::tables::Row::NONE, // ioctl
        ::scml::tables::Row::NONE, // fcntl
        ::scml::tables::Row { forbidden: 0x8000000000000000, choice: ::scml::tables::Choice { base: 0x0, outside: 0x0, set: 0xffffffffffffffff }, bits: ::scml::tables::Bits { forbidden: 0x0, types: 0x0, further: 0xffffffff }, rule: 9, tests: 2, first: 24, shortcut: 0x0 }, // poll
        ::scml::tables::Row::NONE, // ppoll
        ::scml::tables::Row::NONE, // select
        ::scml::tables::Row::NONE, // pselect6
        ::scml::tables::Row::NONE, // epoll_create
        ::scml::tables::Row::NONE, // epoll_create1
        ::scml::tables::Row { forbidden: 0x8000000000000000, choice: ::scml::tables::Choice { base: 0x1, outside: 0xffffffc0, set: 0x5 }, bits: ::scml::tables::Bits { forbidden: 0x0, types: 0x0, further: 0xffffffff }, rule: 10, tests: 1, first: 27, shortcut: 0x0 }, // epoll_ctl
        ::scml::tables::Row::NONE, // epoll_wait
        ::scml::tables::Row::NONE, // epoll_pwait
        ::scml::tables::Row::NONE, // epoll_pwait2
    ],
    rows: [
        // socket
        &[
            ::scml::tables::Row { forbidden: 0x0, choice: ::scml::tables::Choice { base: 0x200000006, outside: 0xffffffffffffffc0, set: 0x1 }, bits: ::scml::tables::Bits { forbidden: 0xfff7f7f0, types: 0xa, further: 0x0 }, rule: 0, tests: 0, first: 0, shortcut: 0x0 },
            ::scml::tables::Row { forbidden: 0x0, choice: ::scml::tables::Choice { base: 0x1000000010, outside: 0xffffffffffffffc0, set: 0x1 }, bits: ::scml::tables::Bits { forbidden: 0xfff7f7f0, types: 0xa, further: 0x0 }, rule: 0, tests: 0, first: 0, shortcut: 0x0 },
            ::scml::tables::Row { forbidden: 0x0, choice: ::scml::tables::Choice { base: 0x100000000, outside: 0xffffffff00000000, set: 0xffffffffffffffff }, bits: ::scml::tables::Bits { forbidden: 0x0, types: 0xffffffff, further: 0x0 }, rule: 1, tests: 0, first: 0, shortcut: 0x0 },
        ],
        // socketpair
        &[],
        // bind
        &[
            ::scml::tables::Row { forbidden: 0x81ff7ffffffffbfb, choice: ::scml::tables::Choice { base: 0x0, outside: 0x0, set: 0xffffffffffffffff }, bits: ::scml::tables::Bits { forbidden: 0x0, types: 0x0, further: 0xffffffff }, rule: 2, tests: 1, first: 2, shortcut: 0x4 },
            ::scml::tables::Row { forbidden: 0x81ff7ffffffffffd, choice: ::scml::tables::Choice { base: 0x0, outside: 0x0, set: 0xffffffffffffffff }, bits: ::scml::tables::Bits { forbidden: 0x0, types: 0x0, further: 0xffffffff }, rule: 2, tests: 2, first: 3, shortcut: 0x0 },
        ],
        // listen
        &[],
        // accept
        &[],
        // accept4
        &[],
        // connect
        &[
            ::scml::tables::Row { forbidden: 0x8000000000000000, choice: ::scml::tables::Choice { base: 0x0, outside: 0x0, set: 0xffffffffffffffff }, bits: ::scml::tables::Bits { forbidden: 0x0, types: 0x0, further: 0xffffffff }, rule: 3, tests: 2, first: 6, shortcut: 0x0 },
        ],
        // getsockname
        &[],
        // getpeername
        &[],
        // sendto
        &[],
        // recvfrom
        &[],
        // sendmsg
        &[
            ::scml::tables::Row { forbidden: 0x81ff7ffffffffbfb, choice: ::scml::tables::Choice { base: 0x0, outside: 0x0, set: 0xffffffffffffffff }, bits: ::scml::tables::Bits { forbidden: 0xffffbfff, types: 0x0, further: 0xffffffff }, rule: 4, tests: 1, first: 14, shortcut: 0x1 },
            ::scml::tables::Row { forbidden: 0x81ff7ffffffffffd, choice: ::scml::tables::Choice { base: 0x0, outside: 0x0, set: 0xffffffffffffffff }, bits: ::scml::tables::Bits { forbidden: 0xffffbfff, types: 0x0, further: 0xffffffff }, rule: 4, tests: 2, first: 15, shortcut: 0x0 },
        ],
        // recvmsg
        &[],
        // sendmmsg
        &[
            ::scml::tables::Row { forbidden: 0x8000000000000000, choice: ::scml::tables::Choice { base: 0x0, outside: 0x0, set: 0xffffffffffffffff }, bits: ::scml::tables::Bits { forbidden: 0x0, types: 0x0, further: 0xffffffff }, rule: 5, tests: 1, first: 19, shortcut: 0x10001 },
        ],
        // recvmmsg
        &[],
        // shutdown
        &[],
        // getsockopt
        &[
            ::scml::tables::Row { forbidden: 0x0, choice: ::scml::tables::Choice { base: 0x100000003, outside: 0xffffffffffffffc0, set: 0x1 }, bits: ::scml::tables::Bits { forbidden: 0x0, types: 0xffffffff, further: 0x0 }, rule: 6, tests: 0, first: 0, shortcut: 0x0 },
            ::scml::tables::Row { forbidden: 0x0, choice: ::scml::tables::Choice { base: 0x100000052, outside: 0xffffffffffffffc0, set: 0x1 }, bits: ::scml::tables::Bits { forbidden: 0x0, types: 0xffffffff, further: 0x0 }, rule: 6, tests: 0, first: 0, shortcut: 0x0 },
            ::scml::tables::Row { forbidden: 0x0, choice: ::scml::tables::Choice { base: 0x600000001, outside: 0xffffffffffffffc0, set: 0x1 }, bits: ::scml::tables::Bits { forbidden: 0x0, types: 0xffffffff, further: 0x0 }, rule: 6, tests: 0, first: 0, shortcut: 0x0 },
        ],
        // setsockopt
        &[
            ::scml::tables::Row { forbidden: 0x8000000000000000, choice: ::scml::tables::Choice { base: 0x10000000d, outside: 0xffffffffffffffc0, set: 0x1 }, bits: ::scml::tables::Bits { forbidden: 0x0, types: 0x0, further: 0xffffffff }, rule: 7, tests: 1, first: 21, shortcut: 0x0 },
            ::scml::tables::Row { forbidden: 0x8000000000000000, choice: ::scml::tables::Choice { base: 0x100000002, outside: 0xffffffffffffffc0, set: 0x1 }, bits: ::scml::tables::Bits { forbidden: 0x0, types: 0x0, further: 0xffffffff }, rule: 8, tests: 1, first: 22, shortcut: 0x0 },
        ],
        // read
        &[
            ::scml::tables::Row { forbidden: 0x8000000000000000, choice: ::scml::tables::Choice { base: 0x0, outside: 0x0, set: 0xffffffffffffffff }, bits: ::scml::tables::Bits { forbidden: 0x0, types: 0x0, further: 0xffffffff }, rule: 11, tests: 1, first: 28, shortcut: 0x0 },
        ],
        // write
        &[],
        // readv
        &[],
        // writev
        &[],
        // sendfile
        &[],
        // splice
        &[],
        // ioctl
        &[],
        // fcntl
        &[],
        // poll
        &[
            ::scml::tables::Row { forbidden: 0x8000000000000000, choice: ::scml::tables::Choice { base: 0x0, outside: 0x0, set: 0xffffffffffffffff }, bits: ::scml::tables::Bits { forbidden: 0x0, types: 0x0, further: 0xffffffff }, rule: 9, tests: 2, first: 24, shortcut: 0x0 },
        ],
        // ppoll
        &[],
        // select
        &[],
        // pselect6
        &[],
        // epoll_create
        &[],
        // epoll_create1
        &[],
        // epoll_ctl
        &[
            ::scml::tables::Row { forbidden: 0x8000000000000000, choice: ::scml::tables::Choice { base: 0x1, outside: 0xffffffc0, set: 0x5 }, bits: ::scml::tables::Bits { forbidden: 0x0, types: 0x0, further: 0xffffffff }, rule: 10, tests: 1, first: 27, shortcut: 0x0 },
        ],
        // epoll_wait
        &[],
        // epoll_pwait
        &[],
        // epoll_pwait2
        &[],
    ],
    tests: &[
    ::scml::tables::Test { place: 3, pattern: ::scml::tables::Pattern::Scalar(::scml::tables::Span { first: 0, count: 1 }) },
    ::scml::tables::Test { place: 0, pattern: ::scml::tables::Pattern::Scalar(::scml::tables::Span { first: 1, count: 1 }) },
    ::scml::tables::Test { place: 1, pattern: ::scml::tables::Pattern::Struct(::scml::tables::Span { first: 1, count: 1 }) },
    ::scml::tables::Test { place: 1, pattern: ::scml::tables::Pattern::Struct(::scml::tables::Span { first: 1, count: 1 }) },
    ::scml::tables::Test { place: 0, pattern: ::scml::tables::Pattern::Struct(::scml::tables::Span { first: 0, count: 1 }) },
    ::scml::tables::Test { place: 1, pattern: ::scml::tables::Pattern::Scalar(::scml::tables::Span { first: 2, count: 2 }) },
    ::scml::tables::Test { place: 1, pattern: ::scml::tables::Pattern::Struct(::scml::tables::Span { first: 2, count: 1 }) },
    ::scml::tables::Test { place: 2, pattern: ::scml::tables::Pattern::Scalar(::scml::tables::Span { first: 4, count: 1 }) },
    ::scml::tables::Test { place: 1, pattern: ::scml::tables::Pattern::Scalar(::scml::tables::Span { first: 5, count: 1 }) },
    ::scml::tables::Test { place: 2, pattern: ::scml::tables::Pattern::Scalar(::scml::tables::Span { first: 6, count: 1 }) },
    ::scml::tables::Test { place: 1, pattern: ::scml::tables::Pattern::Scalar(::scml::tables::Span { first: 5, count: 1 }) },
    ::scml::tables::Test { place: 2, pattern: ::scml::tables::Pattern::Scalar(::scml::tables::Span { first: 7, count: 1 }) },
    ::scml::tables::Test { place: 0, pattern: ::scml::tables::Pattern::Null },
    ::scml::tables::Test { place: 4, pattern: ::scml::tables::Pattern::Array(::scml::tables::Span { first: 0, count: 2 }) },
    ::scml::tables::Test { place: 1, pattern: ::scml::tables::Pattern::Struct(::scml::tables::Span { first: 5, count: 1 }) },
    ::scml::tables::Test { place: 1, pattern: ::scml::tables::Pattern::Struct(::scml::tables::Span { first: 5, count: 1 }) },
    ::scml::tables::Test { place: 0, pattern: ::scml::tables::Pattern::Struct(::scml::tables::Span { first: 0, count: 1 }) },
    ::scml::tables::Test { place: 4, pattern: ::scml::tables::Pattern::Null },
    ::scml::tables::Test { place: 0, pattern: ::scml::tables::Pattern::Struct(::scml::tables::Span { first: 6, count: 1 }) },
    ::scml::tables::Test { place: 1, pattern: ::scml::tables::Pattern::Array(::scml::tables::Span { first: 2, count: 1 }) },
    ::scml::tables::Test { place: 0, pattern: ::scml::tables::Pattern::Scalar(::scml::tables::Span { first: 8, count: 1 }) },
    ::scml::tables::Test { place: 3, pattern: ::scml::tables::Pattern::Struct(::scml::tables::Span { first: 8, count: 1 }) },
    ::scml::tables::Test { place: 3, pattern: ::scml::tables::Pattern::Scalar(::scml::tables::Span { first: 8, count: 1 }) },
    ::scml::tables::Test { place: 1, pattern: ::scml::tables::Pattern::Scalar(::scml::tables::Span { first: 9, count: 1 }) },
    ::scml::tables::Test { place: 0, pattern: ::scml::tables::Pattern::Array(::scml::tables::Span { first: 3, count: 1 }) },
    ::scml::tables::Test { place: 2, pattern: ::scml::tables::Pattern::Scalar(::scml::tables::Span { first: 10, count: 1 }) },
    ::scml::tables::Test { place: 0, pattern: ::scml::tables::Pattern::Scalar(::scml::tables::Span { first: 11, count: 1 }) },
    ::scml::tables::Test { place: 3, pattern: ::scml::tables::Pattern::Struct(::scml::tables::Span { first: 10, count: 1 }) },
    ::scml::tables::Test { place: 2, pattern: ::scml::tables::Pattern::Scalar(::scml::tables::Span { first: 12, count: 2 }) },
],
    patterns: &[
    ::scml::tables::Pattern::Struct(::scml::tables::Span { first: 3, count: 1 }),
    ::scml::tables::Pattern::Struct(::scml::tables::Span { first: 4, count: 1 }),
    ::scml::tables::Pattern::Struct(::scml::tables::Span { first: 7, count: 1 }),
    ::scml::tables::Pattern::Struct(::scml::tables::Span { first: 9, count: 1 }),
],
    shapes: &[
    ::scml::tables::Shape { of: ::scml::domain::StructId::Descriptor, tests: ::scml::tables::Span { first: 0, count: 1 } },
    ::scml::tables::Shape { of: ::scml::domain::StructId::Sockaddr, tests: ::scml::tables::Span { first: 1, count: 1 } },
    ::scml::tables::Shape { of: ::scml::domain::StructId::SockaddrIn, tests: ::scml::tables::Span { first: 5, count: 1 } },
    ::scml::tables::Shape { of: ::scml::domain::StructId::Cmsghdr, tests: ::scml::tables::Span { first: 8, count: 2 } },
    ::scml::tables::Shape { of: ::scml::domain::StructId::Cmsghdr, tests: ::scml::tables::Span { first: 10, count: 2 } },
    ::scml::tables::Shape { of: ::scml::domain::StructId::Msghdr, tests: ::scml::tables::Span { first: 12, count: 2 } },
    ::scml::tables::Shape { of: ::scml::domain::StructId::Msghdr, tests: ::scml::tables::Span { first: 17, count: 1 } },
    ::scml::tables::Shape { of: ::scml::domain::StructId::Mmsghdr, tests: ::scml::tables::Span { first: 18, count: 1 } },
    ::scml::tables::Shape { of: ::scml::domain::StructId::Linger, tests: ::scml::tables::Span { first: 20, count: 1 } },
    ::scml::tables::Shape { of: ::scml::domain::StructId::Pollfd, tests: ::scml::tables::Span { first: 23, count: 1 } },
    ::scml::tables::Shape { of: ::scml::domain::StructId::EpollEvent, tests: ::scml::tables::Span { first: 26, count: 1 } },
],
    windows: &[
    ::scml::tables::Window { base: 0x3, forbidden: 0xffffffffffffffc0, set: 0x3 },
    ::scml::tables::Window { base: 0x2, forbidden: 0xffffffffffffffc0, set: 0x1 },
    ::scml::tables::Window { base: 0x50, forbidden: 0xffffffffffffffc0, set: 0x1 },
    ::scml::tables::Window { base: 0x1bb, forbidden: 0xffffffffffffffc0, set: 0x1 },
    ::scml::tables::Window { base: 0x10, forbidden: 0xffffffffffffffc0, set: 0x1 },
    ::scml::tables::Window { base: 0x1, forbidden: 0xffffffffffffffc0, set: 0x1 },
    ::scml::tables::Window { base: 0x1, forbidden: 0xffffffffffffffc0, set: 0x3 },
    ::scml::tables::Window { base: 0x1d, forbidden: 0xffffffffffffffc0, set: 0x1 },
    ::scml::tables::Window { base: 0x0, forbidden: 0xffffffffffffffc0, set: 0x3 },
    ::scml::tables::Window { base: 0x0, forbidden: 0xfffffffffffffffa, set: 0xffffffffffffffff },
    ::scml::tables::Window { base: 0xffffffff, forbidden: 0xffffffffffffffc0, set: 0x1 },
    ::scml::tables::Window { base: 0x0, forbidden: 0xffffffff7ffffffe, set: 0xffffffffffffffff },
    ::scml::tables::Window { base: 0x1, forbidden: 0xffffffffffffffc0, set: 0x1 },
    ::scml::tables::Window { base: 0x100000000, forbidden: 0xffffffffffffffc0, set: 0x1 },
],
    envelopes: &[
    ::scml::tables::Envelope { families: 0x0, control: ::scml::tables::Control::These(::scml::tables::Span { first: 0, count: 1 }) },
    ::scml::tables::Envelope { families: 0xffffffffffffffff, control: ::scml::tables::Control::Absent },
],
    choices: &[
    ::scml::tables::Choice { base: 0x100000001, outside: 0xffffffffffffffc0, set: 0x10000003 },
],
    rules: &[
    ::scml::tables::Rule { call: ::scml::Call::Socket, ordinal: 1, line: 11, file: ::scml::tables::Text { first: 0, length: 11 }, text: ::scml::tables::Text { first: 11, length: 121 }, delivers: ::scml::tables::Control::Any },
    ::scml::tables::Rule { call: ::scml::Call::Socket, ordinal: 2, line: 12, file: ::scml::tables::Text { first: 0, length: 11 }, text: ::scml::tables::Text { first: 219, length: 53 }, delivers: ::scml::tables::Control::Any },
    ::scml::tables::Rule { call: ::scml::Call::Bind, ordinal: 1, line: 13, file: ::scml::tables::Text { first: 0, length: 11 }, text: ::scml::tables::Text { first: 279, length: 49 }, delivers: ::scml::tables::Control::Any },
    ::scml::tables::Rule { call: ::scml::Call::Connect, ordinal: 1, line: 14, file: ::scml::tables::Text { first: 0, length: 11 }, text: ::scml::tables::Text { first: 418, length: 84 }, delivers: ::scml::tables::Control::Any },
    ::scml::tables::Rule { call: ::scml::Call::Sendmsg, ordinal: 1, line: 15, file: ::scml::tables::Text { first: 0, length: 11 }, text: ::scml::tables::Text { first: 517, length: 118 }, delivers: ::scml::tables::Control::Any },
    ::scml::tables::Rule { call: ::scml::Call::Sendmmsg, ordinal: 1, line: 16, file: ::scml::tables::Text { first: 0, length: 11 }, text: ::scml::tables::Text { first: 750, length: 80 }, delivers: ::scml::tables::Control::Any },
    ::scml::tables::Rule { call: ::scml::Call::Getsockopt, ordinal: 1, line: 17, file: ::scml::tables::Text { first: 0, length: 11 }, text: ::scml::tables::Text { first: 849, length: 103 }, delivers: ::scml::tables::Control::Any },
    ::scml::tables::Rule { call: ::scml::Call::Setsockopt, ordinal: 1, line: 18, file: ::scml::tables::Text { first: 0, length: 11 }, text: ::scml::tables::Text { first: 991, length: 98 }, delivers: ::scml::tables::Control::Any },
    ::scml::tables::Rule { call: ::scml::Call::Setsockopt, ordinal: 2, line: 19, file: ::scml::tables::Text { first: 0, length: 11 }, text: ::scml::tables::Text { first: 1107, length: 83 }, delivers: ::scml::tables::Control::Any },
    ::scml::tables::Rule { call: ::scml::Call::Poll, ordinal: 1, line: 20, file: ::scml::tables::Text { first: 0, length: 11 }, text: ::scml::tables::Text { first: 1202, length: 70 }, delivers: ::scml::tables::Control::Any },
    ::scml::tables::Rule { call: ::scml::Call::EpollCtl, ordinal: 1, line: 21, file: ::scml::tables::Text { first: 0, length: 11 }, text: ::scml::tables::Text { first: 1293, length: 100 }, delivers: ::scml::tables::Control::Any },
    ::scml::tables::Rule { call: ::scml::Call::Read, ordinal: 1, line: 22, file: ::scml::tables::Text { first: 0, length: 11 }, text: ::scml::tables::Text { first: 1433, length: 39 }, delivers: ::scml::tables::Control::Any },
],
    alternatives: &[
    ::scml::tables::Alternative { rule: 0, parameter: 0, path: ::scml::tables::Text { first: 132, length: 0 }, name: ::scml::tables::Text { first: 132, length: 7 }, value: 0x2, kind: ::scml::tables::AlternativeKind::Member },
    ::scml::tables::Alternative { rule: 0, parameter: 0, path: ::scml::tables::Text { first: 132, length: 0 }, name: ::scml::tables::Text { first: 139, length: 10 }, value: 0x10, kind: ::scml::tables::AlternativeKind::Member },
    ::scml::tables::Alternative { rule: 0, parameter: 1, path: ::scml::tables::Text { first: 132, length: 0 }, name: ::scml::tables::Text { first: 149, length: 11 }, value: 0x1, kind: ::scml::tables::AlternativeKind::Member },
    ::scml::tables::Alternative { rule: 0, parameter: 1, path: ::scml::tables::Text { first: 132, length: 0 }, name: ::scml::tables::Text { first: 160, length: 8 }, value: 0x3, kind: ::scml::tables::AlternativeKind::Member },
    ::scml::tables::Alternative { rule: 0, parameter: 1, path: ::scml::tables::Text { first: 132, length: 0 }, name: ::scml::tables::Text { first: 168, length: 13 }, value: 0x800, kind: ::scml::tables::AlternativeKind::Flag },
    ::scml::tables::Alternative { rule: 0, parameter: 1, path: ::scml::tables::Text { first: 132, length: 0 }, name: ::scml::tables::Text { first: 181, length: 12 }, value: 0x80000, kind: ::scml::tables::AlternativeKind::Flag },
    ::scml::tables::Alternative { rule: 0, parameter: 2, path: ::scml::tables::Text { first: 132, length: 0 }, name: ::scml::tables::Text { first: 193, length: 11 }, value: 0x6, kind: ::scml::tables::AlternativeKind::Member },
    ::scml::tables::Alternative { rule: 0, parameter: 2, path: ::scml::tables::Text { first: 132, length: 0 }, name: ::scml::tables::Text { first: 204, length: 15 }, value: 0x10, kind: ::scml::tables::AlternativeKind::Member },
    ::scml::tables::Alternative { rule: 1, parameter: 0, path: ::scml::tables::Text { first: 132, length: 0 }, name: ::scml::tables::Text { first: 272, length: 7 }, value: 0x1, kind: ::scml::tables::AlternativeKind::Member },
    ::scml::tables::Alternative { rule: 2, parameter: 0, path: ::scml::tables::Text { first: 132, length: 0 }, name: ::scml::tables::Text { first: 328, length: 19 }, value: 0x10002, kind: ::scml::tables::AlternativeKind::Descriptor },
    ::scml::tables::Alternative { rule: 2, parameter: 0, path: ::scml::tables::Text { first: 132, length: 0 }, name: ::scml::tables::Text { first: 347, length: 20 }, value: 0x1000a, kind: ::scml::tables::AlternativeKind::Descriptor },
    ::scml::tables::Alternative { rule: 2, parameter: 0, path: ::scml::tables::Text { first: 367, length: 5 }, name: ::scml::tables::Text { first: 372, length: 9 }, value: 0x3, kind: ::scml::tables::AlternativeKind::Member },
    ::scml::tables::Alternative { rule: 2, parameter: 0, path: ::scml::tables::Text { first: 367, length: 5 }, name: ::scml::tables::Text { first: 381, length: 9 }, value: 0x4, kind: ::scml::tables::AlternativeKind::Member },
    ::scml::tables::Alternative { rule: 2, parameter: 0, path: ::scml::tables::Text { first: 132, length: 0 }, name: ::scml::tables::Text { first: 390, length: 19 }, value: 0x10001, kind: ::scml::tables::AlternativeKind::Descriptor },
    ::scml::tables::Alternative { rule: 2, parameter: 1, path: ::scml::tables::Text { first: 409, length: 9 }, name: ::scml::tables::Text { first: 132, length: 7 }, value: 0x2, kind: ::scml::tables::AlternativeKind::Member },
    ::scml::tables::Alternative { rule: 3, parameter: 1, path: ::scml::tables::Text { first: 502, length: 8 }, name: ::scml::tables::Text { first: 510, length: 2 }, value: 0x50, kind: ::scml::tables::AlternativeKind::Member },
    ::scml::tables::Alternative { rule: 3, parameter: 1, path: ::scml::tables::Text { first: 502, length: 8 }, name: ::scml::tables::Text { first: 512, length: 3 }, value: 0x1bb, kind: ::scml::tables::AlternativeKind::Member },
    ::scml::tables::Alternative { rule: 3, parameter: 2, path: ::scml::tables::Text { first: 132, length: 0 }, name: ::scml::tables::Text { first: 515, length: 2 }, value: 0x10, kind: ::scml::tables::AlternativeKind::Member },
    ::scml::tables::Alternative { rule: 4, parameter: 0, path: ::scml::tables::Text { first: 132, length: 0 }, name: ::scml::tables::Text { first: 328, length: 19 }, value: 0x10002, kind: ::scml::tables::AlternativeKind::Descriptor },
    ::scml::tables::Alternative { rule: 4, parameter: 0, path: ::scml::tables::Text { first: 132, length: 0 }, name: ::scml::tables::Text { first: 347, length: 20 }, value: 0x1000a, kind: ::scml::tables::AlternativeKind::Descriptor },
    ::scml::tables::Alternative { rule: 4, parameter: 0, path: ::scml::tables::Text { first: 367, length: 5 }, name: ::scml::tables::Text { first: 372, length: 9 }, value: 0x3, kind: ::scml::tables::AlternativeKind::Member },
    ::scml::tables::Alternative { rule: 4, parameter: 0, path: ::scml::tables::Text { first: 367, length: 5 }, name: ::scml::tables::Text { first: 381, length: 9 }, value: 0x4, kind: ::scml::tables::AlternativeKind::Member },
    ::scml::tables::Alternative { rule: 4, parameter: 0, path: ::scml::tables::Text { first: 132, length: 0 }, name: ::scml::tables::Text { first: 390, length: 19 }, value: 0x10001, kind: ::scml::tables::AlternativeKind::Descriptor },
    ::scml::tables::Alternative { rule: 4, parameter: 1, path: ::scml::tables::Text { first: 635, length: 8 }, name: ::scml::tables::Text { first: 643, length: 4 }, value: 0x0, kind: ::scml::tables::AlternativeKind::Null },
    ::scml::tables::Alternative { rule: 4, parameter: 1, path: ::scml::tables::Text { first: 647, length: 22 }, name: ::scml::tables::Text { first: 669, length: 10 }, value: 0x1, kind: ::scml::tables::AlternativeKind::Member },
    ::scml::tables::Alternative { rule: 4, parameter: 1, path: ::scml::tables::Text { first: 679, length: 21 }, name: ::scml::tables::Text { first: 700, length: 10 }, value: 0x1, kind: ::scml::tables::AlternativeKind::Member },
    ::scml::tables::Alternative { rule: 4, parameter: 1, path: ::scml::tables::Text { first: 679, length: 21 }, name: ::scml::tables::Text { first: 710, length: 15 }, value: 0x2, kind: ::scml::tables::AlternativeKind::Member },
    ::scml::tables::Alternative { rule: 4, parameter: 1, path: ::scml::tables::Text { first: 679, length: 21 }, name: ::scml::tables::Text { first: 725, length: 13 }, value: 0x1d, kind: ::scml::tables::AlternativeKind::Member },
    ::scml::tables::Alternative { rule: 4, parameter: 2, path: ::scml::tables::Text { first: 132, length: 0 }, name: ::scml::tables::Text { first: 738, length: 12 }, value: 0x4000, kind: ::scml::tables::AlternativeKind::Flag },
    ::scml::tables::Alternative { rule: 5, parameter: 1, path: ::scml::tables::Text { first: 830, length: 19 }, name: ::scml::tables::Text { first: 643, length: 4 }, value: 0x0, kind: ::scml::tables::AlternativeKind::Null },
    ::scml::tables::Alternative { rule: 6, parameter: 1, path: ::scml::tables::Text { first: 132, length: 0 }, name: ::scml::tables::Text { first: 669, length: 10 }, value: 0x1, kind: ::scml::tables::AlternativeKind::Member },
    ::scml::tables::Alternative { rule: 6, parameter: 1, path: ::scml::tables::Text { first: 132, length: 0 }, name: ::scml::tables::Text { first: 952, length: 7 }, value: 0x6, kind: ::scml::tables::AlternativeKind::Member },
    ::scml::tables::Alternative { rule: 6, parameter: 2, path: ::scml::tables::Text { first: 132, length: 0 }, name: ::scml::tables::Text { first: 959, length: 7 }, value: 0x3, kind: ::scml::tables::AlternativeKind::Member },
    ::scml::tables::Alternative { rule: 6, parameter: 2, path: ::scml::tables::Text { first: 132, length: 0 }, name: ::scml::tables::Text { first: 966, length: 11 }, value: 0x1, kind: ::scml::tables::AlternativeKind::Member },
    ::scml::tables::Alternative { rule: 6, parameter: 2, path: ::scml::tables::Text { first: 132, length: 0 }, name: ::scml::tables::Text { first: 977, length: 14 }, value: 0x52, kind: ::scml::tables::AlternativeKind::Member },
    ::scml::tables::Alternative { rule: 7, parameter: 1, path: ::scml::tables::Text { first: 132, length: 0 }, name: ::scml::tables::Text { first: 669, length: 10 }, value: 0x1, kind: ::scml::tables::AlternativeKind::Member },
    ::scml::tables::Alternative { rule: 7, parameter: 2, path: ::scml::tables::Text { first: 132, length: 0 }, name: ::scml::tables::Text { first: 1089, length: 9 }, value: 0xd, kind: ::scml::tables::AlternativeKind::Member },
    ::scml::tables::Alternative { rule: 7, parameter: 3, path: ::scml::tables::Text { first: 1098, length: 7 }, name: ::scml::tables::Text { first: 1105, length: 1 }, value: 0x0, kind: ::scml::tables::AlternativeKind::Member },
    ::scml::tables::Alternative { rule: 7, parameter: 3, path: ::scml::tables::Text { first: 1098, length: 7 }, name: ::scml::tables::Text { first: 1106, length: 1 }, value: 0x1, kind: ::scml::tables::AlternativeKind::Member },
    ::scml::tables::Alternative { rule: 8, parameter: 1, path: ::scml::tables::Text { first: 132, length: 0 }, name: ::scml::tables::Text { first: 669, length: 10 }, value: 0x1, kind: ::scml::tables::AlternativeKind::Member },
    ::scml::tables::Alternative { rule: 8, parameter: 2, path: ::scml::tables::Text { first: 132, length: 0 }, name: ::scml::tables::Text { first: 1190, length: 12 }, value: 0x2, kind: ::scml::tables::AlternativeKind::Member },
    ::scml::tables::Alternative { rule: 8, parameter: 3, path: ::scml::tables::Text { first: 132, length: 0 }, name: ::scml::tables::Text { first: 1105, length: 1 }, value: 0x0, kind: ::scml::tables::AlternativeKind::Member },
    ::scml::tables::Alternative { rule: 8, parameter: 3, path: ::scml::tables::Text { first: 132, length: 0 }, name: ::scml::tables::Text { first: 1106, length: 1 }, value: 0x1, kind: ::scml::tables::AlternativeKind::Member },
    ::scml::tables::Alternative { rule: 9, parameter: 0, path: ::scml::tables::Text { first: 1272, length: 6 }, name: ::scml::tables::Text { first: 1278, length: 6 }, value: 0x1, kind: ::scml::tables::AlternativeKind::Flag },
    ::scml::tables::Alternative { rule: 9, parameter: 0, path: ::scml::tables::Text { first: 1272, length: 6 }, name: ::scml::tables::Text { first: 1284, length: 7 }, value: 0x4, kind: ::scml::tables::AlternativeKind::Flag },
    ::scml::tables::Alternative { rule: 9, parameter: 2, path: ::scml::tables::Text { first: 132, length: 0 }, name: ::scml::tables::Text { first: 1291, length: 2 }, value: 0xffffffff, kind: ::scml::tables::AlternativeKind::Member },
    ::scml::tables::Alternative { rule: 10, parameter: 1, path: ::scml::tables::Text { first: 132, length: 0 }, name: ::scml::tables::Text { first: 1393, length: 13 }, value: 0x1, kind: ::scml::tables::AlternativeKind::Member },
    ::scml::tables::Alternative { rule: 10, parameter: 1, path: ::scml::tables::Text { first: 132, length: 0 }, name: ::scml::tables::Text { first: 1406, length: 13 }, value: 0x3, kind: ::scml::tables::AlternativeKind::Member },
    ::scml::tables::Alternative { rule: 10, parameter: 3, path: ::scml::tables::Text { first: 1272, length: 6 }, name: ::scml::tables::Text { first: 1419, length: 7 }, value: 0x1, kind: ::scml::tables::AlternativeKind::Flag },
    ::scml::tables::Alternative { rule: 10, parameter: 3, path: ::scml::tables::Text { first: 1272, length: 6 }, name: ::scml::tables::Text { first: 1426, length: 7 }, value: 0x80000000, kind: ::scml::tables::AlternativeKind::Flag },
    ::scml::tables::Alternative { rule: 11, parameter: 2, path: ::scml::tables::Text { first: 132, length: 0 }, name: ::scml::tables::Text { first: 1106, length: 1 }, value: 0x1, kind: ::scml::tables::AlternativeKind::Member },
    ::scml::tables::Alternative { rule: 11, parameter: 2, path: ::scml::tables::Text { first: 132, length: 0 }, name: ::scml::tables::Text { first: 1472, length: 11 }, value: 0x100000000, kind: ::scml::tables::AlternativeKind::Member },
],
    strings: "sample.scmlsocket(family = AF_INET | AF_NETLINK, type = SOCK_STREAM | SOCK_RAW | <flags>, protocol = IPPROTO_TCP | NETLINK_GENERIC);AF_INETAF_NETLINKSOCK_STREAMSOCK_RAWSOCK_NONBLOCKSOCK_CLOEXECIPPROTO_TCPNETLINK_GENERICsocket(family = AF_UNIX, type, protocol = <INTEGER>);AF_UNIXbind(sockfd = <tcp>, addr = <sockaddr>, addrlen);AF_INET SOCK_STREAMAF_INET6 SOCK_STREAMstateconnectedlisteningAF_UNIX SOCK_STREAMsa_familyconnect(sockfd, addr = { sin_family, sin_port = 80 | 443, sin_addr }, addrlen = 16);sin_port8044316sendmsg(sockfd = <tcp>, msg = { msg_name = NULL, msg_control = [ <rights>, <timestamp> ], .. }, flags = MSG_NOSIGNAL);msg_nameNULLmsg_control.cmsg_levelSOL_SOCKETmsg_control.cmsg_typeSCM_RIGHTSSCM_CREDENTIALSSCM_TIMESTAMPMSG_NOSIGNALsendmmsg(sockfd, msgvec = [ { msg_hdr = { msg_control = NULL, .. }, .. } ], ..);msg_hdr.msg_controlgetsockopt(sockfd, level = SOL_SOCKET | SOL_TCP, optname = SO_TYPE | TCP_NODELAY | SO_RCVPRIORITY, ..);SOL_TCPSO_TYPETCP_NODELAYSO_RCVPRIORITYsetsockopt(sockfd, level = SOL_SOCKET, optname = SO_LINGER, optval = { l_onoff = 0 | 1, .. }, ..);SO_LINGERl_onoff01setsockopt(sockfd, level = SOL_SOCKET, optname = SO_REUSEADDR, optval = 0 | 1, ..);SO_REUSEADDRpoll(fds = [ { events = POLLIN | POLLOUT, .. } ], nfds, timeout = -1);eventsPOLLINPOLLOUT-1epoll_ctl(epfd, op = EPOLL_CTL_ADD | EPOLL_CTL_MOD, fd, event = { events = EPOLLIN | EPOLLET, .. });EPOLL_CTL_ADDEPOLL_CTL_MODEPOLLINEPOLLETread(fd, buf, count = 1 | 0x100000000);0x100000000",
};
