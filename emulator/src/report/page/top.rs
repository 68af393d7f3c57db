//! The top of the page, what filters it, and its foot.

use maud::{Markup, html};

use super::{Page, anchor, badge, class, date, mark, matrix::Kind};
use crate::report::model::{Counts, ProbeKind, Verdict};

const MEANINGS: &[(Verdict, &str)] = &[
    (Verdict::Held, "declared; accepted and behaving as on Linux, and used by behaviour tests"),
    (Verdict::Broken, "declared, but refused, or without its effect"),
    (Verdict::Unproven, "declared, but no behaviour test uses it; or not tried on both sides"),
    (Verdict::Refused, "not declared; refused, and where Linux refuses it, with its errno"),
    (Verdict::LinuxIgnores, "not declared; refused here, while Linux takes no notice of it"),
    (Verdict::Leaking, "not declared, yet accepted, or refused with another errno"),
];

/// The filters by what is declared: the word in the rows, the label, what it shows.
const SHOWS: &[(&str, &str, &str)] = &[
    ("", "All", "Everything"),
    ("bad", "Problems", "What is broken, leaking or unproven"),
    ("here", "{here}", "What {here} declares"),
    ("there", "{there}", "What {there} declares"),
    (
        "differs",
        "Differences",
        "What one of the two declares, for some kind of socket, and the other does not",
    ),
];

/// Whether something counts, by whether the guest's profile and the other one declare it.
type Wanted = fn(bool, bool) -> bool;

fn headline(counts: &Counts) -> String {
    match (counts.declared, counts.is_good()) {
        (0, _) => "The profile declares nothing".to_owned(),
        (declared, true) => format!("All {declared} declared alternatives hold"),
        (declared, false) => format!("{} of {declared} declared alternatives hold", counts.held),
    }
}

fn figure(count: usize, label: &str, verdict: Verdict, of: Option<usize>) -> Markup {
    html! {
        div.figure.(class(verdict)).zero[count == 0] {
            span.number { (count) }
            span.label { (mark(verdict)) " " (label) }
            @if let Some(of) = of {
                // Three digits of a percent: a bar that looks full is full.
                @let share = if of == 0 { 0.0 } else { 100.0 * count as f64 / of as f64 };
                span.bar { span style=(format!("width:{share:.3}%")) {} }
            }
        }
    }
}

impl Page<'_> {
    pub(super) fn header(&self) -> Markup {
        let counts = &self.report.summary;
        let origin = &self.report.origin;
        html! {
            header {
                p.eyebrow { "Postern · conformance of profile " b { (self.profile) } " with " (origin.host) }
                h1.bad[!counts.is_good()] { (headline(counts)) }
                div.figures {
                    (figure(counts.held, &format!("of {} declared hold", counts.declared), Verdict::Held, Some(counts.declared)))
                    (figure(counts.broken, "broken", Verdict::Broken, None))
                    (figure(counts.leaking, "leaking", Verdict::Leaking, None))
                    (figure(counts.unproven, "unproven", Verdict::Unproven, None))
                    (figure(counts.refused + counts.ignored, &format!("of {} neighbours refused", counts.neighbours), Verdict::Refused, Some(counts.neighbours)))
                }
                (self.problems())
                div.overview {
                    (self.comparison())
                    (self.legend())
                }
            }
        }
    }

    /// What is not as it should be, with links to it.
    fn problems(&self) -> Markup {
        let probes =
            self.report.rules.iter().flat_map(|rule| rule.probes.iter().map(move |probe| (rule, probe)));
        let bad: Vec<_> = probes.filter(|(_, probe)| !probe.verdict.is_good()).collect();
        html! {
            @if !bad.is_empty() {
                ul.problems {
                    @for (rule, probe) in &bad {
                        li {
                            (badge(probe.verdict)) " "
                            a href=(format!("#{}", anchor(&["rule", self.profile, &rule.id]))) { (rule.id) } " "
                            code { (probe.argument) " = " (probe.value) } " on " (probe.on) ": " (probe.reason)
                        }
                    }
                }
            }
        }
    }

    /// How much of each kind of socket the profiles declare.
    fn comparison(&self) -> Markup {
        let features =
            || self.matrix.calls.iter().flat_map(|call| &call.arguments).flat_map(|one| &one.features);
        let count = |column: usize, wanted: Wanted| {
            let fits = |cells: &[super::matrix::Cell<'_>]| {
                let cell = &cells[column];
                let here = cell.tried.is_some_and(|(_, probe)| probe.kind == ProbeKind::Declared);
                wanted(here, cell.other.is_some())
            };
            features().filter(|feature| fits(&feature.cells)).count()
        };
        let columns: [(String, Wanted); 4] = [
            (self.profile.to_owned(), |here, _| here),
            (self.other.to_owned(), |_, there| there),
            ("both".to_owned(), |here, there| here && there),
            ("one only".to_owned(), |here, there| here != there),
        ];
        html! {
            @if !self.other.is_empty() {
                table.comparison {
                    caption { "Values declared for each kind of socket" }
                    thead { tr {
                        th scope="col" { "Kind" }
                        @for (name, _) in &columns { th scope="col" { (name) } }
                    } }
                    tbody {
                        @for (column, kind) in self.matrix.kinds.iter().enumerate() {
                            tr {
                                th scope="row" { (kind.short_family()) " " (kind.short()) }
                                @for (_, wanted) in &columns {
                                    @let number = count(column, *wanted);
                                    td.zero[number == 0] { (number) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }

    /// What the signs in the cells mean.
    fn legend(&self) -> Markup {
        html! {
            dl.legend {
                @for (verdict, meaning) in MEANINGS {
                    div { dt { (badge(*verdict)) } dd { (meaning) } }
                }
                @if !self.other.is_empty() {
                    div {
                        dt { span.other.yes { "●" } " " span.other.no { "○" } }
                        dd { "beside it: " b { (self.other) } " declares it, or does not" }
                    }
                }
            }
        }
    }

    pub(super) fn controls(&self) -> Markup {
        let named = |text: &str| text.replace("{here}", self.profile).replace("{there}", self.other);
        let shows =
            SHOWS.iter().filter(|(word, ..)| !self.other.is_empty() || !matches!(*word, "there" | "differs"));
        let mut families: Vec<_> = self.matrix.kinds.iter().map(Kind::family).collect();
        families.dedup();
        html! {
            form.controls role="search" aria-label="Filter the matrix" {
                input #search type="search" placeholder="Search: MSG_PEEK, optname, EINVAL …" aria-label="Search" autocomplete="off" spellcheck="false";
                select #family aria-label="Family" {
                    option value="" { "All families" }
                    @for family in families { option value=(family) { (family) } }
                }
                select #call aria-label="Call" {
                    option value="" { "All calls" }
                    @for call in &self.matrix.calls { option value=(call.name) { (call.name) } }
                }
                div.chips role="group" aria-label="Show" {
                    @for (word, label, what) in shows {
                        button type="button" data-show=(word) title=(named(what)) aria-pressed=(if word.is_empty() { "true" } else { "false" }) { (named(label)) }
                    }
                }
                output #count aria-live="polite" {}
            }
        }
    }

    pub(super) fn footer(&self) -> Markup {
        let origin = &self.report.origin;
        html! {
            footer {
                p {
                    "Made " time datetime=(date::iso(origin.time)) { (date::readable(origin.time)) } ". "
                    "Guest: " (origin.guest) ". Host: " (origin.host) ". "
                    "The same as data: " a href="report.json" { "report.json" } "."
                }
            }
        }
    }
}
