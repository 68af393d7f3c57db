//! Running a program of the host on the layer: `postern run`.
//!
//! The program and all its descendants are ordinary processes of the host, under a seccomp filter ([`filter`]). Their socket
//! calls, and those for any file, arrive at the supervisor ([`supervisor`]) as notifications ([`listener`]) and become calls of
//! the crate `socket` ([`calls`]), on whose behalf [`caller`] reaches the program's memory, descriptors and files ([`paths`]).
//! A call that has to wait is parked ([`parked`]) until what it waits for is announced, or a signal comes ([`signals`]).
//!
//! What the program holds in place of an emulated socket is a [`placeholder`], a socket of the host whose readiness is made that
//! of the emulated one, so that poll, epoll, dup, fork and close are the host's own. Whose placeholder a descriptor is, its
//! cookie says ([`files`]). Calls about other files, the target makes itself.
//!
//! This is a compatibility tool and no sandbox: what it looks at can change before the kernel acts on it.

mod caller;
mod calls;
mod files;
mod filter;
mod listener;
mod looking;
mod moving;
mod parked;
mod paths;
mod placeholder;
mod report;
mod session;
mod signals;
mod start;
mod status;
mod supervisor;
#[expect(unsafe_code, reason = "system calls that have no safe wrapper")]
mod sys;
mod system;
mod threads;
mod watch;

pub use self::{
    report::Report,
    session::{Ending, Request, run},
};
