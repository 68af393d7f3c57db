//! Finding a program in the image before anything is booted for it.

use anyhow::{Result, bail};

use super::{
    SEARCH_PATH,
    tree::{Kind, Tree},
};

pub(super) fn find(tree: &Tree, name: &str) -> Result<String> {
    if name.is_empty() {
        bail!("the program's name is empty");
    }
    if name.contains('/') {
        let path = if name.starts_with('/') { name.to_owned() } else { format!("/{name}") };
        return match check(tree, &path) {
            Ok(()) => Ok(path),
            Err(reason) => bail!("cannot run {name}: {reason}"),
        };
    }
    let mut refused = None;
    for folder in SEARCH_PATH.split(':') {
        let path = format!("{folder}/{name}");
        match check(tree, &path) {
            Ok(()) => return Ok(path),
            Err(Reason::Absent(_)) => {}
            // As execvp(3) does: a file that may not be executed is remembered, and the search goes on.
            Err(reason) => refused = Some(reason),
        }
    }
    match refused {
        Some(reason) => bail!("cannot run {name}: {reason}"),
        None => bail!(
            "cannot run {name}: the image has no such program in {SEARCH_PATH} (add one with --root DIR)"
        ),
    }
}

enum Reason {
    Absent(String),
    Unfit(String),
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (Self::Absent(text) | Self::Unfit(text)) = self;
        f.write_str(text)
    }
}

fn check(tree: &Tree, path: &str) -> Result<(), Reason> {
    let node = tree.resolve("/", path).map_err(|dead| Reason::Absent(dead.to_string()))?;
    let node = tree.node(node);
    match node.kind {
        Kind::File(_) if node.mode & 0o111 != 0 => Ok(()),
        Kind::File(_) => Err(Reason::Unfit(format!(
            "{path} may not be executed (its mode is {:o}, see chmod +x)",
            node.mode
        ))),
        Kind::Directory(_) => Err(Reason::Unfit(format!("{path} is a directory"))),
        _ => Err(Reason::Unfit(format!("{path} is not a regular file"))),
    }
}
