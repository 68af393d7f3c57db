//! Further tests that come to tests of a few words.

use alloc::vec::Vec;

use super::build::Builder;
use crate::{
    call::Call,
    domain::{Field, StructId, structs},
    tables::{Choice, Control, Envelope, LAYOUTS, Pattern, Row, Shape, Source, Span, Test},
};

/// The bits that a type must not have beyond those of a window's first value.
const WINDOW: u32 = !63;

/// Bit 63 of [`Envelope::families`] stands for all families from there on.
const FAMILIES: u64 = 64;

impl Builder {
    /// The [`Row::shortcut`](crate::tables::Row::shortcut) of a row of `call` with these tests.
    pub(super) fn shortcut(&mut self, call: Call, tests: &[Test]) -> u64 {
        let [Test { place, pattern }] = tests else { return 0 };
        match (LAYOUTS[call.index()].sources[usize::from(*place)], *pattern) {
            (Source::Address, Pattern::Struct(_)) => {
                // An address has its own test, of families that have a bit of their own.
                self.families(*pattern).unwrap_or_default() & !(1 << 63)
            }
            (Source::Message, pattern) => match self.message(pattern).as_deref() {
                Some([Envelope { families: u64::MAX, control: Control::These(choices) }]) => {
                    Row::shortcut_to_control(*choices)
                }
                Some(envelopes) => Row::shortcut_to_envelopes(self.envelopes(envelopes)),
                None => 0,
            },
            _ => 0,
        }
    }

    /// The families that make an address match, whatever else is in it; `None` where more than the family is tested.
    fn families(&self, pattern: Pattern) -> Option<u64> {
        let shapes = match pattern {
            Pattern::Any => return Some(u64::MAX),
            Pattern::Null => return Some(0),
            Pattern::Struct(shapes) => self.shapes.get(shapes.range())?,
            Pattern::Scalar(_) | Pattern::Array(_) => return None,
        };
        shapes.iter().try_fold(0, |families, shape| Some(families | self.families_of(shape)?))
    }

    fn families_of(&self, shape: &Shape) -> Option<u64> {
        let of = structs::by_id(shape.of);
        let own = |family: &u64| of.family.is_none_or(|own| u64::from(own) == *family);
        let mut families = (0..FAMILIES).filter(own).fold(0, |set, family| set | 1 << family);
        for test in self.tests.get(shape.tests.range())? {
            let field = of.fields.get(usize::from(test.place));
            let (Some(Field { offset: 0, .. }), Pattern::Scalar(windows)) = (field, test.pattern) else {
                return None;
            };
            let windows = self.windows.get(windows.range())?;
            let listed = |family: &u64| windows.iter().any(|window| window.admits(*family));
            // Families that a rule gives by numbers beyond all that there are stay with the full test.
            families &= (0..FAMILIES - 1).filter(listed).fold(0, |set, family| set | 1 << family);
        }
        Some(families)
    }

    /// The alternatives of a message; `None` where more than name and control data is tested.
    fn message(&mut self, pattern: Pattern) -> Option<Vec<Envelope>> {
        let shapes: Vec<Shape> = match pattern {
            Pattern::Struct(shapes) => self.shapes.get(shapes.range())?.to_vec(),
            // Messages by the vector are judged one by one.
            Pattern::Array(patterns) => {
                let patterns = self.patterns.get(patterns.range())?.to_vec();
                let envelopes: Option<Vec<_>> =
                    patterns.into_iter().map(|pattern| self.message(pattern)).collect();
                return Some(envelopes?.concat());
            }
            Pattern::Any | Pattern::Null | Pattern::Scalar(_) => return None,
        };
        let mut envelopes = Vec::new();
        for shape in shapes {
            let tests = self.tests.get(shape.tests.range())?.to_vec();
            match (shape.of, &tests[..]) {
                (StructId::Mmsghdr, [Test { place: 0, pattern }]) => {
                    envelopes.extend(self.message(*pattern)?);
                }
                (StructId::Msghdr, tests) => envelopes.push(self.envelope(tests)?),
                _ => return None,
            }
        }
        Some(envelopes)
    }

    fn envelope(&mut self, tests: &[Test]) -> Option<Envelope> {
        let mut envelope = Envelope { families: u64::MAX, control: Control::Any };
        for test in tests {
            match structs::MSGHDR_SENT.fields.get(usize::from(test.place))?.name {
                "msg_name" => envelope.families = self.families(test.pattern)?,
                "msg_control" => envelope.control = self.control(test.pattern)?,
                _ => return None,
            }
        }
        Some(envelope)
    }

    /// The control messages that a pattern admits; `None` where more than level and type is tested.
    pub(super) fn control(&mut self, pattern: Pattern) -> Option<Control> {
        let elements = match pattern {
            Pattern::Any => return Some(Control::Any),
            Pattern::Null => return Some(Control::Absent),
            Pattern::Array(elements) => self.patterns.get(elements.range())?,
            Pattern::Scalar(_) | Pattern::Struct(_) => return None,
        };
        let mut choices = Vec::new();
        for element in elements {
            let Pattern::Struct(shapes) = element else { return None };
            for shape in self.shapes.get(shapes.range())? {
                choices.extend(self.control_message(shape)?);
            }
        }
        Some(Control::These(self.choices(&merged(choices))))
    }

    /// What one or the other admits.
    pub(super) fn either(&mut self, one: Control, other: Control) -> Control {
        match (one, other) {
            (Control::Any, _) | (_, Control::Any) => Control::Any,
            (Control::Absent, control) | (control, Control::Absent) => control,
            (Control::These(one), Control::These(other)) => {
                let choices = [one, other].map(|span| &self.choices[span.range()]).concat();
                Control::These(self.choices(&merged(choices)))
            }
        }
    }

    /// Each level with each window of types.
    fn control_message(&self, shape: &Shape) -> Option<Vec<Choice>> {
        let (mut levels, mut types) = (None, None);
        for test in self.tests.get(shape.tests.range())? {
            let Pattern::Scalar(windows) = test.pattern else { return None };
            match structs::CMSGHDR.fields.get(usize::from(test.place))?.name {
                "cmsg_level" => levels = Some(self.values(windows)?),
                "cmsg_type" => types = Some(self.windows.get(windows.range())?),
                _ => return None,
            }
        }
        let levels: Vec<(u64, u64)> = match levels {
            Some(levels) => levels.into_iter().map(|level| (level << 32, 0xffff_ffff << 32)).collect(),
            None => alloc::vec![(0, 0)],
        };
        let types: Vec<(u64, u64, u64)> = match types {
            Some(windows) => windows
                .iter()
                // No window reaches around the end of the types.
                .map(|window| {
                    (window.base <= WINDOW.into()).then_some((window.base, WINDOW.into(), window.set))
                })
                .collect::<Option<_>>()?,
            None => alloc::vec![(0, 0, u64::MAX)],
        };
        let choices = levels.iter().flat_map(|(level, upper)| {
            types.iter().map(move |(base, lower, set)| Choice {
                base: level | base,
                outside: upper | lower,
                set: *set,
            })
        });
        Some(choices.collect())
    }

    /// The values that windows of an enumeration list.
    fn values(&self, windows: Span) -> Option<Vec<u64>> {
        let windows = self.windows.get(windows.range())?;
        let values = windows
            .iter()
            .flat_map(|window| (0..64).filter(|bit| window.set >> bit & 1 != 0).map(|bit| window.base + bit));
        Some(values.collect())
    }
}

/// The same with as few as possible: those that only list other values of one window are one.
fn merged(mut choices: Vec<Choice>) -> Vec<Choice> {
    choices.sort_by_key(|choice| (choice.base, choice.outside));
    choices.dedup_by(|next, kept| {
        let distance = next.base.wrapping_sub(kept.base);
        let narrow = next.outside as u32 == WINDOW && next.outside == kept.outside;
        let fits = narrow && distance < 64 && u64::from(next.set.leading_zeros()) >= distance;
        if fits {
            kept.set |= next.set << distance;
        }
        fits
    });
    choices
}
