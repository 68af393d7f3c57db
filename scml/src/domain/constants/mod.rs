//! The members of every domain, by name, with the values of the UAPI headers.

mod files;
mod messages;
mod netlink;
mod options;
mod sockets;

pub use files::*;
pub use messages::*;
pub use netlink::*;
pub use options::*;
pub use sockets::*;

/// Declares domains. Names before the `+` are those of linux-raw-sys; those after it are not in its headers (most are
/// in the kernel's `include/linux/socket.h`, which libc mirrors) and stand with their value. The agreement of all of them
/// with libc is a test.
macro_rules! domains {
    ($all:ident; $(
        $(#[$doc:meta])*
        $constant:ident $what:literal {
            $($module:ident [ $($name:ident)* ])*
            $(+ { $($other:ident = $value:expr,)* })?
        }
    )*) => {
        $(
            $(#[$doc])*
            pub static $constant: crate::domain::Domain = crate::domain::Domain {
                what: $what,
                members: &[
                    $($(crate::domain::Member {
                        name: stringify!($name),
                        value: $module::$name as u32,
                    },)*)*
                    $($(crate::domain::Member { name: stringify!($other), value: $value },)*)?
                ],
            };
        )*

        /// The domains of this module.
        pub(super) static $all: &[&crate::domain::Domain] = &[$(&$constant,)*];
    };
}
use domains;

/// Every domain.
pub fn all() -> impl Iterator<Item = &'static super::Domain> {
    [SOCKETS, MESSAGES, OPTIONS_BY_LEVEL, FILES, MESSAGES_OF_NETLINK].into_iter().flatten().copied()
}
