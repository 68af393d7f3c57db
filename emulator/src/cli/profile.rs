//! The rules that a command works with.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use emulator::checkout::Checkout;
use scml::{Profile, Source, compile, load};

/// Rules and what they are called.
pub(super) struct Rules {
    /// The name that was given.
    pub(super) name: String,
    /// What they come to.
    pub(super) profile: Profile,
}

impl Rules {
    /// A profile of the checkout by its name, or the file or folder of that name.
    pub(super) fn named(name: &str) -> Result<Self> {
        let shipped = Checkout::find().map(|checkout| checkout.profile(name)).filter(|path| path.is_dir());
        let plain = !name.contains('/') && !name.contains('.');
        if let Some(path) = shipped.filter(|_| plain) {
            let mut sources = load(&path)?;
            for source in &mut sources {
                // As in the kernel's log.
                let file =
                    Path::new(&source.name).file_name().map(|file| file.to_string_lossy().into_owned());
                source.name = format!("scml/profiles/{name}/{}", file.unwrap_or_default());
            }
            return Self::of(name, &sources);
        }
        if !Path::new(name).exists() {
            bail!("there is no profile `{name}`: {}", known());
        }
        Self::of(name, &load(name)?)
    }

    /// These files and folders together.
    pub(super) fn files(paths: &[PathBuf]) -> Result<Self> {
        let names: Vec<_> = paths.iter().map(|path| path.display().to_string()).collect();
        let mut sources = Vec::new();
        for path in paths {
            sources.extend(load(path)?);
        }
        Self::of(&names.join(" "), &sources)
    }

    fn of(name: &str, sources: &[Source]) -> Result<Self> {
        match compile(sources) {
            Ok(profile) => Ok(Self { name: name.to_owned(), profile }),
            Err(errors) => {
                let first = errors.first().map(ToString::to_string);
                Err(anyhow::anyhow!("{}", first.unwrap_or_default()))
                    .context(format!("`{name}` is not valid (`postern check` says all)"))
            }
        }
    }
}

/// The names of the profiles that there are.
fn known() -> String {
    let Some(checkout) = Checkout::find() else {
        return "this program lies in no checkout: give a folder of .scml files".to_owned();
    };
    let entries = std::fs::read_dir(checkout.profile("")).into_iter().flatten().flatten();
    let mut names: Vec<_> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    format!("there are {}, and any file or folder", names.join(", "))
}
