//! What unit tests of several modules share.

use alloc::sync::Arc;
use core::time::Duration;

use crate::{Environment, FileSystem, Limits};

/// A file system with room for `pages` pages.
pub(crate) fn small_file_system(pages: u64) -> Arc<FileSystem> {
    let environment = Environment::new(|| Duration::from_secs(1_000_000));
    FileSystem::new(&environment, 1, 0, Limits { bytes: pages * 4096, entries: 10_000 })
}
