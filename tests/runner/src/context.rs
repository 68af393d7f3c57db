//! Where everything is.

use std::{
    env,
    path::{Path, PathBuf},
    process::exit,
    thread,
};

use anyhow::{Context as _, Result, bail};
use emulator::{boot::Qemu, checkout::Checkout};
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM},
    iterator::Signals,
};
use tempfile::TempDir;

/// The built programs, and a folder for what is gone afterwards.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) checkout: Checkout,
    pub(crate) qemu: Qemu,
    pub(crate) kernel: PathBuf,
    /// The static program of tests, probes and benchmarks.
    pub(crate) guest: PathBuf,
    /// The command-line program.
    pub(crate) postern: PathBuf,
    temporary: TempDir,
}

impl Context {
    /// Finds all of it; `kernel` stands for the one that `make build` builds.
    ///
    /// # Errors
    /// What is missing, and what makes it.
    pub(crate) fn find(kernel: Option<&Path>) -> Result<Self> {
        let checkout = Checkout::find().context("this program lies in no checkout")?;
        let (kernel, guest) = (kernel.map_or_else(|| checkout.kernel(), Path::to_owned), checkout.guest());
        let postern = env::current_exe()?.with_file_name("postern");
        for (path, what) in [(&kernel, "kernel"), (&guest, "guest program"), (&postern, "program `postern`")]
        {
            if !path.is_file() {
                bail!("the {what} is missing ({}): `make build` makes it", path.display());
            }
        }
        let temporary = tempfile::Builder::new()
            .prefix("postern-runner-")
            .tempdir()
            .context("cannot make a temporary folder")?;
        // All temporary files of this run lie in one folder, so that a signal leaves nothing behind. Nothing has made
        // one before: the call cannot fail.
        let _ = tempfile::env::override_temp_dir(temporary.path());
        remove_on_signals(temporary.path().to_owned())?;
        let qemu = Qemu::find(Some(&checkout))?;
        Ok(Self { checkout, qemu, kernel, guest, postern, temporary })
    }

    /// The folder for temporary files.
    pub(crate) fn temporary(&self) -> &Path {
        self.temporary.path()
    }
}

/// On a signal: removes `folder` and ends. Guests die with this process.
fn remove_on_signals(folder: PathBuf) -> Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).context("cannot take signals")?;
    thread::spawn(move || {
        if let Some(signal) = signals.forever().next() {
            // What a guest is still writing goes with the machine's next clean-up.
            let _ = std::fs::remove_dir_all(folder);
            exit(128 + signal);
        }
    });
    Ok(())
}
