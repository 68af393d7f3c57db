//! What the profiles ask to be probed.

use std::path::Path;

use scml::{Profile, compile, load, probe};

fn profile(name: &str) -> Profile {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("profiles").join(name);
    compile(&load(directory).expect("the profile is there")).expect("the profile is valid")
}

#[test]
fn every_alternative_has_a_call_that_uses_it() {
    for name in ["postern", "asterinas"] {
        let profile = profile(name);
        let tables = profile.tables();
        let declared = probe::alternatives(&tables);
        assert_eq!(declared.len(), tables.alternatives.len());
        for declared in &declared {
            assert_eq!(declared.sample.admit(&tables), Ok(declared.rule), "{declared:?}");
            println!(
                "{} {} {} {:#x} {:?}",
                declared.rule_id, declared.argument, declared.name, declared.value, declared.kind
            );
        }
        for rule in 0..tables.rule_count() {
            for n in probe::neighbours(&tables, rule as u16) {
                println!("  {} {} {} {:#x} {}", n.rule_id, n.argument, n.name, n.value, n.errno);
            }
        }
    }
}
