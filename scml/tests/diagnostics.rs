//! Every kind of error: what is said, and where.

use std::fmt::Write;

use scml::{Diagnostic, Source, compile, diagnostic::Severity};

/// A file of rules on each line that is not indented; under it what is said of it, `line:column: severity: message`, and
/// under that the notes.
const CASES: &str = include_str!("diagnostics/cases.txt");
const RENDERED: &str = include_str!("diagnostics/rendered.txt");

/// Errors, or the warnings of what is valid.
fn diagnostics(text: impl Into<Vec<u8>>) -> Vec<Diagnostic> {
    match compile(&[Source::new("rules.scml", text)]) {
        Ok(profile) => profile.warnings().to_vec(),
        Err(errors) => errors,
    }
}

fn said(text: impl Into<Vec<u8>>) -> String {
    let mut said = String::new();
    for diagnostic in diagnostics(text) {
        let _ = writeln!(said, "    {}", diagnostic.to_string().trim_start_matches("rules.scml:"));
        for note in &diagnostic.notes {
            let _ = writeln!(said, "        note: {note}");
        }
    }
    said
}

#[test]
fn every_case_says_what_is_wrong_and_where() {
    let mut cases: Vec<(&str, String)> = Vec::new();
    for line in CASES.lines() {
        match (line.starts_with(' '), cases.last_mut()) {
            (true, Some((_, expected))) => *expected += &format!("{line}\n"),
            _ => cases.push((line, String::new())),
        }
    }
    assert!(cases.len() > 80);
    for (text, expected) in cases {
        let said = said(text);
        assert_eq!(said, expected, "\n{text}\nsays\n{said}\nand should say\n{expected}");
    }
}

#[test]
fn rendered_with_source_lines() {
    let text = "// Sockets.\nsocket(\n    family = AF_UNX,\n    type = SOCK_STREAM,\n    protocol = 0\n);\n\na = <b>;\nb = <a>;\n";
    let mut rendered = String::new();
    for text in [text.split("\n\n").next().unwrap_or_default(), text] {
        for diagnostic in diagnostics(text) {
            let _ = writeln!(rendered, "{}\n", diagnostic.render(false));
        }
    }
    assert_eq!(rendered, RENDERED, "\n{rendered}");
    let colored = diagnostics("socket();").remove(0).render(true);
    assert!(colored.contains("\u{1b}["), "{colored}");
}

#[test]
fn several_errors_in_one_run_and_not_too_many() {
    let text = "socket(family = AF_UNX, type = SOCK_STREM, ..);\n".repeat(100);
    let errors = diagnostics(text);
    let expected = [(1, 17), (1, 32), (2, 17), (2, 32)];
    let places: Vec<_> =
        errors.iter().take(4).map(|error| (error.labels[0].line, error.labels[0].column)).collect();
    assert_eq!(places, expected);
    assert_eq!(errors.len(), 50);
}

#[test]
fn places_are_counted_in_characters_and_lines() {
    let error = diagnostics("// ä\r\n/* é\n ö */ socket(famly, ..);\r\n").remove(0);
    let label = &error.labels[0];
    assert_eq!((label.line, label.column), (3, 14));
    assert_eq!(&label.source[label.range.clone()], "famly");
    assert_eq!(label.source, " ö */ socket(famly, ..);");
}

#[test]
fn long_lines_are_clipped_around_the_place() {
    for (before, after) in [(0, 10_000), (10_000, 0), (10_000, 10_000)] {
        let text =
            format!("{}socket(famly, ..);{}", "é ".repeat(before), " ".repeat(after)).replace("é", "/**/");
        let label = diagnostics(text).remove(0).labels.remove(0);
        assert!(label.source.len() <= 300);
        assert_eq!(&label.source[label.range], "famly");
    }
}

#[test]
fn not_utf_8() {
    let mut text = b"listen(sockfd, backlog);\nlisten(".to_vec();
    text.extend([0xff, 0xfe]);
    assert!(said(text).starts_with("    2:8: error: the file is not UTF-8 from here on\n"));
}

#[test]
fn too_large() {
    let said = said(vec![b' '; (4 << 20) + 1]);
    assert!(said.starts_with("    1:1: error: the file is too large\n"), "{said}");
}

#[test]
fn nested_too_deeply() {
    for (open, close) in [("{ a = ", " }"), ("[ ", " ]")] {
        let nested = |depth: usize| format!("f(a = {}<x>{});", open.repeat(depth), close.repeat(depth));
        assert!(!said(nested(32)).contains("nested deeper"));
        let errors = diagnostics(nested(10_000));
        assert_eq!(errors.len(), 1, "{errors:?}");
        assert_eq!(errors[0].message, "structs and arrays are nested deeper than 32");
    }
}

#[test]
fn long_chains_of_references() {
    let chain = |length: usize| {
        let mut text = String::from("socket(family = <a0>, ..); ");
        for link in 1..length {
            let _ = write!(text, "a{} = <a{link}>; ", link - 1);
        }
        text + &format!("a{} = AF_UNIX;", length - 1)
    };
    assert_eq!(said(chain(32)), "");
    assert!(said(chain(33)).contains("references are nested deeper than 32 from `a0` on"));
    assert!(said(chain(20_000)).contains("references are nested deeper than 32"));
}

/// Each rule lists the one before it twice: what grows exponentially when it is written out is still read once.
#[test]
fn references_are_followed_once() {
    let mut text = String::from("a0 = AF_UNIX | AF_INET; socket(family = <a30>, ..); ");
    for link in 1..=30 {
        let before = link - 1;
        let _ = write!(text, "a{link} = <a{before}> | <a{before}> | <a{before}>; ");
    }
    assert_eq!(said(text), "");
}

#[test]
fn too_many_combinations() {
    let families: Vec<_> = (0..40).map(|family| format!("{family}")).collect();
    let protocols: Vec<_> = (0..200).map(|protocol| format!("{}", protocol * 100)).collect();
    let text =
        format!("socket(family = {}, type, protocol = {});", families.join(" | "), protocols.join(" | "));
    assert!(said(text).contains("the rule has too many combinations of alternatives"));
}

#[test]
fn too_many_rules() {
    let said = said("listen(sockfd, ..);\n".repeat(70_000));
    assert!(said.contains("error: there are too many rules"), "{said}");
}

#[test]
fn severities_are_ordered() {
    assert!(Severity::Error < Severity::Warning);
}
