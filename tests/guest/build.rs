//! Compiles the profile `postern` into tables, and names the proof that each declared alternative must have.
//!
//! The generated list refers to a function `<call>::<argument>_<value>` for each alternative, in `src/probe/proofs/`, once
//! for each kind of socket that the rule is about; what is in a netlink message has one for all calls. An alternative that nobody has written a proof for is therefore an
//! error of the compiler, and a proof of something that is no longer declared is unused code, which is an error too.

use std::{
    collections::BTreeSet,
    env,
    error::Error,
    fmt::Write,
    fs,
    path::{Path, PathBuf},
    process,
};

const PROFILE: &str = "postern";

fn main() -> Result<(), Box<dyn Error>> {
    let folder = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../../scml/profiles").join(PROFILE);
    let out = PathBuf::from(env::var("OUT_DIR")?);
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut sources = scml::load(&folder)?;
    for source in &mut sources {
        // Messages name the file as a reader of the repository finds it.
        let file = Path::new(&source.name).file_name().unwrap_or_default().to_string_lossy().into_owned();
        source.name = format!("scml/profiles/{PROFILE}/{file}");
    }
    let profile = scml::compile(&sources).unwrap_or_else(|diagnostics| {
        for diagnostic in &diagnostics {
            eprintln!("{}\n", diagnostic.render(false));
        }
        eprintln!("the profile {PROFILE} does not compile");
        process::exit(1);
    });
    fs::write(out.join("profile.rs"), scml::rust_source(&profile, "PROFILE"))?;

    let (mut list, mut over_calls) = (String::new(), BTreeSet::new());
    for declared in scml::probe::alternatives(&profile.tables()) {
        let call = declared.sample.call.name();
        let proof = |argument: &str| identifier(&format!("{argument}_{}", declared.name));
        match declared.argument.find("nlmsg_") {
            // What is in a netlink message is proven the same way over each call that sends it.
            Some(place) => {
                let (proof, messages) = (proof(&declared.argument[place..]), "proofs::netlink::messages");
                over_calls.insert(format!(
                    "fn {call}_{proof}(at: &Situation<'_>) -> Attempt {{ {messages}::named::{proof}(at, {messages}::by_{call}) }}"
                ));
                writeln!(list, "    {call}_{proof},")?;
            }
            None => writeln!(list, "    proofs::{call}::{},", proof(&declared.argument))?,
        }
    }
    let list = format!("{{\n{}\n&[\n{list}]\n}}", Vec::from_iter(over_calls).join("\n"));
    fs::write(out.join("proofs.rs"), list)?;
    Ok(())
}

/// A function's name out of an argument's and a value's: `msg.msg_control` and `NULL` make `msg_msg_control_null`.
fn identifier(text: &str) -> String {
    let word = |letter: char| if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { '_' };
    let mut name: String = text.chars().map(word).collect();
    while name.contains("__") {
        name = name.replace("__", "_");
    }
    name.trim_matches('_').to_owned()
}
