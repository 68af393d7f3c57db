//! Bad input: each pointer argument of each call is sent to every kind of place that it must not reach, each length and
//! each descriptor is given values that make no sense. What is refused must leave everything usable.

pub(super) mod lengths;
mod memory;
pub(super) mod nested;
pub(super) mod others;
pub(super) mod registers;
pub(super) mod sockets;
