//! The files of `tests/programs/`: each names packages, and cases that use them.

use std::{fs, path::Path};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

/// One file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Scenario {
    /// The file's name without its ending.
    #[serde(skip)]
    pub(super) name: String,
    /// Debian's names of packages. Those that they need come with them, and busybox-static with all.
    pub(super) packages: Vec<String>,
    #[serde(rename = "case")]
    pub(super) cases: Vec<Case>,
}

/// A script to run, here and in the guest.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Case {
    pub(super) name: String,
    /// What runs it: busybox's shell unless told.
    #[serde(default = "shell")]
    pub(super) program: Vec<String>,
    /// The program's last argument is a file with this.
    pub(super) script: String,
    /// Seconds that it may take in the guest, boot and all.
    #[serde(default = "limit")]
    pub(super) limit: u64,
    /// What it needs of the guest that is not there yet: it is skipped, with this as the reason.
    pub(super) lacks: Option<String>,
}

fn shell() -> Vec<String> {
    vec!["/bin/busybox".to_owned(), "sh".to_owned()]
}

fn limit() -> u64 {
    60
}

/// All files of a folder, by name.
pub(super) fn load(folder: &Path) -> Result<Vec<Scenario>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            paths.push(path);
        }
    }
    paths.sort();
    paths.iter().map(|path| load_one(path).with_context(|| format!("in {}", path.display()))).collect()
}

fn load_one(path: &Path) -> Result<Scenario> {
    let mut scenario: Scenario = toml::from_str(&fs::read_to_string(path)?)?;
    scenario.name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    ensure!(!scenario.cases.is_empty(), "it has no case");
    ensure!(scenario.cases.iter().all(|case| !case.program.is_empty()), "a program is empty");
    Ok(scenario)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Scenario, load};

    #[test]
    fn the_files_are_good() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../programs");
        let scenarios = load(&folder).unwrap();
        assert!(scenarios.iter().any(|scenario| scenario.name == "busybox"));
    }

    #[test]
    fn unknown_words_are_errors() {
        let text = "packages = []\n[[case]]\nname = 'a'\nscript = ''\nlimits = 3\n";
        assert!(toml::from_str::<Scenario>(text).unwrap_err().message().contains("limits"));
    }
}
