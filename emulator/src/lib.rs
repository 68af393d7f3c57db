//! What the program `postern` is made of, as a library: the test runner boots guests and writes reports with it too.
//!
//! - [`boot`] builds an image, runs QEMU and says how the run ended;
//! - [`run`] runs a program of the host on the socket layer;
//! - [`report`] holds the conformance report: its model, its JSON, the terminal's table and the page;
//! - [`checkout`] finds the files of the checkout that a program works with.

// Some calls have no safe wrapper: `CommandExt::pre_exec`, in `boot::qemu::process` and `run::start`, and those in `run::sys`.
#![deny(unsafe_code)]

pub mod boot;
pub mod checkout;
pub mod report;
pub mod run;
