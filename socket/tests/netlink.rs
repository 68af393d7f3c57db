//! Messages for the kernel that nobody would send: made at random, and by breaking good ones. Whatever comes, the system goes on,
//! and its tables are sound.

mod common;

use std::rc::Rc;

use common::*;
use linux_raw_sys::net::{AF_NETLINK, SOCK_RAW};
use net_stack::net::InterfaceId;
use scml::Call;

/// `NLM_F_REQUEST | NLM_F_ACK`, and with NLM_F_CREATE.
const ACK: u16 = 5;
const CREATE: u16 = 0x405;
const DUMP: u16 = 0x301;

/// Numbers that are the same at every run (xorshift).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }
}

fn attribute(kind: u16, data: &[u8]) -> Vec<u8> {
    let mut bytes = [(4 + data.len() as u16).to_ne_bytes(), kind.to_ne_bytes()].concat();
    bytes.extend(data);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

fn message(kind: u16, flags: u16, body: &[u8]) -> Vec<u8> {
    let mut bytes = (16 + body.len() as u32).to_ne_bytes().to_vec();
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(flags.to_ne_bytes());
    bytes.extend([0; 8]);
    bytes.extend(body);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

/// Good ones, of every type: links, addresses, routes, neighbours, rules.
fn good() -> Vec<Vec<u8>> {
    let name = attribute(3, b"v0\0");
    let peer = [&[0; 16][..], &attribute(3, b"v1\0")].concat();
    let info = [attribute(1, b"veth\0"), attribute(2, &attribute(1, &peer))].concat();
    let link = |index: u8, rest: &[&[u8]]| {
        let header = [0, 0, 0, 0, index, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0];
        [&header[..], &rest.concat()].concat()
    };
    let own = attribute(2, &[192, 0, 2, 1]);
    let address = [&[2, 24, 0, 0, 1, 0, 0, 0][..], &own, &attribute(1, &[192, 0, 2, 1])].concat();
    let to = attribute(1, &[198, 51, 100, 0]);
    let over = attribute(4, &[1, 0, 0, 0]);
    let route = [&[2, 24, 0, 0, 254, 4, 253, 1, 0, 0, 0, 0][..], &to, &over].concat();
    let near = attribute(1, &[192, 0, 2, 9]);
    let neighbour =
        [&[2, 0, 0, 0, 1, 0, 0, 0, 0x80, 0, 0, 0][..], &near, &attribute(2, &[2, 0, 0, 0, 0, 9])].concat();
    let mut all = vec![
        message(16, CREATE, &link(0, &[&name, &attribute(18, &info)])),
        message(19, ACK, &link(0, &[&name, &attribute(4, &1400_u32.to_ne_bytes())])),
        message(18, ACK, &link(0, &[&name])),
        message(20, CREATE, &address),
        message(24, CREATE, &route),
        message(26, ACK, &[&[2, 32, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0][..], &to].concat()),
        message(28, CREATE, &neighbour),
        message(30, ACK, &neighbour[..20]),
        message(29, ACK, &neighbour),
        message(25, ACK, &route),
        message(21, ACK, &address),
        message(17, ACK, &link(0, &[&name])),
    ];
    all.extend([18, 22, 26, 30, 34].map(|kind| message(kind, DUMP, &[0; 16])));
    all
}

/// A program that may do everything.
fn administrator(system: &Rc<System>) -> Program {
    let program = system.program();
    program.capabilities.set(u64::MAX);
    program
}

fn route(program: &Program) -> usize {
    program.call(Call::Socket, [AF_NETLINK as usize, SOCK_RAW as usize, 0]).expect("the family is there")
}

/// Receives all that waits.
fn drain(program: &Program, socket: usize) -> usize {
    let mut count = 0;
    while program.receive_with(socket, 65_536, 0x40).is_ok() {
        count += 1;
    }
    count
}

/// Sends each of them, and shows that a dump of the interfaces still begins with the loopback interface.
fn survives(program: &Program, messages: impl Iterator<Item = Vec<u8>>) {
    let socket = route(program);
    for bytes in messages {
        // By write(2), which the policy does not look into.
        let _ = program.call(Call::Write, [socket, program.bytes(&bytes), bytes.len()]);
        drain(program, socket);
    }
    let asker = route(program);
    let dump = message(18, DUMP, &[0; 16]);
    program.send(asker, &dump).expect("the kernel listens");
    let answer = program.receive(asker, 65_536).expect("the kernel answers");
    assert_eq!((answer[4], answer[20]), (16, 1), "a link, of index 1");
    let network = &program.system.world.network;
    network.network(|network| {
        assert!(network.interface(InterfaceId::LOOPBACK).is_some());
        for route in network.routes().iter() {
            assert!(network.interface(route.interface).is_some(), "{route:?} leads over nothing");
        }
    });
}

#[test]
fn good_ones_are_done() {
    let system = System::new();
    let program = administrator(&system);
    let socket = route(&program);
    for bytes in good() {
        program.send(socket, &bytes).expect("it is sent");
        let answer = program.receive(socket, 65_536).expect("it is answered");
        let errno = i32::from_ne_bytes(answer[16..20].try_into().unwrap());
        let refused = answer[4] == 2 && errno != 0;
        assert!(!refused, "{bytes:?}: errno {}", -errno);
        drain(&program, socket);
    }
}

#[test]
fn noise_is_survived() {
    let system = System::new();
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let noise = (0..5_000).map(move |_| {
        let length = random.below(200);
        (0..length).map(|_| random.next() as u8).collect()
    });
    survives(&administrator(&system), noise);
}

/// Bytes changed, cut off, put in; several messages at once.
#[test]
fn broken_ones_are_survived() {
    let system = System::new();
    let good = good();
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    let broken = (0..10_000).map(move |_| {
        let mut bytes = good[random.below(good.len())].clone();
        if random.below(4) == 0 {
            bytes.extend(&good[random.below(good.len())]);
        }
        for _ in 0..random.below(4) {
            let place = random.below(bytes.len());
            match random.below(4) {
                0 => bytes[place] = random.next() as u8,
                1 => bytes[place] ^= 1 << random.below(8),
                2 => bytes.truncate(place.max(1)),
                _ => bytes.insert(place, random.next() as u8),
            }
        }
        bytes
    });
    survives(&administrator(&system), broken);
}

/// Sockets that are closed with an answer under way, and while something is announced to them, leave nothing behind.
#[test]
fn closed_sockets_leave_nothing() {
    let system = System::new();
    let program = administrator(&system);
    let count = system.world.socket_count();
    for bytes in good().iter().cycle().take(2_000) {
        let socket = route(&program);
        program.call(Call::Setsockopt, [socket, 270, 1, program.bytes(&1_u32.to_ne_bytes()), 4]).unwrap();
        program.send(socket, bytes).expect("it is sent");
        program.close(socket);
    }
    assert_eq!(system.world.socket_count(), count);
}
