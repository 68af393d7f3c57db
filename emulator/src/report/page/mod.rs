//! The report as one HTML page that needs nothing else: its style and its script are in it, and no font or picture is
//! fetched. Without the script everything is there, unfolded.
//!
//! - `matrix`: what there is to show;
//! - `call`: a call's table of values and kinds of sockets;
//! - `detail`: what is behind a value: rules, probes, outcomes;
//! - `top`: summary, comparison of the profiles, and controls.

mod call;
mod date;
mod detail;
mod matrix;
mod top;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use self::matrix::Matrix;
use super::model::{Report, Verdict};

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

/// What every part of the page is made from.
struct Page<'r> {
    report: &'r Report,
    matrix: Matrix<'r>,
    /// The guest's profile.
    profile: &'r str,
    /// The one that it is compared with; empty without one.
    other: &'r str,
}

impl Report {
    /// The page.
    pub fn page(&self) -> String {
        let other = self.others.first();
        let page = Page {
            report: self,
            matrix: Matrix::new(self, other),
            profile: &self.origin.profile,
            other: other.map_or("", |other| &other.name),
        };
        page.html().into_string()
    }
}

impl Page<'_> {
    fn html(&self) -> Markup {
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    title { "Conformance of profile " (self.profile) }
                    style { (PreEscaped(STYLE)) }
                }
                body {
                    (self.header())
                    main {
                        (self.controls())
                        @for call in &self.matrix.calls { (self.call(call)) }
                        p #nothing hidden { "Nothing matches. " button type="button" #clear { "Clear the filters" } }
                    }
                    (self.footer())
                    script { (PreEscaped(SCRIPT)) }
                }
            }
        }
    }
}

/// A name for a place on the page, to link to: parts joined by points, what could not stand in a link replaced.
fn anchor(parts: &[&str]) -> String {
    let plain = |letter: char| match letter {
        ' ' => '.',
        '#' => '-',
        letter if letter.is_ascii_alphanumeric() || "._-".contains(letter) => letter,
        _ => '_',
    };
    let parts = parts.iter().filter(|part| !part.is_empty());
    parts.map(|part| part.chars().map(plain).collect::<String>()).collect::<Vec<_>>().join(".")
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
    use super::anchor;
    use crate::report::{Alternative, DeclaredRule, Origin, OtherProfile, join};

    fn rule(file: &str, value: &str) -> DeclaredRule {
        DeclaredRule {
            id: "socket#1".to_owned(),
            call: "socket".to_owned(),
            file: file.to_owned(),
            line: 1,
            text: "socket(sockfd = <unix_stream>);".to_owned(),
            alternatives: vec![Alternative {
                argument: "type".to_owned(),
                under: String::new(),
                value: value.to_owned(),
                on: "AF_UNIX SOCK_STREAM".to_owned(),
            }],
        }
    }

    #[test]
    fn the_page_is_whole_and_escaped() {
        let other = OtherProfile { name: "asterinas".to_owned(), rules: vec![rule("other.scml", "OTHER")] };
        let origin = Origin { profile: "postern".to_owned(), ..Origin::default() };
        let page = join(origin, vec![rule("socket.scml", "<b>&")], vec![other], &[], &[], &None).page();
        assert!(page.starts_with("<!DOCTYPE html>") && page.ends_with("</html>"));
        assert!(page.contains("sockfd = &lt;unix_stream&gt;") && page.contains("&lt;b&gt;&amp;"));
        assert!(page.contains("0 of 1 declared alternatives hold"));
        assert!(page.contains("other.scml:1") && page.contains(">OTHER<"));
        for fetched in ["http://", "https://", "src=", "@import", "url("] {
            assert!(!page.contains(fetched), "{fetched}");
        }
    }

    #[test]
    fn anchors_can_stand_in_links() {
        assert_eq!(anchor(&["sendto", "msg.msg_control", "", "NULL"]), "sendto.msg.msg_control.NULL");
        assert_eq!(anchor(&["call", "AF_UNIX SOCK_STREAM", "a#1<"]), "call.AF_UNIX.SOCK_STREAM.a-1_");
    }
}
