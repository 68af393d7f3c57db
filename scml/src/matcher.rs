//! Does a call conform? Compiled into the caller for each kind of [`Subject`] and each call that is known there.

use crate::{
    call::Call,
    subject::{Address, ControlHeader, Descriptor, FURTHER_TESTS, Subject},
    tables::{Bits, Control, Envelope, LAYOUTS, Layout, Row, Span, Tables},
};

/// A call that conforms.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Hit {
    /// The rule's number, an index below [`Tables::rule_count`]; [`Hit::UNGOVERNED`] where no rule is needed.
    pub rule: u16,
}

impl Hit {
    /// The number for a call that is not governed.
    pub const UNGOVERNED: u16 = u16::MAX;
}

/// A call that does not conform.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// The number of the rule that came nearest; `None` where the call has none.
    pub rule: Option<u16>,
    /// The parameter that no remaining rule admits.
    pub parameter: u8,
    /// What the program is to see: see [`domain::denial`](crate::domain::denial).
    pub errno: u16,
}

impl Tables<'_> {
    /// Whether the call has to be judged at all. Networking calls always are, the others where a rule names them.
    #[inline(always)]
    #[must_use]
    pub fn governs(&self, call: Call) -> bool {
        call.networking() || !self.rows[call.index()].is_empty()
    }

    /// Judges a call: the number of a rule that admits it, or which rule came nearest and what is wrong.
    ///
    /// Rules that need nothing but registers and the descriptor come first, and of them the first one is tried in place:
    /// with a constant call, what that one admits costs 4 instructions (read) to 20 (socket). Where there are none, the
    /// first of the others is tried in place too if it has a [`Row::shortcut`].
    ///
    /// # Errors
    /// [`Refusal`] where no rule of the call matches.
    #[inline(always)]
    pub fn admit<S: Subject>(&self, call: Call, subject: &S) -> Result<Hit, Refusal> {
        let layout = &LAYOUTS[call.index()];
        let first = &self.first[call.index()];
        if plain_row_matches(first, layout, subject) {
            return Ok(Hit { rule: first.rule });
        }
        if first.shortcut != 0
            && row_matches(first, layout, subject)
            && self.shortcut_matches(first, layout, subject)
        {
            return Ok(Hit { rule: first.rule });
        }
        self.judge(call, subject)
    }

    /// The other rows, and then all that have further tests.
    #[inline(never)]
    fn judge<S: Subject>(&self, call: Call, subject: &S) -> Result<Hit, Refusal> {
        let layout = &LAYOUTS[call.index()];
        // Those without further tests come first.
        for row in self.rows[call.index()] {
            if row_matches(row, layout, subject)
                && (row.tests == 0
                    || row.shortcut != 0 && self.shortcut_matches(row, layout, subject)
                    || self.row_tests(row).iter().all(|test| self.test_matches(test, call, subject)))
            {
                return Ok(Hit { rule: row.rule });
            }
        }
        self.refuse(call, subject)
    }

    /// Whether the further tests of a row with a shortcut are passed; where it does not say so, they may still be.
    #[inline(always)]
    fn shortcut_matches<S: Subject>(&self, row: &Row, layout: &Layout, subject: &S) -> bool {
        if layout.address {
            let listed = |family| family < 64 && (row.shortcut >> (family & 63)) & 1 != 0;
            subject.address().is_none_or(|address| listed(address.family()))
        } else if layout.message {
            subject.message().is_none_or(|message| {
                let span = row.shortcut_span();
                match message.control {
                    None if message.name.is_none() || row.only_control() => true,
                    Some(headers) if row.only_control() => self.choices_match(span, headers),
                    control => self.envelopes_match(span, message.name, control),
                }
            })
        } else {
            false
        }
    }

    /// Whether a message with this name and this control data is one of the alternatives.
    #[inline(never)]
    fn envelopes_match(
        &self,
        envelopes: Span,
        name: Option<Address<'_>>,
        control: Option<&[ControlHeader]>,
    ) -> bool {
        let matches = |envelope: &Envelope| {
            name.is_none_or(|name| envelope.admits_name(name.family()))
                && control.is_none_or(|headers| self.control_matches(envelope.control, headers))
        };
        self.envelopes.get(envelopes.range()).unwrap_or_default().iter().any(matches)
    }

    /// Whether control data that is there is admitted.
    #[inline(always)]
    fn control_matches(&self, control: Control, headers: &[ControlHeader]) -> bool {
        match control {
            Control::Any => true,
            Control::Absent => false,
            Control::These(choices) => self.choices_match(choices, headers),
        }
    }

    /// Whether each control message is listed.
    #[inline(never)]
    fn choices_match(&self, choices: Span, headers: &[ControlHeader]) -> bool {
        let choices = self.choices.get(choices.range()).unwrap_or_default();
        let Some((first, others)) = choices.split_first() else { return headers.is_empty() };
        headers.iter().all(|header| {
            let value = u64::from(header.level as u32) << 32 | u64::from(header.kind as u32);
            first.admits(value) || others.iter().any(|choice| choice.admits(value))
        })
    }

    /// Judges a control message that a receiving call, which has been admitted, is about to be given: one of the rules that
    /// admit the call has to admit the message too. Calls that are not governed may be given anything.
    ///
    /// # Errors
    /// [`Refusal`] without an errno: the call does not fail, but is not given the message.
    pub fn deliver<S: Subject>(
        &self,
        call: Call,
        subject: &S,
        header: ControlHeader,
    ) -> Result<Hit, Refusal> {
        if !self.governs(call) {
            return Ok(Hit { rule: Hit::UNGOVERNED });
        }
        let layout = &LAYOUTS[call.index()];
        let admits = |row: &&Row| {
            row_matches(row, layout, subject)
                && self.row_tests(row).iter().all(|test| self.test_matches(test, call, subject))
        };
        let delivers = |row: &&Row| {
            let control = self.rules.get(usize::from(row.rule)).map_or(Control::Absent, |rule| rule.delivers);
            self.control_matches(control, &[header])
        };
        let rows = self.rows[call.index()];
        match rows.iter().filter(admits).find(delivers) {
            Some(row) => Ok(Hit { rule: row.rule }),
            None => {
                Err(Refusal { rule: rows.iter().find(admits).map(|row| row.rule), parameter: 1, errno: 0 })
            }
        }
    }

    #[cold]
    #[inline(never)]
    fn refuse<S: Subject>(&self, call: Call, subject: &S) -> Result<Hit, Refusal> {
        if !self.governs(call) {
            return Ok(Hit { rule: Hit::UNGOVERNED });
        }
        Err(self.refusal(call, subject))
    }
}

/// Whether the row needs nothing else, and matches.
#[inline(always)]
fn plain_row_matches<S: Subject>(row: &Row, layout: &Layout, subject: &S) -> bool {
    // A row that needs more fails at the descriptor, FURTHER_TESTS being among the bits of each, or else at the type.
    if layout.descriptor {
        let bits = subject.descriptor().map_or(u64::MAX, Descriptor::bits);
        bits & row.forbidden == 0 && scalars_match(row, layout, subject, Bits::plain)
    } else {
        scalars_match(row, layout, subject, Bits::plain) && (layout.typed.is_some() || row.tests == 0)
    }
}

/// The tests that the row itself holds.
#[inline(always)]
fn row_matches<S: Subject>(row: &Row, layout: &Layout, subject: &S) -> bool {
    (!layout.descriptor || descriptor_matches(row, subject)) && scalars_match(row, layout, subject, Bits::all)
}

#[inline(always)]
pub(crate) fn descriptor_matches<S: Subject>(row: &Row, subject: &S) -> bool {
    let bits = subject.descriptor().map_or(u64::MAX, Descriptor::bits);
    bits & row.forbidden & !FURTHER_TESTS == 0
}

#[inline(always)]
fn register<S: Subject>(parameter: u8, subject: &S) -> u32 {
    subject.parameter(usize::from(parameter)) as u32
}

#[inline(always)]
fn scalars_match<S: Subject>(row: &Row, layout: &Layout, subject: &S, types: impl Fn(Bits) -> u32) -> bool {
    let choice = match (layout.upper, layout.lower) {
        (Some(upper), Some(lower)) => {
            row.choice.admits(u64::from(register(upper, subject)) << 32 | u64::from(register(lower, subject)))
        }
        (None, Some(lower)) => row.choice.admits(u64::from(register(lower, subject))),
        (_, None) => true,
    };
    choice
        && layout.bits.is_none_or(|bits| register(bits, subject) & row.bits.forbidden == 0)
        && layout.typed.is_none_or(|typed| typed_matches(row, types(row.bits), register(typed, subject)))
}

#[inline(always)]
const fn typed_matches(row: &Row, types: u32, value: u32) -> bool {
    value & row.bits.forbidden == 0 && (types >> (value & 31)) & 1 != 0
}

/// Whether the row itself admits a parameter, the others aside.
pub(crate) fn parameter_matches<S: Subject>(row: &Row, layout: &Layout, parameter: u8, subject: &S) -> bool {
    let here = Some(parameter);
    let value = register(parameter, subject);
    if layout.upper == here {
        row.choice.admits_upper(value)
    } else if layout.lower == here {
        row.choice.admits_lower(value)
    } else if layout.bits == here {
        value & row.bits.forbidden == 0
    } else {
        layout.typed != here || typed_matches(row, row.bits.all(), value)
    }
}
