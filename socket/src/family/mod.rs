//! The address families.

pub mod inet;
pub mod unix;
