//! Behaviour tests: what one is, and what it is given.

pub(crate) mod check;
mod child;
mod need;
pub(crate) mod progress;
mod run;

use std::{
    cell::Cell,
    ffi::CString,
    path::{Path, PathBuf},
    thread,
};

pub(crate) use check::{Failure, Outcome, check, check_eq, check_err};
pub(crate) use need::{NOBODY, Need};
pub(crate) use run::{Options, keep_panics, run, watched};

use crate::address::Address;

/// A behaviour test.
pub(crate) struct Test {
    /// The part of the system that it is about.
    pub(crate) suite: &'static str,
    /// What holds when it passes.
    pub(crate) name: &'static str,
    /// What the machine must offer; where a host does not, the test is skipped.
    pub(crate) needs: &'static [Need],
    /// The test itself.
    pub(crate) body: fn(&Case) -> Outcome,
}

/// `tests!("suite"; first_function, second_function needs [Need::OtherUsers], ...)`: a list of tests by their functions' names.
macro_rules! tests {
    ($suite:literal; $($body:ident $(needs [$($need:expr),+])?),+ $(,)?) => {
        &[$($crate::harness::Test {
            suite: $suite,
            name: stringify!($body),
            needs: &[$($($need),+)?],
            body: $body,
        }),+]
    };
}
pub(crate) use tests;

/// What a running test has for itself.
pub(crate) struct Case {
    /// Distinguishes this test's names from those of all others, in this process and beside it.
    tag: String,
    directory: PathBuf,
    made: Cell<bool>,
}

impl Case {
    fn new(tag: String) -> Self {
        // Short, because the path of a socket has 108 bytes.
        let directory = Path::new("/tmp").join(&tag);
        Self { tag, directory, made: Cell::new(false) }
    }

    /// A directory of the test's own, made when first asked for and removed with all it holds.
    pub(crate) fn directory(&self) -> &Path {
        if !self.made.replace(true)
            && let Err(error) = std::fs::create_dir(&self.directory)
        {
            panic!("no directory {} for the test: {error}", self.directory.display());
        }
        &self.directory
    }

    /// A path in the test's directory.
    pub(crate) fn path(&self, name: &str) -> CString {
        let path = self.directory().join(name).into_os_string().into_encoded_bytes();
        CString::new(path).expect("names of tests have no NUL")
    }

    /// The socket address of a path in the test's directory.
    pub(crate) fn path_address(&self, name: &str) -> Address {
        Address::path(self.path(name).as_bytes())
    }

    /// An abstract socket address that only this test uses.
    pub(crate) fn abstract_address(&self, name: &str) -> Address {
        Address::abstract_name(format!("{}/{name}", self.tag).as_bytes())
    }

    /// Starts a thread whose calls count as the test's.
    pub(crate) fn spawn<T: Send + 'static>(
        &self,
        body: impl FnOnce() -> Outcome<T> + Send + 'static,
    ) -> Worker<T> {
        let progress = progress::current();
        Worker(thread::spawn(move || {
            if let Some(progress) = progress {
                progress.adopt_thread();
            }
            body()
        }))
    }
}

impl Drop for Case {
    fn drop(&mut self) {
        if self.made.get() {
            // A leftover in /tmp is no failure of what the test tests.
            let _ = std::fs::remove_dir_all(&self.directory);
        }
    }
}

/// A thread of a test.
pub(crate) struct Worker<T>(thread::JoinHandle<Outcome<T>>);

impl<T> Worker<T> {
    /// Waits for the thread; its failure becomes the test's.
    #[track_caller]
    pub(crate) fn join(self) -> Outcome<T> {
        let here = Failure::here("a thread of the test panicked");
        self.0.join().unwrap_or(Err(here))
    }

    /// Whether the thread's body has returned.
    pub(crate) fn is_finished(&self) -> bool {
        self.0.is_finished()
    }
}
