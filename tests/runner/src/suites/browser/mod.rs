//! The report's page in a real browser: it loads, its filters and links work, and nothing is cut off.

mod checks;
mod chromium;

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use emulator::report::Report;

use self::chromium::Chromium;
use super::Run;
use crate::{case::Case, context::Context, process, report};

/// The status of `tools/browser.sh` where apt cannot help.
const WITHOUT: i32 = 3;

/// What the checks work with.
struct Page<'a> {
    browser: Chromium,
    /// Of the file.
    address: String,
    report: &'a Report,
    /// For pictures.
    folder: PathBuf,
}

impl Page<'_> {
    /// Opens the page, or a place on it.
    fn open(&mut self, fragment: &str) -> Result<()> {
        let address = format!("{}{fragment}", self.address);
        self.browser.open(&address)
    }

    /// Keeps a picture of what is to be seen, for whoever wants to look.
    fn keep(&mut self, name: &str) -> Result<()> {
        let picture = self.browser.picture()?;
        let path = self.folder.join(format!("{name}.png"));
        std::fs::write(&path, picture).with_context(|| format!("cannot write {}", path.display()))
    }
}

type Check = fn(&mut Page<'_>) -> Result<()>;

pub(super) fn run(run: &Run<'_>, suite: &'static str) -> Result<()> {
    let checks = checks::ALL;
    run.sink.expect(checks.len() + 1);
    let made = report::make(run.context)?;
    run.sink.add(match report::verdict(&made) {
        Ok(()) => Case::passed(suite, "everything_declared_holds"),
        Err(error) => Case::failed(suite, "everything_declared_holds", format!("{error:#}")),
    });
    let program = match fetch(run.context)? {
        Ok(program) => program,
        Err(reason) => {
            for (name, _) in checks {
                run.sink.add(Case::skipped(suite, *name, &reason));
            }
            return Ok(());
        }
    };
    let folder = run.context.temporary().join("page");
    made.report.save(&folder)?;
    let pictures = run.context.checkout.logs().join("page");
    std::fs::create_dir_all(&pictures)?;
    let mut page = Page {
        browser: Chromium::start(&program)?,
        address: format!("file://{}", folder.join("index.html").display()),
        report: &made.report,
        folder: pictures,
    };
    for (name, check) in checks {
        run.sink.add(match check(&mut page) {
            Ok(()) => Case::passed(suite, *name),
            Err(error) => Case::failed(suite, *name, format!("{error:#}")),
        });
    }
    Ok(())
}

/// The browser; or why this machine cannot have it.
fn fetch(context: &Context) -> Result<Result<PathBuf, String>> {
    let root = context.checkout.root();
    let mut command = Command::new(root.join("tools/browser.sh"));
    let finished = process::run(command.current_dir(root), b"", Duration::from_secs(900))?;
    let said = String::from_utf8_lossy(&finished.stderr);
    match finished.status.and_then(|status| status.code()) {
        Some(0) => Ok(Ok(Path::new(String::from_utf8(finished.stdout)?.trim()).to_owned())),
        Some(WITHOUT) => Ok(Err(said.lines().last().unwrap_or_default().to_owned())),
        _ => bail!("tools/browser.sh: {}: {}", finished.ending(), said.trim()),
    }
}
