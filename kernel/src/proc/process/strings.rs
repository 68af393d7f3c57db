//! What a program was given: arguments, environment, auxiliary vector. They are where the program has them, and show what it
//! makes of them.

use alloc::{vec, vec::Vec};

use socket::error::Result;

use super::Subject;

/// Copies a range of a process's memory, as far as it is there.
fn copy(subject: &Subject, (start, end): (usize, usize)) -> Vec<u8> {
    /// No program was started with more than that.
    const MOST: usize = 8 << 20;
    let mut bytes = vec![0; end.saturating_sub(start).min(MOST)];
    let length = subject.process.space().peek(start, &mut bytes);
    bytes.truncate(length);
    bytes
}

/// `cmdline`: the arguments, a NUL byte after each.
pub(super) fn arguments(subject: &Subject) -> Result<Vec<u8>> {
    let places = subject.process.space().strings();
    let arguments = copy(subject, places.arguments);
    if arguments.last().is_none_or(|last| *last == 0) {
        return Ok(arguments);
    }
    // A program that shows a title in their place lets it reach into the environment, up to a NUL byte.
    let mut title = copy(subject, (places.arguments.0, places.environment.1));
    if let Some(end) = title.iter().position(|byte| *byte == 0) {
        title.truncate(end);
    }
    Ok(title)
}

/// `environ`: the environment, a NUL byte after each variable.
pub(super) fn environment(subject: &Subject) -> Result<Vec<u8>> {
    Ok(copy(subject, subject.process.space().strings().environment))
}

/// `auxv`
pub(super) fn auxiliary(subject: &Subject) -> Result<Vec<u8>> {
    Ok(copy(subject, subject.process.space().strings().auxiliary))
}
