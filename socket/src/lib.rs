//! The socket layer: decode, admit, perform.
//!
//! A system call goes the same way everywhere, in the kernel, in the emulator and in unit tests:
//!
//! 1. **decode** ([`call`], [`abi`]): what the user's pointers reach is copied once, into typed values;
//! 2. **admit** ([`policy`]): the compiled SCML rules say whether the call is one that the system supports, and only
//!    [`Admitted`](policy::Admitted) values can be performed;
//! 3. **perform** ([`family`]): the family's state machine does what can be done now, or says what it waits for
//!    ([`step`], [`ready`]).
//!
//! What a caller has to supply (memory, descriptors, credentials, path names, a clock) is the trait
//! [`Caller`](caller::Caller). The same socket objects serve code in the kernel itself, without descriptors and without
//! user memory: see [`socket::Socket`].

#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod abi;
pub mod ancillary;
pub mod bytes;
pub mod call;
pub mod caller;
pub mod error;
pub mod family;
pub mod identity;
mod interface;
pub mod policy;
mod pool;
pub mod ready;
mod registry;
pub mod socket;
pub mod step;
pub mod world;
