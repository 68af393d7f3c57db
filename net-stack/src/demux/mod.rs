//! Who gets a packet: the four-tuple first, then whoever listens on the address, then whoever listens on all.

mod group;
mod receivers;
mod tuple;

pub use group::Member;
pub use receivers::{Key, Receivers};
pub use tuple::{FourTuple, Same, Tuples};
