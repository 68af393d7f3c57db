//! SCML, the System Call Matching Language: which calls a system supports, flag by flag, declared once.
//!
//! SCML files are compiled ([`compile`]) into flat tables; [`Tables::admit`] judges a call against them without parsing or
//! allocation. The same tables serve tools (a [`Profile`] lends them) and the kernel (generated as Rust source).
//!
//! `no_std` with `alloc`; the feature `std` adds what build scripts and tools need: reading directories, diagnostics with the
//! source line, tables as Rust source.

#![cfg_attr(not(feature = "std"), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

mod call;
mod compile;
mod declared;
pub mod diagnostic;
pub mod domain;
mod explain;
mod matcher;
pub mod probe;
mod refusal;
mod subject;
pub mod syntax;
pub mod tables;
mod value;

pub use call::Call;
#[cfg(feature = "std")]
pub use compile::{LoadError, load, rust_source};
pub use compile::{Profile, compile};
pub use diagnostic::Diagnostic;
#[cfg(feature = "std")]
pub use diagnostic::compile_directory;
pub use explain::{Explanation, NearestRule};
pub use matcher::{Hit, Refusal};
pub use subject::{Address, ControlHeader, Descriptor, Message, SocketState, Subject};
pub use syntax::span::Source;
pub use tables::Tables;
