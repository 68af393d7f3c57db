//! What an argument is worth: names become numbers, by the domain of the parameter or field that they stand in.

use crate::domain::{Domain, Kind, constants, show};

use super::argument::Argument;

/// A name that stands for no number that is known.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Unknown(pub(crate) String);

/// What strace shows for numbers that no rule names: values of fields and of arguments that are integers.
static OTHERS: &[(&str, u64)] = &[
    ("ETH_P_LOOP", 0x60),
    ("ETH_P_IP", 0x800),
    ("ETH_P_ARP", 0x806),
    ("ETH_P_IPV6", 0x86dd),
    ("ETH_P_ALL", 3),
    ("FD_CLOEXEC", 1),
    ("INADDR_ANY", 0),
    ("INADDR_LOOPBACK", 0x7f00_0001),
    ("INADDR_BROADCAST", 0xffff_ffff),
    ("O_RDONLY", 0),
    ("O_WRONLY", 1),
    ("O_RDWR", 2),
    ("O_APPEND", 0o2000),
    ("O_NONBLOCK", 0o4000),
    ("O_ASYNC", 0o20000),
    ("O_LARGEFILE", 0o100_000),
    ("O_CLOEXEC", 0o2_000_000),
    ("VMADDR_CID_ANY", 0xffff_ffff),
    ("VMADDR_CID_HYPERVISOR", 0),
    ("VMADDR_CID_LOCAL", 1),
    ("VMADDR_CID_HOST", 2),
    ("VMADDR_PORT_ANY", 0xffff_ffff),
];

/// The number that an argument stands for. `selector` is what a dependent kind depends on.
pub(crate) fn number(argument: &Argument, kind: Kind, selector: u64) -> Result<u64, Unknown> {
    match argument.before() {
        Argument::Number(number) | Argument::Descriptor(number, _) => Ok(*number),
        Argument::Name(name) => named(name, kind, selector),
        Argument::Or(parts) => alternatives(parts, kind, selector),
        Argument::Call(name, arguments) => called(name, arguments, kind, selector),
        Argument::Elided => Err(Unknown("...".to_owned())),
        // A pointer to something.
        Argument::Text(_) | Argument::Struct(_) | Argument::Array(_) | Argument::Change(..) => Ok(POINTER),
    }
}

/// What a pointer is worth of which only the target is shown.
const POINTER: u64 = 0x1000;

/// Flags together; of names that share a number, as of ioctl's requests, the one that is known.
fn alternatives(parts: &[Argument], kind: Kind, selector: u64) -> Result<u64, Unknown> {
    let numbers: Vec<_> = parts.iter().map(|part| number(part, kind, selector)).collect();
    if matches!(kind, Kind::Enumeration(_))
        && let Some(known) = numbers.iter().find_map(|number| number.as_ref().ok())
    {
        return Ok(*known);
    }
    numbers.into_iter().try_fold(0, |all, number| Ok(all | number?))
}

fn named(name: &str, kind: Kind, selector: u64) -> Result<u64, Unknown> {
    let own = match kind {
        Kind::Enumeration(domain) | Kind::BitSet(domain) => domain.value(name),
        Kind::Typed { values, flags } => values.value(name).or_else(|| flags.value(name)),
        Kind::Dependent { variants, .. } => show::selected(variants, selector)
            .and_then(|domain| domain.value(name))
            .or_else(|| variants.iter().find_map(|variant| variant.domain.value(name))),
        _ => None,
    };
    let any = || constants::all().find_map(|domain: &Domain| domain.value(name));
    let other = || OTHERS.iter().find(|(other, _)| *other == name).map(|(_, value)| *value);
    own.or_else(any).map(u64::from).or_else(other).ok_or_else(|| Unknown(name.to_owned()))
}

fn called(name: &str, arguments: &[Argument], kind: Kind, selector: u64) -> Result<u64, Unknown> {
    let argument = |index: usize| match arguments.get(index) {
        Some(argument) => number(argument, kind, selector),
        None => Err(Unknown(name.to_owned())),
    };
    match name {
        "htons" | "ntohs" => Ok(u64::from((argument(0)? as u16).swap_bytes())),
        "htonl" | "ntohl" => Ok(u64::from((argument(0)? as u32).swap_bytes())),
        "inet_addr" => match arguments {
            [Argument::Text(text)] => internet_address(text).ok_or_else(|| Unknown(name.to_owned())),
            _ => Err(Unknown(name.to_owned())),
        },
        // The number itself does not matter to anything but the interface.
        "if_nametoindex" => Ok(1),
        "_IO" => request(0, argument(0)?, argument(1)?, 0),
        "_IOR" => request(2, argument(0)?, argument(1)?, argument(2)?),
        "_IOW" => request(1, argument(0)?, argument(1)?, argument(2)?),
        "_IOWR" => request(3, argument(0)?, argument(1)?, argument(2)?),
        "_IOC" => request(direction(arguments.first())?, argument(1)?, argument(2)?, argument(3)?),
        _ => Err(Unknown(format!("{name}(...)"))),
    }
}

/// The number of an ioctl request (`_IOC` of `asm-generic/ioctl.h`).
fn request(direction: u64, kind: u64, number: u64, size: u64) -> Result<u64, Unknown> {
    Ok((direction & 3) << 30 | (size & 0x3fff) << 16 | (kind & 0xff) << 8 | number & 0xff)
}

fn direction(argument: Option<&Argument>) -> Result<u64, Unknown> {
    let one = |argument: &Argument| match argument {
        Argument::Name(name) if name == "_IOC_NONE" => Ok(0),
        Argument::Name(name) if name == "_IOC_WRITE" => Ok(1),
        Argument::Name(name) if name == "_IOC_READ" => Ok(2),
        Argument::Number(number) => Ok(*number),
        _ => Err(Unknown("_IOC(...)".to_owned())),
    };
    match argument {
        Some(Argument::Or(parts)) => parts.iter().try_fold(0, |all, part| Ok(all | one(part)?)),
        Some(argument) => one(argument),
        None => Err(Unknown("_IOC(...)".to_owned())),
    }
}

/// A dotted address as it is in memory.
fn internet_address(text: &[u8]) -> Option<u64> {
    let address: core::net::Ipv4Addr = core::str::from_utf8(text).ok()?.parse().ok()?;
    Some(u64::from(u32::from_ne_bytes(address.octets())))
}
