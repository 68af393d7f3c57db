//! Addresses that come over the link.

mod common;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use common::ip;
use net_stack::{
    Stack,
    address::IpAddr,
    configure::Dhcp,
    link::Link,
    net::{InterfaceId, Kind},
    random::Secret,
    time::Instant,
};

const MAC: [u8; 6] = [2, 0, 0, 0, 0, 7];
const ROUTER_MAC: [u8; 6] = [2, 0, 0, 0, 0, 1];
const START: Instant = Instant::from_secs(1000);

/// A link that keeps what was sent.
#[derive(Default)]
struct Wire(Mutex<Vec<Vec<u8>>>);

impl Link for Wire {
    fn send(&self, frame: Vec<u8>, start: usize) -> bool {
        self.0.lock().unwrap().push(frame[start..].to_vec());
        true
    }
}

impl Wire {
    fn take(&self) -> Vec<Vec<u8>> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

fn host() -> (Arc<Stack>, InterfaceId, Arc<Wire>) {
    let stack = Stack::new(Secret::new([3, 4]));
    let kind = Kind::Ethernet { address: MAC };
    let id = stack.configure(|network| network.add_interface("eth0", kind, 1500)).unwrap();
    let wire = Arc::new(Wire::default());
    stack.attach(id, wire.clone());
    (stack, id, wire)
}

fn addresses(stack: &Stack, id: InterfaceId) -> Vec<IpAddr> {
    stack.network(|network| network.interface(id).unwrap().addresses.iter().map(|own| own.address).collect())
}

fn next_hop(stack: &Stack, to: &str) -> Option<IpAddr> {
    stack.network(|network| network.path(ip(to), None, None)).ok().map(|path| path.next_hop)
}

fn sum(bytes: &[u8], mut sum: u32) -> u16 {
    for pair in bytes.chunks(2) {
        sum += u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0));
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

/// The frame of a server's answer to the question in `frame`.
fn answer(frame: &[u8], kind: u8, address: [u8; 4], lease: u32) -> Vec<u8> {
    let question = &frame[42..];
    let mut message = vec![0; 240];
    message[0] = 2;
    message[4..8].copy_from_slice(&question[4..8]);
    message[16..20].copy_from_slice(&address);
    message[28..34].copy_from_slice(&question[28..34]);
    message[236..].copy_from_slice(&[99, 130, 83, 99]);
    message.extend([53, 1, kind, 54, 4, 10, 0, 2, 2, 1, 4, 255, 255, 255, 0, 3, 4, 10, 0, 2, 2, 51, 4]);
    message.extend(lease.to_be_bytes());
    message.push(255);
    let mut frame = [[0xff; 6], ROUTER_MAC].concat();
    frame.extend([8, 0]);
    let mut header = vec![0x45, 0, 0, 0, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 2, 2, 255, 255, 255, 255];
    header[2..4].copy_from_slice(&(28 + message.len() as u16).to_be_bytes());
    let checksum = sum(&header, 0);
    header[10..12].copy_from_slice(&checksum.to_be_bytes());
    frame.extend(header);
    // UDP over IPv4 may go without a checksum.
    frame.extend([0, 67, 0, 68]);
    frame.extend((8 + message.len() as u16).to_be_bytes());
    frame.extend([0, 0]);
    frame.extend(message);
    frame
}

/// The message type of the only question that was sent; always to all, from the port 68 to the port 67.
fn question(wire: &Wire) -> (u8, Vec<u8>) {
    let mut sent = wire.take();
    assert_eq!(sent.len(), 1);
    let frame = sent.remove(0);
    assert_eq!(frame[..14], [[0xff; 6], MAC].concat().into_iter().chain([8, 0]).collect::<Vec<_>>()[..]);
    assert_eq!(frame[30..38], [255, 255, 255, 255, 0, 68, 0, 67]);
    assert_eq!(frame[282..284], [53, 1]);
    (frame[284], frame)
}

#[test]
fn an_address_is_leased_renewed_and_lost() {
    let (stack, id, wire) = host();
    let mut client = Dhcp::new(&stack, id, START).unwrap();
    client.poll(START);
    let (kind, discover) = question(&wire);
    assert_eq!(kind, 1);
    // An answer to somebody else's question.
    let mut other = discover.clone();
    other[46] ^= 1;
    stack.receive(id, answer(&other, 2, [10, 0, 2, 99], 3600), 0, START);
    client.poll(START);
    assert!(wire.take().is_empty());

    stack.receive(id, answer(&discover, 2, [10, 0, 2, 15], 3600), 0, START);
    client.poll(START);
    let (kind, request) = question(&wire);
    assert_eq!(kind, 3);
    assert!(!client.is_bound());
    stack.receive(id, answer(&request, 5, [10, 0, 2, 15], 3600), 0, START);
    client.poll(START);
    assert!(client.is_bound());
    assert_eq!(addresses(&stack, id), [ip("10.0.2.15")]);
    assert_eq!(next_hop(&stack, "192.0.2.1"), Some(ip("10.0.2.2")));
    assert_eq!(stack.udp_ports().held(), 0, "the port is free while nothing is asked");

    let half = client.deadline();
    assert_eq!(half, START + Duration::from_secs(1800));
    client.poll(half);
    let (kind, renewal) = question(&wire);
    assert_eq!((kind, &renewal[26..30], &renewal[54..58]), (3, &[10, 0, 2, 15][..], &[10, 0, 2, 15][..]));
    stack.receive(id, answer(&renewal, 5, [10, 0, 2, 15], 100), 0, half);
    client.poll(half);
    assert_eq!(addresses(&stack, id), [ip("10.0.2.15")]);

    // Nobody answers any more.
    let end = half + Duration::from_secs(100);
    while client.deadline() < end {
        assert!(client.is_bound());
        client.poll(client.deadline());
        wire.take();
    }
    client.poll(end);
    assert!(!client.is_bound());
    assert!(addresses(&stack, id).is_empty());
    assert_eq!(next_hop(&stack, "192.0.2.1"), None);
    assert_eq!(question(&wire).0, 1);
}

#[test]
fn a_refusal_begins_anew_and_silence_is_asked_less_often() {
    let (stack, id, wire) = host();
    let mut client = Dhcp::new(&stack, id, START).unwrap();
    client.poll(START);
    stack.receive(id, answer(&question(&wire).1, 2, [10, 0, 2, 15], 60), 0, START);
    client.poll(START);
    stack.receive(id, answer(&question(&wire).1, 6, [0; 4], 0), 0, START);
    client.poll(START);
    assert_eq!(question(&wire).0, 1);
    let mut pauses = Vec::new();
    for _ in 0..6 {
        let before = client.deadline();
        client.poll(before);
        assert_eq!(question(&wire).0, 1);
        pauses.push(client.deadline().since(before).as_secs());
    }
    assert_eq!(pauses, [8, 16, 32, 64, 64, 64]);
}

/// The frame of an advertisement of fd00:1::/64.
fn advertisement(lifetime: u16, valid: u32, hop_limit: u8) -> Vec<u8> {
    let mut message = vec![134, 0, 0, 0, 64, 0];
    message.extend(lifetime.to_be_bytes());
    message.extend([0; 8]);
    message.extend([1, 1]);
    message.extend(ROUTER_MAC);
    message.extend([3, 4, 64, 0xc0]);
    message.extend(valid.to_be_bytes());
    message.extend(valid.to_be_bytes());
    message.extend([0, 0, 0, 0, 0xfd, 0, 0, 1]);
    message.extend([0; 12]);
    let (from, to) =
        ("fe80::1".parse::<std::net::Ipv6Addr>().unwrap(), "ff02::1".parse::<std::net::Ipv6Addr>().unwrap());
    let mut pseudo = [from.octets(), to.octets()].concat();
    pseudo.extend((message.len() as u32).to_be_bytes());
    pseudo.extend([0, 0, 0, 58]);
    pseudo.extend(&message);
    let checksum = sum(&pseudo, 0);
    message[2..4].copy_from_slice(&checksum.to_be_bytes());
    let mut frame = [[0x33, 0x33, 0, 0, 0, 1], ROUTER_MAC].concat();
    frame.extend([0x86, 0xdd, 0x60, 0, 0, 0]);
    frame.extend((message.len() as u16).to_be_bytes());
    frame.extend([58, hop_limit]);
    frame.extend(from.octets());
    frame.extend(to.octets());
    frame.extend(message);
    frame
}

#[test]
fn routers_give_addresses_and_take_them_back() {
    let (stack, id, wire) = host();
    stack.solicit_routers(id, START);
    let sent = wire.take();
    assert_eq!(sent.len(), 1);
    assert_eq!((sent[0][54], sent[0][21], &sent[0][..6]), (133, 255, &[0x33, 0x33, 0, 0, 0, 2][..]));
    let link_local = ip("fe80::ff:fe00:7");
    assert_eq!(addresses(&stack, id), [link_local]);

    // From beyond a router: RFC 4861, 6.1.2.
    stack.receive(id, advertisement(1800, 3600, 254), 0, START);
    assert_eq!(addresses(&stack, id), [link_local]);
    for _ in 0..2 {
        stack.receive(id, advertisement(1800, 3600, 255), 0, START);
        assert_eq!(addresses(&stack, id), [ip("fd00:1::ff:fe00:7"), link_local]);
        assert_eq!(next_hop(&stack, "2001:db8::1"), Some(ip("fe80::1")));
        assert_eq!(next_hop(&stack, "fd00:1::9"), Some(ip("fd00:1::9")));
    }
    stack.receive(id, advertisement(0, 0, 255), 0, START);
    assert_eq!(addresses(&stack, id), [link_local]);
    assert_eq!(next_hop(&stack, "2001:db8::1"), None);
    assert_eq!(next_hop(&stack, "fd00:1::9"), None);
}

#[test]
fn broken_advertisements_do_nothing() {
    let (stack, id, _) = host();
    let whole = advertisement(1800, 3600, 255);
    for length in 0..whole.len() {
        stack.receive(id, whole[..length].to_vec(), 0, START);
        // The prefix ends in zeros: with those alone missing it is the same again.
        if length < whole.len() - 12 {
            let mut lying = whole[..length].to_vec();
            lying.resize(whole.len(), 0);
            stack.receive(id, lying, 0, START);
        }
    }
    assert!(addresses(&stack, id).is_empty());
}
