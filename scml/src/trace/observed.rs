//! A call as a trace shows it, to be judged by the same matcher as the kernel's.

use linux_raw_sys::net;

use crate::{
    call::Call,
    domain::{Kind, Parameter, StructId, signature},
    subject::{Address, ControlHeader, Descriptor, Message, SocketState, Subject},
};

use super::{
    argument::Argument,
    memory,
    value::{Unknown, number},
};

/// A call with everything that the trace tells of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Observed {
    pub(super) registers: [u64; 6],
    pub(super) descriptor: Option<Descriptor>,
    pub(super) state: Option<SocketState>,
    address: Option<Vec<u8>>,
    message: Option<Header>,
    memory: [Option<Vec<u8>>; 6],
    /// The control messages that a receiving call was given.
    pub(super) delivered: Vec<ControlHeader>,
    /// Parameters that point to something that strace did not follow, or numbers that it shows by names that are not
    /// known.
    pub(super) unread: Vec<Unread>,
}

/// What is not known of a parameter.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Unread {
    pub(super) parameter: usize,
    pub(super) why: String,
}

/// A `struct msghdr`.
#[derive(Clone, Debug, Default)]
struct Header {
    name: Option<Vec<u8>>,
    parts: usize,
    control: Option<Vec<ControlHeader>>,
    control_length: usize,
    flags: u32,
}

/// Why a call cannot be judged.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Unclear {
    /// A name in an argument whose value decides is not known.
    Name {
        /// The parameter.
        parameter: &'static str,
        /// The name.
        name: String,
    },
    /// There are not as many arguments as the call has.
    Arguments {
        /// How many there are.
        found: usize,
        /// How many there should be.
        expected: usize,
    },
    /// What a rule looks at is not shown.
    Unread {
        /// The parameter.
        parameter: &'static str,
        /// What is shown instead.
        why: String,
    },
}

impl core::fmt::Display for Unclear {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Name { parameter, name } => write!(f, "{parameter}: `{name}` is not known"),
            Self::Arguments { found, expected } => {
                write!(f, "it has {found} arguments instead of {expected}")
            }
            Self::Unread { parameter, why } => {
                write!(f, "{parameter}: rules look at what is not shown ({why})")
            }
        }
    }
}

impl Observed {
    /// Takes in the arguments of a call. sendmmsg and recvmmsg are judged once per message: there are as many.
    pub(super) fn of(call: Call, arguments: &[Argument]) -> Result<Vec<Self>, Unclear> {
        let parameters = signature(call).parameters;
        let (found, expected) = (arguments.len(), parameters.len());
        // What is left out at the end may be anything that no rule speaks of; strace shows all.
        if found != expected {
            return Err(Unclear::Arguments { found, expected });
        }
        let mut observed = Self::default();
        for (index, (parameter, argument)) in parameters.iter().zip(arguments).enumerate() {
            observed.register(index, parameter, argument, parameters)?;
        }
        let several = parameters.iter().position(
            |parameter| matches!(parameter.kind, Kind::Array { of, .. } if of.id == StructId::Mmsghdr),
        );
        let Some(index) = several else {
            for (index, (parameter, argument)) in parameters.iter().zip(arguments).enumerate() {
                observed.target(call, index, parameter, argument);
            }
            return Ok(vec![observed]);
        };
        let Argument::Array(messages) = arguments[index].before() else {
            observed.unread(index, "a pointer");
            return Ok(vec![observed]);
        };
        let headers = messages.iter().filter_map(|message| message.field("msg_hdr"));
        Ok(headers
            .map(|header| {
                let mut one = observed.clone();
                one.message(call, index, header);
                one
            })
            .collect())
    }

    fn unread(&mut self, parameter: usize, why: impl Into<String>) {
        self.unread.push(Unread { parameter, why: why.into() });
    }

    fn register(
        &mut self,
        index: usize,
        parameter: &Parameter,
        argument: &Argument,
        parameters: &'static [Parameter],
    ) -> Result<(), Unclear> {
        let selector = match parameter.kind {
            Kind::Dependent { on, .. } => self.registers[usize::from(on)] & 0xffff_ffff,
            _ => 0,
        };
        match number(argument, parameter.kind, selector) {
            Ok(value) => self.registers[index] = value & parameter.width.mask(),
            Err(Unknown(name)) => match parameter.kind {
                Kind::Enumeration(_) | Kind::Dependent { .. } | Kind::BitSet(_) | Kind::Typed { .. } => {
                    return Err(Unclear::Name { parameter: parameters[index].name, name });
                }
                _ => self.unread(index, name),
            },
        }
        Ok(())
    }

    /// What a pointer leads to.
    fn target(&mut self, call: Call, index: usize, parameter: &Parameter, argument: &Argument) {
        if argument.is_null() {
            return;
        }
        match parameter.kind {
            Kind::Struct { types, out: false } => match types.first().map(|of| of.id) {
                Some(StructId::Sockaddr) => match memory::address(argument) {
                    // One without a family is none.
                    Some(bytes) => self.address = Some(bytes).filter(|bytes| bytes.len() >= 2),
                    None if call == Call::Sendto && self.registers[5] == 0 => {}
                    None => self.unread(index, "a pointer"),
                },
                Some(StructId::Msghdr) => self.message(call, index, argument),
                _ => match (argument.before(), types.first()) {
                    (Argument::Struct(_), Some(of)) => {
                        self.memory[index] = Some(memory::encode(of, argument.before()));
                    }
                    _ => self.unread(index, "a pointer"),
                },
            },
            Kind::Array { of, out: false } => match memory::elements(of, argument) {
                Some(bytes) => self.memory[index] = Some(bytes),
                None => self.unread(index, "a pointer"),
            },
            Kind::OptionValue { types, out: false } => match memory::option_value(types, argument) {
                Some(bytes) => self.memory[index] = Some(bytes),
                None => self.unread(index, "a pointer"),
            },
            _ => {}
        }
    }

    fn message(&mut self, call: Call, index: usize, argument: &Argument) {
        let Argument::Struct(_) = argument.before() else { return self.unread(index, "a pointer") };
        let receives = matches!(call, Call::Recvmsg | Call::Recvmmsg);
        let length =
            |name: &str| argument.field(name).and_then(Argument::number).unwrap_or_default() as usize;
        let mut header = Header {
            // A call that is interrupted or fails shows only the pointer to the parts.
            parts: length("msg_iovlen"),
            control_length: length("msg_controllen"),
            flags: argument
                .field("msg_flags")
                .and_then(|flags| number(flags, signature(call).parameters.last()?.kind, 0).ok())
                .unwrap_or_default() as u32,
            ..Header::default()
        };
        if let Some(name) = argument.field("msg_name").filter(|name| !name.is_null() && !receives)
            && length("msg_namelen") != 0
        {
            match memory::address(name) {
                Some(bytes) => header.name = Some(bytes).filter(|bytes| bytes.len() >= 2),
                None => self.unread(index, "a pointer in msg_name"),
            }
        }
        if let Some(control) = argument.field("msg_control").filter(|control| !control.is_null()) {
            match memory::control(control) {
                // What will be received is not known beforehand: there is room.
                Some(headers) if receives => {
                    header.control = Some(Vec::new());
                    self.delivered = headers;
                }
                Some(headers) => header.control = Some(headers),
                None if receives => header.control = Some(Vec::new()),
                None if header.control_length == 0 => {}
                None => self.unread(index, "a pointer in msg_control"),
            }
        }
        self.message = Some(header);
    }

    /// The call with something in the place of what was not read.
    pub(super) fn guessed(&self) -> Self {
        let mut guess = self.clone();
        for Unread { parameter, .. } in &self.unread {
            guess.registers[*parameter] = u64::MAX >> 1;
            guess.memory[*parameter] = Some(vec![0xff; 8]);
            guess.address = Some(vec![0xff; 16]);
            let header = guess.message.get_or_insert_default();
            header.name = Some(vec![0xff; 16]);
            header.control = Some(vec![ControlHeader { length: 16, level: -1, kind: -1 }]);
            header.control_length = 16;
        }
        guess
    }

    /// Judged with these headers, borrowed from the call.
    pub(super) fn subject(&self) -> Seen<'_> {
        Seen { observed: self }
    }
}

/// A call to be judged.
pub(super) struct Seen<'a> {
    observed: &'a Observed,
}

impl Subject for Seen<'_> {
    fn parameter(&self, index: usize) -> u64 {
        self.observed.registers.get(index).copied().unwrap_or_default()
    }

    fn descriptor(&self) -> Option<Descriptor> {
        self.observed.descriptor
    }

    fn state(&self) -> SocketState {
        self.observed.state.unwrap_or(SocketState::Unbound)
    }

    fn address(&self) -> Option<Address<'_>> {
        self.observed.address.as_deref().map(|bytes| Address { bytes })
    }

    fn message(&self) -> Option<Message<'_>> {
        let header = self.observed.message.as_ref()?;
        Some(Message {
            name: header.name.as_deref().map(|bytes| Address { bytes }),
            parts: header.parts,
            control: header.control.as_deref(),
            control_length: header.control_length,
            flags: header.flags,
        })
    }

    fn memory(&self, parameter: usize) -> Option<&[u8]> {
        self.observed.memory.get(parameter)?.as_deref()
    }
}

/// What a socket is, from the arguments that made it.
pub(super) fn made(registers: &[u64; 6]) -> Descriptor {
    let [family, kind, protocol, ..] = *registers;
    descriptor(family as u16, (kind & 0xf) as u8, protocol as u16)
}

/// The same with what SO_PROTOCOL shows where 0 was asked for, and the type that a UNIX raw socket has.
pub(super) fn descriptor(family: u16, kind: u8, protocol: u16) -> Descriptor {
    const STREAM: u8 = 1;
    const DGRAM: u8 = 2;
    const RAW: u8 = 3;
    match u32::from(family) {
        net::AF_UNIX => Descriptor::new(family, if kind == RAW { DGRAM } else { kind }, 0),
        net::AF_INET | net::AF_INET6 if protocol == 0 => {
            let protocol = match kind {
                STREAM => net::IPPROTO_TCP as u16,
                DGRAM => net::IPPROTO_UDP as u16,
                _ => 0,
            };
            Descriptor::new(family, kind, protocol)
        }
        _ => Descriptor::new(family, kind, protocol),
    }
}
