//! Threads and what they wait with, clocks, random bytes.

pub(super) mod children;
pub(super) mod execution;
mod memory;
pub(super) mod privileges;
pub(super) mod threads;
pub(super) mod time;
pub(super) mod waiting;
