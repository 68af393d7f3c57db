//! Compiles the profiles into tables.

use std::{env, error::Error, fs, path::Path, process};

/// The profiles: the folder under `scml/profiles`, and the name of its tables.
const PROFILES: [(&str, &str); 2] = [("postern", "POSTERN"), ("asterinas", "ASTERINAS")];

fn main() -> Result<(), Box<dyn Error>> {
    let root = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../scml/profiles");
    let out = env::var("OUT_DIR")?;
    for (folder, name) in PROFILES {
        let path = root.join(folder);
        println!("cargo::rerun-if-changed={}", path.display());
        let mut sources = scml::load(&path)?;
        for source in &mut sources {
            // Messages name the file as a reader of the repository finds it.
            let file = Path::new(&source.name).file_name().unwrap_or_default().to_string_lossy().into_owned();
            source.name = format!("scml/profiles/{folder}/{file}");
        }
        let profile = scml::compile(&sources).unwrap_or_else(|diagnostics| {
            for diagnostic in &diagnostics {
                eprintln!("{}\n", diagnostic.render(false));
            }
            eprintln!("the profile {folder} does not compile");
            process::exit(1);
        });
        fs::write(Path::new(&out).join(format!("{folder}.rs")), scml::rust_source(&profile, name))?;
    }
    Ok(())
}
