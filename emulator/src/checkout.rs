//! The checkout that a program was built in: where the kernel, the profiles, the logs and the reports are.

use std::{
    env,
    path::{Path, PathBuf},
};

/// A checkout of this project.
#[derive(Clone, Debug)]
pub struct Checkout {
    root: PathBuf,
}

impl Checkout {
    /// The checkout that the running program lies in or, failing that, the one around the current directory.
    pub fn find() -> Option<Self> {
        let program = env::current_exe().ok();
        let current = env::current_dir().ok();
        [program, current].into_iter().flatten().find_map(|start| Self::around(&start))
    }

    /// The checkout whose folder holds `start`, at any depth.
    pub fn around(start: &Path) -> Option<Self> {
        let root = start.ancestors().find(|folder| {
            folder.join("OSDK.toml").is_file()
                && folder.join("scml").is_dir()
                && folder.join("emulator").is_dir()
        })?;
        Some(Self { root: root.to_owned() })
    }

    /// The folder that everything else lies in.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where builds go: `$CARGO_TARGET_DIR` as cargo understands it, else `target`.
    pub fn target(&self) -> PathBuf {
        match env::var_os("CARGO_TARGET_DIR") {
            Some(folder) if !folder.is_empty() => self.root.join(folder),
            _ => self.root.join("target"),
        }
    }

    /// The kernel that `make run` builds.
    pub fn kernel(&self) -> PathBuf {
        self.target().join("kernel/postern-kernel.elf")
    }

    /// The static program of tests, probes and benchmarks.
    pub fn guest(&self) -> PathBuf {
        self.target().join("guest/guest")
    }

    /// Where kernel logs go.
    pub fn logs(&self) -> PathBuf {
        self.target().join("log")
    }

    /// Where reports go.
    pub fn reports(&self) -> PathBuf {
        self.target().join("report")
    }

    /// The folder of a profile's SCML files.
    pub fn profile(&self, name: &str) -> PathBuf {
        self.root.join("scml/profiles").join(name)
    }
}

#[cfg(test)]
mod tests {
    use super::Checkout;

    #[test]
    fn the_checkout_is_found_from_deep_inside() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("target/release");
        for path in ["target/release", "scml", "emulator"] {
            std::fs::create_dir_all(folder.path().join(path)).unwrap();
        }
        assert!(Checkout::around(&deep).is_none());
        std::fs::write(folder.path().join("OSDK.toml"), "").unwrap();
        assert_eq!(Checkout::around(&deep).unwrap().root(), folder.path());
    }
}
