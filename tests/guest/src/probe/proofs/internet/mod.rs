//! Proofs on sockets of AF_INET and AF_INET6: a module for each call that has some of its own.
//!
//! A call that is declared for a kind of socket is proven the same way for each of the four kinds.

pub(super) mod data;
pub(super) mod datagrams;
pub(super) mod names;
pub(super) mod options;
pub(super) mod told;

/// A function for each kind of socket, which proves the call by `$body`.
macro_rules! kinds {
    ($body:path; $($name:ident)*) => {
        $(
            pub(crate) fn $name(at: &Situation<'_>) -> Attempt {
                $body(at)
            }
        )*
    };
}
pub(super) use kinds;
