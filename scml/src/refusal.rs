//! Which parameter is refused, and with which errno.

use crate::{
    call::Call,
    domain::{Kind, denial, signature},
    matcher::{Refusal, descriptor_matches, parameter_matches},
    subject::Subject,
    tables::{LAYOUTS, Row, Tables},
};

impl Tables<'_> {
    /// Why no rule matches. The parameters are looked at in Linux's order; each leaves fewer rules, and the one that
    /// leaves none is the one that is refused.
    pub(crate) fn refusal<S: Subject>(&self, call: Call, subject: &S) -> Refusal {
        let rows = self.rows[call.index()];
        let Some(first) = rows.first() else {
            return Refusal { rule: None, parameter: 0, errno: denial::NO_RULE };
        };
        let mut checked = 0;
        let mut nearest = first;
        let mut refused = 0;
        for parameter in order(call, subject) {
            checked |= 1_u8 << parameter;
            refused = parameter;
            match rows.iter().find(|row| self.row_admits(row, call, subject, checked)) {
                Some(row) => nearest = row,
                None => break,
            }
        }
        Refusal { rule: Some(nearest.rule), parameter: refused, errno: self.errno(call, refused, subject) }
    }

    /// The rows that admit all parameters before the one that was refused.
    pub(crate) fn left<S: Subject>(
        &self,
        call: Call,
        subject: &S,
        refused: u8,
    ) -> impl Iterator<Item = &Row> {
        let before = order(call, subject).take_while(|parameter| *parameter != refused);
        let checked = before.fold(0, |checked, parameter| checked | 1_u8 << parameter);
        self.rows[call.index()].iter().filter(move |row| self.row_admits(row, call, subject, checked))
    }

    /// Whether the row admits the parameters of the mask.
    fn row_admits<S: Subject>(&self, row: &Row, call: Call, subject: &S, parameters: u8) -> bool {
        let layout = &LAYOUTS[call.index()];
        (0..signature(call).parameters.len()).filter(|index| parameters & 1 << index != 0).all(|index| {
            let in_row = match signature(call).parameters[index].kind {
                Kind::Descriptor => descriptor_matches(row, subject),
                _ => parameter_matches(row, layout, index as u8, subject),
            };
            in_row
                && self
                    .row_tests(row)
                    .iter()
                    .filter(|test| usize::from(test.place) == index)
                    .all(|test| self.test_matches(*test, call, subject))
        })
    }

    fn errno<S: Subject>(&self, call: Call, parameter: u8, subject: &S) -> u16 {
        let parameters = signature(call).parameters;
        let register = |index: usize| subject.parameter(index) as u32;
        let family = match subject.descriptor() {
            Some(descriptor) => u32::from(descriptor.family()),
            None => register(0),
        };
        denial::errno(&denial::Refused {
            call,
            parameter: parameters.get(usize::from(parameter)).map_or("", |parameter| parameter.name),
            value: register(usize::from(parameter)),
            level: register(1),
            family,
        })
    }
}

/// The parameters in the order in which Linux looks at them.
fn order<S: Subject>(call: Call, subject: &S) -> impl Iterator<Item = u8> {
    let count = signature(call).parameters.len();
    let order = denial::order(call, |index| subject.parameter(index) as u32);
    order.iter().copied().filter(move |parameter| usize::from(*parameter) < count)
}
