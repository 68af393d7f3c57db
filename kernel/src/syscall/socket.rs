//! The socket calls: decoded, judged and performed by the crate `socket`.

use ::socket::{call, error::Result};
use linux_raw_sys::general::{
    __NR_accept, __NR_accept4, __NR_bind, __NR_connect, __NR_getpeername, __NR_getsockname, __NR_getsockopt,
    __NR_listen, __NR_recvfrom, __NR_recvmmsg, __NR_recvmsg, __NR_sendmmsg, __NR_sendmsg, __NR_sendto,
    __NR_setsockopt, __NR_shutdown, __NR_socket, __NR_socketpair,
};

use super::{Arguments, Calls, Handler::Plain};
use crate::{caller::perform, context::Context};

/// A handler that starts the call of that name and performs it.
macro_rules! handlers {
    ($($name:ident)*) => {
        $(
            fn $name(context: &Context, arguments: &Arguments) -> Result<usize> {
                perform(context, call::$name::start(context, arguments)?)
            }
        )*
    };
}

handlers! {
    accept accept4 bind connect getpeername getsockname getsockopt listen recvfrom recvmmsg recvmsg sendmmsg sendmsg sendto setsockopt
    shutdown socket socketpair
}

pub(super) const CALLS: &Calls = &[
    (__NR_socket, Plain(socket)),
    (__NR_socketpair, Plain(socketpair)),
    (__NR_bind, Plain(bind)),
    (__NR_listen, Plain(listen)),
    (__NR_accept, Plain(accept)),
    (__NR_accept4, Plain(accept4)),
    (__NR_connect, Plain(connect)),
    (__NR_getsockname, Plain(getsockname)),
    (__NR_getpeername, Plain(getpeername)),
    (__NR_sendto, Plain(sendto)),
    (__NR_recvfrom, Plain(recvfrom)),
    (__NR_sendmsg, Plain(sendmsg)),
    (__NR_recvmsg, Plain(recvmsg)),
    (__NR_sendmmsg, Plain(sendmmsg)),
    (__NR_recvmmsg, Plain(recvmmsg)),
    (__NR_shutdown, Plain(shutdown)),
    (__NR_getsockopt, Plain(getsockopt)),
    (__NR_setsockopt, Plain(setsockopt)),
];
