//! Finding QEMU, and starting it so that it ends no later than this program.

use std::{
    env, fmt,
    fs::File,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
};

use anyhow::{Context, Result, anyhow, bail};

use crate::checkout::Checkout;

const PROGRAM: &str = "qemu-system-x86_64";

/// The variable that names the QEMU to use.
const VARIABLE: &str = "POSTERN_QEMU";

/// A version of QEMU.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Version {
    /// The first number.
    pub major: u32,
    /// The second number.
    pub minor: u32,
}

impl Version {
    /// Whether it emulates the x2APIC, without which ostd runs on one CPU only.
    pub fn has_x2apic(self) -> bool {
        self.major >= 9
    }

    /// Reads what `--version` prints.
    fn parse(text: &str) -> Option<Self> {
        let (_, rest) = text.split_once("QEMU emulator version ")?;
        let mut numbers = rest.split(|c: char| !c.is_ascii_digit());
        Some(Self { major: numbers.next()?.parse().ok()?, minor: numbers.next()?.parse().ok()? })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "QEMU {}.{}", self.major, self.minor)
    }
}

/// A QEMU that is there and says its version.
#[derive(Clone, Debug)]
pub struct Qemu {
    path: PathBuf,
    version: Version,
}

impl Qemu {
    /// `$POSTERN_QEMU`; else the one that `make run` put into the checkout; else the one in `PATH`.
    ///
    /// # Errors
    /// When there is none, or it does not say a version.
    pub fn find(checkout: Option<&Checkout>) -> Result<Self> {
        if let Some(path) = env::var_os(VARIABLE).filter(|path| !path.is_empty()) {
            return Self::at(Path::new(&path)).with_context(|| format!("${VARIABLE} names no usable QEMU"));
        }
        let in_checkout = checkout.map(|checkout| checkout.root().join(".tools/bin").join(PROGRAM));
        let folders = env::var_os("PATH").unwrap_or_default();
        let in_path = env::split_paths(&folders).map(|folder| folder.join(PROGRAM));
        match in_checkout.into_iter().chain(in_path).find(|path| path.is_file()) {
            Some(path) => Self::at(&path),
            None => bail!(
                "{PROGRAM} is missing: run `make run`, which installs it, or install Debian's qemu-system-x86, \
                 or name it in ${VARIABLE}"
            ),
        }
    }

    /// The QEMU at `path`, asked for its version.
    ///
    /// # Errors
    /// When it cannot be run, or is not QEMU.
    pub fn at(path: &Path) -> Result<Self> {
        let output = Command::new(path)
            .arg("--version")
            .stdin(Stdio::null())
            .output()
            .with_context(|| format!("cannot run {}", path.display()))?;
        let version = Version::parse(&String::from_utf8_lossy(&output.stdout))
            .ok_or_else(|| anyhow!("{} --version says no version of QEMU", path.display()))?;
        // QEMU is run in a folder of its own: the path has to mean the same there.
        let path = if path.components().count() > 1 { std::path::absolute(path)? } else { path.to_owned() };
        Ok(Self { path, version })
    }

    /// A QEMU that is known already.
    pub fn known(path: impl Into<PathBuf>, version: Version) -> Self {
        Self { path: path.into(), version }
    }

    /// The program.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its version.
    pub fn version(&self) -> Version {
        self.version
    }

    /// Starts it in `folder`, what it says itself going to `output`.
    pub(super) fn start(&self, folder: &Path, arguments: &[String], output: &File) -> Result<Process> {
        let mut command = Command::new(&self.path);
        command
            .args(arguments)
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output.try_clone()?);
        process::die_with_parent(&mut command);
        let child = command.spawn().with_context(|| format!("cannot run {}", self.path.display()))?;
        Ok(Process { child })
    }
}

/// A running QEMU; killed when dropped.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
}

impl Process {
    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Ends it, if it has not ended, and gives its status.
    pub(super) fn end(&mut self) -> Result<ExitStatus> {
        self.child.kill().context("cannot kill QEMU")?;
        self.child.wait().context("cannot wait for QEMU")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Fails only when it has been waited for already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The one place that needs `unsafe`.
#[expect(unsafe_code, reason = "CommandExt::pre_exec has no safe counterpart")]
mod process {
    use std::{io, os::unix::process::CommandExt, process::Command};

    use rustix::process::{Pid, Signal, getpid, getppid, set_parent_process_death_signal};

    /// Has the kernel kill the program when this one ends in whatever way, and keeps it out of the terminal's
    /// foreground group: Ctrl-C is for this program, which then ends it in good order.
    pub(super) fn die_with_parent(command: &mut Command) {
        let parent = Some(getpid());
        let prepare = move || -> io::Result<()> {
            set_parent_process_death_signal(Some(Signal::KILL))?;
            orphan_check(parent)
        };
        // SAFETY: between fork and exec only async-signal-safe functions may run; these are the bare system calls
        // prctl(2) and getppid(2), and nothing allocates or locks.
        unsafe { command.process_group(0).pre_exec(prepare) };
    }

    /// The parent may have ended before its death was of interest.
    fn orphan_check(parent: Option<Pid>) -> io::Result<()> {
        if getppid() == parent { Ok(()) } else { Err(io::Error::from(io::ErrorKind::NotFound)) }
    }
}

#[cfg(test)]
mod tests {
    use super::{Qemu, Version};

    #[test]
    fn versions_are_read() {
        let debian =
            "QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18+b5)\nCopyright (c) 2003-2022";
        assert_eq!(Version::parse(debian), Some(Version { major: 7, minor: 2 }));
        assert_eq!(Version::parse("QEMU emulator version 10.0.2"), Some(Version { major: 10, minor: 0 }));
        assert_eq!(Version::parse("cat (GNU coreutils) 9.1"), None);
    }

    #[test]
    fn other_programs_are_no_qemu() {
        assert!(Qemu::at("/bin/true".as_ref()).unwrap_err().to_string().contains("no version of QEMU"));
        assert!(Qemu::at("/nowhere/qemu".as_ref()).unwrap_err().to_string().contains("cannot run"));
    }
}
