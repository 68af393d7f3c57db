//! What a rule declares, one by one, and which of it a call makes use of.

use alloc::{format, string::String};
use core::ops::Range;

use crate::{
    call::Call,
    domain::{Kind, signature, structs},
    subject::{ControlHeader, Subject},
    tables::{Alternative, AlternativeKind, Tables},
    value::{Value, value},
};

impl Tables<'_> {
    /// The indices in [`Tables::alternatives`] of what a rule declares.
    #[must_use]
    pub fn alternatives_of(&self, rule: u16) -> Range<usize> {
        let first = self.alternatives.partition_point(|alternative| alternative.rule < rule);
        first..self.alternatives.partition_point(|alternative| alternative.rule <= rule)
    }

    /// The parameter's name, and the fields from it to the value, separated by points: `msg.msg_control`.
    #[must_use]
    pub fn argument(&self, alternative: &Alternative) -> String {
        let call = self.rules.get(usize::from(alternative.rule)).map(|rule| rule.call);
        let parameters = call.map_or(&[][..], |call| signature(call).parameters);
        let name = parameters.get(usize::from(alternative.parameter)).map_or("", |parameter| parameter.name);
        match self.text(alternative.path) {
            "" => String::from(name),
            path => format!("{name}.{path}"),
        }
    }

    /// What a call that the rule admits makes use of, as indices in [`Tables::alternatives`].
    pub fn exercised<'t, S: Subject>(
        &'t self,
        call: Call,
        subject: &'t S,
        rule: u16,
    ) -> impl Iterator<Item = usize> + 't {
        self.alternatives_of(rule).filter(move |index| self.uses(call, subject, &self.alternatives[*index]))
    }

    /// Whether a control message makes use of what is declared.
    pub(crate) fn is_of_control(&self, alternative: &Alternative, header: ControlHeader) -> bool {
        let value = match self.text(alternative.path).rsplit('.').next() {
            Some("cmsg_level") => header.level,
            Some("cmsg_type") => header.kind,
            _ => return false,
        };
        alternative.value == u64::from(value as u32)
    }

    /// Whether a call makes use of what is declared.
    pub fn uses<S: Subject>(&self, call: Call, subject: &S, alternative: &Alternative) -> bool {
        let index = usize::from(alternative.parameter);
        let Some(parameter) = signature(call).parameters.get(index) else { return false };
        let typed = matches!(parameter.kind, Kind::Typed { .. });
        let mut message = None;
        uses(&value(call, index, subject, &mut message), self.text(alternative.path), alternative, typed)
    }
}

fn uses(value: &Value<'_>, path: &str, alternative: &Alternative, typed: bool) -> bool {
    if let Value::Elements(elements) = value {
        return match path {
            "" => alternative.kind != AlternativeKind::Null,
            _ => elements.find(|element| uses(element, path, alternative, typed)).is_some(),
        };
    }
    let (first, rest) = path.split_once('.').unwrap_or((path, ""));
    if !first.is_empty() {
        return structs::ALL
            .iter()
            .filter(|of| value.is_of(of))
            .find_map(|of| of.field(first).map(|(index, _)| (*of, index)))
            .is_some_and(|(of, index)| uses(&value.field(of, index), rest, alternative, typed));
    }
    match (alternative.kind, value) {
        (AlternativeKind::Call, _) => true,
        (AlternativeKind::Null, value) => matches!(value, Value::Absent),
        (AlternativeKind::Descriptor, Value::Descriptor(descriptor, _)) => {
            let is = |part: u64, actual: u64| part == 0xffff || part == actual;
            is(alternative.value & 0xffff, descriptor.family().into())
                && is(alternative.value >> 16 & 0xffff, descriptor.kind().into())
        }
        // The type of a socket has its flags in the same argument.
        (AlternativeKind::Member, Value::Number(number)) if typed => number & 0xf == alternative.value & 0xf,
        (AlternativeKind::Member, Value::Number(number)) => *number == alternative.value,
        // An option's value is an int.
        (AlternativeKind::Member, Value::Memory(bytes)) => bytes
            .first_chunk()
            .is_some_and(|bytes| u64::from(u32::from_ne_bytes(*bytes)) == alternative.value),
        (AlternativeKind::Flag, Value::Number(number)) => number & alternative.value == alternative.value,
        _ => false,
    }
}
