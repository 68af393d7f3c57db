//! The canonical form: what it looks like, that it is stable, and that it says what the file said.

use std::path::Path;

use proptest::{
    collection::vec,
    prelude::*,
    sample::select,
    test_runner::{RngSeed, TestRunner},
};
use scml::{Source, format, load, syntax};

/// What there is before and what becomes of it, separated by `=>`, in blocks separated by `====`.
const CASES: &str = include_str!("format/cases.txt");

fn formatted(text: &str) -> String {
    format(&Source::new("case.scml", text)).unwrap_or_else(|errors| panic!("{text}\n{errors:?}"))
}

#[test]
fn cases() {
    for case in CASES.split("====\n") {
        let (before, after) = case.split_once("=>\n").expect("a case has two halves");
        assert_eq!(formatted(before), after, "of\n{before}");
        assert_eq!(formatted(after), after, "a second time");
    }
}

#[test]
fn an_empty_file_stays_empty() {
    assert_eq!(formatted(""), "");
    assert_eq!(formatted(" \n\t\n"), "");
    assert_eq!(formatted("\u{feff}\r\n// a\r\nlisten ( .. ) ;\r\n"), "// a\nlisten(..);\n");
}

#[test]
fn what_cannot_be_parsed_is_an_error() {
    let errors = format(&Source::new("bad.scml", "listen(;\nb = ;\n")).unwrap_err();
    let lines: Vec<_> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        [
            "bad.scml:1:8: error: expected a parameter, found `;`",
            "bad.scml:2:5: error: expected a pattern: a constant, a number, `<name>`, `{...}` or `[...]`, found `;`"
        ]
    );
}

#[test]
fn the_profiles_are_formatted() {
    let profiles = Path::new(env!("CARGO_MANIFEST_DIR")).join("profiles");
    for profile in std::fs::read_dir(profiles).unwrap() {
        for source in load(profile.unwrap().path()).unwrap() {
            let text = String::from_utf8(source.bytes.clone()).unwrap();
            assert_eq!(text, format(&source).unwrap(), "{}: run `make fmt`", source.name);
        }
    }
}

/// The properties, of any text that parses.
fn check(text: &str) {
    let before = syntax::parse(&Source::new("before.scml", text))
        .unwrap_or_else(|errors| panic!("{text}\n{errors:?}"));
    let once = formatted(text);
    let after =
        syntax::parse(&Source::new("after.scml", once.as_str())).unwrap_or_else(|e| panic!("{once}\n{e:?}"));
    let rules = |file: &syntax::ast::File| file.rules.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(rules(&before), rules(&after), "the rules of\n{text}");
    let comments = |file: &syntax::ast::File, text: &str| -> Vec<String> {
        file.comments
            .iter()
            .map(|span| text[span.start as usize..span.end as usize].lines().map(str::trim_end).collect())
            .collect()
    };
    assert_eq!(comments(&before, text), comments(&after, &once), "the comments of\n{text}");
    assert_eq!(formatted(&once), once, "a second time, of\n{text}");
    for line in once.lines() {
        assert_eq!(line, line.trim_end());
    }
}

/// Tokens of a pattern.
fn pattern() -> impl Strategy<Value = Vec<String>> {
    let atom = prop_oneof![
        "[A-Z_]{1,18}",
        "0|7|0x1f|017|-3|18446744073709551615",
        Just("<name>".to_owned()),
        Just("<PATH>".to_owned()),
        Just("< INTEGER\n>".to_owned()),
    ];
    let flags = vec(atom, 1..9).prop_map(|atoms| separated(atoms.into_iter().map(|atom| vec![atom]), "|"));
    flags.prop_recursive(4, 24, 5, |inner| {
        let array = vec(inner.clone().prop_map(|tokens| element(&tokens)), 1..4);
        prop_oneof![
            labelled(inner, "{", "}"),
            array.prop_map(|elements| bracketed("[", separated(elements, ","), "]")),
        ]
    })
}

/// Only structs, arrays and references are elements.
fn element(tokens: &[String]) -> Vec<String> {
    match tokens[0].as_str() {
        "{" | "[" => tokens.to_vec(),
        _ => vec!["<element>".to_owned()],
    }
}

fn labelled(
    inner: impl Strategy<Value = Vec<String>>,
    open: &'static str,
    close: &'static str,
) -> impl Strategy<Value = Vec<String>> {
    let item = ("[a-z_]{1,9}", proptest::option::of(inner)).prop_map(|(name, pattern)| {
        let mut tokens = vec![name];
        if let Some(pattern) = pattern {
            tokens.push("=".to_owned());
            tokens.extend(pattern);
        }
        tokens
    });
    (vec(item, 0..6), any::<bool>()).prop_map(move |(mut items, rest)| {
        if rest {
            items.push(vec!["..".to_owned()]);
        }
        bracketed(open, separated(items, ","), close)
    })
}

fn separated(items: impl IntoIterator<Item = Vec<String>>, separator: &str) -> Vec<String> {
    let mut all = Vec::new();
    for item in items {
        if !all.is_empty() {
            all.push(separator.to_owned());
        }
        all.extend(item);
    }
    all
}

fn bracketed(open: &str, mut tokens: Vec<String>, close: &str) -> Vec<String> {
    tokens.insert(0, open.to_owned());
    tokens.push(close.to_owned());
    tokens
}

fn rule() -> impl Strategy<Value = Vec<String>> {
    let begin = |words: &[&str], tokens: Vec<String>| {
        words.iter().map(|word| (*word).to_owned()).chain(tokens).chain([";".to_owned()]).collect::<Vec<_>>()
    };
    let flags = pattern().prop_filter("no flags", |tokens| !matches!(tokens[0].as_str(), "{" | "["));
    prop_oneof![
        labelled(pattern(), "(", ")").prop_map(move |tokens| begin(&["call"], tokens)),
        labelled(pattern(), "{", "}").prop_map(move |tokens| begin(&["struct", "name", "="], tokens)),
        flags.prop_map(move |tokens| begin(&["name", "="], tokens)),
    ]
}

/// What may stand between two tokens.
fn gap() -> impl Strategy<Value = String> {
    prop_oneof![
        24 => select(&[" ", "\t", "\r\n", "\n", "\n\n", "\n\n\n"][..]).prop_map(str::to_owned),
        1 => "\n?//[a-z /*é\t]{0,6}\r?\n",
        1 => "\n?/\\*[a-z /é\n]{0,6} \\*/[ \n]",
    ]
}

#[test]
fn formatting_is_stable_and_loses_nothing() {
    let config = ProptestConfig {
        cases: 300,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(1),
        ..ProptestConfig::default()
    };
    let text = (vec(rule(), 0..4), vec(gap(), 61)).prop_map(|(rules, gaps)| {
        let tokens = rules.concat();
        let pieces =
            tokens.iter().zip(gaps.iter().cycle()).flat_map(|(token, gap)| [gap.as_str(), token.as_str()]);
        pieces.chain(gaps.last().map(String::as_str)).collect::<String>()
    });
    TestRunner::new(config)
        .run(&text, |text| {
            check(&text);
            Ok(())
        })
        .unwrap();
}

#[test]
fn the_files_at_hand_have_the_same_properties() {
    check(include_str!("source/sample.scml"));
    check(include_str!("format/published.scml"));
}
