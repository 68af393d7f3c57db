//! Compiled rules.
//!
//! Everything is flat and refers by index, so that the same [`Tables`] are lent by an owned [`Profile`](crate::Profile)
//! in tools and are a `static` in the kernel. A rule becomes one [`Row`] per alternative of its descriptor (and per window
//! of 64 values of an enumeration): a call conforms when one row of its call matches.

use crate::{
    call::Call,
    domain::{Kind, Parameter, StructId, signature},
};

/// A test of one value, or of two side by side, among few: `t = x - base` has no bit of `outside`, and bit `t % 64` of
/// `set` is set.
///
/// A call has up to two enumerations. With two (the level and the option, the family and the protocol), the first is the
/// upper half of `x` and the second the lower; a row has one value of the first, or any.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Choice {
    /// Subtracted first, wrapping around.
    pub base: u64,
    /// Bits of the difference that must be 0.
    pub outside: u64,
    /// Which of the 64 values that the low six bits make are admitted.
    pub set: u64,
}

impl Choice {
    /// Admits everything.
    pub const ANY: Self = Self { base: 0, outside: 0, set: u64::MAX };

    /// Whether the value is admitted.
    #[inline(always)]
    #[must_use]
    pub const fn admits(self, value: u64) -> bool {
        let offset = value.wrapping_sub(self.base);
        offset & self.outside == 0 && (self.set >> (offset & 63)) & 1 != 0
    }

    /// Whether the upper half alone is admitted.
    #[must_use]
    pub const fn admits_upper(self, value: u32) -> bool {
        self.outside >> 32 == 0 || self.base >> 32 == value as u64
    }

    /// Whether the lower half alone is admitted.
    #[must_use]
    pub const fn admits_lower(self, value: u32) -> bool {
        let offset = value.wrapping_sub(self.base as u32);
        offset & self.outside as u32 == 0 && (self.set >> (offset & 63)) & 1 != 0
    }
}

/// A test of a bit set, or of a socket type with its flags.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bits {
    /// Bits that must be 0.
    pub forbidden: u32,
    /// Which types, the low four bits of the value, are admitted; none in a row with further tests, so that no value
    /// passes without these.
    pub types: u32,
    /// The types of a row with further tests.
    pub further: u32,
}

impl Bits {
    /// Admits everything.
    pub const ANY: Self = Self { forbidden: 0, types: u32::MAX, further: 0 };

    /// The types that a row without further tests admits.
    #[inline(always)]
    #[must_use]
    pub const fn plain(self) -> u32 {
        self.types
    }

    /// The types, whatever further tests there are.
    #[must_use]
    pub const fn all(self) -> u32 {
        self.types | self.further
    }

    /// The same for a row with further tests.
    #[must_use]
    pub const fn with_further_tests(self) -> Self {
        Self { types: 0, further: self.types, ..self }
    }
}

/// One conjunction: a cache line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(C, align(64))]
pub struct Row {
    /// One-hot bits of the socket (families, then types) that must not be there; the highest bit where there are further
    /// tests.
    pub forbidden: u64,
    /// The test of the call's enumerations.
    pub choice: Choice,
    /// The test of the call's bit set or socket type.
    pub bits: Bits,
    /// The index in [`Tables::rules`].
    pub rule: u16,
    /// How many further tests in [`Tables::tests`] there are.
    pub tests: u16,
    /// Where these begin.
    pub first: u32,
    /// What the further tests come to, where that is quickly said; 0 where it is not. For an address: its family, bit by
    /// number, is one of these. For a message: see
    /// [`Row::shortcut_to_envelopes`] and [`Row::shortcut_to_control`].
    pub shortcut: u64,
}

impl Row {
    /// In the shortcut of a message: what follows is of [`Tables::choices`].
    const ONLY_CONTROL: u64 = 1 << 63;

    /// The shortcut of a row with these alternatives of a message, of [`Tables::envelopes`].
    #[must_use]
    pub const fn shortcut_to_envelopes(envelopes: Span) -> u64 {
        (envelopes.first as u64) << 16 | envelopes.count as u64
    }

    /// The shortcut of a row that admits any name, and control messages that are listed in [`Tables::choices`].
    #[must_use]
    pub const fn shortcut_to_control(choices: Span) -> u64 {
        Self::shortcut_to_envelopes(choices) | Self::ONLY_CONTROL
    }

    /// Whether the shortcut of a message is one to control messages.
    #[inline(always)]
    pub(crate) const fn only_control(&self) -> bool {
        self.shortcut & Self::ONLY_CONTROL != 0
    }

    /// Where the shortcut of a message leads. A message without name and control data matches wherever there is one.
    #[inline(always)]
    pub(crate) const fn shortcut_span(&self) -> Span {
        Span { first: (self.shortcut >> 16) as u16, count: self.shortcut as u16 }
    }

    /// Matches nothing: stands where a call has no rule.
    pub const NONE: Self = Self {
        forbidden: u64::MAX,
        choice: Choice { base: 0, outside: u64::MAX, set: 0 },
        bits: Bits { forbidden: u32::MAX, types: 0, further: 0 },
        rule: u16::MAX,
        tests: u16::MAX,
        first: 0,
        shortcut: 0,
    };
}

/// A test of what needs more than a register: what lies behind a pointer, the state of a socket, a 64-bit number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Test {
    /// Which parameter, or which field of the struct that the test stands in.
    pub place: u8,
    /// What it has to be.
    pub pattern: Pattern,
}

/// What a value has to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pattern {
    /// Absent.
    Null,
    /// Absent, or one of these of [`Tables::windows`] has it.
    Scalar(Span),
    /// Absent, or of one of these of [`Tables::shapes`].
    Struct(Span),
    /// Absent, or each element matches one of these of [`Tables::patterns`].
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

/// As [`Choice`], for one value beyond the row; or a bit set, with every bit of `set`.
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

/// One alternative of a message of which only the family of its name and its control messages are tested.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Envelope {
    /// Which families the name may have, bit by number; the highest bit stands for all from 63 on.
    pub families: u64,
    /// What may be in the control data.
    pub control: Control,
}

impl Envelope {
    /// Whether a name of the family is admitted.
    #[inline(always)]
    #[must_use]
    pub const fn admits_name(&self, family: u16) -> bool {
        let bit = if family < 63 { family } else { 63 };
        self.families >> bit & 1 != 0
    }
}

/// Which control messages there may be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Control {
    /// Any.
    Any,
    /// There is no control data.
    Absent,
    /// Each is admitted by one of these of [`Tables::choices`]: the level is the upper half, the type the lower.
    These(Span),
}

/// A piece of [`Tables::strings`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
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
    /// Which control messages a receiving call that the rule admits may be given.
    pub delivers: Control,
}

/// One thing that a rule declares: a member of an enumeration, a flag, a struct's alternative value.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
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
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
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
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Tables<'a> {
    /// For each call, its first row, or [`Row::NONE`]: most calls have one, and it is found without a load.
    pub first: [Row; Call::COUNT],
    /// For each call, its rows.
    pub rows: [&'a [Row]; Call::COUNT],
    /// Tests beyond the rows.
    pub tests: &'a [Test],
    /// Alternatives of the elements of arrays.
    pub patterns: &'a [Pattern],
    /// Alternatives of structs.
    pub shapes: &'a [Shape],
    /// Alternatives of scalars.
    pub windows: &'a [Window],
    /// Alternatives of messages.
    pub envelopes: &'a [Envelope],
    /// Alternatives of control messages.
    pub choices: &'a [Choice],
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

/// Which parameters the tests of a row look at: derived from the signature, and constant where the call is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout {
    /// Whether there is a descriptor.
    pub(crate) descriptor: bool,
    /// The enumeration in the upper half of the choice.
    pub(crate) upper: Option<u8>,
    /// The enumeration in the lower half.
    pub(crate) lower: Option<u8>,
    /// The bit set.
    pub(crate) bits: Option<u8>,
    /// The socket type.
    pub(crate) typed: Option<u8>,
    /// Where the value of each parameter comes from, for further tests.
    pub(crate) sources: [Source; 6],
    /// Whether one of them is an address, which then has a [`Row::shortcut`].
    pub(crate) address: bool,
    /// The same of a message.
    pub(crate) message: bool,
}

/// Where the value of a parameter comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Source {
    /// The bits of the register.
    Number(u64),
    Descriptor,
    Address,
    Message,
    /// What it points to.
    Memory,
    /// Elements of that size, in bytes.
    Elements(u16),
    /// Messages of a protocol.
    Payload,
    /// Nothing is known but whether it is NULL.
    Pointer,
    /// There is no such parameter.
    Nothing,
}

impl Source {
    const fn of(parameter: &Parameter) -> Self {
        match parameter.kind {
            Kind::Descriptor => Self::Descriptor,
            Kind::Enumeration(_)
            | Kind::Dependent { .. }
            | Kind::BitSet(_)
            | Kind::Typed { .. }
            | Kind::Integer => Self::Number(parameter.width.mask()),
            Kind::Struct { types, out: false } => match types[0].id {
                StructId::Sockaddr => Self::Address,
                StructId::Msghdr => Self::Message,
                _ => Self::Memory,
            },
            Kind::Array { of, out: false } => match of.id {
                StructId::Mmsghdr => Self::Message,
                _ => Self::Elements(of.size as u16),
            },
            Kind::OptionValue { out: false, .. } => Self::Memory,
            Kind::Payload(_) => Self::Payload,
            Kind::Struct { .. }
            | Kind::Array { .. }
            | Kind::OptionValue { .. }
            | Kind::Buffer
            | Kind::Path => Self::Pointer,
        }
    }
}

impl Layout {
    const fn of(call: Call) -> Self {
        let sources = [Source::Nothing; 6];
        let mut layout = Self {
            descriptor: false,
            upper: None,
            lower: None,
            bits: None,
            typed: None,
            sources,
            address: false,
            message: false,
        };
        let parameters = signature(call).parameters;
        let mut index = 0;
        while index < parameters.len() {
            let here = Some(index as u8);
            layout.sources[index] = Source::of(&parameters[index]);
            match layout.sources[index] {
                Source::Address => layout.address = true,
                Source::Message => layout.message = true,
                _ => {}
            }
            match parameters[index].kind {
                Kind::Descriptor => layout.descriptor = true,
                Kind::Enumeration(_) | Kind::Dependent { .. } => {
                    assert!(layout.upper.is_none(), "a call has at most two enumerations");
                    layout.upper = layout.lower;
                    layout.lower = here;
                }
                Kind::BitSet(_) => {
                    assert!(layout.bits.is_none(), "a call has at most one bit set");
                    layout.bits = here;
                }
                Kind::Typed { .. } => layout.typed = here,
                _ => {}
            }
            index += 1;
        }
        assert!(layout.bits.is_none() || layout.typed.is_none(), "a row has room for one of them");
        layout
    }
}

/// The layout of every call.
pub(crate) static LAYOUTS: [Layout; Call::COUNT] = {
    let mut layouts = [Layout::of(Call::Socket); Call::COUNT];
    let mut index = 0;
    while index < Call::COUNT {
        layouts[index] = Layout::of(Call::ALL[index]);
        index += 1;
    }
    layouts
};
