//! The profiles that ship: they compile without a warning.

use std::path::Path;

use scml::{Profile, compile, load};

fn profile(name: &str) -> Profile {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("profiles").join(name);
    let sources = load(directory).expect("the profile is there");
    match compile(&sources) {
        Ok(profile) => {
            assert_eq!(profile.warnings(), [], "{name} has warnings");
            profile
        }
        Err(diagnostics) => {
            let lines: Vec<_> = diagnostics.iter().map(ToString::to_string).collect();
            panic!("{}", lines.join("\n"));
        }
    }
}

#[test]
fn postern_compiles() {
    let profile = profile("postern");
    for rule in profile.tables().rules {
        println!("{rule:?}");
    }
}

#[test]
fn asterinas_compiles() {
    let profile = profile("asterinas");
    assert_eq!(profile.tables().rules.len(), 26);
}
