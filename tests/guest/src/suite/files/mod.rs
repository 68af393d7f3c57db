//! Files, directories, pipes.

pub(super) mod contents;
pub(super) mod pipes;
pub(super) mod space;
pub(super) mod tree;
