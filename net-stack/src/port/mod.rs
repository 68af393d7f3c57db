//! Ports: who holds which, and who may share.
//!
//! [`Ports`] is the table of one protocol, [`Binding`] the proof of holding one: there is no other way to get a binding
//! than from the table, and a port is free again when its last binding is dropped.

mod binding;
mod claim;
mod set;
mod table;

pub use binding::Binding;
pub use claim::{Claim, Rules};
pub use table::{Exhausted, InUse, Ports};
