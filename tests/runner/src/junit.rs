//! The results as JUnit XML, for programs that show such.

use std::{collections::BTreeMap, fs, path::Path, time::Duration};

use anyhow::{Context, Result};
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use crate::case::{Case, Outcome};

pub(crate) fn write(
    path: &Path,
    cases: &[Case],
    times: &BTreeMap<String, Duration>,
    whole: Duration,
) -> Result<()> {
    let mut report = Report::new("postern");
    report.set_time(whole);
    let mut suites: Vec<TestSuite> = Vec::new();
    for case in cases {
        let index = suites.iter().position(|suite| suite.name.as_str() == case.suite).unwrap_or_else(|| {
            let mut suite = TestSuite::new(case.suite.clone());
            if let Some(time) = times.get(&case.suite) {
                suite.set_time(*time);
            }
            suites.push(suite);
            suites.len() - 1
        });
        suites[index].add_test_case(test_case(case));
    }
    report.add_test_suites(suites);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let file = fs::File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
    report.serialize(file).with_context(|| format!("cannot write {}", path.display()))
}

fn test_case(case: &Case) -> TestCase {
    let status = match &case.outcome {
        Outcome::Passed => TestCaseStatus::success(),
        Outcome::Failed { message, location } => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_message(message.clone()).set_type(location.clone());
            status
        }
        Outcome::Skipped { reason } => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(reason.clone());
            status
        }
    };
    let mut test = TestCase::new(case.name.clone(), status);
    test.set_classname(case.suite.clone()).set_time(case.time);
    test
}
