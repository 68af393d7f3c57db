//! Page tables of processes that have ended, for new ones: the tables of a small process are mostly empty, and to make them
//! and look through them in the end costs more than all else about it.

use alloc::{sync::Arc, vec::Vec};
use core::ops::Range;

use ostd::{mm::VmSpace, sync::SpinLock, task::disable_preempt};

use super::layout::{HIGHEST, PAGE_SIZE};

/// How many page tables are kept.
const KEPT: usize = 4;
/// How often one is used: each process leaves tables where the next may have nothing.
const MOST_USES: usize = 16;
/// How many stretches of pages, and how many of [`REGION`], a process may have touched for its page table to be kept.
const MOST_RUNS: usize = 48;
const MOST_REGIONS: usize = 16;
/// How many pages may be left in it.
const MOST_PAGES: usize = 64;
/// What one table of the lowest level maps, in bytes.
const REGION: usize = 512 * PAGE_SIZE;

/// An empty page table, and how often it was used.
type Empty = (Arc<VmSpace>, usize);

static EMPTY: SpinLock<Vec<Empty>> = SpinLock::new(Vec::new());

/// A page table in which nothing is mapped, and how often it was used before.
pub(super) fn page_table() -> Empty {
    let kept = EMPTY.lock().pop();
    kept.unwrap_or_else(|| (Arc::new(VmSpace::new()), 0))
}

/// Takes back a page table from who is the last to use it, in which `count` pages are mapped.
pub(super) fn take_back(vm: &Arc<VmSpace>, uses: usize, touched: &Touched, count: usize) {
    let Some(runs) = &touched.0 else { return };
    if uses >= MOST_USES || count > MOST_PAGES || Arc::strong_count(vm) != 1 || EMPTY.lock().len() >= KEPT {
        return;
    }
    let regions = runs.iter().map(|run| (run.end - 1) / REGION - run.start / REGION + 1).sum::<usize>();
    let repeated = runs.windows(2).filter(|pair| pair[0].end / REGION == pair[1].start / REGION).count();
    if regions - repeated.min(regions) > MOST_REGIONS {
        return;
    }
    let guard = disable_preempt();
    let mut unmapped = 0;
    for run in runs {
        let Ok(mut cursor) = vm.cursor_mut(&guard, run) else { return };
        unmapped += cursor.unmap(run.end - run.start);
    }
    // One that may not be empty is given up.
    if unmapped != count {
        return;
    }
    debug_assert!(is_empty(vm));
    let mut empty = EMPTY.lock();
    if empty.len() < KEPT {
        empty.push((vm.clone(), uses + 1));
    }
}

fn is_empty(vm: &VmSpace) -> bool {
    let guard = disable_preempt();
    vm.cursor(&guard, &(0..HIGHEST)).is_ok_and(|mut cursor| cursor.find_next(HIGHEST).is_none())
}

/// Where pages were mapped since the page table was empty; `None` where that is too much to tell.
pub(super) struct Touched(Option<Vec<Range<usize>>>);

impl Touched {
    pub(super) const fn nothing() -> Self {
        Self(Some(Vec::new()))
    }

    pub(super) fn add(&mut self, range: &Range<usize>) {
        let Some(runs) = &mut self.0 else { return };
        if let Some(run) = runs.iter_mut().rev().find(|run| range.start <= run.end && run.start <= range.end)
        {
            run.start = run.start.min(range.start);
            run.end = run.end.max(range.end);
        } else if runs.len() < MOST_RUNS {
            runs.push(range.clone());
        } else {
            self.0 = None;
        }
    }
}
