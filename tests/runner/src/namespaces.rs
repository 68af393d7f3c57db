//! Running the guest program on the host where it can touch nothing: in fresh user, network, mount and PID namespaces.
//!
//! `unshare(1)` makes them. The user namespace keeps every user and group that this process may map, so that tests can
//! become other users: as root all of them, otherwise oneself as root.

use std::{
    ffi::OsStr,
    fs,
    io::{BufRead, BufReader, Read, Write},
    iter,
    path::Path,
    process::{Child, Command, Stdio},
};

use anyhow::{Context, Result, anyhow, bail};

/// Waits in the new user namespace for its maps, then makes the others: the PID namespace's first process needs the maps
/// to mount its own /proc.
const OUTER: &str = r#"echo ready; read -r go || exit 1
inner=$1; shift
exec unshare --net --mount --pid --ipc --uts --fork --kill-child --mount-proc -- sh -c "$inner" sh "$@""#;

/// The program is copied, for the checkout may lie below /tmp, over which an empty one comes.
const INNER: &str = r#"program=$1; shift
exec 9<"$program" || exit 126
mount -t tmpfs -o mode=1777,nosuid,nodev postern-tmp /tmp || exit 126
cat <&9 >/tmp/.program && chmod 755 /tmp/.program && exec 9<&- || exit 126
ip link set lo up 2>/dev/null
cd /tmp && exec /tmp/.program "$@" </dev/null"#;

/// Starts `program` in namespaces of its own, its outputs piped, nothing to read.
///
/// # Errors
/// When this machine does not let us have them; the text says what was missing.
pub(crate) fn spawn(program: &Path, arguments: &[&str]) -> Result<(Child, Box<dyn BufRead + Send>)> {
    let words = iter::once(program.as_os_str()).chain(arguments.iter().map(OsStr::new));
    spawn_script(INNER, words)
}

/// Starts a shell script in namespaces of its own, as the first process there, with these arguments.
///
/// # Errors
/// As [`spawn`].
pub(crate) fn spawn_script(
    script: &str,
    arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
) -> Result<(Child, Box<dyn BufRead + Send>)> {
    spawn_script_with(script, arguments, None)
}

/// The same, with a variable that names a file.
///
/// # Errors
/// As [`spawn`].
pub(crate) fn spawn_script_with(
    script: &str,
    arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
    variable: Option<(&str, &Path)>,
) -> Result<(Child, Box<dyn BufRead + Send>)> {
    let mut command = Command::new("unshare");
    command.args(["--user", "--", "sh", "-c", OUTER, "sh", script]).args(arguments);
    command.envs(variable);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().context("cannot run unshare(1), of util-linux")?;
    let mut stdout = BufReader::new(child.stdout.take().expect("it is piped"));
    let mut line = String::new();
    stdout.read_line(&mut line)?;
    if line != "ready\n" {
        let mut said = String::new();
        let mut stderr = child.stderr.take().expect("it is piped");
        stderr.read_to_string(&mut said)?;
        child.wait()?;
        bail!("this machine gives no user namespace: {}", said.trim());
    }
    let ready = write_maps(child.id()).and_then(|()| {
        child
            .stdin
            .take()
            .expect("it is piped")
            .write_all(b"go\n")
            .context("the program in the namespaces has ended")
    });
    if let Err(error) = ready {
        child.kill()?;
        child.wait()?;
        return Err(error);
    }
    Ok((child, Box::new(stdout)))
}

fn write_maps(pid: u32) -> Result<()> {
    let own_user = rustix::process::geteuid();
    let own_group = rustix::process::getegid();
    let (users, groups) = if own_user.is_root() {
        (identity("/proc/self/uid_map")?, identity("/proc/self/gid_map")?)
    } else {
        // The only maps that an ordinary user may write; groups can be mapped once they cannot be dropped.
        fs::write(format!("/proc/{pid}/setgroups"), "deny").context("cannot map groups")?;
        (format!("0 {} 1\n", own_user.as_raw()), format!("0 {} 1\n", own_group.as_raw()))
    };
    fs::write(format!("/proc/{pid}/uid_map"), users).context("cannot map users")?;
    fs::write(format!("/proc/{pid}/gid_map"), groups).context("cannot map groups")
}

/// A map of everything that this process's own namespace has, to itself.
fn identity(own: &str) -> Result<String> {
    let text = fs::read_to_string(own).with_context(|| format!("cannot read {own}"))?;
    let mut map = String::new();
    for line in text.lines() {
        let mut fields = line.split_whitespace();
        let (Some(first), Some(_), Some(count)) = (fields.next(), fields.next(), fields.next()) else {
            return Err(anyhow!("{own} has a line that is no map: {line}"));
        };
        map += &format!("{first} {first} {count}\n");
    }
    Ok(map)
}
