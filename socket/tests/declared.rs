//! What the code does and what the profile `postern` declares is the same: everything that can be asked of a socket is
//! tried with the policy off, where the code alone decides, and judged by the rules.
//!
//! An option, flag, request or control message that the code handles and no rule declares fails a test here, and so does
//! the reverse.

mod common;

use std::rc::Rc;

use common::*;
use linux_raw_sys::net;
use scml::{
    Call, ControlHeader, Descriptor, Message as Judged, Subject, Tables,
    domain::{Domain, constants, structs},
};
use socket::{
    abi::flags::MessageFlags,
    error::Errno,
    policy::{Count, Mode, Profile},
};

/// A call as the rules see it.
#[derive(Default)]
struct Facts {
    registers: [u64; 6],
    descriptor: Option<Descriptor>,
    control: Option<ControlHeader>,
}

impl Subject for Facts {
    fn parameter(&self, index: usize) -> u64 {
        self.registers[index]
    }

    fn descriptor(&self) -> Option<Descriptor> {
        self.descriptor
    }

    fn message(&self) -> Option<Judged<'_>> {
        let control = self.control.as_ref().map(core::slice::from_ref);
        Some(Judged { parts: 1, control, ..Judged::default() })
    }
}

fn tables() -> &'static Tables<'static> {
    Profile::Postern.tables()
}

fn declared(call: Call, facts: &Facts) -> bool {
    tables().admit(call, facts).is_ok()
}

fn registers<const N: usize>(words: [usize; N]) -> [u64; 6] {
    let mut all = [0; 6];
    for (register, word) in all.iter_mut().zip(words) {
        *register = word as u64;
    }
    all
}

/// A system without a policy.
fn lawless() -> Rc<System> {
    System::with(tables(), Mode::Off, Count::Rule)
}

/// Every kind of socket that the code makes.
fn kinds(system: &Rc<System>) -> Vec<(usize, usize)> {
    let all = (0..48).flat_map(|family| (0..16).map(move |kind| (family, kind)));
    all.filter(|(family, kind)| system.program().call(Call::Socket, [*family, *kind, 0]).is_ok()).collect()
}

/// The values of a domain, and some that are in none.
fn values(domain: &Domain) -> Vec<usize> {
    let mut values: Vec<_> = domain.members.iter().map(|member| member.value as usize).collect();
    values.extend([0, 9_999, 0x7fff_ffff]);
    values.sort_unstable();
    values.dedup();
    values
}

/// What does not agree, one line each.
#[derive(Default)]
struct Differences(Vec<String>);

impl Differences {
    fn note(&mut self, handled: bool, declared: bool, what: impl FnOnce() -> String) {
        match (handled, declared) {
            (true, false) => self.0.push(format!("handled, not declared: {}", what())),
            (false, true) => self.0.push(format!("declared, not handled: {}", what())),
            _ => {}
        }
    }

    #[track_caller]
    fn none(self) {
        assert!(self.0.is_empty(), "\n{}", self.0.join("\n"));
    }
}

#[test]
fn kinds_of_sockets() {
    let system = lawless();
    let mut differences = Differences::default();
    for family in 0..48 {
        for kind in
            (0..16).flat_map(|kind| [0, SOCK_NONBLOCK, SOCK_CLOEXEC, 0x1_0000].map(|flag| kind | flag))
        {
            for protocol in [0, 1, 2, 6, 17, 58, 262] {
                for call in [Call::Socket, Call::Socketpair] {
                    let program = system.program();
                    let words = [family, kind, protocol, program.bytes(&[0; 8])];
                    let handled = program.call(call, words).is_ok();
                    let facts = Facts { registers: registers(words), ..Facts::default() };
                    differences
                        .note(handled, declared(call, &facts), || format!("{} {words:x?}", call.name()));
                }
            }
        }
    }
    differences.none();
}

/// Options are known by anything but the two errnos for those that do not exist.
#[test]
fn options() {
    let system = lawless();
    let mut differences = Differences::default();
    let kinds = kinds(&system);
    assert!(!kinds.is_empty());
    for (family, kind) in kinds {
        for level in values(&constants::LEVEL) {
            let options = structs::OPTIONS.iter().find(|variant| variant.selector as usize == level);
            for option in values(options.map_or(&constants::SO_OPTIONS, |variant| variant.domain)) {
                for call in [Call::Getsockopt, Call::Setsockopt] {
                    let program = system.program();
                    let socket = program.call(Call::Socket, [family, kind, 0]).expect("it was there before");
                    let value = program.bytes(&[0; 64]);
                    let length = match call {
                        Call::Getsockopt => program.bytes(&64_u32.to_ne_bytes()),
                        _ => 64,
                    };
                    let words = [socket, level, option, value, length];
                    let known =
                        !matches!(program.call(call, words), Err(Errno::ENOPROTOOPT | Errno::EOPNOTSUPP));
                    let descriptor = Some(Descriptor::new(family as u16, kind as u8, 0));
                    let facts = Facts { registers: registers(words), descriptor, ..Facts::default() };
                    let declared = declared(call, &facts);
                    differences.note(known, declared, || {
                        let name =
                            options.and_then(|variant| variant.domain.name(option as u32)).unwrap_or("?");
                        format!(
                            "{} family {family} type {kind}: level {level}, {name} ({option})",
                            call.name()
                        )
                    });
                }
            }
        }
    }
    differences.none();
}

#[test]
fn requests() {
    let system = lawless();
    let mut differences = Differences::default();
    for (family, kind) in kinds(&system) {
        for request in values(&constants::IOCTL) {
            let program = system.program();
            let socket = program.call(Call::Socket, [family, kind, 0]).expect("it was there before");
            let words = [socket, request, program.bytes(&[0; 64])];
            let known = program.call(Call::Ioctl, words) != Err(Errno::ENOTTY);
            let descriptor = Some(Descriptor::new(family as u16, kind as u8, 0));
            let facts = Facts { registers: registers(words), descriptor, ..Facts::default() };
            differences.note(known, declared(Call::Ioctl, &facts), || {
                let name = constants::IOCTL.name(request as u32).unwrap_or("?");
                format!("ioctl family {family} type {kind}: {name} ({request:#x})")
            });
        }
    }
    differences.none();
}

/// The code knows these in order to refuse them, where nobody declares them.
const REFUSED: u32 = net::MSG_OOB | 0x8000_0000;
/// It shows this one to receivers, who do not ask for it.
const SHOWN: u32 = net::MSG_CTRUNC;
/// These may be declared, and mean nothing to the families that there are: each has a probe that shows it.
const WITHOUT_EFFECT: u32 = net::MSG_CONFIRM | net::MSG_EOR | net::MSG_MORE;

/// Of flags Linux, and the code, ignore those that are not known. What the code knows is what has a name there.
#[test]
fn flags() {
    let known =
        |bit: u32| MessageFlags::from_bits_retain(bit).iter_names().any(|(_, flag)| flag.bits() == bit);
    let mut differences = Differences::default();
    for bit in (0..32).map(|bit| 1_u32 << bit) {
        let admits = |call: Call, index: usize, kind: u8| {
            [net::AF_UNIX, net::AF_INET, net::AF_INET6].into_iter().any(|family| {
                let descriptor = Some(Descriptor::new(family as u16, kind, 0));
                let mut facts = Facts { descriptor, ..Facts::default() };
                facts.registers[index] = bit.into();
                declared(call, &facts)
            })
        };
        let declared = (0..11).any(|kind| {
            [(Call::Sendto, 3), (Call::Sendmsg, 2), (Call::Sendmmsg, 3)]
                .into_iter()
                .chain([(Call::Recvfrom, 3), (Call::Recvmsg, 2), (Call::Recvmmsg, 3)])
                .any(|(call, index)| admits(call, index, kind))
        });
        let excused = match declared {
            true => WITHOUT_EFFECT,
            false => REFUSED | SHOWN,
        };
        if excused & bit == 0 {
            differences.note(known(bit), declared, || {
                format!("{} ({bit:#x})", constants::MSG_FLAGS.name(bit).unwrap_or("?"))
            });
        }
    }
    differences.none();
}

/// Control messages of SOL_SOCKET; those of other levels are passed over, as in Linux, and declared nowhere.
#[test]
fn control_messages() {
    let system = lawless();
    let mut differences = Differences::default();
    let descriptor = Descriptor::new(net::AF_UNIX as u16, net::SOCK_STREAM as u8, 0);
    for kind in values(&constants::SCM_SOCKET) {
        let program = system.program();
        let [one, _] = program.pair();
        // Enough for any of them: a descriptor, or a process, its user and its group.
        let data: &[u32] = if kind == net::SCM_RIGHTS as usize { &[one as u32] } else { &[0; 3] };
        let length = 16 + data.len() * 4;
        let mut control = length.to_ne_bytes().to_vec();
        control.extend((net::SOL_SOCKET).to_ne_bytes());
        control.extend((kind as u32).to_ne_bytes());
        control.extend(data.iter().flat_map(|word| word.to_ne_bytes()));
        let message = Message {
            vectors: program.vectors(&[(program.bytes(b"x"), 1)]),
            count: 1,
            control: program.bytes(&control),
            control_length: control.len(),
            ..Message::default()
        };
        let known = program.call(Call::Sendmsg, [one, program.message(message), 0]) != Err(Errno::EINVAL);
        let header = ControlHeader { length, level: net::SOL_SOCKET as i32, kind: kind as i32 };
        let facts = Facts { descriptor: Some(descriptor), control: Some(header), ..Facts::default() };
        differences.note(known, declared(Call::Sendmsg, &facts), || {
            format!("sendmsg {}", constants::SCM_SOCKET.name(kind as u32).unwrap_or("?"))
        });
    }
    differences.none();
}

#[test]
fn directions_and_flags_of_accept() {
    let system = lawless();
    let mut differences = Differences::default();
    let descriptor = Some(Descriptor::new(net::AF_UNIX as u16, net::SOCK_STREAM as u8, 0));
    for how in 0..16 {
        let program = system.program();
        let [one, _] = program.pair();
        let handled = program.call(Call::Shutdown, [one, how]).is_ok();
        let facts = Facts { registers: registers([one, how]), descriptor, ..Facts::default() };
        differences.note(handled, declared(Call::Shutdown, &facts), || format!("shutdown {how}"));
    }
    for flags in (0..32).map(|bit| 1_usize << bit) {
        let program = system.program();
        let socket = program.stream();
        // A socket that does not listen is EINVAL, too; what is asked for first is the flags.
        program.bind(socket, &format!("@{flags}")).expect("the name is new");
        program.call(Call::Listen, [socket, 1]).expect("it has a name");
        program.connect(program.stream(), &format!("@{flags}")).expect("it listens");
        let handled = program.call(Call::Accept4, [socket, 0, 0, flags]).is_ok();
        let facts = Facts { registers: registers([socket, 0, 0, flags]), descriptor, ..Facts::default() };
        differences.note(handled, declared(Call::Accept4, &facts), || format!("accept4 {flags:#x}"));
    }
    differences.none();
}
