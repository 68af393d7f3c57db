//! What `guest test` and `guest bench` print: a JSON object per line.

use std::time::Instant;

use serde::Deserialize;

use crate::case::{Case, Outcome};

/// One line of the program's output.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(crate) enum Line {
    Test(Test),
    Bench(Bench),
    #[serde(other)]
    Other,
}

/// A test's outcome.
#[derive(Debug, Deserialize)]
pub(crate) struct Test {
    suite: String,
    name: String,
    outcome: TestOutcome,
    #[serde(default)]
    message: String,
    #[serde(default)]
    location: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum TestOutcome {
    Passed,
    Failed,
    Skipped,
}

/// A measurement.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Bench {
    pub(crate) name: String,
    pub(crate) ns_per_iteration: f64,
}

impl Test {
    pub(crate) fn full_name(&self) -> String {
        format!("{}::{}", self.suite, self.name)
    }

    fn into_case(self, suite: &str) -> Case {
        let name = self.full_name();
        let outcome = match self.outcome {
            TestOutcome::Passed => Outcome::Passed,
            TestOutcome::Failed => Outcome::Failed { message: self.message, location: self.location },
            TestOutcome::Skipped => Outcome::Skipped { reason: self.message },
        };
        Case::new(suite, name, outcome)
    }
}

/// Turns the program's output into cases of one suite, as it comes.
#[derive(Debug)]
pub(crate) struct Cases {
    suite: String,
    last: Instant,
    /// Lines that are not the program's: what a kernel or a library printed between them.
    pub(crate) foreign: Vec<String>,
}

impl Cases {
    pub(crate) fn new(suite: &str) -> Self {
        Self { suite: suite.to_owned(), last: Instant::now(), foreign: Vec::new() }
    }

    /// The case that a line tells of.
    pub(crate) fn line(&mut self, line: &str) -> Option<Case> {
        match serde_json::from_str(line) {
            Ok(Line::Test(test)) => {
                let time = self.last.elapsed();
                self.last = Instant::now();
                Some(test.into_case(&self.suite).lasting(time))
            }
            Ok(_) => None,
            Err(_) => {
                if !line.trim().is_empty() {
                    self.foreign.push(line.to_owned());
                }
                None
            }
        }
    }
}

/// The measurements in the program's output.
pub(crate) fn benches(output: &str) -> Vec<Bench> {
    output
        .lines()
        .filter_map(|line| match serde_json::from_str(line) {
            Ok(Line::Bench(bench)) => Some(bench),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Cases, benches};

    #[test]
    fn lines_become_cases() {
        let mut cases = Cases::new("guest");
        let line = r#"{"type":"test","suite":"unix","name":"a","outcome":"failed","message":"1 != 2","location":"a.rs:7","checks":3}"#;
        assert_eq!(cases.line(line).unwrap().to_string(), "FAILED  guest: unix::a: 1 != 2 (a.rs:7)");
        assert!(cases.line(r#"{"type":"note","text":"x"}"#).is_none());
        assert!(cases.line("oops").is_none());
        assert_eq!(cases.foreign, ["oops"]);
    }

    #[test]
    fn measurements_are_read() {
        let output = "noise\n{\"type\":\"bench\",\"name\":\"getppid\",\"iterations\":1000,\"ns_per_iteration\":470.5}\n";
        let benches = benches(output);
        assert_eq!((benches[0].name.as_str(), benches[0].ns_per_iteration), ("getppid", 470.5));
    }
}
