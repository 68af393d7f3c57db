//! The two places where a case runs: this machine's Linux, in a root of its own, and the guest.

use std::{
    fs::{self, File},
    io::{BufWriter, Read},
    iter,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::Command,
    sync::mpsc::channel,
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, bail, ensure};
use emulator::boot::{Image, SEARCH_PATH};
use tempfile::TempDir;

use super::scenario::Case;
use crate::{context::Context, guest, namespaces, process};

/// Where a case's script lies.
const SCRIPT: &str = "/usr/share/scenario";

/// The root of a case: folders that are laid over one another.
pub(super) struct Root {
    folders: Vec<PathBuf>,
    /// On this machine.
    busybox: PathBuf,
    /// The first folder.
    #[expect(dead_code, reason = "it is removed with this")]
    applets: TempDir,
    /// The last folder.
    own: TempDir,
}

/// A folder with busybox under all its names: what no package brings, `sh` at least.
fn applets(busybox: &Path) -> Result<TempDir> {
    let folder = tempfile::tempdir()?;
    let bin = folder.path().join("usr/bin");
    fs::create_dir_all(&bin)?;
    let finished = process::run(Command::new(busybox).arg("--list"), b"", Duration::from_secs(20))?;
    for name in String::from_utf8(finished.stdout)?.lines().filter(|name| *name != "busybox") {
        symlink("busybox", bin.join(name))?;
    }
    Ok(folder)
}

impl Root {
    /// Of the packages' folders, the guest program and the case's script.
    pub(super) fn new(context: &Context, packages: &[PathBuf], case: &Case) -> Result<Self> {
        let own = tempfile::tempdir()?;
        let put = |path: &str| own.path().join(path.trim_start_matches('/'));
        fs::create_dir_all(put("/usr/bin"))?;
        fs::create_dir_all(put("/usr/share"))?;
        fs::copy(&context.guest, put(guest::PROGRAM))?;
        fs::set_permissions(put(guest::PROGRAM), fs::Permissions::from_mode(0o755))?;
        fs::write(put(SCRIPT), &case.script)?;
        let busybox = packages
            .iter()
            .map(|folder| folder.join("bin/busybox"))
            .find(|path| path.is_file())
            .context("there is no busybox among the packages")?;
        let applets = applets(&busybox)?;
        let folders = iter::once(applets.path().to_owned())
            .chain(packages.iter().cloned())
            .chain([own.path().to_owned()])
            .collect();
        Ok(Self { folders, busybox, applets, own })
    }

    /// The same root that `postern boot` makes of the folders, as an archive.
    fn archive(&self) -> Result<PathBuf> {
        let mut image = Image::base();
        for folder in &self.folders {
            image.add_root(folder)?;
        }
        let path = self.own.path().with_extension("cpio");
        image.write(&mut BufWriter::with_capacity(1 << 20, File::create(&path)?))?;
        Ok(path)
    }
}

/// The guest program's arguments that run the case so many times.
fn words(case: &Case, rounds: usize) -> Vec<String> {
    let mut words: Vec<_> = ["tool", "scenario", "--rounds"].map(str::to_owned).into();
    words.extend([rounds.to_string(), "--".to_owned()]);
    words.extend(case.program.iter().cloned().chain([SCRIPT.to_owned()]));
    words
}

/// What a case wrote.
pub(super) struct Written {
    pub(super) stdout: Vec<u8>,
    /// In the guest, the kernel's log is between its lines.
    pub(super) stderr: Vec<u8>,
    /// How `postern` ended, if not well.
    pub(super) ending: Option<String>,
}

/// Unpacks the root over an empty one and makes it the script's own. Its arguments: the archive, the busybox that
/// unpacks it, the search path, and the program with its arguments. With SUPERVISOR, the program `postern`, its socket calls are
/// served by the layer. The shell stays, for the first process inherits those of others.
const IN_ROOT: &str = r#"exec 8<"$1" 9<"$2" || exit 126
test -z "$SUPERVISOR" || exec 7<"$SUPERVISOR" || exit 126
path=$3; shift 3
mount -t tmpfs -o mode=755 postern-root /tmp && mkdir /tmp/root && cd /tmp/root || exit 126
cat <&9 >../busybox && chmod 755 ../busybox || exit 126
../busybox cpio -idm <&8 2>/dev/null || exit 126
test -z "$SUPERVISOR" || { cat <&7 >../supervisor && chmod 755 ../supervisor; } || exit 126
exec 7<&- 8<&- 9<&-
../busybox ip link set lo up || exit 126
mount -t proc proc proc && mount -t tmpfs -o mode=755 dev dev && mount -t tmpfs -o mode=1777 tmp tmp || exit 126
for each in null zero full random urandom tty; do : >dev/$each && mount --bind /dev/$each dev/$each; done
ln -s /proc/self/fd dev/fd && ln -s fd/0 dev/stdin && ln -s fd/1 dev/stdout && ln -s fd/2 dev/stderr
mkdir -m 1777 dev/shm
set -- env -i PATH="$path" HOME=/root ../busybox chroot . "$@"
test -z "$SUPERVISOR" || set -- ../supervisor run --log /dev/null -- "$@"
"$@" </dev/null; exit $?"#;

/// Runs the case on this machine, once; with a supervisor, the program `postern`, under that.
///
/// # Errors
/// When the machine lacks what that takes, or the case does not end in time.
pub(super) fn on_host(root: &Root, case: &Case, supervisor: Option<&Path>) -> Result<Written> {
    let archive = root.archive()?;
    let mut arguments = vec![
        archive.as_os_str().to_owned(),
        root.busybox.as_os_str().to_owned(),
        SEARCH_PATH.into(),
        guest::PROGRAM.into(),
    ];
    arguments.extend(words(case, 1).into_iter().map(Into::into));
    let (mut child, mut stdout) =
        namespaces::spawn_script_with(IN_ROOT, arguments, supervisor.map(|path| ("SUPERVISOR", path)))?;
    let mut stderr = child.stderr.take().expect("it is piped");
    let said = thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = stderr.read_to_end(&mut bytes);
        bytes
    });
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = stdout.read_to_end(&mut bytes);
        let _ = sender.send(bytes);
    });
    let Ok(stdout) = receiver.recv_timeout(Duration::from_secs(case.limit)) else {
        child.kill()?;
        child.wait()?;
        bail!("it is not done after {} s", case.limit);
    };
    let status = child.wait()?;
    fs::remove_file(archive)?;
    let stderr = said.join().unwrap_or_default();
    ensure!(status.success(), "{status}: {}", String::from_utf8_lossy(&stderr).trim());
    Ok(Written { stdout, stderr, ending: None })
}

/// Runs the case in the guest, so many times.
///
/// # Errors
/// When `postern` cannot be run.
pub(super) fn in_guest(
    context: &Context,
    root: &Root,
    case: &Case,
    cpus: u32,
    rounds: usize,
) -> Result<Written> {
    // The limit is one for two rounds.
    let limit = case.limit * rounds.div_ceil(2) as u64;
    let mut command = Command::new(&context.postern);
    command.arg("boot").arg("--kernel").arg(&context.kernel).arg("--verbose");
    command.args(["--smp", &cpus.to_string(), "--timeout", &limit.to_string()]);
    for folder in &root.folders {
        command.arg("--root").arg(folder);
    }
    command.args(["--", guest::PROGRAM]).args(words(case, rounds));
    command.env("TMPDIR", context.temporary());
    let finished = process::run(&mut command, b"", Duration::from_secs(limit + 60))?;
    let good = finished.status.is_some_and(|status| status.success());
    let ending = (!good).then(|| finished.ending());
    Ok(Written { stdout: finished.stdout, stderr: finished.stderr, ending })
}

/// The last lines of a text, for a message.
pub(super) fn last_lines(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let lines: Vec<_> = text.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    lines[lines.len().saturating_sub(8)..].join("\n")
}
