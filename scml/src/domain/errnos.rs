//! The names of the errnos that refusals have.

use linux_raw_sys::errno;

macro_rules! names {
    ($($name:ident)*) => {
        const NAMES: &[(u16, &str)] = &[$((errno::$name as u16, stringify!($name)),)*];
    };
}

names! {
    EPERM EACCES EINVAL ENOTTY ENOSYS ENOTSOCK ENOPROTOOPT EPROTONOSUPPORT ESOCKTNOSUPPORT EOPNOTSUPP EAFNOSUPPORT
    EADDRNOTAVAIL EDESTADDRREQ ENOTCONN EISCONN EMSGSIZE EBADF EFAULT ENODEV
}

/// The name of an errno that a refusal may have.
#[must_use]
pub fn errno_name(number: u16) -> Option<&'static str> {
    NAMES.iter().find(|(known, _)| *known == number).map(|(_, name)| *name)
}
