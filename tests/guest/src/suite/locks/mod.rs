//! Locks on files: flock(2), fcntl(2).

pub(super) mod processes;
pub(super) mod ranges;
pub(super) mod whole;
