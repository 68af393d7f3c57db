//! Files of rules from a file system.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::syntax::span::{MAX_SOURCE, Source};

/// A directory or file of rules could not be read.
#[derive(Debug)]
pub struct LoadError {
    /// Which one.
    pub path: PathBuf,
    /// Why.
    pub error: io::Error,
}

impl std::fmt::Display for LoadError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.error)
    }
}

impl std::error::Error for LoadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}

/// Reads a file, or the files of a directory whose names end in `.scml`, in the order of their names.
///
/// The source's name is the path as given, joined with the file's name. Of a file that is larger than a source may be, only
/// so much is read that compiling it says so.
///
/// # Errors
/// What the file system says, or that the directory has no such file.
pub fn load(path: impl AsRef<Path>) -> Result<Vec<Source>, LoadError> {
    let path = path.as_ref();
    if !fs::metadata(path).map_err(|error| failed(path, error))?.is_dir() {
        return Ok(vec![read(path)?]);
    }
    let mut paths = Vec::new();
    for entry in fs::read_dir(path).map_err(|error| failed(path, error))? {
        let entry = entry.map_err(|error| failed(path, error))?.path();
        if entry.extension().is_some_and(|extension| extension == "scml") {
            paths.push(entry);
        }
    }
    paths.sort();
    if paths.is_empty() {
        return Err(failed(path, io::Error::new(io::ErrorKind::NotFound, "no .scml file in this directory")));
    }
    paths.iter().map(|path| read(path)).collect()
}

fn read(path: &Path) -> Result<Source, LoadError> {
    use io::Read;
    let mut bytes = Vec::new();
    let file = fs::File::open(path).map_err(|error| failed(path, error))?;
    file.take(MAX_SOURCE as u64 + 1).read_to_end(&mut bytes).map_err(|error| failed(path, error))?;
    Ok(Source::new(path.display().to_string(), bytes))
}

fn failed(path: &Path, error: io::Error) -> LoadError {
    LoadError { path: path.to_path_buf(), error }
}
