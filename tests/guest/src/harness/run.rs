//! Runs tests one after the other, each in a thread of its own under a watchdog.

use std::{
    cell::RefCell,
    panic::{self, AssertUnwindSafe},
    sync::{Arc, Once, mpsc},
    thread,
    time::Duration,
};

use serde::Serialize;

use super::{Case, Failure, Outcome, Test, progress::Progress};

/// How `guest test` was asked to run.
pub(crate) struct Options {
    /// Only tests whose `suite::name` contains this.
    pub(crate) filter: Option<String>,
    /// Name the tests, run none.
    pub(crate) list: bool,
    /// What a test needs is there, as in the guest: nothing is skipped.
    pub(crate) never_skip: bool,
    /// Run in the main thread, without watchdog: for a kernel that has no threads yet.
    pub(crate) inline: bool,
    /// How long a test may take.
    pub(crate) limit: Duration,
}

/// One line of `guest test`'s output.
#[derive(Serialize)]
struct Line<'a> {
    r#type: &'static str,
    suite: &'a str,
    name: &'a str,
    outcome: &'static str,
    message: String,
    location: String,
    checks: u64,
}

thread_local! {
    /// The panic of this thread, for the report.
    static PANIC: RefCell<Option<Failure>> = const { RefCell::new(None) };
}

/// From now on the panics of tests are kept for the report; others are printed as ever.
pub(crate) fn keep_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let otherwise = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if super::progress::current().is_none() {
                otherwise(info);
                return;
            }
            let message = info.payload_as_str().unwrap_or("a panic without a message");
            let location =
                info.location().map(|at| format!("{}:{}", at.file(), at.line())).unwrap_or_default();
            let failure = Failure { message: format!("panic: {message}"), location };
            let _ = PANIC.try_with(|slot| *slot.borrow_mut() = Some(failure));
        }));
    });
}

/// Runs the tests that were asked for; whether all of them passed.
pub(crate) fn run(tests: &[&'static Test], options: &Options) -> bool {
    let wanted = |test: &&&'static Test| {
        let name = format!("{}::{}", test.suite, test.name);
        options.filter.as_ref().is_none_or(|filter| name.contains(filter.as_str()))
    };
    let selected: Vec<_> = tests.iter().filter(wanted).collect();
    if selected.is_empty() {
        eprintln!("no test has {:?} in its name", options.filter.as_deref().unwrap_or_default());
        return false;
    }
    if options.list {
        for test in selected {
            println!("{}::{}", test.suite, test.name);
        }
        return true;
    }
    keep_panics();
    let (mut passed, mut failed, mut skipped, mut checks) = (0u64, 0u64, 0u64, 0u64);
    for (index, test) in selected.iter().enumerate() {
        let missing = test.needs.iter().find_map(|need| need.missing());
        let mut line = Line {
            r#type: "test",
            suite: test.suite,
            name: test.name,
            outcome: "passed",
            message: String::new(),
            location: String::new(),
            checks: 0,
        };
        match missing {
            Some(reason) if !options.never_skip => {
                line.outcome = "skipped";
                line.message = reason;
                skipped += 1;
            }
            _ => {
                let progress = Progress::new();
                let tag = format!("guest{}.{index}", std::process::id());
                let result = if options.inline {
                    run_body(tag, &progress, test.body)
                } else {
                    watched(tag, &progress, options.limit, test.body)
                };
                line.checks = progress.checks();
                checks += line.checks;
                match result {
                    Ok(()) => passed += 1,
                    Err(failure) => {
                        line.outcome = "failed";
                        line.message = failure.message;
                        line.location = failure.location;
                        failed += 1;
                    }
                }
            }
        }
        crate::print_line(&line);
    }
    eprintln!("{passed} passed, {failed} failed, {skipped} skipped, {checks} checks");
    failed == 0
}

/// Runs a body in the calling thread; a panic becomes a failure.
fn run_body<T>(tag: String, progress: &Arc<Progress>, body: impl FnOnce(&Case) -> Outcome<T>) -> Outcome<T> {
    progress.adopt_thread();
    let case = Case::new(tag);
    let result = panic::catch_unwind(AssertUnwindSafe(|| body(&case)));
    result.unwrap_or_else(|_| {
        let panic = PANIC.with_borrow_mut(Option::take);
        Err(panic.unwrap_or_else(|| Failure::here("a panic that left no message")))
    })
}

/// Runs a body in a thread and waits for it, but not for ever: a thread that hangs is left behind.
pub(crate) fn watched<T: Send + 'static>(
    tag: String,
    progress: &Arc<Progress>,
    limit: Duration,
    body: impl FnOnce(&Case) -> Outcome<T> + Send + 'static,
) -> Outcome<T> {
    let (sender, receiver) = mpsc::channel();
    let shared = Arc::clone(progress);
    let thread = thread::Builder::new().name(tag.clone()).spawn(move || {
        // The receiver is gone when the time is over, and the result with it.
        let _ = sender.send(run_body(tag, &shared, body));
    });
    let thread = match thread {
        Ok(thread) => thread,
        Err(error) => return Err(Failure::here(format!("no thread for the test: {error}"))),
    };
    match receiver.recv_timeout(limit) {
        Ok(result) => {
            // It has sent its result, so it ends now; an error would be a panic in a destructor of thread-local data.
            let _ = thread.join();
            result
        }
        Err(mpsc::RecvTimeoutError::Timeout) => {
            let location = progress.location().map(|at| format!("{}:{}", at.file(), at.line()));
            Err(Failure {
                message: format!("hangs for {} s: {}", limit.as_secs(), progress.describe()),
                location: location.unwrap_or_default(),
            })
        }
        Err(mpsc::RecvTimeoutError::Disconnected) => {
            Err(Failure::here("the test's thread ended without a result"))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::{Case, Duration, Outcome, Progress, keep_panics, watched};
    use crate::{
        harness::{Failure, check, check_eq, check_err},
        sys,
    };

    fn run(body: fn(&Case) -> Outcome) -> Result<u64, Failure> {
        keep_panics();
        let progress = Progress::new();
        watched("harness".to_owned(), &progress, Duration::from_millis(300), body).map(|()| progress.checks())
    }

    fn message(body: fn(&Case) -> Outcome) -> String {
        run(body).expect_err("the body fails").to_string()
    }

    #[test]
    fn a_good_body_passes_and_its_checks_count() {
        let checks = run(|case| {
            check!(true);
            check_eq!(1 + 1, 2);
            check_err!(sys::close_unopened(-1), EBADF);
            case.spawn(|| {
                check!(true);
                Ok(())
            })
            .join()
        });
        assert_eq!(checks.ok(), Some(4));
    }

    #[test]
    fn failures_say_where_and_with_which_values() {
        let said = message(|_| {
            check_eq!(1 + 1, 3, "remark {}", 7);
            Ok(())
        });
        assert!(said.contains("run.rs:") && said.contains("1 + 1 is 2, expected 3 (remark 7)"), "{said}");
        let said = message(|_| {
            check_err!(sys::close_unopened(-1), EPIPE);
            Ok(())
        });
        assert!(said.contains("Err(EBADF), expected EPIPE"), "{said}");
        let said = message(|_| {
            sys::close_unopened(-1)?;
            Ok(())
        });
        assert!(said.contains("run.rs:") && said.contains("EBADF"), "{said}");
    }

    #[test]
    fn a_call_that_succeeds_where_it_should_fail_is_a_failure() {
        let said = message(|_| {
            check_err!(sys::getpid(), EPERM);
            Ok(())
        });
        assert!(said.contains("expected EPERM"), "{said}");
    }

    #[test]
    fn panics_are_failures_with_their_place() {
        let said = message(|_| panic!("on purpose"));
        assert!(said.contains("run.rs:") && said.contains("panic: on purpose"), "{said}");
    }

    #[test]
    fn failures_and_panics_in_threads_are_the_tests() {
        let said = message(|case| {
            case.spawn(|| {
                check!(false, "in a thread");
                Ok(())
            })
            .join()
        });
        assert!(said.contains("in a thread"), "{said}");
        let said = message(|case| case.spawn(|| panic!("on purpose")).join());
        assert!(said.contains("a thread of the test panicked"), "{said}");
    }

    #[test]
    fn a_body_that_hangs_is_named_with_its_call() {
        let said = message(|_| {
            let (read, _write) = sys::pipe2(0)?;
            sys::read(&read, &mut [0])?;
            Ok(())
        });
        assert!(
            said.contains("hangs") && said.contains("inside read() at") && said.contains("run.rs:"),
            "{said}"
        );
        let said = message(|_| {
            check!(true);
            let (_sender, receiver) = mpsc::channel::<()>();
            let _ = receiver.recv();
            Ok(())
        });
        assert!(said.contains("after the check at"), "{said}");
    }
}
