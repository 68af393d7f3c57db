//! Values beyond registers, as far as patterns look into them.

use alloc::{format, string::String, vec::Vec};

use crate::{
    call::Call,
    domain::{Struct, StructId, Width, structs},
    explain::show_control,
    netlink::{self, Attributes, Messages},
    subject::{Address, ControlHeader, Descriptor, Message, Subject},
    tables::{LAYOUTS, Pattern, Row, Shape, Source, Span, Tables, Test},
};

impl Tables<'_> {
    pub(crate) fn row_tests(&self, row: &Row) -> &[Test] {
        let first = row.first as usize;
        self.tests.get(first..first + usize::from(row.tests)).unwrap_or_default()
    }

    /// One test of a parameter.
    #[inline(always)]
    pub(crate) fn test_matches<S: Subject>(&self, test: &Test, call: Call, subject: &S) -> bool {
        let mut message = None;
        self.value_matches(test.pattern, &value(call, usize::from(test.place), subject, &mut message))
    }

    #[inline(always)]
    pub(crate) fn value_matches(&self, pattern: Pattern, value: &Value<'_>) -> bool {
        matches!(value, Value::Absent)
            || match pattern {
                Pattern::Any => true,
                Pattern::Null => false,
                Pattern::Scalar(span) => self.scalar_matches(span, value),
                Pattern::Struct(span) => self.struct_matches(span, value),
                Pattern::Array(span) => self.array_matches(span, value),
            }
    }

    #[inline(always)]
    fn scalar_matches(&self, windows: Span, value: &Value<'_>) -> bool {
        let number = match value {
            Value::Number(number) => *number,
            // An option's value is an int.
            Value::Memory(bytes) => match bytes.first_chunk() {
                Some(bytes) => u64::from(u32::from_ne_bytes(*bytes)),
                None => return false,
            },
            _ => return false,
        };
        self.windows.get(windows.range()).unwrap_or_default().iter().any(|window| window.admits(number))
    }

    #[inline(never)]
    fn struct_matches(&self, shapes: Span, value: &Value<'_>) -> bool {
        self.shapes
            .get(shapes.range())
            .unwrap_or_default()
            .iter()
            .any(|shape| self.shape_matches(shape, value))
    }

    #[inline(always)]
    fn shape_matches(&self, shape: &Shape, value: &Value<'_>) -> bool {
        let of = structs::by_id(shape.of);
        if let (Some(family), Value::Address(address)) = (of.family, value)
            && address.family() != family
        {
            return false;
        }
        let tests = self.tests.get(shape.tests.range()).unwrap_or_default();
        tests.iter().all(|test| self.value_matches(test.pattern, &value.field(of, usize::from(test.place))))
    }

    #[inline(never)]
    fn array_matches(&self, patterns: Span, value: &Value<'_>) -> bool {
        let patterns = self.patterns.get(patterns.range()).unwrap_or_default();
        let any = |value: &Value<'_>| patterns.iter().any(|pattern| self.value_matches(*pattern, value));
        match value {
            Value::Elements(elements) => elements.all(any),
            value => any(value),
        }
    }
}

/// A value as far as a pattern can look into it.
pub(crate) enum Value<'s> {
    Absent,
    Number(u64),
    /// The state is asked for only where a pattern does.
    Descriptor(Descriptor, &'s dyn Subject),
    Address(Address<'s>),
    /// With the netlink messages in it.
    Message(&'s Message<'s>, Option<Messages<'s>>),
    Control(&'s ControlHeader),
    Memory(&'s [u8]),
    Elements(Elements<'s>),
    /// A netlink message, and an attribute of one.
    Netlink(netlink::Message<'s>),
    Attribute(&'s [u8]),
    /// There is something, of which nothing is known.
    Present,
}

/// The elements of an array.
pub(crate) enum Elements<'s> {
    Controls(&'s [ControlHeader]),
    Memory(&'s [u8], usize),
    Netlink(Messages<'s>),
    Attributes(Attributes<'s>),
}

impl<'s> Elements<'s> {
    fn all(&self, mut matches: impl FnMut(&Value<'_>) -> bool) -> bool {
        match self {
            Self::Controls(headers) => headers.iter().all(|header| matches(&Value::Control(header))),
            Self::Memory(bytes, size) => bytes.chunks(*size).all(|element| matches(&Value::Memory(element))),
            Self::Netlink(messages) => messages.clone().all(|message| matches(&Value::Netlink(message))),
            Self::Attributes(attributes) => attributes.clone().all(|bytes| matches(&Value::Attribute(bytes))),
        }
    }

    /// The first element that is wanted.
    pub(crate) fn find(&self, wanted: impl Fn(&Value<'_>) -> bool) -> Option<Value<'s>> {
        match self {
            Self::Controls(headers) => headers.iter().map(Value::Control).find(wanted),
            Self::Memory(bytes, size) => bytes.chunks(*size).map(Value::Memory).find(wanted),
            Self::Netlink(messages) => messages.clone().map(Value::Netlink).find(wanted),
            Self::Attributes(attributes) => attributes.clone().map(Value::Attribute).find(wanted),
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
            Self::Memory(..) | Self::Netlink(_) | Self::Attributes(_) => String::from("[..]"),
        }
    }
}

/// What a parameter is worth to a pattern. A message is kept where the caller says, and lent.
#[inline(always)]
pub(crate) fn value<'s, S: Subject>(
    call: Call,
    index: usize,
    subject: &'s S,
    message: &'s mut Option<Message<'s>>,
) -> Value<'s> {
    let source = LAYOUTS[call.index()].sources.get(index).copied().unwrap_or(Source::Nothing);
    match source {
        Source::Number(mask) => Value::Number(subject.parameter(index) & mask),
        Source::Descriptor => match subject.descriptor() {
            Some(descriptor) => Value::Descriptor(descriptor, subject),
            None => Value::Present,
        },
        Source::Address => subject.address().map_or(Value::Absent, Value::Address),
        Source::Message => {
            *message = subject.message();
            message.as_ref().map_or(Value::Absent, |message| Value::Message(message, messages(subject)))
        }
        Source::Memory => subject.memory(index).map_or(Value::Absent, Value::Memory),
        Source::Elements(size) => subject
            .memory(index)
            .map_or(Value::Absent, |bytes| Value::Elements(Elements::Memory(bytes, usize::from(size)))),
        Source::Payload if subject.parameter(index) == 0 => Value::Absent,
        Source::Payload => {
            messages(subject).map_or(Value::Present, |messages| Value::Elements(Elements::Netlink(messages)))
        }
        Source::Pointer if subject.parameter(index) == 0 => Value::Absent,
        Source::Pointer => Value::Present,
        Source::Nothing => Value::Absent,
    }
}

/// The netlink messages that a call is to send.
fn messages<S: Subject>(subject: &S) -> Option<Messages<'_>> {
    let protocol = subject.descriptor()?.protocol();
    Some(Messages { rest: subject.payload()?, protocol })
}

impl<'s> Value<'s> {
    /// Whether the value is a struct of that type, as far as that is known.
    pub(crate) fn is_of(&self, of: &Struct) -> bool {
        match self {
            Self::Descriptor(..) => of.id == StructId::Descriptor,
            Self::Address(_) => structs::ADDRESSES.iter().any(|address| address.id == of.id),
            Self::Message(..) => matches!(of.id, StructId::Msghdr | StructId::Mmsghdr),
            Self::Control(_) => of.id == StructId::Cmsghdr,
            Self::Memory(_) => true,
            Self::Netlink(_) => of.id == StructId::Nlmsghdr,
            Self::Attribute(_) => of.id == StructId::Nlattr,
            Self::Absent | Self::Number(_) | Self::Elements(_) | Self::Present => false,
        }
    }

    /// What a field is worth to a pattern. `of` is the value's type.
    #[inline(always)]
    pub(crate) fn field(&self, of: &'static Struct, index: usize) -> Value<'s> {
        match self {
            Self::Descriptor(descriptor, subject) => Value::Number(match index {
                0 => u64::from(descriptor.family()),
                1 => u64::from(descriptor.kind()),
                2 => u64::from(descriptor.protocol()),
                _ => subject.state() as u64,
            }),
            // Every address begins with its family.
            Self::Address(address) if index == 0 => Value::Number(u64::from(address.family())),
            Self::Address(Address { bytes }) | Self::Memory(bytes) => scalar(bytes, of, index),
            Self::Control(header) => Value::Number(match index {
                0 => header.length as u64,
                1 => u64::from(header.level as u32),
                _ => u64::from(header.kind as u32),
            }),
            Self::Netlink(message) if index == 5 => {
                Value::Elements(Elements::Attributes(message.attributes()))
            }
            Self::Netlink(message) => scalar(message.bytes, of, index),
            Self::Attribute(bytes) => match scalar(bytes, of, index) {
                Value::Number(number) if index == 1 => Value::Number(number & netlink::TYPE_MASK),
                value => value,
            },
            Self::Message(message, messages) => match (of.id, index) {
                (StructId::Mmsghdr, 0) => Value::Message(message, messages.clone()),
                (StructId::Msghdr, 2) => messages
                    .clone()
                    .map_or(Value::Present, |messages| Value::Elements(Elements::Netlink(messages))),
                (StructId::Msghdr, 0) => message.name.map_or(Value::Absent, Value::Address),
                (StructId::Msghdr, 1) => {
                    Value::Number(message.name.map_or(0, |name| name.bytes.len()) as u64)
                }
                (StructId::Msghdr, 3) => Value::Number(message.parts as u64),
                (StructId::Msghdr, 4) => message
                    .control
                    .map_or(Value::Absent, |headers| Value::Elements(Elements::Controls(headers))),
                (StructId::Msghdr, 5) => Value::Number(message.control_length as u64),
                (StructId::Msghdr, 6) => Value::Number(u64::from(message.flags)),
                _ => Value::Present,
            },
            Self::Absent | Self::Number(_) | Self::Elements(_) | Self::Present => Value::Present,
        }
    }
}

/// The positions of the fields above.
const _: () = {
    const fn named(index: usize, name: &str) -> bool {
        let (field, name) = (structs::MSGHDR_SENT.fields[index].name.as_bytes(), name.as_bytes());
        let mut at = 0;
        while at < name.len() && at < field.len() && field[at] == name[at] {
            at += 1;
        }
        at == name.len() && at == field.len()
    }
    assert!(named(0, "msg_name") && named(1, "msg_namelen") && named(3, "msg_iovlen"));
    assert!(named(4, "msg_control") && named(5, "msg_controllen") && named(6, "msg_flags"));
};

fn scalar<'s>(bytes: &[u8], of: &'static Struct, index: usize) -> Value<'s> {
    let number = of.fields.get(index).and_then(|field| {
        let bytes = bytes.get(field.offset..)?;
        Some(match field.width {
            Width::Bits8 => u64::from(*bytes.first()?),
            Width::Bits16 if field.network_order => u64::from(u16::from_be_bytes(*bytes.first_chunk()?)),
            Width::Bits32 if field.network_order => u64::from(u32::from_be_bytes(*bytes.first_chunk()?)),
            Width::Bits64 if field.network_order => u64::from_be_bytes(*bytes.first_chunk()?),
            Width::Bits16 => u64::from(u16::from_ne_bytes(*bytes.first_chunk()?)),
            Width::Bits32 => u64::from(u32::from_ne_bytes(*bytes.first_chunk()?)),
            Width::Bits64 => u64::from_ne_bytes(*bytes.first_chunk()?),
        })
    });
    number.map_or(Value::Present, Value::Number)
}
