//! The tables as Rust source are the tables of the profile.

use scml::{Source, compile};

mod generated {
    //! What `rust_source` made of the sample, as a build script would include it.
    include!("source/generated.rs");
}

#[test]
fn the_generated_tables_are_those_of_the_profile() {
    let source = Source::new("sample.scml", include_str!("source/sample.scml"));
    let profile = compile(&[source]).expect("the sample is valid");
    assert_eq!(profile.warnings(), []);
    assert_eq!(generated::SAMPLE, profile.tables());
}
