//! The host crates' unit tests, by `cargo test`, whose text is taken apart.

use std::{collections::BTreeMap, time::Duration};

use anyhow::Result;

use super::{Run, format::cargo};
use crate::{
    case::{Case, Outcome},
    process::run_lines,
};

const LIMIT: Duration = Duration::from_secs(900);

pub(super) fn run(run: &Run<'_>, suite: &'static str) -> Result<()> {
    let mut output = Output::default();
    let status = run_lines(cargo(run).args(["test", "--no-fail-fast"]), LIMIT, |line| {
        if let Some(count) = output.line(line) {
            run.sink.expect(count);
        }
    })?;
    let tests = output.tests.len();
    let failed = output.tests.iter().any(|test| test.result == Verdict::Failed) || !output.errors.is_empty();
    for test in output.tests {
        run.sink.add(test.into_case(suite, &output.details));
    }
    for (location, message) in output.errors {
        run.sink.add(Case::new(suite, "build", Outcome::Failed { message, location }));
    }
    match status {
        Some(status) if status.success() && tests > 0 => {}
        Some(_) if failed => {}
        Some(status) => {
            run.sink.add(Case::failed(suite, "cargo test", format!("{status}: {}", output.last)));
        }
        None => {
            run.sink.add(Case::failed(suite, "cargo test", format!("not done after {} s", LIMIT.as_secs())));
        }
    }
    Ok(())
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Verdict {
    Passed,
    Failed,
    Ignored,
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct Test {
    /// The program that has the test.
    program: String,
    name: String,
    result: Verdict,
}

impl Test {
    fn into_case(self, suite: &str, details: &BTreeMap<(String, String), (String, String)>) -> Case {
        let name = format!("{}::{}", self.program, self.name);
        let outcome = match self.result {
            Verdict::Passed => Outcome::Passed,
            Verdict::Ignored => Outcome::Skipped { reason: "ignored".to_owned() },
            Verdict::Failed => {
                let (location, message) =
                    details.get(&(self.program, self.name)).cloned().unwrap_or_default();
                Outcome::Failed { message, location }
            }
        };
        Case::new(suite, name, outcome)
    }
}

/// Cargo's output, taken in line by line.
#[derive(Debug, Default)]
struct Output {
    program: String,
    tests: Vec<Test>,
    /// Why a test failed: where, and what it said.
    details: BTreeMap<(String, String), (String, String)>,
    /// The failed test whose words are being read.
    reading: Option<String>,
    /// Errors of the compiler: where, and what.
    errors: Vec<(String, String)>,
    last: String,
}

impl Output {
    /// Takes a line in; gives the number of tests that a program announces.
    fn line(&mut self, line: &str) -> Option<usize> {
        if let Some(program) = program(line) {
            self.program = program;
            self.reading = None;
        } else if let Some(count) = line.strip_prefix("running ").and_then(|rest| rest.strip_suffix(" tests"))
        {
            return count.parse().ok();
        } else if let Some(test) = self.test(line) {
            self.tests.push(test);
        } else if let Some(name) =
            line.strip_prefix("---- ").and_then(|rest| rest.strip_suffix(" stdout ----"))
        {
            self.reading = Some(name.to_owned());
        } else if line == "failures:" || line.starts_with("test result: ") {
            self.reading = None;
        } else if let Some(name) = self.reading.clone() {
            self.detail(name, line);
        } else if line.starts_with("error")
            && !line.starts_with("error: test failed")
            && !line.contains("target failed")
        {
            self.errors.push((String::new(), line.to_owned()));
        } else if let (Some(place), Some((location, _))) =
            (line.trim_start().strip_prefix("--> "), self.errors.last_mut())
            && location.is_empty()
        {
            place.clone_into(location);
        }
        if !line.trim().is_empty() {
            line.clone_into(&mut self.last);
        }
        None
    }

    fn test(&self, line: &str) -> Option<Test> {
        let (name, result) = line.strip_prefix("test ")?.split_once(" ... ")?;
        let result = match result {
            // A test that writes past the harness has its words before the result.
            passed if passed.ends_with("ok") => Verdict::Passed,
            ignored if ignored.starts_with("ignored") => Verdict::Ignored,
            failed if failed.ends_with("FAILED") => Verdict::Failed,
            _ => return None,
        };
        // `name - should panic`, and `file - item (line 3) - compile` of documentation.
        let name = name.trim_end_matches(" - should panic");
        Some(Test { program: self.program.clone(), name: name.to_owned(), result })
    }

    /// The first panic's place and the words that follow it.
    fn detail(&mut self, name: String, line: &str) {
        let (location, message) = self.details.entry((self.program.clone(), name)).or_default();
        if let Some((_, place)) = line.split_once("panicked at ") {
            if location.is_empty() {
                place.trim_end_matches(':').clone_into(location);
                message.clear();
            }
        } else if !line.starts_with("note: ") && !line.trim().is_empty() && message.len() < 400 {
            if !message.is_empty() {
                message.push('\n');
            }
            message.push_str(line);
        }
    }
}

/// The crate or test program that a line of cargo's announces.
fn program(line: &str) -> Option<String> {
    if let Some(name) = line.trim_start().strip_prefix("Doc-tests ") {
        return Some(format!("{name} (doc)"));
    }
    let (_, file) = line.trim_start().strip_prefix("Running ")?.rsplit_once('(')?;
    let file = file.trim_end_matches(')').rsplit('/').next()?;
    // Without the hash that cargo adds.
    file.rsplit_once('-').map(|(name, _)| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::{Output, Test, Verdict};

    const TEXT: &str = "\
   Compiling x v0.1.0
    Finished `test` profile
     Running unittests src/lib.rs (target/debug/deps/scml-1a2b)

running 3 tests
test lexer::numbers ... ok
test lexer::slow ... ignored, takes long
test parser::nested ... FAILED

failures:

---- parser::nested stdout ----

thread 'parser::nested' (41) panicked at scml/src/parser.rs:12:9:
assertion `left == right` failed
  left: 1
 right: 2
note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace


failures:
    parser::nested

test result: FAILED. 1 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s

error: test failed, to rerun pass `-p scml --lib`
   Doc-tests scml
running 1 tests
test scml/src/lib.rs - (line 3) - compile ... ok
error: 1 target failed:
    `-p scml --lib`
";

    #[test]
    fn the_harness_is_understood() {
        let mut output = Output::default();
        let expected: usize = TEXT.lines().filter_map(|line| output.line(line)).sum();
        assert_eq!(expected, 4);
        let test =
            |program: &str, name: &str, result| Test { program: program.into(), name: name.into(), result };
        assert_eq!(
            output.tests,
            [
                test("scml", "lexer::numbers", Verdict::Passed),
                test("scml", "lexer::slow", Verdict::Ignored),
                test("scml", "parser::nested", Verdict::Failed),
                test("scml (doc)", "scml/src/lib.rs - (line 3) - compile", Verdict::Passed),
            ]
        );
        assert_eq!(output.errors, []);
        let case = output.tests[2].clone().into_case("unit", &output.details);
        assert_eq!(
            case.to_string(),
            "FAILED  unit: scml::parser::nested: assertion `left == right` failed | left: 1 | right: 2 (scml/src/parser.rs:12:9)"
        );
    }

    #[test]
    fn errors_of_the_compiler_are_failures() {
        let mut output = Output::default();
        let text = "error[E0425]: cannot find value `x`\n --> scml/src/lib.rs:5:9\n  |\nerror: could not compile `scml`";
        for line in text.lines() {
            output.line(line);
        }
        assert_eq!(
            output.errors[0],
            ("scml/src/lib.rs:5:9".into(), "error[E0425]: cannot find value `x`".into())
        );
    }
}
