//! A call that can be judged and made.

use alloc::{vec, vec::Vec};

use super::place::Place;
use crate::{
    call::Call,
    domain::{Width, signature},
    explain::Explanation,
    matcher::Refusal,
    subject::{Address, ControlHeader, Descriptor, Message, SocketState, Subject},
    tables::Tables,
};

/// A call that stands for many. Its registers hold the scalars; what pointers have to reach is described beside them.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Sample {
    /// Which call.
    pub call: Call,
    /// The scalar parameters; those that are pointers or descriptors are 0.
    pub registers: [u64; 6],
    /// What the descriptor has to be.
    pub descriptor: Option<Descriptor>,
    /// In which state, where the rule says so.
    pub state: Option<SocketState>,
    /// The family of the address argument, or of `msg_name`; `None` leaves it out.
    pub family: Option<u16>,
    /// The control messages to send; `None` where there are none.
    pub control: Option<Vec<ControlHeader>>,
    /// Other values behind pointers; what is not listed is whatever suits the call.
    pub fields: Vec<FieldValue>,
}

/// A value in memory that a parameter points to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct FieldValue {
    /// Where it is.
    pub place: FieldPlace,
    /// The value.
    pub value: u64,
}

/// Where a value in memory is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct FieldPlace {
    /// The parameter that points to it; for a message, its `msg_name` is meant.
    pub parameter: u8,
    /// In bytes from there.
    pub offset: usize,
    /// Its size in bytes.
    pub bytes: usize,
    /// Whether it is in network byte order.
    pub network_order: bool,
}

impl FieldPlace {
    pub(super) const fn new(parameter: u8, offset: usize, width: Width, network_order: bool) -> Self {
        Self { parameter, offset, bytes: width.bytes(), network_order }
    }
}

impl FieldValue {
    /// Puts the value where it belongs; `memory` grows if it ends before that.
    pub fn put(&self, memory: &mut Vec<u8>) {
        let FieldPlace { offset, bytes, network_order, .. } = self.place;
        if memory.len() < offset + bytes {
            memory.resize(offset + bytes, 0);
        }
        let mut value = self.value.to_le_bytes()[..bytes].to_vec();
        // Everything here is about x86-64.
        if network_order {
            value.reverse();
        }
        memory[offset..offset + bytes].copy_from_slice(&value);
    }
}

/// A header and one descriptor or number.
const CONTROL_LENGTH: usize = 20;

/// Enough for every address and every option's value.
const MEMORY: usize = 128;

impl Sample {
    /// A call with these scalars, and nothing else.
    #[must_use]
    pub const fn new(call: Call, registers: [u64; 6]) -> Self {
        Self {
            call,
            registers,
            descriptor: None,
            state: None,
            family: None,
            control: None,
            fields: Vec::new(),
        }
    }

    /// Judges the call.
    ///
    /// # Errors
    /// As [`Tables::admit`].
    pub fn admit(&self, tables: &Tables<'_>) -> Result<u16, Refusal> {
        tables.admit(self.call, &self.judged()).map(|hit| hit.rule)
    }

    /// Why the call is refused; `None` where it is admitted.
    #[must_use]
    pub fn explain(&self, tables: &Tables<'_>) -> Option<Explanation> {
        let refusal = self.admit(tables).err()?;
        Some(tables.explain(self.call, &self.judged(), refusal))
    }

    pub(super) fn judged(&self) -> Judged<'_> {
        let address = self.family.map(|family| {
            let mut bytes = vec![0; MEMORY];
            bytes[..2].copy_from_slice(&family.to_ne_bytes());
            self.fields.iter().for_each(|field| field.put(&mut bytes));
            bytes
        });
        let memory = [0, 1, 2, 3, 4, 5].map(|parameter| {
            let here = self.fields.iter().filter(|field| field.place.parameter == parameter);
            let mut bytes = Vec::new();
            here.for_each(|field| field.put(&mut bytes));
            bytes
        });
        Judged { sample: self, address, memory }
    }

    /// The same call with another value at a place; `None` where samples do not reach.
    pub(super) fn with(&self, place: Place, value: u64) -> Option<Self> {
        let mut sample = self.clone();
        match place {
            Place::Register(index) => *sample.registers.get_mut(index)? = value,
            Place::Family => sample.family = Some(u16::try_from(value).ok()?),
            Place::Control if value == 0 => sample.control = None,
            Place::Control => sample.one_control().kind = value as u32 as i32,
            Place::ControlLevel => sample.one_control().level = value as u32 as i32,
            Place::ControlType => sample.one_control().kind = value as u32 as i32,
            Place::Field(place) => {
                sample.fields.retain(|field| field.place != place);
                sample.fields.push(FieldValue { place, value });
            }
            Place::Beyond => return None,
        }
        Some(sample)
    }

    /// The value at a place; 0 where there is none.
    pub(super) fn at(&self, place: Place) -> u64 {
        let control = || self.control.as_ref().and_then(|headers| headers.first());
        match place {
            Place::Register(index) => self.registers.get(index).copied().unwrap_or_default(),
            Place::Family => self.family.unwrap_or_default().into(),
            Place::ControlLevel => control().map_or(0, |header| u64::from(header.level as u32)),
            Place::Control | Place::ControlType => {
                control().map_or(0, |header| u64::from(header.kind as u32))
            }
            Place::Field(place) => {
                let field = self.fields.iter().find(|field| field.place == place);
                field.map_or(0, |field| field.value)
            }
            Place::Beyond => 0,
        }
    }

    /// The control message; one that passes descriptors is added where there is none.
    fn one_control(&mut self) -> &mut ControlHeader {
        use linux_raw_sys::net::{SCM_RIGHTS, SOL_SOCKET};
        let headers = self.control.get_or_insert_default();
        if headers.is_empty() {
            headers.push(ControlHeader {
                length: CONTROL_LENGTH,
                level: SOL_SOCKET as i32,
                kind: SCM_RIGHTS as i32,
            });
        }
        &mut headers[0]
    }
}

/// A sample with what its pointers reach, to be judged.
pub(super) struct Judged<'a> {
    sample: &'a Sample,
    address: Option<Vec<u8>>,
    memory: [Vec<u8>; 6],
}

impl Subject for Judged<'_> {
    fn parameter(&self, index: usize) -> u64 {
        self.sample.registers.get(index).copied().unwrap_or_default()
    }

    fn descriptor(&self) -> Option<Descriptor> {
        self.sample.descriptor
    }

    fn state(&self) -> SocketState {
        self.sample.state.unwrap_or(SocketState::Connected)
    }

    fn address(&self) -> Option<Address<'_>> {
        self.address.as_ref().map(|bytes| Address { bytes })
    }

    fn message(&self) -> Option<Message<'_>> {
        let control = self.sample.control.as_deref();
        let control_length = control.unwrap_or_default().iter().map(|header| header.length).sum();
        Some(Message { name: self.address(), parts: 1, control, control_length, flags: 0 })
    }

    /// No message: what is in one is proven, not judged.
    fn payload(&self) -> Option<&[u8]> {
        Some(&[])
    }

    fn memory(&self, parameter: usize) -> Option<&[u8]> {
        let address = signature(self.sample.call).parameters.get(parameter).is_some_and(Place::is_address);
        self.memory.get(parameter).map(Vec::as_slice).filter(|bytes| !bytes.is_empty() && !address)
    }
}
