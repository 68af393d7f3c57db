//! The system calls, a file each.
//!
//! Every file has a type for the decoded call and a function `start`, which decodes the registers and has the policy
//! admit the result. What it gives is an [`Operation`](crate::step::Operation), to be stepped until it is done. Errors are
//! found in Linux's order: the descriptor, then addresses and headers, then the policy, then the state of the socket;
//! payload is not touched before all of them.
//!
//! [`mod@read`], [`mod@write`], [`mod@readv`], [`mod@writev`], [`ioctl`], [`sendfile`] and [`splice`] are for any file: they start from a socket that the caller has found
//! behind the descriptor.

pub mod accept;
pub mod accept4;
pub mod bind;
pub mod connect;
pub mod getpeername;
pub mod getsockname;
pub mod getsockopt;
pub mod ioctl;
pub mod linger;
pub mod listen;
pub mod read;
pub mod readv;
pub mod recvfrom;
pub mod recvmmsg;
pub mod recvmsg;
pub mod sendfile;
pub mod sendmmsg;
pub mod sendmsg;
pub mod sendto;
pub mod setsockopt;
pub mod shutdown;
pub mod socket;
pub mod socketpair;
pub mod splice;
pub mod write;
pub mod writev;

mod accepting;
mod interface;
mod internet;
mod messages;
pub mod moving;
mod netlink;
mod receiving;
mod records;
mod sending;

use alloc::sync::Arc;

use crate::{caller::Caller, error::Result, socket::Socket};

/// The socket behind the descriptor in a call's first register.
#[inline]
fn socket<C: Caller>(caller: &C, registers: &[usize; 6]) -> Result<Arc<Socket>> {
    caller.socket(registers[0] as i32)
}
