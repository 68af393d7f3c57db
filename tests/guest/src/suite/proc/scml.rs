//! `/proc/scml`: what the policy has counted, in the form that `socket/src/policy/report.rs` promises.

use super::help::{number, text};
use crate::{
    harness::{Case, Failure, Need, Outcome, Test, check, check_eq, check_err, tests},
    sys,
};

pub(crate) const TESTS: &[Test] = tests!("proc";
    scml_tells_the_profile needs [Need::Policy],
    scml_counts_rules_and_alternatives needs [Need::Policy],
    scml_counts_denials_by_cause needs [Need::Policy],
);

/// The first line that begins like this, and what follows.
fn rest<'t>(table: &'t str, start: &str) -> Option<&'t str> {
    table.lines().find_map(|line| line.strip_prefix(start))
}

fn line<'t>(table: &'t str, start: &str) -> Outcome<&'t str> {
    rest(table, start).ok_or_else(|| Failure::here(format!("no line {start:?} in\n{table}")))
}

fn scml_tells_the_profile(_: &Case) -> Outcome {
    let table = text("/proc/scml")?;
    let heads: Vec<_> =
        table.lines().take(5).map(|line| line.split(' ').next().unwrap_or_default()).collect();
    check_eq!(heads, ["profile", "mode", "count", "admitted", "denied"]);
    check_eq!(line(&table, "profile ")?, "postern");
    check_eq!(line(&table, "mode ")?, "enforce");
    check_eq!(line(&table, "count ")?, "full");
    for line in table.lines().skip(5) {
        let words: Vec<_> = line.split(' ').collect();
        let counts = match words[0] {
            "rule" => &words[2..4],
            "alternative" => &words[2..3],
            "cause" => &words[1..2],
            _ => return Err(Failure::here(format!("what is {line:?}?"))),
        };
        for count in counts {
            number::<u64>(count)?;
        }
    }
    Ok(())
}

/// The number in a word of the line that begins like this and ends like that; words are counted from the start's end.
fn count(table: &str, start: &str, end: &str) -> Outcome<u64> {
    let line = table.lines().find(|line| line.starts_with(start) && line.ends_with(end));
    let line = line.ok_or_else(|| Failure::here(format!("no line {start:?} ... {end:?} in\n{table}")))?;
    number(line[start.len()..].split(' ').next().unwrap_or_default())
}

fn scml_counts_rules_and_alternatives(_: &Case) -> Outcome {
    let before = text("/proc/scml")?;
    let (left, right) = crate::suite::unix::help::pair()?;
    for flags in [0, libc::MSG_NOSIGNAL, libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT] {
        sys::send(&left, b"x", flags)?;
    }
    sys::recv(&right, &mut [0; 8], libc::MSG_PEEK)?;
    let after = text("/proc/scml")?;
    for (start, end, times) in [
        ("rule socketpair#1 ", "", 1),
        ("alternative socketpair#1 ", " type SOCK_STREAM", 1),
        ("rule sendto#1 ", "", 3),
        ("alternative sendto#1 ", " flags MSG_NOSIGNAL", 2),
        ("alternative sendto#1 ", " flags MSG_DONTWAIT", 1),
        ("alternative recvfrom#1 ", " flags MSG_PEEK", 1),
        ("admitted ", "", 5),
    ] {
        // Other tests may run at the same time.
        check!(count(&after, start, end)? >= count(&before, start, end)? + times, "{start}..{end}");
    }
    Ok(())
}

fn scml_counts_denials_by_cause(_: &Case) -> Outcome {
    const DECLARED_BY_NOBODY: i32 = 0x1234_5678;
    let before = count(&text("/proc/scml")?, "denied ", "")?;
    for _ in 0..3 {
        check_err!(sys::socket(DECLARED_BY_NOBODY, libc::SOCK_STREAM, 0), EAFNOSUPPORT);
    }
    let table = text("/proc/scml")?;
    check!(count(&table, "denied ", "")? >= before + 3);
    let cause = table.lines().find(|line| line.contains("0x12345678"));
    let cause = cause.ok_or_else(|| Failure::here(table.clone()))?;
    check!(
        cause.starts_with("cause 3 EAFNOSUPPORT socket(0x12345678, SOCK_STREAM, 0): family = "),
        "{cause}"
    );
    check!(cause.contains("is not admitted by socket#1 (scml/profiles/postern/"), "{cause}");
    Ok(())
}
