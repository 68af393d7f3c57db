//! The conformance report: what a profile declares, what came of trying it, and of trying its neighbours.
//!
//! - `model`: the report as it is kept in `report.json` (its fields: `README.md` here);
//! - [`probe`]: one line of the probe program's output;
//! - [`tested`]: what the behaviour tests made use of;
//! - `join`: the report out of the host's lines and the guest's;
//! - `table`: the report on a terminal;
//! - `page`: the report as one self-contained HTML page.

mod join;
mod model;
mod page;
pub mod probe;
mod table;
pub mod tested;

pub use self::{
    join::join,
    model::{
        Alternative, Counts, DeclaredRule, Origin, OtherProfile, Probe, ProbeKind, Report, Rule, Seen,
        Verdict,
    },
};
