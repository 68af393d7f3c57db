//! Calls that no rule admits: counted, and told of once for each cause.

use alloc::{
    boxed::Box,
    collections::BTreeMap,
    string::{String, ToString},
    vec::Vec,
};
use core::{
    fmt,
    sync::atomic::{AtomicU64, Ordering},
};

use scml::{Call, Explanation, Refusal, Subject, domain};
use spin::Mutex;

use super::subject::{Decoded, Judged};
use crate::error::Errno;

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

/// What became of a cause.
struct Met {
    count: u64,
    errno: u16,
    /// Empty until it has been put into words.
    explanation: String,
}

/// A cause, for those who want to see all of them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Denied {
    /// How often.
    pub count: u64,
    /// What the program saw, or would have seen; `None` for a control message that it was not given.
    pub errno: Option<Errno>,
    /// The call that met it first, and why, on one line.
    pub explanation: String,
}

/// The causes that have been met.
pub(super) struct Causes {
    total: AtomicU64,
    /// By the rule that came nearest.
    rules: Box<[AtomicU64]>,
    met: Mutex<BTreeMap<Cause, Met>>,
}

impl Causes {
    pub(super) fn new(rules: usize) -> Self {
        let rules = (0..rules).map(|_| AtomicU64::new(0)).collect();
        Self { total: AtomicU64::new(0), rules, met: Mutex::new(BTreeMap::new()) }
    }

    pub(super) fn total(&self) -> u64 {
        self.total.load(Ordering::Relaxed)
    }

    /// How many denials the rule came nearest to.
    pub(super) fn nearest(&self, rule: usize) -> u64 {
        self.rules.get(rule).map_or(0, |count| count.load(Ordering::Relaxed))
    }

    /// Counts a denial; if it is the first of its cause, `explain` is asked for words.
    pub(super) fn count(
        &self,
        call: Call,
        refusal: Refusal,
        value: u64,
        explain: impl FnOnce() -> Explanation,
    ) -> Option<Explanation> {
        self.total.fetch_add(1, Ordering::Relaxed);
        if let Some(count) = refusal.rule.and_then(|rule| self.rules.get(usize::from(rule))) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        let cause = Cause { call, rule: refusal.rule, parameter: refusal.parameter, value };
        {
            let mut met = self.met.lock();
            if let Some(met) = met.get_mut(&cause) {
                met.count += 1;
                return None;
            }
            if met.len() >= CAUSES_MAX {
                return None;
            }
            met.insert(cause, Met { count: 1, errno: refusal.errno, explanation: String::new() });
        }
        let explanation = explain();
        let words = explanation.to_string();
        if let Some(met) = self.met.lock().get_mut(&cause) {
            met.explanation = words;
        }
        Some(explanation)
    }

    /// All that have been met, the most frequent first.
    pub(super) fn all(&self) -> Vec<Denied> {
        let denied = |met: &Met| Denied {
            count: met.count,
            errno: (met.errno != 0).then(|| Errno::from_number(met.errno)),
            explanation: met.explanation.clone(),
        };
        let mut all: Vec<_> = self.met.lock().values().map(denied).collect();
        all.sort_by_key(|denied| core::cmp::Reverse(denied.count));
        all
    }
}

/// The value that is to blame: a register, or the family of an address. Pointers are not: they differ from call to call.
pub(super) fn refused_value<T: Decoded>(call: Call, parameter: u8, subject: &Judged<'_, T>) -> u64 {
    let index = usize::from(parameter);
    match domain::signature(call).parameters.get(index).map(|parameter| parameter.kind) {
        Some(domain::Kind::Struct { .. } | domain::Kind::Array { .. }) => match subject.message() {
            // The name's family, and what control messages there are, in a few bits.
            Some(message) => {
                let mix = |sum: u64, value: u64| sum.wrapping_mul(31).wrapping_add(value);
                let name = message.name.map_or(0, |name| u64::from(name.family()));
                message.control.unwrap_or_default().iter().fold(name, |sum, header| {
                    mix(mix(sum, u64::from(header.level as u32) + 1), u64::from(header.kind as u32))
                })
            }
            None => subject.address().map_or(0, |address| address.family().into()),
        },
        Some(domain::Kind::Descriptor) => {
            subject.descriptor().map_or(0, |it| u64::from(it.family()) << 8 | u64::from(it.kind()))
        }
        Some(domain::Kind::OptionValue { .. }) => {
            let value = subject.memory(index).and_then(<[u8]>::first_chunk);
            value.map_or(0, |bytes| u32::from_ne_bytes(*bytes).into())
        }
        Some(domain::Kind::Payload(_) | domain::Kind::Buffer) | None => 0,
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
