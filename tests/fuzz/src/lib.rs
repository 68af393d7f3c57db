//! What is fuzzed. Each function takes any bytes, and panics where something is not as it has to be.
//!
//! libFuzzer calls them (`tools/fuzz.sh`), and so do the tests of this crate, with the corpus and with mutations of it.

use std::sync::LazyLock;

use scml::{
    Diagnostic, Profile, Source, compile, lint, syntax,
    trace::{Answer, Cause, Session, judge},
};

/// Rules that look into everything that a call may have.
const RULES: &str = include_str!("rules.scml");

static PROFILE: LazyLock<Profile> = LazyLock::new(|| {
    compile(&[Source::new("rules.scml", RULES)]).unwrap_or_else(|errors| panic!("{errors:?}"))
});

/// The parser, the formatter, the compiler and the lint: a file of rules.
pub fn rules(bytes: &[u8]) {
    let source = Source::new("fuzz.scml", bytes);
    match syntax::parse(&source) {
        Ok(file) => {
            let text = scml::format(&source).expect("what can be parsed can be formatted");
            let again = Source::new("formatted.scml", text.as_str());
            let same = syntax::parse(&again).unwrap_or_else(|errors| panic!("{errors:?} in\n{text}"));
            assert_eq!(show(&file), show(&same), "formatting changed the rules");
            assert_eq!(file.comments.len(), same.comments.len(), "formatting lost a comment");
            assert_eq!(scml::format(&again).as_ref(), Ok(&text), "formatting is stable");
        }
        Err(errors) => check(&errors),
    }
    let sources = [source];
    match compile(&sources) {
        Ok(profile) => {
            check(profile.warnings());
            // The lint takes the square of what a person writes at most.
            if profile.tables().rule_count() < 200 {
                check(&lint(&sources, &profile));
            }
        }
        Err(errors) => {
            assert!(!errors.is_empty(), "what is refused has a reason");
            check(&errors);
        }
    }
}

fn show(file: &syntax::ast::File) -> Vec<String> {
    file.rules.iter().map(ToString::to_string).collect()
}

/// Every diagnostic has a place that exists, and can be shown.
fn check(diagnostics: &[Diagnostic]) {
    for diagnostic in diagnostics {
        for label in &diagnostic.labels {
            assert!(label.line >= 1 && label.column >= 1, "{diagnostic}");
            assert!(label.source.get(label.range.clone()).is_some(), "{diagnostic:?}");
        }
        assert!(!diagnostic.render(false).is_empty());
    }
}

/// The reader of strace's output: a log.
pub fn trace(bytes: &[u8]) {
    for pid in [None, Some(7)] {
        let mut session = Session::new(PROFILE.tables());
        session.read("fuzz", pid, bytes).expect("memory can be read");
        let summary = session.finish();
        assert!(summary.unreadable <= summary.lines);
        assert_eq!(summary.first_unreadable.is_some(), summary.unreadable > 0);
        for program in &summary.programs {
            let refused: u64 = program.causes.iter().map(Cause::total).sum();
            assert_eq!(program.conforming + refused, program.calls, "every call is counted once");
            assert!(program.calls + program.not_judged() + program.failed <= summary.lines);
            for cause in &program.causes {
                assert!(!cause.explanation.to_string().is_empty());
                assert!(cause.first.line >= 1 && cause.first.line <= summary.lines);
            }
        }
    }
}

/// The reader of single calls: what `postern explain` is given.
pub fn call(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    match judge(&PROFILE.tables(), &text) {
        Ok(Answer::Refused(explanation)) => assert!(!explanation.to_string().is_empty()),
        Ok(Answer::Admitted(rule)) => assert!(usize::from(rule) < PROFILE.tables().rule_count()),
        Ok(Answer::NotGoverned) => {}
        Err(reason) => assert!(!reason.to_string().is_empty()),
    }
}
