//! ICMP: echo, and the troubles that packets meet (RFC 792, RFC 4443).

mod input;
mod refuse;
mod trouble;

pub(crate) use refuse::{Rate, Refusal};
pub(crate) use trouble::Quoted;
pub use trouble::{Report, Trouble};
