//! `/proc` (proc(5)): formats field by field, and what writing to it does.

mod help;
pub(super) mod net;
pub(super) mod process;
pub(super) mod scml;
pub(super) mod sysctl;
pub(super) mod system;
pub(super) mod uts;
