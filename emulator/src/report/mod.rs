//! The conformance report: what a profile declares, what came of trying it, and of trying its neighbours.
//!
//! - `model`: the report as it is kept in `report.json`;
//! - [`probe`]: one line of the probe program's output;
//! - `join`: the report out of the host's lines and the guest's;
//! - `table`: the report on a terminal;
//! - `page`: the report as one self-contained HTML page.

mod join;
mod model;
mod page;
pub mod probe;
mod table;

pub use self::{
    join::{Alternative, DeclaredRule, join},
    model::{Counts, Origin, Probe, ProbeKind, Report, Rule, Seen, Verdict},
};
