//! What is behind a value: the rules, the probes, and what came of them in the guest and on Linux.

use std::collections::HashSet;

use maud::{Markup, html};

use super::{
    Page, anchor, badge,
    call::place,
    matrix::{Argument, CallView, Feature, Outcome},
};
use crate::report::model::{DeclaredRule, Probe, ProbeKind, Rule, Seen};

impl Page<'_> {
    /// Below the row of a value.
    pub(super) fn detail(&self, id: &str, feature: &Feature<'_>) -> Markup {
        let tried: Vec<_> = feature.cells.iter().filter_map(|cell| cell.tried).collect();
        let mut rules: Vec<&Rule> = Vec::new();
        for (rule, _) in tried.iter().filter(|(_, probe)| probe.kind == ProbeKind::Declared) {
            if !rules.iter().any(|known| known.id == rule.id) {
                rules.push(rule);
            }
        }
        let mut others: Vec<&DeclaredRule> = Vec::new();
        for other in feature.cells.iter().filter_map(|cell| cell.other) {
            if !others.iter().any(|known| known.id == other.id) {
                others.push(other);
            }
        }
        html! {
            div.detail {
                (self.sides(&rules, &others, false))
                table.probes {
                    thead { tr {
                        th scope="col" { "On" } th scope="col" { "Guest" } th scope="col" { "Linux" }
                        th scope="col" { "Tests" } th scope="col" { "Verdict" }
                    } }
                    tbody {
                        @for (kind, cell) in self.matrix.kinds.iter().zip(&feature.cells) {
                            @if let Some((_, probe)) = cell.tried {
                                (row(&format!("{id}.{}", anchor(&[&kind.name])), probe))
                            } @else if cell.other.is_some() {
                                tr id=(format!("{id}.{}", anchor(&[&kind.name]))) data-family=(kind.family()) {
                                    th scope="row" { (kind.name) }
                                    td.none colspan="4" { "Declared by " (self.other) " alone; " (self.profile) " has nothing next to it." }
                                }
                            }
                        }
                    }
                }
            }
        }
    }

    /// Rules of both profiles side by side. `anchored`: links lead here.
    pub(super) fn sides(&self, rules: &[&Rule], others: &[&DeclaredRule], anchored: bool) -> Markup {
        let card = |profile: &str, id: &str, file: &str, line: usize, text: &str| {
            let place = anchor(&["rule", profile, id]);
            html! {
                div.card id=[anchored.then_some(&place)] {
                    p.place { a href=(format!("#{place}")) { (id) } " " span { (file) ":" (line) } }
                    pre { code { (text) } }
                }
            }
        };
        html! {
            div.sides {
                div {
                    h3 { (self.profile) }
                    @for rule in rules { (card(self.profile, &rule.id, &rule.file, rule.line, &rule.text)) }
                    @if rules.is_empty() { p.none { "No rule declares it." } }
                }
                @if !self.other.is_empty() {
                    div {
                        h3 { (self.other) }
                        @for rule in others { (card(self.other, &rule.id, &rule.file, rule.line, &rule.text)) }
                        @if others.is_empty() { p.none { "No rule declares it." } }
                    }
                }
            }
        }
    }

    /// Undeclared values of which the same came.
    pub(super) fn outcome<'r>(
        &self,
        call: &CallView<'_>,
        argument: &Argument<'_>,
        outcome: &Outcome<'r>,
        named: &mut HashSet<&'r str>,
    ) -> Markup {
        let (rule, probe) = outcome.tried;
        // Where all are tried on the same kinds, these are told once.
        let (_, kinds) = &outcome.values[0];
        let common = outcome.values.iter().all(|(_, others)| others == kinds);
        let place_of = |value: &'r str, named: &mut HashSet<&'r str>| {
            named.insert(value).then(|| place(call.name, argument, value))
        };
        html! {
            div.outcome data-text=(format!("{} {} {}", probe.verdict.name(), errno(probe.guest.as_ref()), errno(probe.host.as_ref())).to_lowercase()) {
                p {
                    (badge(probe.verdict)) " "
                    span.sides-of { "guest " (seen(probe.guest.as_ref())) ", Linux " (seen(probe.host.as_ref())) }
                    @if !probe.reason.is_empty() { " " span.reason { (probe.reason) } }
                    " next to " a href=(format!("#{}", anchor(&["rule", self.profile, &rule.id]))) { (rule.id) }
                    @if common { " on " (kinds.join(", ")) }
                }
                ul.values {
                    @for (value, kinds) in &outcome.values {
                        li id=[place_of(value, named)] data-text=(value.to_lowercase()) {
                            code { (value) }
                            @if !common { " " span.on { "on " (kinds.join(", ")) } }
                        }
                    }
                }
            }
        }
    }
}

fn errno(seen: Option<&Seen>) -> &str {
    seen.map_or("", |seen| &seen.errno)
}

fn row(id: &str, probe: &Probe) -> Markup {
    html! {
        tr id=(id) {
            th scope="row" { (probe.on) }
            td data-label="Guest" { (seen(probe.guest.as_ref())) }
            td data-label="Linux" { (seen(probe.host.as_ref())) }
            td data-label="Tests" {
                @match probe.tested {
                    Some(1) => "1 call",
                    Some(count) => { (count) " calls" },
                    None => "–",
                }
            }
            td.verdict {
                (badge(probe.verdict))
                @if probe.kind == ProbeKind::Neighbour { " " span.note { "not declared" } }
                @if !probe.reason.is_empty() { span.reason { (probe.reason) } }
            }
        }
    }
}

fn seen(seen: Option<&Seen>) -> Markup {
    html! {
        @match seen {
            None => span.missing { "not tried" },
            Some(seen) => {
                @if !seen.is_accepted() { code.errno { (seen.errno) } }
                @else if seen.behaved { span { "accepts" } }
                @else { span { "accepts, without effect" } }
                @if !seen.note.is_empty() { " " span.note { "(" (seen.note) ")" } }
            }
        }
    }
}
