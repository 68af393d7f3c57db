//! The packages of a scenario, as folders to lay over one another: `tools/packages.sh` fetches them.

use std::{path::PathBuf, process::Command, time::Duration};

use anyhow::{Result, bail};

use crate::{context::Context, process};

/// The status of `tools/packages.sh` where apt cannot help.
const WITHOUT: i32 = 3;

/// What came of fetching.
pub(super) enum Packages {
    Folders(Vec<PathBuf>),
    /// Why this machine cannot have them.
    Missing(String),
}

/// Fetches packages, but for those that are there from an earlier run.
pub(super) struct Fetcher<'a> {
    context: &'a Context,
    /// Set once apt has failed: a closed network is waited for once.
    cached_only: bool,
}

impl<'a> Fetcher<'a> {
    pub(super) fn new(context: &'a Context) -> Self {
        Self { context, cached_only: false }
    }

    pub(super) fn fetch(&mut self, packages: &[String]) -> Result<Packages> {
        let root = self.context.checkout.root();
        let mut command = Command::new(root.join("tools/packages.sh"));
        if self.cached_only {
            command.arg("--cached");
        }
        command.args(packages).arg("busybox-static").current_dir(root);
        let finished = process::run(&mut command, b"", Duration::from_secs(900))?;
        let said = String::from_utf8_lossy(&finished.stderr);
        match finished.status.and_then(|status| status.code()) {
            Some(0) => {
                let folders = String::from_utf8(finished.stdout)?;
                Ok(Packages::Folders(folders.lines().map(PathBuf::from).collect()))
            }
            Some(WITHOUT) => {
                self.cached_only = true;
                Ok(Packages::Missing(said.lines().last().unwrap_or_default().to_owned()))
            }
            _ => bail!("tools/packages.sh: {}: {}", finished.ending(), said.trim()),
        }
    }
}
