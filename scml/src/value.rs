//! Values beyond registers, as far as patterns look into them.

use alloc::{format, string::String, vec::Vec};

use crate::{
    call::Call,
    domain::{Field, Kind, Struct, StructId, signature, structs},
    explain::show_control,
    subject::{Address, ControlHeader, Descriptor, Message, Subject},
    tables::{Pattern, Row, Span, Tables, Test},
};

impl Tables<'_> {
    /// All further tests of a row.
    pub(crate) fn tests_match<S: Subject>(&self, row: &Row, call: Call, subject: &S) -> bool {
        self.row_tests(row).iter().all(|test| self.test_matches(*test, call, subject))
    }

    pub(crate) fn row_tests(&self, row: &Row) -> &[Test] {
        let first = row.first as usize;
        self.tests.get(first..first + usize::from(row.tests)).unwrap_or_default()
    }

    /// One test of a parameter.
    pub(crate) fn test_matches<S: Subject>(&self, test: Test, call: Call, subject: &S) -> bool {
        let Some(pattern) = self.patterns.get(usize::from(test.pattern)) else { return false };
        self.value_matches(*pattern, &value(call, usize::from(test.place), subject))
    }

    pub(crate) fn value_matches(&self, pattern: Pattern, value: &Value<'_>) -> bool {
        match (pattern, value) {
            (Pattern::Any, _) | (_, Value::Absent) => true,
            (Pattern::Scalar(span), Value::Number(number)) => {
                self.windows.get(span.range()).unwrap_or_default().iter().any(|window| window.admits(*number))
            }
            (Pattern::Scalar(span), Value::Memory(bytes)) => match read(bytes, 0, 4, false) {
                Some(number) => self.value_matches(Pattern::Scalar(span), &Value::Number(number)),
                None => false,
            },
            (Pattern::Struct(span), value) => self
                .shapes
                .get(span.range())
                .unwrap_or_default()
                .iter()
                .any(|shape| self.shape_matches(structs::by_id(shape.of), shape.tests, value)),
            (Pattern::Array(span), Value::Elements(elements)) => {
                elements.all(|element| self.any_matches(span, element))
            }
            (Pattern::Array(span), value) => self.any_matches(span, value),
            (Pattern::Null | Pattern::Scalar(_), _) => false,
        }
    }

    fn any_matches(&self, patterns: Span, value: &Value<'_>) -> bool {
        self.patterns
            .get(patterns.range())
            .unwrap_or_default()
            .iter()
            .any(|pattern| self.value_matches(*pattern, value))
    }

    fn shape_matches(&self, of: &'static Struct, tests: Span, value: &Value<'_>) -> bool {
        if let (Some(family), Value::Address(address)) = (of.family, value)
            && address.family() != family
        {
            return false;
        }
        self.tests.get(tests.range()).unwrap_or_default().iter().all(|test| {
            let (Some(field), Some(pattern)) =
                (of.fields.get(usize::from(test.place)), self.patterns.get(usize::from(test.pattern)))
            else {
                return false;
            };
            self.value_matches(*pattern, &value.field(field, usize::from(test.place)))
        })
    }
}

/// A value as far as a pattern can look into it.
pub(crate) enum Value<'s> {
    Absent,
    Number(u64),
    /// The state is asked for only where a pattern does.
    Descriptor(Descriptor, &'s dyn Subject),
    Address(Address<'s>),
    Message(Message<'s>),
    Control(ControlHeader),
    Memory(&'s [u8]),
    Elements(Elements<'s>),
    /// There is something, of which nothing is known.
    Present,
}

/// The elements of an array.
pub(crate) enum Elements<'s> {
    Controls(&'s [ControlHeader]),
    Memory(&'s [u8], usize),
}

impl<'s> Elements<'s> {
    fn all(&self, mut matches: impl FnMut(&Value<'_>) -> bool) -> bool {
        match self {
            Self::Controls(headers) => headers.iter().all(|header| matches(&Value::Control(*header))),
            Self::Memory(bytes, size) => bytes.chunks(*size).all(|element| matches(&Value::Memory(element))),
        }
    }

    /// The first element that is wanted.
    pub(crate) fn find(&self, wanted: impl Fn(&Value<'_>) -> bool) -> Option<Value<'s>> {
        match self {
            Self::Controls(headers) => headers.iter().map(|header| Value::Control(*header)).find(wanted),
            Self::Memory(bytes, size) => bytes.chunks(*size).map(Value::Memory).find(wanted),
        }
    }

    /// For messages.
    pub(crate) fn show(&self) -> String {
        match self {
            Self::Controls(headers) => {
                let shown: Vec<_> =
                    headers.iter().map(|header| show_control(header.level, header.kind)).collect();
                format!("[{}]", shown.join(", "))
            }
            Self::Memory(..) => String::from("[..]"),
        }
    }
}

/// What a parameter is worth to a pattern.
pub(crate) fn value<S: Subject>(call: Call, index: usize, subject: &S) -> Value<'_> {
    let Some(parameter) = signature(call).parameters.get(index) else { return Value::Absent };
    let register = subject.parameter(index) & parameter.width.mask();
    let presence = if register == 0 { Value::Absent } else { Value::Present };
    match parameter.kind {
        Kind::Descriptor => match subject.descriptor() {
            Some(descriptor) => Value::Descriptor(descriptor, subject),
            None => Value::Present,
        },
        Kind::Struct { types, out: false } if types[0].id == structs::SOCKADDR.id => {
            subject.address().map_or(Value::Absent, Value::Address)
        }
        Kind::Struct { types, out: false } if types[0].id == structs::MSGHDR_SENT.id => {
            subject.message().map_or(Value::Absent, Value::Message)
        }
        Kind::Array { of, out: false } if of.id == structs::MMSGHDR_SENT.id => {
            subject.message().map_or(Value::Absent, Value::Message)
        }
        Kind::Struct { out: false, .. } | Kind::OptionValue { out: false, .. } => {
            subject.memory(index).map_or(Value::Absent, Value::Memory)
        }
        Kind::Array { of, out: false } => subject
            .memory(index)
            .map_or(Value::Absent, |bytes| Value::Elements(Elements::Memory(bytes, of.size))),
        Kind::Struct { .. } | Kind::Array { .. } | Kind::OptionValue { .. } | Kind::Buffer | Kind::Path => {
            presence
        }
        Kind::Enumeration(_)
        | Kind::Dependent { .. }
        | Kind::BitSet(_)
        | Kind::Typed { .. }
        | Kind::Integer => Value::Number(register),
    }
}

impl<'s> Value<'s> {
    /// Whether the value is a struct of that type, as far as that is known.
    pub(crate) fn is_of(&self, of: &Struct) -> bool {
        match self {
            Self::Descriptor(..) => of.id == StructId::Descriptor,
            Self::Address(_) => structs::ADDRESSES.iter().any(|address| address.id == of.id),
            Self::Message(_) => matches!(of.id, StructId::Msghdr | StructId::Mmsghdr),
            Self::Control(_) => of.id == StructId::Cmsghdr,
            Self::Memory(_) => true,
            Self::Absent | Self::Number(_) | Self::Elements(_) | Self::Present => false,
        }
    }

    /// What a field is worth to a pattern.
    pub(crate) fn field(&self, field: &Field, index: usize) -> Value<'s> {
        match self {
            Self::Descriptor(descriptor, subject) => Value::Number(match index {
                0 => u64::from(descriptor.family()),
                1 => u64::from(descriptor.kind()),
                2 => u64::from(descriptor.protocol()),
                _ => subject.state() as u64,
            }),
            Self::Address(address) => scalar(address.bytes, field),
            Self::Memory(bytes) => scalar(bytes, field),
            Self::Control(header) => Value::Number(match index {
                0 => header.length as u64,
                1 => u64::from(header.level as u32),
                _ => u64::from(header.kind as u32),
            }),
            Self::Message(message) => match field.name {
                "msg_hdr" => Value::Message(*message),
                "msg_name" => message.name.map_or(Value::Absent, Value::Address),
                "msg_namelen" => Value::Number(message.name.map_or(0, |name| name.bytes.len()) as u64),
                "msg_iovlen" => Value::Number(message.parts as u64),
                "msg_control" => message
                    .control
                    .map_or(Value::Absent, |headers| Value::Elements(Elements::Controls(headers))),
                "msg_controllen" => Value::Number(message.control_length as u64),
                "msg_flags" => Value::Number(u64::from(message.flags)),
                _ => Value::Present,
            },
            Self::Absent | Self::Number(_) | Self::Elements(_) | Self::Present => Value::Present,
        }
    }
}

fn scalar<'s>(bytes: &[u8], field: &Field) -> Value<'s> {
    match read(bytes, field.offset, field.width.bytes(), field.network_order) {
        Some(number) => Value::Number(number),
        None => Value::Present,
    }
}

/// A number of one to eight bytes.
fn read(bytes: &[u8], offset: usize, width: usize, network_order: bool) -> Option<u64> {
    let bytes = bytes.get(offset..offset.checked_add(width)?)?;
    let fold = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
    Some(if network_order || cfg!(target_endian = "big") {
        bytes.iter().fold(0, fold)
    } else {
        bytes.iter().rev().fold(0, fold)
    })
}
