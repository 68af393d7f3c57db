//! What is valid and probably not meant: rules that never decide anything, and declarations that nothing can prove.
//!
//! Names that are defined and not used are warnings of [`compile`](crate::compile) itself.

mod cover;

use alloc::{
    collections::BTreeSet,
    format,
    string::{String, ToString},
    vec::Vec,
};

use crate::{
    compile::Profile,
    diagnostic::{Diagnostic, Label, Severity},
    probe,
    syntax::span::Source,
    tables::{Rule, Tables},
};

/// Everything that is to be said of valid files: the warnings of the compiler, and then, rule by rule,
/// - a rule that another rule of the call shadows: whatever it admits, the other one does too;
/// - an alternative that no probe reaches: no call that can be derived from the rules makes use of it and is admitted by
///   that rule.
#[must_use]
pub fn lint(sources: &[Source], profile: &Profile) -> Vec<Diagnostic> {
    let tables = profile.tables();
    let mut findings = profile.warnings().to_vec();
    let mut idle = BTreeSet::new();
    for number in 0..tables.rule_count() as u16 {
        let Some(other) = cover::shadowed(&tables, number) else { continue };
        idle.insert(number);
        let message = format!(
            "{} has no effect: {} admits all that it admits",
            tables.rule_id(number),
            tables.rule_id(other)
        );
        findings.push(finding(sources, &tables, number, message, Some((other, "this one"))));
    }
    let mut reached: BTreeSet<usize> = BTreeSet::new();
    for declared in probe::alternatives(&tables) {
        if declared.sample.admit(&tables) == Ok(declared.rule) {
            reached.insert(declared.index);
        }
    }
    for (index, alternative) in tables.alternatives.iter().enumerate() {
        if reached.contains(&index) || idle.contains(&alternative.rule) {
            continue;
        }
        let message = format!(
            "no probe reaches `{} = {}` of {}",
            tables.argument(alternative),
            tables.text(alternative.name),
            tables.rule_id(alternative.rule)
        );
        findings.push(finding(sources, &tables, alternative.rule, message, None));
    }
    findings
}

fn finding(
    sources: &[Source],
    tables: &Tables<'_>,
    number: u16,
    message: String,
    other: Option<(u16, &str)>,
) -> Diagnostic {
    let places = [(number, "")].into_iter().chain(other);
    let labels = places.filter_map(|(number, text)| {
        let rule = tables.rules.get(usize::from(number))?;
        Some(label(sources, tables, rule, text))
    });
    Diagnostic { severity: Severity::Warning, message, labels: labels.collect(), notes: Vec::new() }
}

/// The line that a rule begins on.
fn label(sources: &[Source], tables: &Tables<'_>, rule: &Rule, text: &str) -> Label {
    let file = tables.text(rule.file);
    let source = sources.iter().find(|source| source.name == file);
    let text_of = source.map_or("", |source| source.decode().text);
    let line = text_of.lines().nth(rule.line.saturating_sub(1) as usize).unwrap_or_default();
    let start = line.find(rule.call.name()).unwrap_or_default();
    Label {
        file: file.to_string(),
        line: rule.line,
        range: start..line.trim_end().len().max(start),
        column: line.get(..start).unwrap_or_default().chars().count() as u32 + 1,
        source: line.to_string(),
        text: text.to_string(),
    }
}
