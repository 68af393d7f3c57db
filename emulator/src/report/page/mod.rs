//! The report as one HTML page that needs nothing else: its style and its script are in it, and no font or picture is
//! fetched.

mod date;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::model::{Counts, Probe, ProbeKind, Report, Rule, Seen, Verdict};

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

impl Report {
    /// The page.
    pub fn page(&self) -> String {
        let title = format!("Conformance of profile {}", self.origin.profile);
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    title { (title) }
                    style { (PreEscaped(STYLE)) }
                }
                body {
                    (self.header())
                    main {
                        (self.controls())
                        @for rule in &self.rules { (details(rule)) }
                        p #nothing hidden { "No probe matches." }
                    }
                    (self.footer())
                    script { (PreEscaped(SCRIPT)) }
                }
            }
        }
        .into_string()
    }

    fn header(&self) -> Markup {
        let counts = &self.summary;
        html! {
            header {
                p.eyebrow { "Conformance · profile " b { (self.origin.profile) } }
                h1.good[counts.is_good()].bad[!counts.is_good()] { (headline(counts)) }
                p.lead {
                    "Every value that the profile declares was tried in the guest and on " (self.origin.host)
                    ", and so were the values next to it that it does not declare."
                }
                div.figures {
                    (figure(counts.held, &format!("of {} declared hold", counts.declared), Verdict::Held, Some(counts.declared)))
                    (figure(counts.broken, "broken", Verdict::Broken, None))
                    (figure(counts.leaking, "leaking", Verdict::Leaking, None))
                    (figure(counts.unproven, "unproven", Verdict::Unproven, None))
                    (figure(counts.refused + counts.ignored, &format!("of {} neighbours refused", counts.neighbours), Verdict::Refused, Some(counts.neighbours)))
                }
            }
        }
    }

    fn controls(&self) -> Markup {
        let all = self.rules.iter().map(|rule| rule.probes.len()).sum::<usize>();
        let count = |verdict| {
            self.rules.iter().flat_map(|rule| &rule.probes).filter(|probe| probe.verdict == verdict).count()
        };
        let verdicts = [
            Verdict::Held,
            Verdict::Broken,
            Verdict::Refused,
            Verdict::LinuxIgnores,
            Verdict::Leaking,
            Verdict::Unproven,
        ];
        html! {
            div.controls {
                input #filter type="search" placeholder="Filter: a call, an argument, a value, an errno …" aria-label="Filter the probes" autocomplete="off" spellcheck="false";
                div.chips role="group" aria-label="Show verdicts" {
                    button type="button" data-show="" aria-pressed="true" { "all " span.count { (all) } }
                    @for verdict in verdicts {
                        @let number = count(verdict);
                        @if number > 0 {
                            button type="button" data-show=(class(verdict)) aria-pressed="false" {
                                (mark(verdict)) " " (verdict.name()) " " span.count { (number) }
                            }
                        }
                    }
                    button.quiet #fold type="button" { "open all" }
                }
            }
        }
    }

    fn footer(&self) -> Markup {
        html! {
            footer {
                p {
                    "Made " time datetime=(date::iso(self.origin.time)) { (date::readable(self.origin.time)) } ". "
                    "Guest: " (self.origin.guest) ". Host: " (self.origin.host) ". "
                    "The same as data: " a href="report.json" { "report.json" } "."
                }
                dl {
                    @for (verdict, meaning) in MEANINGS {
                        div { dt { (badge(*verdict)) } dd { (meaning) } }
                    }
                }
            }
        }
    }
}

const MEANINGS: &[(Verdict, &str)] = &[
    (Verdict::Held, "declared; accepted and behaving the same in the guest and on the host"),
    (Verdict::Broken, "declared, but refused, or without its effect"),
    (Verdict::Refused, "not declared; refused with the errno that Linux uses"),
    (Verdict::LinuxIgnores, "not declared; refused here, while Linux takes no notice of the bit"),
    (Verdict::Leaking, "not declared, yet accepted, or refused with another errno"),
    (Verdict::Unproven, "not tried on both sides"),
];

fn headline(counts: &Counts) -> String {
    match (counts.declared, counts.is_good()) {
        (0, _) => "The profile declares nothing.".to_owned(),
        (declared, true) => format!("All {declared} declared alternatives hold."),
        (declared, false) => format!("{} of {declared} declared alternatives hold.", counts.held),
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

fn details(rule: &Rule) -> Markup {
    let counts = &rule.counts;
    html! {
        details.rule open[!counts.is_good()] {
            summary {
                span.id { (rule.id) }
                code.preview { (rule.text.split_whitespace().collect::<Vec<_>>().join(" ")) }
                span.tally {
                    (tally(Verdict::Held, counts.held))
                    (tally(Verdict::Broken, counts.broken))
                    (tally(Verdict::Refused, counts.refused))
                    (tally(Verdict::LinuxIgnores, counts.ignored))
                    (tally(Verdict::Leaking, counts.leaking))
                    (tally(Verdict::Unproven, counts.unproven))
                }
            }
            div.body {
                p.place { (rule.file) ":" (rule.line) }
                pre { code { (rule.text) } }
                @if rule.probes.is_empty() {
                    p { "The rule has no alternatives to try." }
                } @else {
                    table {
                        thead { tr {
                            th { "Argument" } th { "Value" } th { "Guest" } th { "Host" } th { "Verdict" }
                        } }
                        tbody { @for probe in &rule.probes { (row(rule, probe)) } }
                    }
                }
            }
        }
    }
}

fn tally(verdict: Verdict, count: usize) -> Markup {
    html! {
        @if count > 0 {
            span.(class(verdict)) title=(verdict.name()) { (mark(verdict)) " " (count) }
        }
    }
}

fn row(rule: &Rule, probe: &Probe) -> Markup {
    html! {
        tr data-verdict=(class(probe.verdict)) data-call=(rule.call) {
            td.argument { (probe.argument) }
            td.value {
                code { (probe.value) }
                @if probe.kind == ProbeKind::Neighbour { span.kind { "not declared" } }
            }
            td data-label="Guest" { (seen(probe.guest.as_ref())) }
            td data-label="Host" { (seen(probe.host.as_ref())) }
            td.verdict {
                (badge(probe.verdict))
                @if !probe.reason.is_empty() { span.reason { (probe.reason) } }
            }
        }
    }
}

fn seen(seen: Option<&Seen>) -> Markup {
    html! {
        @match seen {
            None => span.none { "not tried" },
            Some(seen) => {
                @if !seen.is_accepted() { code.errno { (seen.errno) } }
                @else if seen.behaved { span { "accepted, behaves" } }
                @else { span { "accepted" } }
                @if !seen.note.is_empty() { span.note { (seen.note) } }
            }
        }
    }
}

fn badge(verdict: Verdict) -> Markup {
    html! { span.badge.(class(verdict)) { (mark(verdict)) " " (verdict.name()) } }
}

/// A sign beside each verdict's name: nobody needs the colours.
fn mark(verdict: Verdict) -> Markup {
    let sign = match verdict {
        Verdict::Held => "✓",
        Verdict::Broken => "✗",
        Verdict::Refused => "⊘",
        Verdict::LinuxIgnores => "≈",
        Verdict::Leaking => "▲",
        Verdict::Unproven => "?",
    };
    html! { span.mark aria-hidden="true" { (sign) } }
}

fn class(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Held => "held",
        Verdict::Broken => "broken",
        Verdict::Refused => "refused",
        Verdict::LinuxIgnores => "ignored",
        Verdict::Leaking => "leaking",
        Verdict::Unproven => "unproven",
    }
}

#[cfg(test)]
mod tests {
    use crate::report::{Alternative, DeclaredRule, Origin, join};

    #[test]
    fn the_page_is_whole_and_escaped() {
        let rule = DeclaredRule {
            id: "socket#1".to_owned(),
            call: "socket".to_owned(),
            file: "socket.scml".to_owned(),
            line: 1,
            text: "socket(sockfd = <unix_stream>);".to_owned(),
            alternatives: vec![Alternative {
                argument: "type".to_owned(),
                value: "<b>&".to_owned(),
                on: String::new(),
            }],
        };
        let page =
            join(Origin { profile: "postern".to_owned(), ..Origin::default() }, vec![rule], &[], &[]).page();
        assert!(page.starts_with("<!DOCTYPE html>") && page.ends_with("</html>"));
        assert!(page.contains("sockfd = &lt;unix_stream&gt;") && page.contains("&lt;b&gt;&amp;"));
        assert!(page.contains("0 of 1 declared alternatives hold."));
        for fetched in ["http://", "https://", "src=", "@import", "url("] {
            assert!(!page.contains(fetched), "{fetched}");
        }
    }
}
