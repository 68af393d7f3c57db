//! Structs as they were in the program's memory, as far as strace shows them.

use linux_raw_sys::net;

use crate::{
    domain::{Kind, Struct, structs},
    subject::ControlHeader,
};

use super::{argument::Argument, value::number};

/// The address that an argument shows; `None` for a pointer that strace did not follow.
pub(super) fn address(argument: &Argument) -> Option<Vec<u8>> {
    let Argument::Struct(fields) = argument.before() else { return None };
    // The family is the first field of each type.
    let family = fields.iter().find(|(name, _)| name.ends_with("_family")).or(fields.first())?;
    let family = number(&family.1, structs::SOCKADDR.fields[0].kind, 0).ok()? as u16;
    if u32::from(family) == net::AF_UNIX {
        let mut bytes = family.to_ne_bytes().to_vec();
        if let Some(Argument::Text(path)) = argument.before().field("sun_path") {
            bytes.extend(path);
        }
        return Some(bytes);
    }
    let of = structs::ADDRESSES.iter().find(|of| of.family == Some(family)).unwrap_or(&structs::ADDRESSES[0]);
    let mut bytes = encode(of, argument.before());
    bytes[..2].copy_from_slice(&family.to_ne_bytes());
    if u32::from(family) == net::AF_INET6 {
        let address = fields.iter().find_map(|(_, field)| match field {
            Argument::Call(name, arguments) if name == "inet_pton" => match arguments.get(1) {
                Some(Argument::Text(text)) => core::str::from_utf8(text).ok()?.parse().ok(),
                _ => None,
            },
            _ => None,
        });
        let address: core::net::Ipv6Addr = address.unwrap_or(core::net::Ipv6Addr::UNSPECIFIED);
        bytes[8..24].copy_from_slice(&address.octets());
    }
    Some(bytes)
}

/// A struct of a known type. What strace does not show is 0.
pub(super) fn encode(of: &Struct, argument: &Argument) -> Vec<u8> {
    let mut bytes = vec![0; of.size];
    for field in of.fields {
        let Some(shown) = argument.field(field.name) else { continue };
        let selector = match field.kind {
            Kind::Dependent { on, .. } => {
                let other = &of.fields[usize::from(on)];
                argument
                    .field(other.name)
                    .and_then(|shown| number(shown, other.kind, 0).ok())
                    .unwrap_or_default()
            }
            _ => 0,
        };
        if let Argument::Text(text) = shown {
            let room = bytes.get_mut(field.offset..).unwrap_or_default();
            room.iter_mut().zip(text).for_each(|(byte, shown)| *byte = *shown);
            continue;
        }
        // Network byte order is how strace shows it: what htons makes is already as it is in memory.
        let Ok(value) = number(shown, field.kind, selector) else { continue };
        let width = field.width.bytes();
        let room = bytes.get_mut(field.offset..field.offset + width).unwrap_or_default();
        room.iter_mut().zip(value.to_ne_bytes()).for_each(|(byte, shown)| *byte = shown);
    }
    bytes
}

/// The elements of an array of structs.
pub(super) fn elements(of: &Struct, argument: &Argument) -> Option<Vec<u8>> {
    let Argument::Array(items) = argument.before() else { return None };
    let shown = items.iter().filter(|item| matches!(item, Argument::Struct(_)));
    Some(shown.flat_map(|item| encode(of, item)).collect())
}

/// An option's value: an `int`, bytes, or one of the structs.
pub(super) fn option_value(types: &[&Struct], argument: &Argument) -> Option<Vec<u8>> {
    match argument.before() {
        Argument::Array(items) => {
            let numbers = items.iter().map(|item| number(item, Kind::Integer, 0));
            let numbers: Result<Vec<_>, _> = numbers.collect();
            Some(numbers.ok()?.into_iter().flat_map(|number| (number as u32).to_ne_bytes()).collect())
        }
        Argument::Text(text) => Some(text.clone()),
        Argument::Struct(fields) => {
            let named = |of: &&&Struct| fields.iter().any(|(name, _)| of.field(name).is_some());
            types.iter().find(named).map(|of| encode(of, argument.before()))
        }
        _ => None,
    }
}

/// The control messages that a `msg_control` shows.
pub(super) fn control(argument: &Argument) -> Option<Vec<ControlHeader>> {
    let Argument::Array(items) = argument.before() else { return None };
    let [_, level, kind] = [0, 1, 2].map(|index| structs::CMSGHDR.fields[index].kind);
    let headers = items.iter().filter_map(|item| {
        // By name as strace has it, or in short as explanations show it: {SOL_SOCKET, SCM_RIGHTS}
        let (level_shown, kind_shown) = match (item.field("cmsg_level"), item.field("cmsg_type"), item) {
            (Some(level), Some(kind), _) => (level, kind),
            (None, None, Argument::Struct(fields)) => match fields.as_slice() {
                [(_, level), (_, kind), ..] => (level, kind),
                _ => return None,
            },
            _ => return None,
        };
        let level = number(level_shown, level, 0).ok()?;
        let kind = number(kind_shown, kind, level).ok()?;
        let length = item.field("cmsg_len").and_then(Argument::number).unwrap_or_default();
        Some(ControlHeader { length: length as usize, level: level as u32 as i32, kind: kind as u32 as i32 })
    });
    Some(headers.collect())
}
