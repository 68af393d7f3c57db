//! Compiled rules.
//!
//! Everything is flat and refers by index, so that the same [`Tables`] are lent by an owned [`Profile`](crate::Profile)
//! in tools and are a `static` in the kernel. A rule becomes one [`Row`] per alternative of its descriptor (and per window
//! of 64 values of an enumeration): a call conforms when one row of its call matches.

use crate::{
    call::Call,
    domain::{Kind, StructId, signature},
};

/// How many scalar parameters of a call are tested in the row itself.
pub const SLOTS: usize = 3;

/// A test of a 32-bit scalar: `t = x - base` has no forbidden bit, and bit `t % 64` of `set` is set.
///
/// An enumeration forbids all bits from 64 on and lists its members in `set`; a bit set forbids what is not listed; a
/// socket type does both. Any value: nothing forbidden, everything set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Slot {
    /// Subtracted first, wrapping around.
    pub base: u32,
    /// Bits of the difference that must be 0.
    pub forbidden: u32,
    /// Which of the 64 values that the low six bits make are admitted.
    pub set: u64,
}

impl Slot {
    /// Admits everything.
    pub const ANY: Self = Self { base: 0, forbidden: 0, set: u64::MAX };

    /// Whether the value is admitted.
    #[must_use]
    pub const fn admits(self, value: u32) -> bool {
        let offset = value.wrapping_sub(self.base);
        offset & self.forbidden == 0 && (self.set >> (offset & 63)) & 1 != 0
    }
}

/// One conjunction: a cache line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(C, align(64))]
pub struct Row {
    /// One-hot bits of the socket (families, then types) that must not be there.
    pub forbidden: u64,
    /// Tests of the call's scalar parameters, in the order of its signature.
    pub slots: [Slot; SLOTS],
    /// The index in [`Tables::rules`].
    pub rule: u16,
    /// How many further tests in [`Tables::tests`] there are.
    pub tests: u16,
    /// Where these begin.
    pub first: u32,
}

/// A test of what needs more than a register: what lies behind a pointer, the state of a socket, a 64-bit number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Test {
    /// Which parameter, or which field of the struct that the test stands in.
    pub place: u8,
    /// The index in [`Tables::patterns`].
    pub pattern: u16,
}

/// What a value has to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pattern {
    /// Absent.
    Null,
    /// Absent, or one of these [`Window`]s has it.
    Scalar(Span),
    /// Absent, or of one of these [`Shape`]s.
    Struct(Span),
    /// Absent, or each element matches one of these patterns.
    Array(Span),
    /// Anything: of what the call is going to write nothing can be known.
    Any,
}

/// A range of indices.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Span {
    /// Where it begins.
    pub first: u16,
    /// How many.
    pub count: u16,
}

impl Span {
    /// As a range of `usize`.
    #[must_use]
    pub const fn range(self) -> core::ops::Range<usize> {
        self.first as usize..self.first as usize + self.count as usize
    }
}

/// As [`Slot`], for 64 bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Window {
    /// Subtracted first, wrapping around.
    pub base: u64,
    /// Bits of the difference that must be 0.
    pub forbidden: u64,
    /// Which of the 64 values that the low six bits make are admitted.
    pub set: u64,
}

impl Window {
    /// Whether the value is admitted.
    #[must_use]
    pub const fn admits(self, value: u64) -> bool {
        let offset = value.wrapping_sub(self.base);
        offset & self.forbidden == 0 && (self.set >> (offset & 63)) & 1 != 0
    }
}

/// One alternative of a struct: all of its tests.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shape {
    /// The struct's type.
    pub of: StructId,
    /// Its tests in [`Tables::tests`]; `place` is the field.
    pub tests: Span,
}

/// A piece of [`Tables::strings`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Text {
    /// The first byte.
    pub first: u32,
    /// How many.
    pub length: u32,
}

/// Where a rule stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rule {
    /// The call that it admits.
    pub call: Call,
    /// Its number among the rules of the call, from 1.
    pub ordinal: u16,
    /// From 1.
    pub line: u32,
    /// The file's name.
    pub file: Text,
    /// The source, with its white space normalised.
    pub text: Text,
}

/// One thing that a rule declares: a member of an enumeration, a flag, a struct's alternative value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Alternative {
    /// The index in [`Tables::rules`].
    pub rule: u16,
    /// Which parameter.
    pub parameter: u8,
    /// The fields from the parameter to the value, separated by points; empty for the parameter itself.
    pub path: Text,
    /// The name, as the rule has it.
    pub name: Text,
    /// The value.
    pub value: u64,
    /// What it is.
    pub kind: AlternativeKind,
}

/// What a declared alternative is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AlternativeKind {
    /// The value is this one.
    Member,
    /// The bits may be set.
    Flag,
    /// The pointer is NULL.
    Null,
    /// The descriptor is such a socket: the family in the low 16 bits of the value, the type in the next 16; 0xffff
    /// stands for any.
    Descriptor,
    /// The rule constrains nothing: the call itself is declared.
    Call,
}

/// The compiled rules of a profile.
#[derive(Clone, Copy, Debug)]
pub struct Tables<'a> {
    /// For each call, its rows.
    pub rows: [&'a [Row]; Call::COUNT],
    /// Tests beyond the slots.
    pub tests: &'a [Test],
    /// What they test for.
    pub patterns: &'a [Pattern],
    /// Alternatives of structs.
    pub shapes: &'a [Shape],
    /// Alternatives of scalars.
    pub windows: &'a [Window],
    /// Every rule.
    pub rules: &'a [Rule],
    /// Everything that is declared, by rule.
    pub alternatives: &'a [Alternative],
    /// All texts.
    pub strings: &'a str,
}

impl<'a> Tables<'a> {
    /// A text.
    #[must_use]
    pub fn text(&self, text: Text) -> &'a str {
        self.strings.get(text.first as usize..(text.first + text.length) as usize).unwrap_or_default()
    }

    /// How many rules there are: one more than the largest rule number.
    #[must_use]
    pub const fn rule_count(&self) -> usize {
        self.rules.len()
    }
}

/// How a scalar parameter is tested; known when the call is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum SlotKind {
    Unused,
    Enumeration,
    BitSet,
    Typed,
}

/// Where a call's row tests look: derived from the signature, and constant where the call is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout {
    pub(crate) descriptor: bool,
    pub(crate) kinds: [SlotKind; SLOTS],
    pub(crate) parameters: [u8; SLOTS],
}

impl Layout {
    const fn of(call: Call) -> Self {
        let mut layout = Self { descriptor: false, kinds: [SlotKind::Unused; SLOTS], parameters: [0; SLOTS] };
        let parameters = signature(call).parameters;
        let mut index = 0;
        let mut used = 0;
        while index < parameters.len() {
            let kind = match parameters[index].kind {
                Kind::Descriptor => {
                    layout.descriptor = true;
                    SlotKind::Unused
                }
                Kind::Enumeration(_) | Kind::Dependent { .. } => SlotKind::Enumeration,
                Kind::BitSet(_) => SlotKind::BitSet,
                Kind::Typed { .. } => SlotKind::Typed,
                _ => SlotKind::Unused,
            };
            if !matches!(kind, SlotKind::Unused) {
                layout.kinds[used] = kind;
                layout.parameters[used] = index as u8;
                used += 1;
            }
            index += 1;
        }
        layout
    }

    /// The slot of a parameter.
    pub(crate) fn slot(&self, parameter: usize) -> Option<usize> {
        (0..SLOTS).find(|&slot| {
            self.kinds[slot] != SlotKind::Unused && usize::from(self.parameters[slot]) == parameter
        })
    }
}

/// The layout of every call.
pub(crate) const LAYOUTS: [Layout; Call::COUNT] = {
    let mut layouts = [Layout::of(Call::Socket); Call::COUNT];
    let mut index = 0;
    while index < Call::COUNT {
        layouts[index] = Layout::of(Call::ALL[index]);
        index += 1;
    }
    layouts
};
