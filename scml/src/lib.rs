//! SCML, the System Call Matching Language: which calls a system supports, flag by flag, declared once.
//!
//! SCML files are compiled ([`compile`]) into flat tables; [`Tables::admit`] judges a call against them without parsing or
//! allocation. The same tables serve tools (a [`Profile`] lends them) and the kernel (generated as Rust source).
//!
//! ```
//! use scml::{Call, Source, compile, probe::Sample};
//!
//! let rules = "socket(family = AF_UNIX, type = SOCK_STREAM | SOCK_CLOEXEC, protocol = 0);";
//! let profile = compile(&[Source::new("socket.scml", rules)]).expect("the rules are valid");
//! let tables = profile.tables();
//!
//! let datagram = Sample::new(Call::Socket, [1, 2, 0, 0, 0, 0]);
//! assert_eq!(
//!     datagram.explain(&tables).expect("it is refused").to_string(),
//!     "socket(AF_UNIX, SOCK_DGRAM, 0): type = SOCK_DGRAM is not admitted by socket#1 (socket.scml:1), \
//!      which admits SOCK_STREAM | SOCK_CLOEXEC"
//! );
//! ```
//!
//! `no_std` with `alloc`; the feature `std` adds what build scripts and tools need: reading directories, diagnostics with the
//! source line, tables as Rust source.

#![cfg_attr(not(feature = "std"), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

mod call;
mod compare;
mod compile;
mod declared;
pub mod diagnostic;
pub mod domain;
mod explain;
mod lint;
mod matcher;
mod netlink;
pub mod probe;
mod refusal;
mod subject;
pub mod syntax;
pub mod tables;
#[cfg(feature = "std")]
pub mod trace;
mod usage;
mod value;

pub use call::Call;
pub use compare::{SocketType, Support, compare};
#[cfg(feature = "std")]
pub use compile::{LoadError, load, rust_source};
pub use compile::{Profile, compile};
pub use diagnostic::Diagnostic;
#[cfg(feature = "std")]
pub use diagnostic::compile_directory;
pub use explain::{Explanation, NearestRule};
pub use lint::lint;
pub use matcher::{Hit, Refusal};
pub use subject::{Address, ControlHeader, Descriptor, Message, SocketState, Subject};
pub use syntax::{format, span::Source};
pub use tables::Tables;
pub use usage::Usage;
