//! Why a call was refused, in words.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;

use crate::{
    call::Call,
    domain::{Field, Kind, Struct, show, signature, structs},
    matcher::Refusal,
    subject::{ControlHeader, Descriptor, FURTHER_TESTS, Subject},
    tables::{Bits, Pattern, Row, Shape, Tables},
    value::{Value, value},
};

/// The rule that came nearest.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NearestRule {
    /// `call#n`: the n-th rule of the call in the profile, from 1.
    pub id: String,
    /// The file's name.
    pub file: String,
    /// From 1.
    pub line: u32,
    /// The rule.
    pub text: String,
}

/// Why a call was refused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Explanation {
    /// Which call.
    pub call: Call,
    /// With its arguments, as strace would show it.
    pub shown: String,
    /// The rule that came nearest; `None` where the call has none.
    pub rule: Option<NearestRule>,
    /// The argument that is refused: the parameter, and the fields from it to the value, separated by points.
    pub argument: String,
    /// Its value.
    pub value: String,
    /// What is wrong with the value: the bits or the member that are not admitted, by name.
    pub offending: Vec<String>,
    /// What would have been admitted there, with the other arguments as they are.
    pub admitted: Vec<String>,
    /// What the program sees.
    pub errno: u16,
}

impl fmt::Display for Explanation {
    /// One line: the call, what is wrong with it, and by which rule.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.shown)?;
        let Some(rule) = &self.rule else { return f.write_str("no rule") };
        let offending =
            if self.offending.is_empty() { self.value.clone() } else { self.offending.join(" | ") };
        write!(
            f,
            "{} = {offending} is not admitted by {} ({}:{})",
            self.argument, rule.id, rule.file, rule.line
        )?;
        match self.admitted.as_slice() {
            [] => Ok(()),
            admitted => write!(f, ", which admits {}", admitted.join(" | ")),
        }
    }
}

impl Tables<'_> {
    /// The identity of a rule: `call#n`.
    #[must_use]
    pub fn rule_id(&self, rule: u16) -> String {
        self.rules
            .get(usize::from(rule))
            .map_or_else(String::new, |rule| format!("{}#{}", rule.call.name(), rule.ordinal))
    }

    fn nearest_rule(&self, refusal: Refusal) -> Option<NearestRule> {
        let number = refusal.rule?;
        let rule = self.rules.get(usize::from(number))?;
        Some(NearestRule {
            id: self.rule_id(number),
            file: self.text(rule.file).to_string(),
            line: rule.line,
            text: self.text(rule.text).to_string(),
        })
    }

    /// Why a control message is kept from a call; `refusal` is what [`Tables::deliver`] said.
    #[cold]
    pub fn explain_delivery<S: Subject>(
        &self,
        call: Call,
        subject: &S,
        header: ControlHeader,
        refusal: Refusal,
    ) -> Explanation {
        let fields = if call == Call::Recvmmsg { "msg_hdr.msg_control" } else { "msg_control" };
        let value = show_control(header.level, header.kind);
        let parameter = signature(call).parameters.get(usize::from(refusal.parameter));
        Explanation {
            call,
            shown: show_call(call, subject),
            rule: self.nearest_rule(refusal),
            argument: format!("{}.{fields}", parameter.map_or("", |parameter| parameter.name)),
            offending: alloc::vec![value.clone()],
            value,
            admitted: self.admitted(call, subject, refusal, &format!("{fields}.cmsg_type")),
            errno: refusal.errno,
        }
    }

    /// Why a call was refused; `refusal` is what [`Tables::admit`] said.
    #[cold]
    pub fn explain<S: Subject>(&self, call: Call, subject: &S, refusal: Refusal) -> Explanation {
        let mut explanation = Explanation {
            call,
            shown: show_call(call, subject),
            rule: self.nearest_rule(refusal),
            argument: String::new(),
            value: String::new(),
            offending: Vec::new(),
            admitted: Vec::new(),
            errno: refusal.errno,
        };
        let Some(nearest) = refusal.rule else { return explanation };
        let index = usize::from(refusal.parameter);
        let Some(parameter) = signature(call).parameters.get(index) else { return explanation };
        explanation.argument = parameter.name.to_string();
        let rows = self.rows[call.index()].iter().filter(|row| row.rule == nearest);
        let Some(row) = rows.clone().next() else { return explanation };
        let mut path = String::new();
        match parameter.kind {
            Kind::Enumeration(_) | Kind::Dependent { .. } | Kind::BitSet(_) | Kind::Typed { .. } => {
                explain_scalar(&mut explanation, parameter.kind, row.bits, index, subject);
            }
            Kind::Descriptor if descriptor_refused(rows, subject.descriptor()) => {
                explanation.value = show_descriptor(subject.descriptor());
            }
            kind => {
                let test = self
                    .row_tests(row)
                    .iter()
                    .find(|test| usize::from(test.place) == index && !self.test_matches(test, call, subject));
                if let Some(test) = test {
                    let mut message = None;
                    let value = value(call, index, subject, &mut message);
                    explanation.value =
                        self.drill(test.pattern, &value, Looked { kind, siblings: 0 }, &mut path);
                }
            }
        }
        if !path.is_empty() {
            explanation.argument = format!("{}.{path}", parameter.name);
        }
        explanation.admitted = self.admitted(call, subject, refusal, &path);
        explanation
    }

    /// Goes down to the value that does not match; returns it as text.
    fn drill(&self, pattern: Pattern, value: &Value<'_>, looked: Looked, path: &mut String) -> String {
        match (pattern, value) {
            (Pattern::Struct(span), value) => {
                let shapes = self.shapes.get(span.range()).unwrap_or_default();
                // Of several alternatives, the one that fails last is the nearest.
                let nearest = shapes
                    .iter()
                    .filter_map(|shape| self.failing_field(shape, value))
                    .max_by_key(|failing| failing.position);
                let Some(Failing { of, index, pattern, .. }) = nearest else {
                    return show_opaque(value, looked);
                };
                let Field { name, kind, .. } = of.fields[index];
                if !path.is_empty() {
                    path.push('.');
                }
                path.push_str(name);
                let inner = value.field(of, index);
                let siblings = match (kind, value) {
                    (Kind::Dependent { .. }, Value::Control(header)) => u64::from(header.level as u32),
                    (Kind::Dependent { .. }, Value::Attribute(_)) => looked.siblings,
                    (Kind::Array { .. }, Value::Netlink(message)) => message.message_type().into(),
                    (Kind::Dependent { .. }, Value::Descriptor(descriptor, _)) => {
                        u64::from(descriptor.family())
                    }
                    _ => 0,
                };
                self.drill(pattern, &inner, Looked { kind, siblings }, path)
            }
            (Pattern::Array(span), Value::Elements(elements)) => {
                let patterns = self.patterns.get(span.range()).unwrap_or_default();
                let refused =
                    elements.find(|element| !patterns.iter().any(|p| self.value_matches(*p, element)));
                match (refused, patterns.first()) {
                    (Some(element), Some(pattern)) => self.drill(*pattern, &element, looked, path),
                    _ => show_opaque(value, looked),
                }
            }
            (Pattern::Array(span), value) => match self.patterns.get(span.range()).and_then(<[_]>::first) {
                Some(pattern) => self.drill(*pattern, value, looked, path),
                None => show_opaque(value, looked),
            },
            (Pattern::Scalar(_), Value::Number(number)) => show::value(looked.kind, *number, looked.siblings),
            // An option's value is an int.
            (Pattern::Scalar(_), Value::Memory(bytes)) => match bytes.first_chunk() {
                Some(bytes) => show::value(Kind::Integer, u32::from_ne_bytes(*bytes).into(), 0),
                None => show_opaque(value, looked),
            },
            _ => show_opaque(value, looked),
        }
    }

    /// The first field that a shape refuses; `None` where it is the type itself.
    fn failing_field(&self, shape: &Shape, value: &Value<'_>) -> Option<Failing> {
        let of = structs::by_id(shape.of);
        self.tests.get(shape.tests.range())?.iter().enumerate().find_map(|(position, test)| {
            let index = usize::from(test.place);
            of.fields.get(index)?;
            let admitted = self.value_matches(test.pattern, &value.field(of, index));
            (!admitted).then_some(Failing { position, of, index, pattern: test.pattern })
        })
    }

    /// What the rules that are left would have admitted at this place.
    fn admitted<S: Subject>(&self, call: Call, subject: &S, refusal: Refusal, path: &str) -> Vec<String> {
        let mut rules: Vec<u16> = self.left(call, subject, refusal.parameter).map(|row| row.rule).collect();
        rules.dedup();
        let mut names: Vec<String> = Vec::new();
        for alternative in self.alternatives {
            let here = alternative.parameter == refusal.parameter && self.text(alternative.path) == path;
            let name = self.text(alternative.name);
            if here && rules.contains(&alternative.rule) && !names.iter().any(|known| known == name) {
                names.push(name.to_string());
            }
        }
        names
    }
}

fn explain_scalar<S: Subject>(
    explanation: &mut Explanation,
    kind: Kind,
    bits: Bits,
    index: usize,
    subject: &S,
) {
    let number = |index: usize| subject.parameter(index) & 0xffff_ffff;
    let register = number(index);
    let selector = if let Kind::Dependent { on, .. } = kind { number(usize::from(on)) } else { 0 };
    let refused_bits = register & u64::from(bits.forbidden);
    explanation.value = show::value(kind, register, selector);
    explanation.offending = match kind {
        Kind::BitSet(domain) => unknown_bits(show::bits(domain, refused_bits)),
        Kind::Typed { flags, .. } if refused_bits != 0 => unknown_bits(show::bits(flags, refused_bits)),
        Kind::Typed { values, .. } => match register & 0xf {
            0 => alloc::vec![String::from("no type")],
            kind => alloc::vec![show::member(values, kind)],
        },
        _ => alloc::vec![explanation.value.clone()],
    };
}

/// A field that a shape refuses.
struct Failing {
    /// How many tests of the shape come before.
    position: usize,
    of: &'static Struct,
    index: usize,
    pattern: Pattern,
}

/// What is looked at on the way down.
#[derive(Clone, Copy)]
struct Looked {
    kind: Kind,
    /// What a dependent kind depends on.
    siblings: u64,
}

fn unknown_bits(names: Vec<String>) -> Vec<String> {
    let word = |name: String| if name.starts_with("0x") { format!("unknown bits {name}") } else { name };
    names.into_iter().map(word).collect()
}

fn descriptor_refused<'r>(rows: impl Iterator<Item = &'r Row>, descriptor: Option<Descriptor>) -> bool {
    let bits = descriptor.map_or(u64::MAX, Descriptor::bits) & !FURTHER_TESTS;
    rows.into_iter().all(|row| row.forbidden & bits != 0)
}

fn show_descriptor(descriptor: Option<Descriptor>) -> String {
    let Some(descriptor) = descriptor else { return String::from("not a socket") };
    let [family, kind] = [0, 1].map(|index| structs::DESCRIPTOR.fields[index].kind);
    let family = show::value(family, descriptor.family().into(), 0);
    let kind = show::value(kind, descriptor.kind().into(), 0);
    format!("{family} {kind}")
}

fn show_opaque(value: &Value<'_>, looked: Looked) -> String {
    match value {
        Value::Absent => String::from("NULL"),
        Value::Number(number) => show::value(looked.kind, *number, looked.siblings),
        Value::Descriptor(descriptor, _) => show_descriptor(Some(*descriptor)),
        Value::Address(address) => show_address(address.family()),
        Value::Control(header) => show_control(header.level, header.kind),
        Value::Elements(elements) => elements.show(),
        Value::Message(..) | Value::Memory(_) | Value::Netlink(_) | Value::Attribute(_) | Value::Present => {
            String::from("..")
        }
    }
}

/// A family by name.
fn show_address(family: u16) -> String {
    format!("{{{}}}", show::value(structs::SOCKADDR.fields[0].kind, family.into(), 0))
}

/// A control message by level and type.
pub(crate) fn show_control(level: i32, kind: i32) -> String {
    let [levels, kinds] = [1, 2].map(|index| structs::CMSGHDR.fields[index].kind);
    let selector = u64::from(level as u32);
    format!(
        "{{{}, {}}}",
        show::value(levels, selector, 0),
        show::value(kinds, u64::from(kind as u32), selector)
    )
}

/// The call with its arguments.
fn show_call<S: Subject>(call: Call, subject: &S) -> String {
    let parameters = signature(call).parameters;
    let number = |index: usize| subject.parameter(index) & parameters[index].width.mask();
    let shown: Vec<_> = (0..parameters.len())
        .map(|index| {
            let kind = parameters[index].kind;
            let selector = if let Kind::Dependent { on, .. } = kind { number(usize::from(on)) } else { 0 };
            let mut message = None;
            match (kind, value(call, index, subject, &mut message)) {
                (Kind::Descriptor, Value::Descriptor(descriptor, _)) => {
                    format!("{}<{}>", number(index), show_descriptor(Some(descriptor)))
                }
                (Kind::Struct { .. }, Value::Address(address)) => show_address(address.family()),
                _ => show::value(kind, number(index), selector),
            }
        })
        .collect();
    format!("{}({})", call.name(), shown.join(", "))
}
