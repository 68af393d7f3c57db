//! Which parameter is refused, and with which errno.

use crate::{
    call::Call,
    domain::{Kind, denial, signature},
    matcher::{Refusal, descriptor_matches, parameter_matches},
    subject::{Message, Subject},
    tables::{LAYOUTS, Row, Tables},
    value::{Value, value},
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
        Refusal {
            rule: Some(nearest.rule),
            parameter: refused,
            errno: self.errno(nearest, call, refused, subject),
        }
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
                    .all(|test| self.test_matches(test, call, subject))
        })
    }

    fn errno<S: Subject>(&self, nearest: &Row, call: Call, parameter: u8, subject: &S) -> u16 {
        let parameters = signature(call).parameters;
        let register = |index: usize| subject.parameter(index) as u32;
        let (family, kind) = match subject.descriptor() {
            Some(descriptor) => (u32::from(descriptor.family()), u32::from(descriptor.kind())),
            None => (register(0), register(1) & 0xf),
        };
        denial::errno(&denial::Refused {
            call,
            parameter: parameters.get(usize::from(parameter)).map_or("", |parameter| parameter.name),
            value: register(usize::from(parameter)),
            level: register(1),
            family,
            kind,
            address: self.address_refused(nearest, call, parameter, subject),
            payload: self.payload_refused(nearest, call, parameter, subject),
        })
    }

    /// Whether a message would be refused without its name and its control data too, for the netlink messages in it.
    fn payload_refused<S: Subject>(&self, nearest: &Row, call: Call, parameter: u8, subject: &S) -> bool {
        let mut message = None;
        let Value::Message(message, Some(messages)) = value(call, parameter.into(), subject, &mut message)
        else {
            return false;
        };
        let bare = Message { name: None, control: None, control_length: 0, ..*message };
        let bare = Value::Message(&bare, Some(messages));
        let mut tests = self.row_tests(nearest).iter().filter(|test| test.place == parameter);
        tests.any(|test| !self.value_matches(test.pattern, &bare))
    }

    /// Whether it is an address that is refused: the parameter, or the name of a message, which then is refused without its
    /// control data too.
    fn address_refused<S: Subject>(&self, nearest: &Row, call: Call, parameter: u8, subject: &S) -> bool {
        let mut message = None;
        match value(call, parameter.into(), subject, &mut message) {
            Value::Address(_) => true,
            Value::Message(message, _) => {
                let bare = Message { control: None, control_length: 0, ..*message };
                let bare = Value::Message(&bare, None);
                self.row_tests(nearest)
                    .iter()
                    .filter(|test| test.place == parameter)
                    .any(|test| message.name.is_some() && !self.value_matches(test.pattern, &bare))
            }
            _ => false,
        }
    }
}

/// The parameters in the order in which Linux looks at them.
fn order<S: Subject>(call: Call, subject: &S) -> impl Iterator<Item = u8> {
    let count = signature(call).parameters.len();
    let order = denial::order(call, |index| subject.parameter(index) as u32);
    order.iter().copied().filter(move |parameter| usize::from(*parameter) < count)
}
