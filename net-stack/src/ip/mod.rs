//! The internet layer: packets out, packets in, and those that come in pieces.

pub(crate) mod header;
pub(crate) mod input;
mod output;
mod reassembly;

pub(crate) use header::{Fragment, Header, protocol};
pub(crate) use output::Outgoing;
pub(crate) use reassembly::Reassembly;
