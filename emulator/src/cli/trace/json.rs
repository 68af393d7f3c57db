//! A judged trace, for programs.

use std::collections::BTreeMap;

use anyhow::Result;
use scml::{
    domain::errno_name,
    trace::{Cause, Place, Program, Summary, UnclearCalls},
};
use serde::Serialize;

#[derive(Serialize)]
struct Document<'a> {
    profile: &'a str,
    logs: &'a [String],
    lines: u64,
    unreadable: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_unreadable: Option<String>,
    calls: u64,
    conforming: u64,
    refused: u64,
    not_judged: u64,
    programs: Vec<OfProgram<'a>>,
}

#[derive(Serialize)]
struct OfProgram<'a> {
    name: &'a str,
    processes: u64,
    calls: u64,
    conforming: u64,
    refused: u64,
    not_judged: u64,
    /// Linux refused them before it would come to the rules.
    failed: u64,
    causes: Vec<OfCause<'a>>,
    unclear: Vec<OfUnclear>,
}

#[derive(Serialize)]
struct OfCause<'a> {
    count: u64,
    call: &'a str,
    argument: &'a str,
    value: &'a str,
    offending: &'a [String],
    admitted: &'a [String],
    /// `null` where a control message would not be delivered.
    errno: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<OfRule<'a>>,
    example: &'a str,
    first: String,
    /// What Linux said, and how often.
    linux: &'a BTreeMap<String, u64>,
    /// Calls on sockets that would not be there.
    followers: BTreeMap<&'a str, u64>,
}

#[derive(Serialize)]
struct OfRule<'a> {
    id: &'a str,
    file: &'a str,
    line: u32,
    text: &'a str,
}

#[derive(Serialize)]
struct OfUnclear {
    count: u64,
    call: &'static str,
    why: String,
    first: String,
}

pub(super) fn render(profile: &str, logs: &[String], summary: &Summary) -> Result<String> {
    let sum = |of: fn(&Program) -> u64| summary.programs.iter().map(of).sum();
    let document = Document {
        profile,
        logs,
        lines: summary.lines,
        unreadable: summary.unreadable,
        first_unreadable: summary.first_unreadable.as_ref().map(place),
        calls: sum(|program| program.calls),
        conforming: sum(|program| program.conforming),
        refused: sum(Program::refused),
        not_judged: sum(Program::not_judged),
        programs: summary.programs.iter().map(program).collect(),
    };
    Ok(serde_json::to_string_pretty(&document)? + "\n")
}

fn program(program: &Program) -> OfProgram<'_> {
    OfProgram {
        name: &program.name,
        processes: program.processes,
        calls: program.calls,
        conforming: program.conforming,
        refused: program.refused(),
        not_judged: program.not_judged(),
        failed: program.failed,
        causes: program.causes.iter().map(cause).collect(),
        unclear: program.unclear.iter().map(unclear).collect(),
    }
}

fn cause(cause: &Cause) -> OfCause<'_> {
    let explanation = &cause.explanation;
    OfCause {
        count: cause.count,
        call: explanation.call.name(),
        argument: &explanation.argument,
        value: &explanation.value,
        offending: &explanation.offending,
        admitted: &explanation.admitted,
        errno: (explanation.errno != 0).then(|| {
            errno_name(explanation.errno).map_or_else(|| explanation.errno.to_string(), str::to_owned)
        }),
        rule: explanation.rule.as_ref().map(|rule| OfRule {
            id: &rule.id,
            file: &rule.file,
            line: rule.line,
            text: &rule.text,
        }),
        example: &cause.example,
        first: place(&cause.first),
        linux: &cause.linux,
        followers: cause.followers.iter().map(|(call, count)| (call.name(), *count)).collect(),
    }
}

fn unclear(unclear: &UnclearCalls) -> OfUnclear {
    OfUnclear {
        count: unclear.count,
        call: unclear.call.name(),
        why: unclear.why.to_string(),
        first: place(&unclear.first),
    }
}

fn place(place: &Place) -> String {
    match place.log.as_str() {
        "" => place.line.to_string(),
        log => format!("{log}:{}", place.line),
    }
}
