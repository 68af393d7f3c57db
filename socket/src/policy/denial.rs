//! Calls that no rule admits: counted, and told of once for each cause.

use alloc::collections::BTreeMap;
use core::{
    fmt,
    sync::atomic::{AtomicU64, Ordering},
};

use scml::{Call, Explanation, Refusal, Subject, domain};
use spin::Mutex;

use super::subject::{Decoded, Judged};

/// How many causes are remembered. Programs choose the values, and must not fill the memory with them; what comes after
/// is counted, but not told of.
const CAUSES_MAX: usize = 256;

/// Why a call was denied: the same refusal of the same value is the same cause.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Cause {
    call: Call,
    rule: Option<u16>,
    parameter: u8,
    value: u64,
}

/// The causes that have been met.
#[derive(Default)]
pub(super) struct Causes {
    total: AtomicU64,
    met: Mutex<BTreeMap<Cause, u64>>,
}

impl Causes {
    pub(super) fn total(&self) -> u64 {
        self.total.load(Ordering::Relaxed)
    }

    /// Counts a denial; whether it is the first of its cause.
    pub(super) fn is_new(&self, call: Call, refusal: Refusal, value: u64) -> bool {
        self.total.fetch_add(1, Ordering::Relaxed);
        let cause = Cause { call, rule: refusal.rule, parameter: refusal.parameter, value };
        let mut met = self.met.lock();
        if let Some(count) = met.get_mut(&cause) {
            *count += 1;
            return false;
        }
        if met.len() >= CAUSES_MAX {
            return false;
        }
        met.insert(cause, 1);
        true
    }
}

/// The value that is to blame: a register, or the family of an address. Pointers are not: they differ from call to call.
pub(super) fn refused_value<T: Decoded>(call: Call, parameter: u8, subject: &Judged<'_, T>) -> u64 {
    let index = usize::from(parameter);
    match domain::signature(call).parameters.get(index).map(|parameter| parameter.kind) {
        Some(domain::Kind::Struct { .. }) => subject.address().map_or(0, |address| address.family().into()),
        Some(domain::Kind::Descriptor) => {
            subject.descriptor().map_or(0, |it| u64::from(it.family()) << 8 | u64::from(it.kind()))
        }
        Some(domain::Kind::Array { .. } | domain::Kind::Buffer | domain::Kind::OptionValue { .. }) | None => {
            0
        }
        Some(_) => subject.parameter(index) & 0xffff_ffff,
    }
}

/// A call that no rule admits, for the log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Denial {
    /// Whether it failed for that; otherwise it was only recorded.
    pub enforced: bool,
    /// Which rule came nearest, and what it does not admit.
    pub explanation: Explanation,
}

impl fmt::Display for Denial {
    /// The line for the log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = if self.enforced { "denied" } else { "audit" };
        write!(f, "scml: {verdict} {}", self.explanation)
    }
}
