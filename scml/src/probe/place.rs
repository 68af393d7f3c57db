//! Where in a sample an argument is.

use super::sample::FieldPlace;
use crate::domain::{Field, Kind, Parameter, Struct, StructId, Width, structs};

/// Where in a sample a value is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Place {
    /// A parameter itself.
    Register(usize),
    /// The family of the address, or of `msg_name`.
    Family,
    /// All control messages.
    Control,
    /// The level of the control message.
    ControlLevel,
    /// Its type.
    ControlType,
    /// Anything else that has a fixed place in memory.
    Field(FieldPlace),
    /// Not in the sample: a descriptor's facts, a path, what the call writes.
    Beyond,
}

/// A place, and what may stand there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spot {
    pub(super) place: Place,
    pub(super) kind: Kind,
    pub(super) width: Width,
}

impl Place {
    /// Whether the parameter points to an address.
    pub(super) fn is_address(parameter: &Parameter) -> bool {
        matches!(parameter.kind, Kind::Struct { types, .. } if types.iter().any(|of| of.id == StructId::Sockaddr))
    }
}

impl Spot {
    /// Where the fields lead, from the parameter of that index; `path` is separated by points.
    pub(super) fn find(parameter: &Parameter, index: u8, path: &str) -> Self {
        let Parameter { kind, width, .. } = *parameter;
        let at = |place| Self { place, kind, width };
        match (kind, path) {
            (
                Kind::Enumeration(_)
                | Kind::Dependent { .. }
                | Kind::BitSet(_)
                | Kind::Typed { .. }
                | Kind::Integer,
                _,
            ) => at(Place::Register(index.into())),
            (Kind::OptionValue { out: false, .. }, "") => Self {
                place: Place::Field(FieldPlace::new(index, 0, Width::Bits32, false)),
                kind: Kind::Integer,
                width: Width::Bits32,
            },
            (Kind::Struct { types, out: false } | Kind::OptionValue { types, out: false }, path) => {
                Self::field(types, index, path).unwrap_or_else(|| at(Place::Beyond))
            }
            (Kind::Array { of, out: false }, path) => {
                Self::field(&[of], index, path).unwrap_or_else(|| at(Place::Beyond))
            }
            _ => at(Place::Beyond),
        }
    }

    /// The same below a struct of one of these types.
    fn field(types: &[&'static Struct], parameter: u8, path: &str) -> Option<Self> {
        let (name, rest) = path.split_once('.').unwrap_or((path, ""));
        let (of, field) = types.iter().find_map(|of| of.field(name).map(|(_, field)| (*of, field)))?;
        let Field { kind, offset, width, network_order, .. } = *field;
        let at = |place| Some(Self { place, kind, width });
        match (of.id, kind) {
            (StructId::Msghdr, Kind::Array { out: false, .. })
                if name == "msg_control" && rest.is_empty() =>
            {
                at(Place::Control)
            }
            (_, Kind::Struct { types, out: false }) => Self::field(types, parameter, rest),
            (_, Kind::Array { of, out: false }) => Self::field(&[of], parameter, rest),
            (StructId::Cmsghdr, _) if name == "cmsg_level" => at(Place::ControlLevel),
            (StructId::Cmsghdr, _) if name == "cmsg_type" => at(Place::ControlType),
            (StructId::Cmsghdr | StructId::Msghdr | StructId::Mmsghdr, _) => at(Place::Beyond),
            (_, Kind::Enumeration(_)) if offset == 0 && is_address(of) => at(Place::Family),
            (_, Kind::Enumeration(_) | Kind::BitSet(_) | Kind::Integer | Kind::Dependent { .. }) => {
                at(Place::Field(FieldPlace::new(parameter, offset, width, network_order)))
            }
            _ => at(Place::Beyond),
        }
    }
}

fn is_address(of: &Struct) -> bool {
    structs::ADDRESSES.iter().any(|address| address.id == of.id)
}
