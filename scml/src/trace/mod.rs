//! Reads strace's output and judges it by a profile's rules, with the matcher that the kernel judges by.
//!
//! A line becomes a call and its result ([`mod@line`]), the arguments a tree ([`argument`]); names become numbers by the domain
//! of their parameter, structs become memory. What a descriptor is comes from the calls that made it, or from `-yy`. A call
//! on a descriptor of which nothing is known conforms if it would for any socket. What strace does not show, and a rule
//! looks at, makes a call unclear, never refused.
//!
//! Nothing in a log is trusted: whatever it says, the answer is a count.

mod any;
pub mod argument;
mod descriptors;
pub mod line;
mod memory;
mod observed;
mod one;
mod process;
mod session;
mod summary;
mod value;

pub use observed::Unclear;
pub use one::{Answer, NotUnderstood, judge};
pub use session::{MAX_LINE, Session};
pub use summary::{Cause, Place, Program, Summary, UnclearCalls};
