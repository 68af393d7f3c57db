//! Tables as Rust source. What is generated is compiled into another test, `source.rs`.

use std::{fs, path::Path};

use scml::{Profile, Source, compile, rust_source};

fn sample() -> Profile {
    let source = Source::new("sample.scml", include_str!("source/sample.scml"));
    compile(&[source]).unwrap_or_else(|errors| panic!("{}", errors[0].render(false)))
}

/// After a change of the tables' form, run with `SCML_UPDATE=1` to write the file anew, and look at the difference.
#[test]
fn the_generated_file_is_up_to_date() {
    let source = rust_source(&sample(), "SAMPLE");
    if std::env::var_os("SCML_UPDATE").is_some() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/source/generated.rs");
        fs::write(path, &source).expect("the file can be written");
    }
    assert!(source == include_str!("source/generated.rs"), "tests/source/generated.rs is not up to date");
}

#[test]
fn the_source_does_not_depend_on_the_run() {
    assert_eq!(rust_source(&sample(), "A"), rust_source(&sample(), "A"));
}
