//! What the program `postern` is made of, as a library: the test runner boots guests and writes reports with it too.
//!
//! - [`boot`] builds an image, runs QEMU and says how the run ended;
//! - [`report`] holds the conformance report: its model, its JSON, the terminal's table and the page;
//! - [`checkout`] finds the files of the checkout that a program works with.

// One call has no safe wrapper: `CommandExt::pre_exec`, in `boot::qemu::process`.
#![deny(unsafe_code)]

pub mod boot;
pub mod checkout;
pub mod report;
