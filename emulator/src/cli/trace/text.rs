//! A judged trace, for people.

use std::fmt::Write;

use scml::{
    domain::errno_name,
    trace::{Cause, Place, Program, Summary, UnclearCalls},
};

pub(super) fn render(profile: &str, summary: &Summary) -> String {
    let mut text = String::new();
    let mut silent = 0;
    for each in &summary.programs {
        if each.calls == 0 && each.unclear.is_empty() {
            silent += 1;
        } else {
            program(&mut text, profile, each);
        }
    }
    if silent > 0 {
        let _ = writeln!(text, "{} made no calls about sockets", count(silent, "program"));
    }
    if let Some(place) = &summary.first_unreadable {
        let lines = count(summary.unreadable, "line");
        let _ = writeln!(text, "{lines} of {} could not be read (the first is {})", summary.lines, at(place));
    }
    text
}

fn program(text: &mut String, profile: &str, program: &Program) {
    let processes = count(program.processes.max(1), "process");
    let calls = count(program.calls, "call");
    let _ = match program.refused() {
        0 => {
            writeln!(text, "{} ({processes}): {calls} about sockets, all conform to {profile}", program.name)
        }
        refused => {
            let conforming = program.conforming;
            writeln!(
                text,
                "{} ({processes}): {calls} about sockets, {conforming} conform to {profile}, {refused} do not",
                program.name
            )
        }
    };
    if program.failed > 0 {
        let _ = writeln!(
            text,
            "    besides, {} failed before they would be judged",
            count(program.failed, "call")
        );
    }
    text.push('\n');
    for each in &program.causes {
        cause(text, each);
    }
    for each in &program.unclear {
        unclear(text, each);
    }
    if !program.causes.is_empty() || !program.unclear.is_empty() {
        text.push('\n');
    }
}

fn cause(text: &mut String, cause: &Cause) {
    let explanation = &cause.explanation;
    let call = explanation.call.name();
    let _ = match &explanation.rule {
        None => writeln!(text, "{:>7}  {call}: no rule", cause.count),
        Some(rule) => {
            let offending = match explanation.offending.as_slice() {
                [] => explanation.value.clone(),
                names => names.join(" | "),
            };
            let argument = &explanation.argument;
            let _ = write!(text, "{:>7}  {call}: {argument} = {offending}", cause.count);
            if !explanation.admitted.is_empty() {
                let _ = write!(text, "; admitted: {}", some(&explanation.admitted));
            }
            writeln!(text, " ({}, {}:{})", rule.id, rule.file, rule.line)
        }
    };
    let _ = writeln!(text, "         {}, {}", at(&cause.first), cause.example);
    let errno = errno_name(explanation.errno).unwrap_or("an error");
    let linux: Vec<_> =
        cause.linux.iter().map(|(said, times)| outcome(said, *times, cause.count, errno)).collect();
    let _ = match explanation.errno {
        // Of a control message that is received.
        0 => writeln!(text, "         would not be delivered; the call would succeed"),
        _ => writeln!(text, "         would fail with {errno}; on Linux {}", linux.join(", ")),
    };
    if !cause.followers.is_empty() {
        let calls: Vec<_> =
            cause.followers.iter().map(|(call, times)| format!("{times} {}", call.name())).collect();
        let total = count(cause.followers.values().sum(), "call");
        let _ = writeln!(text, "         and with them {total} on these sockets: {}", calls.join(", "));
    }
}

/// The first few.
fn some(names: &[String]) -> String {
    const FEW: usize = 6;
    match names.len().checked_sub(FEW) {
        None | Some(0) => names.join(" | "),
        Some(more) => format!("{} and {more} more", names[..FEW].join(" | ")),
    }
}

/// What Linux said so often.
fn outcome(said: &str, times: u64, of: u64, errno: &str) -> String {
    let times = if times == of { String::new() } else { format!("{times} times ") };
    match said {
        "0" => format!("{times}succeeded"),
        "?" => format!("{times}did not return"),
        same if same == errno => format!("{times}the same"),
        other => format!("{times}{other}"),
    }
}

fn unclear(text: &mut String, unclear: &UnclearCalls) {
    let _ = writeln!(
        text,
        "{:>7}  {}: cannot be judged: {}\n         {}",
        unclear.count,
        unclear.call.name(),
        unclear.why,
        at(&unclear.first)
    );
}

fn at(place: &Place) -> String {
    match place.log.as_str() {
        "" => format!("line {} of the trace", place.line),
        log => format!("{log}:{}", place.line),
    }
}

fn count(number: u64, what: &str) -> String {
    match (number, what) {
        (1, _) => format!("1 {what}"),
        (_, "process") => format!("{number} processes"),
        _ => format!("{number} {what}s"),
    }
}
