//! Further tests that come to a test of one word.

use super::build::Builder;
use crate::{
    call::Call,
    domain::{Field, StructId, structs},
    tables::{LAYOUTS, Pattern, Shape, Source, Test},
};

impl Builder {
    /// The [`Row::shortcut`](crate::tables::Row::shortcut) of a row of `call` with these tests.
    pub(super) fn shortcut(&self, call: Call, tests: &[Test]) -> u64 {
        let [Test { place, pattern: Pattern::Struct(shapes) }] = tests else { return 0 };
        let Some(shapes) = self.shapes.get(shapes.range()) else { return 0 };
        match LAYOUTS[call.index()].sources[usize::from(*place)] {
            Source::Address => shapes.iter().fold(0, |families, shape| families | self.families(shape)),
            Source::Message => u64::from(shapes.iter().any(|shape| self.wants_no_control(shape))),
            _ => 0,
        }
    }

    /// The families that make an address match, whatever else is in it; none where more than the family is tested.
    fn families(&self, shape: &Shape) -> u64 {
        let of = structs::by_id(shape.of);
        let own = |family: &u64| of.family.is_none_or(|own| u64::from(own) == *family);
        let Some(tests) = self.tests.get(shape.tests.range()) else { return 0 };
        let mut families = (0..64).filter(own).fold(0, |set, family| set | 1 << family);
        for test in tests {
            let field = of.fields.get(usize::from(test.place));
            let (Some(Field { offset: 0, .. }), Pattern::Scalar(windows)) = (field, test.pattern) else {
                return 0;
            };
            let Some(windows) = self.windows.get(windows.range()) else { return 0 };
            let listed = |family: &u64| windows.iter().any(|window| window.admits(*family));
            families &= (0..64).filter(listed).fold(0, |set, family| set | 1 << family);
        }
        families
    }

    /// Whether a message matches that has no control data, whatever else is in it.
    fn wants_no_control(&self, shape: &Shape) -> bool {
        let control = |test: &Test| {
            let field = structs::by_id(shape.of).fields.get(usize::from(test.place));
            field.is_some_and(|field| field.name == "msg_control")
        };
        shape.of == StructId::Msghdr
            && self.tests.get(shape.tests.range()).is_some_and(|tests| tests.iter().all(control))
    }
}
