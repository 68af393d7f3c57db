//! A call: its rules in both profiles, and the table of its values.

use std::collections::HashSet;

use maud::{Markup, html};

use super::{
    Page, anchor, class, mark,
    matrix::{Argument, CallView, Cell, Feature, Kind, VERDICTS},
};
use crate::report::model::{ProbeKind, Verdict};

/// Where a value is on the page.
pub(super) fn place(call: &str, argument: &Argument<'_>, value: &str) -> String {
    match value {
        "" => anchor(&[call, "call"]),
        value => anchor(&[call, &argument.name, &argument.under, value]),
    }
}

impl Page<'_> {
    pub(super) fn call(&self, call: &CallView<'_>) -> Markup {
        html! {
            section.call id=(anchor(&["call", call.name])) data-call=(call.name) {
                h2 {
                    a href=(format!("#{}", anchor(&["call", call.name]))) { (call.name) }
                    span.tally { (tally(call)) }
                }
                details.rules {
                    summary { (self.rules_summary(call)) }
                    (self.sides(&call.rules, &call.others, true))
                }
                table.matrix {
                    caption.spoken { (call.name) ": what is declared for each kind of socket, and what came of it" }
                    (self.head())
                    @for argument in &call.arguments { (self.argument(call, argument)) }
                }
            }
        }
    }

    fn rules_summary(&self, call: &CallView<'_>) -> String {
        let count = |number: usize, name: &str| match number {
            0 => format!("none of {name}"),
            1 => format!("1 of {name}"),
            number => format!("{number} of {name}"),
        };
        let here = count(call.rules.len(), self.profile);
        match self.other {
            "" => format!("Rules: {here}"),
            other => format!("Rules: {here}, {}", count(call.others.len(), other)),
        }
    }

    fn head(&self) -> Markup {
        let kinds = &self.matrix.kinds;
        let mut families: Vec<(&Kind, usize)> = Vec::new();
        for kind in kinds {
            match families.last_mut() {
                Some((known, count)) if known.family() == kind.family() => *count += 1,
                _ => families.push((kind, 1)),
            }
        }
        html! {
            thead {
                tr {
                    th.value rowspan="2" scope="col" { "Value" }
                    @for (kind, count) in families {
                        th.family scope="colgroup" colspan=(count) data-family=(kind.family()) { (kind.short_family()) }
                    }
                }
                tr {
                    @for kind in kinds {
                        th.kind scope="col" data-family=(kind.family()) title=(kind.name) { (kind.short()) }
                    }
                }
            }
        }
    }

    fn argument(&self, call: &CallView<'_>, argument: &Argument<'_>) -> Markup {
        let columns = self.matrix.kinds.len() + 1;
        html! {
            tbody.argument {
                @if !argument.name.is_empty() {
                    tr.name { th colspan=(columns) scope="rowgroup" {
                        code { (argument.name) }
                        @if !argument.under.is_empty() { span.under { " at " code { (argument.under) } } }
                    } }
                }
                @for feature in &argument.features { (self.feature(call, argument, feature)) }
                @if !argument.outcomes.is_empty() { (self.undeclared(call, argument)) }
            }
        }
    }

    fn feature(&self, call: &CallView<'_>, argument: &Argument<'_>, feature: &Feature<'_>) -> Markup {
        let id = place(call.name, argument, &feature.value);
        let detail = format!("{id}.detail");
        let (here, there) = feature.declared();
        let mut words = Vec::new();
        for (word, is) in
            [("here", here), ("there", there), ("differs", feature.differs()), ("bad", feature.is_bad())]
        {
            if is {
                words.push(word);
            }
        }
        let families: HashSet<_> = (self.matrix.kinds.iter().zip(&feature.cells))
            .filter(|(_, cell)| cell.tried.is_some() || cell.other.is_some())
            .map(|(kind, _)| kind.family())
            .collect();
        let mut families: Vec<_> = families.into_iter().collect();
        families.sort_unstable();
        let errnos = feature.cells.iter().filter_map(|cell| cell.tried).flat_map(|(_, probe)| {
            [
                Some(probe.verdict.name()),
                probe.guest.as_ref().map(|seen| &*seen.errno),
                probe.host.as_ref().map(|seen| &*seen.errno),
            ]
        });
        let mut text: Vec<_> = errnos.flatten().filter(|word| *word != "0").collect();
        text.dedup();
        let text = [call.name, &argument.name, &argument.under, &feature.value, &text.join(" ")].join(" ");
        html! {
            tr.feature id=(id) data-show=(words.join(" ")) data-families=(families.join(" ")) data-text=(text.to_lowercase()) {
                th scope="row" {
                    button.toggle type="button" aria-expanded="true" aria-controls=(detail) {
                        @if feature.value.is_empty() { "the call" } @else { code { (feature.value) } }
                    }
                    a.here href=(format!("#{id}")) aria-label=(format!("Link to {} {}", call.name, feature.value)) { "#" }
                }
                @for (kind, cell) in self.matrix.kinds.iter().zip(&feature.cells) { (self.cell(&id, kind, cell)) }
            }
            tr.detail id=(detail) {
                td colspan=(self.matrix.kinds.len() + 1) { (self.detail(&id, feature)) }
            }
        }
    }

    fn cell(&self, id: &str, kind: &Kind, cell: &Cell<'_>) -> Markup {
        let label = format!("{} {}", kind.short_family(), kind.short());
        if cell.tried.is_none() && cell.other.is_none() {
            return html! { td.cell.none data-family=(kind.family()) {} };
        }
        let verdict = cell.tried.map(|(_, probe)| probe.verdict);
        let here = verdict.map_or("not declared", Verdict::name);
        let there = if cell.other.is_some() { "declared" } else { "not declared" };
        let spoken = match self.other {
            "" => format!("{label}: {here}"),
            other => format!("{label}: {} {here}, {other} {there}", self.profile),
        };
        html! {
            td.cell data-family=(kind.family()) data-kind=(label) {
                a href=(format!("#{id}.{}", anchor(&[&kind.name]))) title=(spoken) {
                    span.spoken { (spoken) }
                    span aria-hidden="true" {
                        @match verdict {
                            Some(verdict) => span.sign.(class(verdict)) { (mark(verdict)) },
                            None => span.sign.nothing { "·" },
                        }
                        @if !self.other.is_empty() {
                            @if cell.other.is_some() { span.other.yes { "●" } } @else { span.other.no { "○" } }
                        }
                    }
                }
            }
        }
    }

    /// The values that no profile declares, in one row.
    fn undeclared(&self, call: &CallView<'_>, argument: &Argument<'_>) -> Markup {
        let count = argument.undeclared();
        let bad = argument.outcomes.iter().any(|outcome| !outcome.tried.1.verdict.is_good());
        let mut verdicts: Vec<_> = argument.outcomes.iter().map(|outcome| outcome.tried.1.verdict).collect();
        verdicts.sort_by_key(|verdict| VERDICTS.iter().position(|one| one == verdict));
        verdicts.dedup();
        let mut named = HashSet::new();
        html! {
            tr.undeclared data-show=(if bad { "bad" } else { "" }) data-text=(format!("{} {} {}", call.name, argument.name, argument.under).to_lowercase()) {
                td colspan=(self.matrix.kinds.len() + 1) {
                    details open[bad] {
                        summary {
                            (count) " undeclared " (if count == 1 { "value" } else { "values" }) ": "
                            @for verdict in verdicts { (super::badge(verdict)) " " }
                        }
                        @for outcome in &argument.outcomes { (self.outcome(call, argument, outcome, &mut named)) }
                    }
                }
            }
        }
    }
}

/// How many probes of the call came to what.
fn tally(call: &CallView<'_>) -> Markup {
    let count = |verdict| {
        call.rules.iter().flat_map(|rule| &rule.probes).filter(|probe| probe.verdict == verdict).count()
    };
    let declared = call
        .rules
        .iter()
        .flat_map(|rule| &rule.probes)
        .filter(|probe| probe.kind == ProbeKind::Declared)
        .count();
    html! {
        @for verdict in VERDICTS {
            @let number = count(verdict);
            @if number > 0 {
                span.(class(verdict)) title=(verdict.name()) { (mark(verdict)) " " (number) span.spoken { " " (verdict.name()) } }
            }
        }
        @if declared == 0 { span.ignored { "not declared" } }
    }
}
