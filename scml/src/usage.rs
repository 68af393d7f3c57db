//! What an admitted call makes use of, in two words: so that uses can be counted by one comparison and one increment, and
//! what they come to, alternative by alternative, be found when somebody asks.

use crate::{
    call::Call,
    domain::{Kind, StructId, signature},
    subject::{Address, ControlHeader, Descriptor, FAMILIES, Message, Subject, TYPES},
    tables::{Alternative, AlternativeKind, LAYOUTS, Tables},
};

/// What an admitted call, or a control message, makes use of. Two that make use of the same are equal.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Usage {
    /// The call's enumerations, as a row has them; the level and the type of a control message.
    pub choice: u64,
    /// From the low bits on: the kind of socket (10), the family of the address (6), whether there is control data, the rule
    /// and one (15), the bit set or socket type (32). Never 0.
    pub rest: u64,
}

/// The kind of socket where there is none that is known.
pub(crate) const NO_KIND: u16 = 0x3ff;
/// The family where there is no address, and one that has no number of its own here.
const NO_ADDRESS: u64 = 63;
const OTHER_FAMILY: u16 = 62;
const ADDRESS_SHIFT: u32 = 10;
const CONTROL: u64 = 1 << 16;
const RULE_SHIFT: u32 = 17;
const BITS_SHIFT: u32 = 32;
/// What no call has: control data, although there is neither a socket nor an address.
const CONTROL_MESSAGE: u64 = CONTROL | NO_ADDRESS << ADDRESS_SHIFT | NO_KIND as u64;

/// The kind of socket as a number: the family, and the type in the low four bits.
pub(crate) const fn kind_number(family: u16, kind: u8) -> u16 {
    if (family as u32) < FAMILIES && (kind as u32) < TYPES { family << 4 | kind as u16 } else { NO_KIND }
}

impl Usage {
    /// What a call makes use of that the rule admits.
    #[inline(always)]
    #[must_use]
    pub fn of_call<S: Subject>(call: Call, subject: &S, rule: u16) -> Self {
        let layout = &LAYOUTS[call.index()];
        let register = |parameter: Option<u8>| {
            parameter.map_or(0, |parameter| subject.parameter(usize::from(parameter)) & 0xffff_ffff)
        };
        let mut rest = (u64::from(rule) + 1) << RULE_SHIFT;
        rest |= register(if layout.typed.is_some() { layout.typed } else { layout.bits }) << BITS_SHIFT;
        let descriptor = if layout.descriptor { subject.descriptor() } else { None };
        rest |= u64::from(descriptor.map_or(NO_KIND, Descriptor::kind_number));
        let mut address = None;
        if layout.address {
            address = subject.address();
        } else if layout.message
            && let Some(message) = subject.message()
        {
            address = message.name;
            rest |= if message.control.is_some() { CONTROL } else { 0 };
        }
        let family = address.map_or(NO_ADDRESS, |address| address.family().min(OTHER_FAMILY).into());
        Self {
            choice: register(layout.upper) << 32 | register(layout.lower),
            rest: rest | family << ADDRESS_SHIFT,
        }
    }

    /// What a control message makes use of that the rule admits.
    #[inline]
    #[must_use]
    pub fn of_control(rule: u16, header: ControlHeader) -> Self {
        Self {
            choice: u64::from(header.level as u32) << 32 | u64::from(header.kind as u32),
            rest: (u64::from(rule) + 1) << RULE_SHIFT | CONTROL_MESSAGE,
        }
    }

    /// The rule.
    #[must_use]
    pub const fn rule(self) -> u16 {
        (self.rest >> RULE_SHIFT & 0x7fff) as u16 - 1
    }

    /// Whether it is that of a control message.
    #[must_use]
    pub const fn is_control(self) -> bool {
        self.rest & 0x1_ffff == CONTROL_MESSAGE
    }

    fn header(self) -> ControlHeader {
        ControlHeader { length: 0, level: (self.choice >> 32) as i32, kind: self.choice as i32 }
    }
}

impl Tables<'_> {
    /// Whether [`Usage`] tells all that calls make use of which the rule admits. It does not where a rule asks for what only
    /// the call itself can show: states, option values, numbers.
    #[must_use]
    pub fn usage_tells_all(&self, rule: u16) -> bool {
        rule < 0x7ffe && self.alternatives_of(rule).all(|index| self.usage_tells(&self.alternatives[index]))
    }

    fn usage_tells(&self, alternative: &Alternative) -> bool {
        let Some(rule) = self.rules.get(usize::from(alternative.rule)) else { return false };
        let parameter = usize::from(alternative.parameter);
        let Some(kind) = signature(rule.call).parameters.get(parameter).map(|parameter| parameter.kind)
        else {
            return alternative.kind == AlternativeKind::Call;
        };
        if matches!(alternative.kind, AlternativeKind::Call | AlternativeKind::Descriptor) {
            return true;
        }
        let null = alternative.kind == AlternativeKind::Null;
        match (kind, self.text(alternative.path)) {
            (Kind::Enumeration(_) | Kind::Dependent { .. } | Kind::BitSet(_) | Kind::Typed { .. }, "") => {
                true
            }
            (Kind::Struct { types, out: false }, path) => {
                let path = path.trim_start_matches("msg_hdr.");
                match types[0].id {
                    StructId::Sockaddr if path.is_empty() => null,
                    StructId::Sockaddr => is_family(path),
                    StructId::Msghdr => in_message(path, null),
                    _ => false,
                }
            }
            (Kind::Array { of, out: false }, path) if of.id == StructId::Mmsghdr => {
                in_message(path.trim_start_matches("msg_hdr."), null)
            }
            _ => false,
        }
    }

    /// The alternatives of its rule that a usage makes use of, as indices in [`Tables::alternatives`].
    pub fn used(&self, usage: Usage) -> impl Iterator<Item = usize> + '_ {
        let rule = usage.rule();
        let call = self.rules.get(usize::from(rule)).map(|rule| rule.call);
        self.alternatives_of(rule).filter(move |index| {
            let alternative = &self.alternatives[*index];
            match call {
                _ if usage.is_control() => self.is_of_control(alternative, usage.header()),
                Some(call) => self.uses(call, &Seen { call, usage }, alternative),
                None => false,
            }
        })
    }
}

fn is_family(path: &str) -> bool {
    matches!(
        path,
        "sa_family" | "sun_family" | "sin_family" | "sin6_family" | "nl_family" | "svm_family" | "sll_family"
    )
}

fn in_message(path: &str, null: bool) -> bool {
    match path.split_once('.') {
        None => null && matches!(path, "msg_name" | "msg_control"),
        Some(("msg_name", path)) => is_family(path),
        Some(("msg_control", path)) => matches!(path, "cmsg_level" | "cmsg_type"),
        Some(_) => false,
    }
}

/// A call as far as its usage tells of it.
struct Seen {
    call: Call,
    usage: Usage,
}

impl Seen {
    fn family(&self) -> u64 {
        self.usage.rest >> ADDRESS_SHIFT & 0x3f
    }
}

/// An address of each family, to be lent.
static ADDRESSES: [[u8; 2]; 64] = {
    let mut addresses = [[0; 2]; 64];
    let mut family = 0;
    while family < 64 {
        addresses[family] = (family as u16).to_ne_bytes();
        family += 1;
    }
    addresses
};

impl Subject for Seen {
    fn parameter(&self, index: usize) -> u64 {
        let layout = &LAYOUTS[self.call.index()];
        let here = Some(index as u8);
        if layout.upper == here {
            self.usage.choice >> 32
        } else if layout.lower == here {
            self.usage.choice & 0xffff_ffff
        } else if layout.bits == here || layout.typed == here {
            self.usage.rest >> BITS_SHIFT
        } else {
            0
        }
    }

    fn descriptor(&self) -> Option<Descriptor> {
        let kind = self.usage.rest as u16 & NO_KIND;
        (kind != NO_KIND).then(|| Descriptor::new(kind >> 4, kind as u8 & 0xf, 0))
    }

    fn address(&self) -> Option<Address<'_>> {
        let family = self.family();
        (family != NO_ADDRESS).then(|| Address { bytes: &ADDRESSES[family as usize] })
    }

    fn message(&self) -> Option<Message<'_>> {
        let control: Option<&[ControlHeader]> = (self.usage.rest & CONTROL != 0).then_some(&[]);
        Some(Message { name: self.address(), parts: 1, control, ..Message::default() })
    }
}
