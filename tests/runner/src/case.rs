//! One test and what came of it.

use std::{fmt, time::Duration};

/// One test of a suite.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Case {
    /// The suite that it belongs to.
    pub(crate) suite: String,
    /// Its name in the suite.
    pub(crate) name: String,
    /// What came of it.
    pub(crate) outcome: Outcome,
    /// How long it took, where that is known.
    pub(crate) time: Duration,
}

/// What came of a test.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Outcome {
    Passed,
    Failed {
        /// Why.
        message: String,
        /// Where, as in `file:line`; may be empty.
        location: String,
    },
    Skipped {
        /// What is missing for it.
        reason: String,
    },
}

impl Case {
    pub(crate) fn new(suite: &str, name: impl Into<String>, outcome: Outcome) -> Self {
        Self { suite: suite.to_owned(), name: name.into(), outcome, time: Duration::ZERO }
    }

    pub(crate) fn passed(suite: &str, name: impl Into<String>) -> Self {
        Self::new(suite, name, Outcome::Passed)
    }

    pub(crate) fn failed(suite: &str, name: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(suite, name, Outcome::Failed { message: message.into(), location: String::new() })
    }

    pub(crate) fn skipped(suite: &str, name: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::new(suite, name, Outcome::Skipped { reason: reason.into() })
    }

    pub(crate) fn lasting(mut self, time: Duration) -> Self {
        self.time = time;
        self
    }
}

impl fmt::Display for Case {
    /// One line, whatever the message holds.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { suite, name, outcome, .. } = self;
        match outcome {
            Outcome::Passed => write!(f, "passed  {suite}: {name}"),
            Outcome::Skipped { reason } => write!(f, "skipped {suite}: {name}: {}", one_line(reason)),
            Outcome::Failed { message, location } => {
                write!(f, "FAILED  {suite}: {name}: {}", one_line(message))?;
                if location.is_empty() { Ok(()) } else { write!(f, " ({location})") }
            }
        }
    }
}

fn one_line(text: &str) -> String {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" | ")
}

/// How many of which kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) passed: usize,
    pub(crate) failed: usize,
    pub(crate) skipped: usize,
}

impl Tally {
    pub(crate) fn add(&mut self, outcome: &Outcome) {
        match outcome {
            Outcome::Passed => self.passed += 1,
            Outcome::Failed { .. } => self.failed += 1,
            Outcome::Skipped { .. } => self.skipped += 1,
        }
    }

    pub(crate) fn of<'c>(cases: impl IntoIterator<Item = &'c Case>) -> Self {
        let mut tally = Self::default();
        cases.into_iter().for_each(|case| tally.add(&case.outcome));
        tally
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)?;
        if self.skipped > 0 { write!(f, ", {} skipped", self.skipped) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::{Case, Outcome, Tally};

    #[test]
    fn failures_are_one_line() {
        let outcome =
            Outcome::Failed { message: "left\n  right\n\n".to_owned(), location: "a.rs:3".to_owned() };
        let case = Case::new("unix", "connect", outcome);
        assert_eq!(case.to_string(), "FAILED  unix: connect: left | right (a.rs:3)");
    }

    #[test]
    fn tallies() {
        let cases = [Case::passed("s", "a"), Case::failed("s", "b", "x"), Case::passed("s", "c")];
        assert_eq!(Tally::of(&cases).to_string(), "2 passed, 1 failed");
        let cases = [Case::skipped("s", "d", "no")];
        assert_eq!(Tally::of(&cases).to_string(), "0 passed, 0 failed, 1 skipped");
    }
}
