//! Takes cases as they come: failures are told at once, the rest is counted.

use std::{
    collections::BTreeMap,
    io::IsTerminal,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::case::{Case, Outcome, Tally};

/// Where suites put their cases, from any thread.
#[derive(Debug)]
pub(crate) struct Sink {
    state: Mutex<State>,
    bar: ProgressBar,
    started: Instant,
}

#[derive(Debug, Default)]
struct State {
    cases: Vec<Case>,
    /// Suites that run, and since when.
    running: BTreeMap<String, Instant>,
    times: BTreeMap<String, Duration>,
}

impl Sink {
    /// With a progress bar if standard error is a terminal.
    pub(crate) fn new() -> Self {
        let target = if std::io::stderr().is_terminal() {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(Some(0), target);
        let style = ProgressStyle::with_template("{elapsed:>4} {bar:32} {pos}/{len} {wide_msg}")
            .expect("the template is good")
            .progress_chars("━╸─");
        bar.set_style(style);
        bar.enable_steady_tick(Duration::from_millis(200));
        Self { state: Mutex::default(), bar, started: Instant::now() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// So many more cases will come.
    pub(crate) fn expect(&self, count: usize) {
        self.bar.inc_length(count as u64);
    }

    pub(crate) fn begin(&self, suite: &str) {
        let mut state = self.state();
        state.running.insert(suite.to_owned(), Instant::now());
        self.show(&state);
    }

    pub(crate) fn add(&self, case: Case) {
        if matches!(case.outcome, Outcome::Failed { .. }) {
            self.say(&case.to_string());
        }
        let mut state = self.state();
        state.cases.push(case);
        let done = state.cases.len() as u64;
        if self.bar.length().unwrap_or(0) < done {
            self.bar.set_length(done);
        }
        self.bar.set_position(done);
    }

    /// Says how the suite went.
    pub(crate) fn end(&self, suite: &str) {
        let mut state = self.state();
        let time = state.running.remove(suite).map(|since| since.elapsed()).unwrap_or_default();
        state.times.insert(suite.to_owned(), time);
        let tally = Tally::of(state.cases.iter().filter(|case| case.suite == suite));
        self.show(&state);
        drop(state);
        self.say(&format!("{suite:<28} {tally} ({:.1} s)", time.as_secs_f64()));
    }

    /// A line of its own, above the bar.
    pub(crate) fn say(&self, line: &str) {
        self.bar.suspend(|| println!("{line}"));
    }

    fn show(&self, state: &State) {
        self.bar.set_message(state.running.keys().cloned().collect::<Vec<_>>().join(", "));
    }

    /// All cases, the suites' times, and that of the whole run.
    pub(crate) fn finish(self) -> (Vec<Case>, BTreeMap<String, Duration>, Duration) {
        self.bar.finish_and_clear();
        let state = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        (state.cases, state.times, self.started.elapsed())
    }
}
