//! What programs may do: compiled SCML rules, and what was counted of their use.
//!
//! A call that has been decoded becomes an [`Admitted`] value or a denial. Only this module can make the former, and only
//! the former can be performed: that nothing undeclared reaches a family is a fact of the types.

mod counters;
mod denial;
mod report;
mod subject;

/// The profiles that `build.rs` compiled.
mod tables {
    include!(concat!(env!("OUT_DIR"), "/postern.rs"));
    include!(concat!(env!("OUT_DIR"), "/asterinas.rs"));
}

use alloc::vec::Vec;

use scml::{Call, ControlHeader, Hit, Refusal, Tables, Usage};

use self::{
    counters::Counters,
    denial::{Causes, refused_value},
    subject::Judged,
};
pub use self::{
    denial::{Denial, Denied},
    subject::Decoded,
};
use crate::{
    caller::Caller,
    error::{Errno, Error, Result},
};

/// The profiles that come with the crate.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Profile {
    /// Exactly what works.
    #[default]
    Postern,
    /// What the neighbour's kernel declares, rule by rule.
    Asterinas,
}

impl Profile {
    /// Its name, as on command lines.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Postern => "postern",
            Self::Asterinas => "asterinas",
        }
    }

    /// Its rules.
    #[must_use]
    pub fn tables(self) -> &'static Tables<'static> {
        match self {
            Self::Postern => &tables::POSTERN,
            Self::Asterinas => &tables::ASTERINAS,
        }
    }
}

/// What comes of a call that no rule admits.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Mode {
    /// It fails.
    #[default]
    Enforce,
    /// It is recorded, and performed.
    Audit,
    /// Nothing: no call is judged.
    Off,
}

impl Mode {
    /// Its name, as on command lines.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Enforce => "enforce",
            Self::Audit => "audit",
            Self::Off => "off",
        }
    }
}

/// How finely admitted calls are counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Count {
    /// By rule.
    #[default]
    Rule,
    /// By rule, and by what the rule declares: some 25 instructions more for each call.
    Full,
}

impl Count {
    /// Its name, as on command lines.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rule => "rule",
            Self::Full => "full",
        }
    }
}

/// The rules of a system, and what was counted.
pub struct Policy {
    tables: Tables<'static>,
    mode: Mode,
    counters: Counters,
    causes: Causes,
}

/// A value that the policy has admitted; the only way to have it performed.
pub struct Admitted<T>(T);

impl<T> Admitted<T> {
    /// The decoded call, which the way to its result changes.
    #[inline]
    pub(crate) fn call(&mut self) -> &mut T {
        &mut self.0
    }
}

impl Policy {
    /// The policy of a system with so many CPUs.
    #[must_use]
    pub fn new(tables: &Tables<'static>, mode: Mode, count: Count, cpus: usize) -> Self {
        let counters = Counters::new(tables, count == Count::Full, cpus);
        Self { tables: *tables, mode, counters, causes: Causes::new(tables.rule_count()) }
    }

    /// What comes of denials.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// The rules.
    #[must_use]
    pub fn tables(&self) -> &Tables<'static> {
        &self.tables
    }

    /// How many calls a rule has admitted. `rule` is an index below [`Tables::rule_count`].
    #[must_use]
    pub fn hits(&self, rule: usize) -> u64 {
        self.counters.read(&self.tables).0.get(rule).copied().unwrap_or_default()
    }

    /// How many admitted calls have made use of what a rule declares, with [`Count::Full`]. `alternative` is an index in
    /// [`Tables::alternatives`].
    #[must_use]
    pub fn alternative_hits(&self, alternative: usize) -> u64 {
        self.counters.read(&self.tables).1.get(alternative).copied().unwrap_or_default()
    }

    /// How finely admitted calls are counted.
    #[must_use]
    pub fn count(&self) -> Count {
        if self.counters.counts_alternatives() { Count::Full } else { Count::Rule }
    }

    /// How many calls no rule has admitted.
    #[must_use]
    pub fn denials(&self) -> u64 {
        self.causes.total()
    }

    /// The causes of denials, the most frequent first: at most 256.
    #[must_use]
    pub fn denied(&self) -> Vec<Denied> {
        self.causes.all()
    }

    /// Judges a decoded call.
    ///
    /// # Errors
    /// The errno that Linux has for the argument that is not declared, in mode [`Mode::Enforce`].
    #[inline(always)]
    pub(crate) fn admit<C: Caller, T: Decoded>(
        &self,
        caller: &C,
        registers: &[usize; 6],
        decoded: T,
    ) -> Result<Admitted<T>> {
        // The value is moved after the judgement, so that it can be built where it is to be.
        self.judge(caller, &Judged { registers, decoded: &decoded })?;
        Ok(Admitted(decoded))
    }

    #[inline(always)]
    fn judge<C: Caller, T: Decoded>(&self, caller: &C, subject: &Judged<'_, T>) -> Result<()> {
        if self.mode == Mode::Off {
            return Ok(());
        }
        match self.tables.admit(T::CALL, subject) {
            Ok(hit) => {
                let usage = || Usage::of_call(T::CALL, subject, hit.rule);
                if !self.counters.count(|| caller.cpu(), hit.rule, usage) {
                    self.count_all(caller.cpu(), hit, subject);
                }
                // Control messages that are sent; those that are received are counted when they are delivered.
                if matches!(T::CALL, Call::Sendmsg | Call::Sendmmsg)
                    && self.counters.counts_alternatives()
                    && let Some(headers) = subject.decoded.message().and_then(|message| message.control)
                {
                    self.count_sent(caller.cpu(), hit.rule, headers);
                }
                Ok(())
            }
            Err(refusal) => self.deny(caller, refusal, subject),
        }
    }

    #[cold]
    #[inline(never)]
    fn deny<C: Caller, T: Decoded>(
        &self,
        caller: &C,
        refusal: Refusal,
        subject: &Judged<'_, T>,
    ) -> Result<()> {
        let enforced = self.mode == Mode::Enforce;
        let value = refused_value(T::CALL, refusal.parameter, subject);
        let explain = || self.tables.explain(T::CALL, subject, refusal);
        if let Some(explanation) = self.causes.count(T::CALL, refusal, value, explain) {
            caller.report_denial(&Denial { enforced, explanation });
        }
        if enforced {
            return Err(Error::new(
                Errno::from_number(refusal.errno),
                "the policy has no rule that admits it",
            ));
        }
        Ok(())
    }

    /// Counts what [`Counters::count`] could not.
    #[inline(never)]
    fn count_all<T: Decoded>(&self, cpu: usize, hit: Hit, subject: &Judged<'_, T>) {
        if hit.rule != Hit::UNGOVERNED {
            let used = self.tables.exercised(T::CALL, subject, hit.rule);
            self.counters.count_each(cpu, Some(hit.rule), used);
        }
    }

    /// Counts what was sent, where counting the call did not do it.
    #[inline(never)]
    fn count_sent(&self, cpu: usize, rule: u16, headers: &[ControlHeader]) {
        if self.counters.is_told(rule) {
            headers.iter().for_each(|header| self.count_control(cpu, rule, *header));
        }
    }

    /// Counts a control message.
    fn count_control(&self, cpu: usize, rule: u16, header: ControlHeader) {
        if rule != Hit::UNGOVERNED && self.counters.counts_alternatives() {
            let usage = Usage::of_control(rule, header);
            if !self.counters.count_control(cpu, usage) {
                self.counters.count_each(cpu, None, self.tables.used(usage));
            }
        }
    }

    /// Judges a control message that an admitted call is about to be given: `false` where it must not get it. Linux says so
    /// of control data that does not get through by MSG_CTRUNC.
    pub(crate) fn may_deliver<C: Caller, T: Decoded>(
        &self,
        caller: &C,
        registers: &[usize; 6],
        decoded: &T,
        level: u32,
        kind: u32,
    ) -> bool {
        if self.mode == Mode::Off {
            return true;
        }
        let subject = Judged { registers, decoded };
        let header = ControlHeader { length: 0, level: level as i32, kind: kind as i32 };
        match self.tables.deliver(T::CALL, &subject, header) {
            Ok(hit) => {
                self.count_control(caller.cpu(), hit.rule, header);
                true
            }
            Err(refusal) => self.withhold(caller, refusal, &subject, header),
        }
    }

    #[cold]
    #[inline(never)]
    fn withhold<C: Caller, T: Decoded>(
        &self,
        caller: &C,
        refusal: Refusal,
        subject: &Judged<'_, T>,
        header: ControlHeader,
    ) -> bool {
        let enforced = self.mode == Mode::Enforce;
        let value = u64::from(header.level as u32) << 32 | u64::from(header.kind as u32);
        let explain = || self.tables.explain_delivery(T::CALL, subject, header, refusal);
        if let Some(explanation) = self.causes.count(T::CALL, refusal, value, explain) {
            caller.report_denial(&Denial { enforced, explanation });
        }
        !enforced
    }

    /// Whether a call is judged at all in this policy.
    #[must_use]
    pub fn governs(&self, call: Call) -> bool {
        self.mode != Mode::Off && self.tables.governs(call)
    }
}
