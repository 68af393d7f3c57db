//! Where a test is: written at every call and every assertion, read by the watchdog when the test does not return.

use std::{
    cell::RefCell,
    panic::Location,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

/// The place that one thread of a test has reached.
#[derive(Clone, Copy)]
enum Place {
    /// Nothing on record yet.
    Begun,
    /// Inside a system call.
    Inside(&'static str, &'static Location<'static>),
    /// A system call has returned.
    After(&'static str, &'static Location<'static>),
    /// An assertion was passed.
    Checked(&'static Location<'static>),
}

/// The progress of one test, shared by its threads.
pub(crate) struct Progress {
    /// One entry per thread, in the order of their start.
    threads: Mutex<Vec<Place>>,
    checks: AtomicU64,
}

thread_local! {
    static CURRENT: RefCell<Option<(Arc<Progress>, usize)>> = const { RefCell::new(None) };
}

impl Progress {
    /// The progress of a test that is about to run.
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { threads: Mutex::new(Vec::new()), checks: AtomicU64::new(0) })
    }

    /// From now on the calling thread writes here.
    pub(crate) fn adopt_thread(self: &Arc<Self>) {
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        threads.push(Place::Begun);
        let index = threads.len() - 1;
        CURRENT.with_borrow_mut(|current| *current = Some((Arc::clone(self), index)));
    }

    /// How many assertions were passed.
    pub(crate) fn checks(&self) -> u64 {
        self.checks.load(Ordering::Relaxed)
    }

    /// Where the test is, in words: first the thread that the test began in, then those it started.
    pub(crate) fn describe(&self) -> String {
        let threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        let place = |(index, place): (usize, &Place)| {
            let thread = if index == 0 { String::new() } else { format!("thread {index}: ") };
            match place {
                Place::Begun => format!("{thread}before its first call"),
                Place::Inside(name, location) => format!("{thread}inside {name}() at {location}"),
                Place::After(name, location) => format!("{thread}after {name}() at {location}"),
                Place::Checked(location) => format!("{thread}after the check at {location}"),
            }
        };
        threads.iter().enumerate().map(place).collect::<Vec<_>>().join("; ")
    }

    /// The place of the test's first thread, if it is one in the source.
    pub(crate) fn location(&self) -> Option<&'static Location<'static>> {
        match self.threads.lock().unwrap_or_else(PoisonError::into_inner).first() {
            Some(Place::Inside(_, location) | Place::After(_, location) | Place::Checked(location)) => {
                Some(location)
            }
            Some(Place::Begun) | None => None,
        }
    }
}

/// The progress of the calling thread, for a thread that it starts.
pub(crate) fn current() -> Option<Arc<Progress>> {
    CURRENT.with_borrow(|current| current.as_ref().map(|(progress, _)| Arc::clone(progress)))
}

fn record(change: impl FnOnce(&Progress, &mut Place)) {
    // A thread that is being torn down has no record any more, and needs none.
    let _ = CURRENT.try_with(|current| {
        if let Ok(current) = current.try_borrow()
            && let Some((progress, index)) = current.as_ref()
        {
            let mut threads = progress.threads.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(place) = threads.get_mut(*index) {
                change(progress, place);
            }
        }
    });
}

/// The calling thread is about to make a system call.
pub(crate) fn entered(name: &'static str, location: &'static Location<'static>) {
    record(|_, place| *place = Place::Inside(name, location));
}

/// The system call has returned.
pub(crate) fn left() {
    record(|_, place| {
        if let Place::Inside(name, location) = *place {
            *place = Place::After(name, location);
        }
    });
}

/// An assertion was passed.
#[track_caller]
pub(crate) fn checked() {
    let location = Location::caller();
    record(|progress, place| {
        progress.checks.fetch_add(1, Ordering::Relaxed);
        *place = Place::Checked(location);
    });
}
