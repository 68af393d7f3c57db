//! From bytes to a syntax tree.

pub mod ast;
mod lexer;
mod parser;
mod print;
pub mod span;

pub use parser::MAX_DEPTH;
pub(crate) use parser::parse;
