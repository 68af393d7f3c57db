//! UDP, ping and raw sockets, on loopback and over a line.

mod common;

use std::{sync::Arc, time::Duration};

use common::{Line, Net, end, ip};
use net_stack::{
    Notice, Stack,
    address::Endpoint,
    datagram::{
        Ancillary, BindError, ConnectError, DatagramSocket, Discovery, Draft, Filter, Kind, MembershipError,
        Origin, SendError, Version,
    },
    icmp::Trouble,
    net::{InterfaceId, PathError},
    random::Secret,
    time::Instant,
};

const NOW: Instant = Instant::from_secs(1);

fn stack() -> Arc<Stack> {
    Stack::new(Secret::new([1, 2]))
}

fn udp(stack: &Arc<Stack>, address: &str) -> DatagramSocket {
    let to = end(address);
    let version = if to.address.is_ipv4() { Version::V4 } else { Version::V6 };
    let socket = stack.datagram(Kind::Udp, version);
    socket.bind(to.address, to.port).unwrap();
    socket
}

fn send(socket: &DatagramSocket, payload: &[u8], to: Option<Endpoint>) -> Result<usize, SendError> {
    send_at(socket, payload, to, NOW)
}

fn send_at(
    socket: &DatagramSocket,
    payload: &[u8],
    to: Option<Endpoint>,
    now: Instant,
) -> Result<usize, SendError> {
    let mut draft = Draft::new(payload.len());
    draft.payload_mut().copy_from_slice(payload);
    socket.send(draft, to, &Ancillary::default(), now)
}

/// What waits, with its sender.
fn receive(socket: &DatagramSocket) -> Option<(Vec<u8>, Endpoint)> {
    socket.receive(false).map(|received| (received.payload().to_vec(), received.from))
}

#[test]
fn a_datagram_arrives_with_its_sender_and_is_answered() {
    let stack = stack();
    for (here, any) in [("127.0.0.1", "0.0.0.0:0"), ("[::1]", "[::]:0")] {
        let server = udp(&stack, &format!("{here}:5353"));
        let client = udp(&stack, any);
        let to = end(&format!("{here}:5353"));
        assert_eq!(send(&client, b"hello", Some(to)), Ok(5));
        assert_eq!(send(&client, b"", Some(to)), Ok(0));
        assert_eq!(server.waiting(), (2, 5));
        assert_eq!(server.receive(true).unwrap().payload(), b"hello");
        let (payload, from) = receive(&server).unwrap();
        assert_eq!((&payload[..], from.port), (&b"hello"[..], client.local().port));
        assert_eq!(receive(&server), Some((Vec::new(), from)), "nothing is a datagram too");
        assert_eq!(receive(&server), None);
        send(&server, b"world", Some(from)).unwrap();
        assert_eq!(receive(&client), Some((b"world".to_vec(), to)));
    }
}

#[test]
fn who_is_connected_hears_his_peer_only() {
    let stack = stack();
    let server = udp(&stack, "127.0.0.1:7");
    let (peer, stranger) = (udp(&stack, "127.0.0.1:0"), udp(&stack, "127.0.0.1:0"));
    server.connect(peer.local()).unwrap();
    send(&stranger, b"no", Some(end("127.0.0.1:7"))).unwrap();
    send(&peer, b"yes", Some(end("127.0.0.1:7"))).unwrap();
    assert_eq!(receive(&server), Some((b"yes".to_vec(), peer.local())));
    assert_eq!(receive(&server), None);
    send(&server, b"back", None).unwrap();
    assert_eq!(receive(&peer).unwrap().0, b"back");
    server.disconnect();
    assert_eq!(send(&server, b"", None), Err(SendError::NoDestination));
    send(&stranger, b"now", Some(end("127.0.0.1:7"))).unwrap();
    assert_eq!(receive(&server).unwrap().0, b"now");
}

#[test]
fn connecting_chooses_an_address_and_disconnecting_gives_it_back() {
    let stack = stack();
    let socket = stack.datagram(Kind::Udp, Version::V4);
    assert_eq!(socket.local(), end("0.0.0.0:0"));
    socket.connect(end("127.0.0.1:9")).unwrap();
    assert_eq!(socket.local().address, ip("127.0.0.1"));
    assert_ne!(socket.local().port, 0);
    socket.disconnect();
    assert_eq!((socket.local(), socket.peer()), (end("0.0.0.0:0"), None));
    let bound = udp(&stack, "0.0.0.0:99");
    bound.connect(end("127.0.0.1:9")).unwrap();
    bound.disconnect();
    assert_eq!(bound.local(), end("0.0.0.0:99"));
    assert_eq!(socket.connect(end("8.8.8.8:53")), Err(ConnectError::Path(PathError::Unreachable)));
    assert_eq!(socket.connect(end("[::1]:53")), Err(ConnectError::Version));
}

#[test]
fn a_socket_of_both_versions_hears_both() {
    let stack = stack();
    let both = udp(&stack, "[::]:1000");
    send(&udp(&stack, "127.0.0.1:0"), b"four", Some(end("127.0.0.1:1000"))).unwrap();
    send(&udp(&stack, "[::1]:0"), b"six", Some(end("[::1]:1000"))).unwrap();
    assert_eq!((receive(&both).unwrap().0, receive(&both).unwrap().0), (b"four".to_vec(), b"six".to_vec()));
    let four = stack.datagram(Kind::Udp, Version::V4);
    assert_eq!(four.bind(ip("0.0.0.0"), 1000), Err(BindError::InUse));
    drop(both);
    let six = stack.datagram(Kind::Udp, Version::V6);
    six.set_options(|options| options.v6_only = true);
    six.bind(ip("::"), 1000).unwrap();
    four.bind(ip("0.0.0.0"), 1000).unwrap();
    assert_eq!(four.bind(ip("0.0.0.0"), 1001), Err(BindError::Already));
    send(&udp(&stack, "127.0.0.1:0"), b"four", Some(end("127.0.0.1:1000"))).unwrap();
    assert_eq!((six.waiting().0, four.waiting().0), (0, 1));
    assert_eq!(stack.datagram(Kind::Udp, Version::V4).bind(ip("9.9.9.9"), 0), Err(BindError::NotLocal));
    assert_eq!(stack.datagram(Kind::Udp, Version::V4).bind(ip("::1"), 0), Err(BindError::Version));
}

#[test]
fn what_has_no_room_is_dropped() {
    let stack = stack();
    let server = udp(&stack, "127.0.0.1:7");
    server.set_options(|options| options.receive_buffer = 4608);
    let client = udp(&stack, "127.0.0.1:0");
    for _ in 0..20 {
        send(&client, b"x", Some(server.local())).unwrap();
    }
    // Linux counts 768 for each, and lets one go beyond the limit.
    assert_eq!((server.waiting().0, server.charge(), server.dropped()), (7, 7 * 768, 13));
    receive(&server).unwrap();
    send(&client, b"x", Some(server.local())).unwrap();
    assert_eq!(server.waiting().0, 7);
}

#[test]
fn nobody_at_the_port_is_told_to_who_can_tell() {
    let stack = stack();
    for loopback in ["127.0.0.1", "[::1]"] {
        let client = udp(&stack, &format!("{loopback}:0"));
        let to = end(&format!("{loopback}:9"));
        // Not connected: no.
        send(&client, b"x", Some(to)).unwrap();
        assert_eq!((client.error(), client.readiness()), (None, Notice::WRITABLE));
        client.connect(to).unwrap();
        send(&client, b"x", None).unwrap();
        assert!(client.readiness().contains(Notice::ERROR));
        assert_eq!(send(&client, b"x", None), Err(SendError::Pending(Trouble::PortUnreachable)));
        send(&client, b"x", None).unwrap();
        assert_eq!(client.take_error(), Some(Trouble::PortUnreachable));
        assert_eq!(client.take_error(), None);
        // Not connected, but it asked for records.
        client.disconnect();
        client.set_options(|options| options.receive_errors = true);
        send(&client, b"payload", Some(to)).unwrap();
        assert_eq!(client.error(), Some(Trouble::PortUnreachable));
        let record = client.take_error_record().unwrap();
        assert_eq!((&record.payload[..], record.destination), (&b"payload"[..], to));
        assert_eq!(record.offender, Some(to.address));
        let icmp = if to.address.is_ipv4() { (Origin::Icmp, 3, 3) } else { (Origin::Icmpv6, 1, 4) };
        assert_eq!((record.origin, record.kind, record.code), icmp);
        assert_eq!((client.take_error_record(), client.take_error()), (None, None));
    }
}

#[test]
fn long_datagrams_are_split_and_joined() {
    let net = Net::new(
        7,
        Line { delay: Duration::from_millis(5), jitter: Duration::from_millis(9), ..Line::default() },
    );
    for (here, there, longest) in [("10.0.0.1", "10.0.0.2", 65507), ("[fd00::1]", "[fd00::2]", 65527)] {
        let client = udp(&net.stacks[0], &format!("{here}:0"));
        let server = udp(&net.stacks[1], &format!("{there}:77"));
        for length in [0, 1, 1452, 1453, 1472, 1473, 8000, longest] {
            let payload: Vec<_> = (0..length).map(|at| (at * 7 % 251) as u8).collect();
            send_at(&client, &payload, Some(server.local()), net.now()).unwrap();
            net.run(Duration::from_millis(50));
            assert_eq!(receive(&server).map(|(payload, _)| payload), Some(payload), "{length}");
        }
        assert_eq!(send(&client, &vec![0; longest + 1], Some(server.local())), Err(SendError::TooLong));
        client.set_options(|options| options.discovery = Discovery::Always);
        assert_eq!(send(&client, &[0; 1473], Some(server.local())), Err(SendError::TooLong));
        assert_eq!(client.take_error_record(), None);
        client.set_options(|options| options.receive_errors = true);
        assert_eq!(send(&client, &[0; 1473], Some(server.local())), Err(SendError::TooLong));
        let record = client.take_error_record().unwrap();
        assert_eq!((record.origin, record.trouble), (Origin::Local, Trouble::TooBig { mtu: 1500 }));
    }
}

#[test]
fn headers_say_what_the_sender_chose() {
    let net = Net::new(7, Line::default());
    let client = udp(&net.stacks[0], "0.0.0.0:0");
    let server = udp(&net.stacks[1], "0.0.0.0:77");
    client.set_options(|options| (options.hop_limit, options.traffic_class) = (9, 0x10));
    send_at(&client, b"a", Some(end("10.0.0.2:77")), net.now()).unwrap();
    let once = Ancillary { hop_limit: Some(3), traffic_class: Some(0xb8), ..Ancillary::default() };
    client.send(Draft::new(1), Some(end("10.0.0.2:77")), &once, net.now()).unwrap();
    net.run(Duration::from_millis(1));
    let first = server.receive(false).unwrap();
    assert_eq!((first.hop_limit, first.traffic_class, first.to), (9, 0x10, ip("10.0.0.2")));
    assert_eq!((first.interface, first.from.address), (net.line, ip("10.0.0.1")));
    let second = server.receive(false).unwrap();
    assert_eq!((second.hop_limit, second.traffic_class), (3, 0xb8));
}

#[test]
fn broadcasts_want_permission_and_reach_all() {
    let net = Net::new(7, Line::default());
    let client = udp(&net.stacks[0], "0.0.0.0:77");
    let receivers = [udp(&net.stacks[1], "0.0.0.0:78"), udp(&net.stacks[1], "10.0.0.2:79")];
    for to in ["10.0.0.255:78", "255.255.255.255:78"] {
        assert_eq!(
            send(&client, b"x", Some(end(to))),
            if to.starts_with('1') {
                Err(SendError::Broadcast)
            } else {
                Err(SendError::Path(PathError::Unreachable))
            }
        );
    }
    assert_eq!(client.connect(end("10.0.0.255:78")), Err(ConnectError::Broadcast));
    client.set_options(|options| options.broadcast = true);
    send_at(&client, b"x", Some(end("10.0.0.255:78")), net.now()).unwrap();
    client.set_device(Some(net.line));
    send_at(&client, b"y", Some(end("255.255.255.255:78")), net.now()).unwrap();
    send_at(&client, b"z", Some(end("10.0.0.255:79")), net.now()).unwrap();
    net.run(Duration::from_millis(1));
    assert_eq!(receivers[0].waiting().0, 2);
    // Bound to its own address it does not hear broadcasts.
    assert_eq!(receivers[1].waiting().0, 0);
}

#[test]
fn groups_are_heard_by_those_who_want_to() {
    let net = Net::new(7, Line::default());
    let group = ip("239.1.2.3");
    let make = |stack: usize| {
        let socket = net.stacks[stack].datagram(Kind::Udp, Version::V4);
        socket.set_options(|options| {
            options.reuse_address = true;
            options.multicast_interface = Some(net.line);
        });
        socket.bind(ip("0.0.0.0"), 5000).unwrap();
        socket
    };
    let (sender, one, other, quiet) = (make(0), make(1), make(1), make(1));
    let counts = || {
        send_at(&sender, b"x", Some(Endpoint::new(group, 5000)), net.now()).unwrap();
        net.run(Duration::from_millis(1));
        [&sender, &one, &other, &quiet].map(|socket| std::iter::from_fn(|| receive(socket)).count())
    };
    assert_eq!(counts(), [0, 0, 0, 0]);
    one.join(net.line, group).unwrap();
    // IP_MULTICAST_ALL: who has not joined hears what others have.
    assert_eq!(counts(), [0, 1, 1, 1]);
    quiet.set_options(|options| options.multicast_all = false);
    assert_eq!(counts(), [0, 1, 1, 0]);
    other.add_source(net.line, group, ip("10.0.0.77")).unwrap();
    assert_eq!(counts(), [0, 1, 0, 0]);
    other.add_source(net.line, group, ip("10.0.0.1")).unwrap();
    assert_eq!(counts(), [0, 1, 1, 0]);
    one.block_source(net.line, group, ip("10.0.0.1"), true).unwrap();
    assert_eq!(counts(), [0, 0, 1, 0]);
    one.block_source(net.line, group, ip("10.0.0.1"), false).unwrap();
    sender.join(net.line, group).unwrap();
    assert_eq!(counts(), [1, 1, 1, 0], "the sender's own host is in the group");
    sender.set_options(|options| options.multicast_loop = false);
    assert_eq!(counts(), [0, 1, 1, 0]);
    one.leave(net.line, group).unwrap();
    other.drop_source(net.line, group, ip("10.0.0.77")).unwrap();
    other.drop_source(net.line, group, ip("10.0.0.1")).unwrap();
    assert_eq!(counts(), [0, 0, 0, 0]);
    // What cannot be.
    assert_eq!(one.leave(net.line, group), Err(MembershipError::NotMember));
    assert_eq!(one.join(net.line, ip("10.0.0.2")), Err(MembershipError::Invalid));
    assert_eq!(one.join(InterfaceId::new(99).unwrap(), group), Err(MembershipError::NoDevice));
    one.join(net.line, group).unwrap();
    assert_eq!(one.join(net.line, group), Err(MembershipError::Already));
    one.block_source(net.line, group, ip("1.1.1.2"), true).unwrap();
    assert_eq!(one.block_source(net.line, group, ip("1.1.1.2"), true), Err(MembershipError::Source));
    assert_eq!(one.add_source(net.line, group, ip("1.1.1.1")), Err(MembershipError::Invalid));
    one.block_source(net.line, group, ip("1.1.1.2"), false).unwrap();
    // Who blocks nobody may begin to choose.
    one.add_source(net.line, group, ip("1.1.1.1")).unwrap();
    assert_eq!(one.block_source(net.line, group, ip("1.1.1.2"), true), Err(MembershipError::Invalid));
    assert_eq!(Filter::Include(vec![]), Filter::Include(Vec::new()));
}

/// An echo request as ping(8) writes it.
fn echo(v6: bool, payload: &[u8]) -> Draft {
    let mut draft = Draft::new(8 + payload.len());
    draft.payload_mut()[0] = if v6 { 128 } else { 8 };
    draft.payload_mut()[7] = 1;
    draft.payload_mut()[8..].copy_from_slice(payload);
    draft
}

#[test]
fn echoes_are_answered_and_heard_by_their_sender() {
    let net = Net::new(7, Line { delay: Duration::from_millis(10), ..Line::default() });
    for (version, to) in [
        (Version::V4, "10.0.0.2"),
        (Version::V4, "127.0.0.1"),
        (Version::V6, "fd00::2"),
        (Version::V6, "::1"),
    ] {
        let v6 = version == Version::V6;
        let ping = net.stacks[0].datagram(Kind::Ping, version);
        let raw = net.stacks[0].datagram(Kind::Raw { protocol: if v6 { 58 } else { 1 } }, version);
        let other = net.stacks[0].datagram(Kind::Ping, version);
        other.bind(ip(if v6 { "::" } else { "0.0.0.0" }), 0).unwrap();
        let before = net.now();
        ping.send(echo(v6, b"abcd"), Some(Endpoint::new(ip(to), 0)), &Ancillary::default(), net.now())
            .unwrap();
        assert!(net.until(Duration::from_secs(1), || ping.waiting().0 > 0), "{to}");
        let answer = ping.receive(false).unwrap();
        let identifier = ping.local().port.to_be_bytes();
        assert_eq!(answer.payload()[0], if v6 { 129 } else { 0 });
        assert_eq!((&answer.payload()[4..6], &answer.payload()[8..]), (&identifier[..], &b"abcd"[..]));
        assert_eq!(answer.from.address, ip(to));
        if !to.ends_with(".1") && to != "::1" {
            assert_eq!(answer.at.since(before), Duration::from_millis(20));
        }
        assert_eq!(other.waiting().0, 0);
        // Raw sockets of IPv4 see the IP header.
        let header = if v6 { 0 } else { 20 };
        let replies: Vec<_> = std::iter::from_fn(|| raw.receive(false)).collect();
        assert_eq!(replies.last().unwrap().payload()[header], if v6 { 129 } else { 0 });
        // Only requests can be sent.
        ping.send(Draft::new(8), Some(Endpoint::new(ip(to), 0)), &Ancillary::default(), net.now())
            .unwrap_err();
        assert_eq!(
            ping.send(echo(!v6, b""), Some(Endpoint::new(ip(to), 0)), &Ancillary::default(), net.now()),
            Err(SendError::Malformed)
        );
    }
}

#[test]
fn raw_sockets_send_what_they_are_given_and_filter() {
    let net = Net::new(7, Line::default());
    let (one, other) = (
        net.stacks[0].datagram(Kind::Raw { protocol: 253 }, Version::V4),
        net.stacks[1].datagram(Kind::Raw { protocol: 253 }, Version::V4),
    );
    send_at(&one, b"experiment", Some(end("10.0.0.2:0")), net.now()).unwrap();
    net.run(Duration::from_millis(1));
    let received = other.receive(false).unwrap();
    assert_eq!((&received.payload()[20..], received.payload()[9]), (&b"experiment"[..], 253));
    // IP_HDRINCL: the source and the checksum are filled in.
    one.set_options(|options| options.header_included = true);
    let mut packet = received.payload().to_vec();
    (packet[8], packet[10]) = (5, 0xff);
    packet[12..16].fill(0);
    send_at(&one, &packet, Some(end("10.0.0.2:0")), net.now()).unwrap();
    assert_eq!(send_at(&one, &packet[..19], Some(end("10.0.0.2:0")), net.now()), Err(SendError::Malformed));
    net.run(Duration::from_millis(1));
    let received = other.receive(false).unwrap();
    assert_eq!((received.hop_limit, received.from.address), (5, ip("10.0.0.1")));
    // ICMP_FILTER.
    let icmp = net.stacks[1].datagram(Kind::Raw { protocol: 1 }, Version::V4);
    icmp.set_options(|options| options.icmp_filter = 1 << 8);
    let ping = net.stacks[0].datagram(Kind::Ping, Version::V4);
    ping.send(echo(false, b""), Some(end("10.0.0.2:0")), &Ancillary::default(), net.now()).unwrap();
    net.run(Duration::from_millis(1));
    assert_eq!((icmp.waiting().0, ping.waiting().0), (0, 1));
    // Nobody knows the protocol: its sender is told, if he wants to know.
    drop(other);
    one.set_options(|options| options.header_included = false);
    one.connect(end("10.0.0.2:0")).unwrap();
    send_at(&one, b"x", None, net.now()).unwrap();
    net.run(Duration::from_millis(1));
    assert_eq!(one.take_error(), Some(Trouble::ProtocolUnreachable));
}

#[test]
fn ports_run_out_and_closing_gives_them_back() {
    let stack = stack();
    stack.udp_ports().set_range(40000..=40099);
    let sockets: Vec<_> = (0..100).map(|_| udp(&stack, "127.0.0.1:0")).collect();
    let one_more = stack.datagram(Kind::Udp, Version::V4);
    assert_eq!(one_more.bind(ip("127.0.0.1"), 0), Err(BindError::Exhausted));
    assert_eq!(send(&one_more, b"", Some(end("127.0.0.1:9"))), Err(SendError::Exhausted));
    drop(sockets);
    send(&one_more, b"", Some(end("127.0.0.1:9"))).unwrap();
    assert_eq!((stack.udp_ports().held(), stack.udp_sockets().len()), (1, 1));
    one_more.shut_down(false, true, NOW);
    assert_eq!(send(&one_more, b"", Some(end("127.0.0.1:9"))), Err(SendError::Shut));
    drop(one_more);
    assert_eq!((stack.udp_ports().held(), stack.udp_sockets().len()), (0, 0));
}

#[test]
fn packets_cut_or_bent_anywhere_do_no_harm() {
    let net = Net::new(7, Line::default());
    let server = udp(&net.stacks[1], "[::]:77");
    net.capture();
    for (here, there) in [("10.0.0.1:0", "10.0.0.2:77"), ("[fd00::1]:0", "[fd00::2]:77")] {
        send_at(&udp(&net.stacks[0], here), b"payload!", Some(end(there)), net.now()).unwrap();
    }
    for packet in net.captured() {
        net.run(Duration::from_millis(1));
        while receive(&server).is_some() {}
        for length in 0..packet.len() {
            net.stacks[1].receive(net.line, packet[..length].to_vec(), 0, net.now());
        }
        assert_eq!(server.waiting().0, 0, "what was cut");
        // IPv6 has no checksum of its header: a bit of the traffic class, flow label or hop limit may turn.
        let uncovered = if packet[0] >> 4 == 6 { [0, 1, 2, 3, 7].map(Some) } else { [None; 5] };
        for bit in 0..packet.len() * 8 {
            let mut bent = packet.clone();
            bent[bit / 8] ^= 1 << (bit % 8);
            net.stacks[1].receive(net.line, bent, 0, net.now());
            if !uncovered.contains(&Some(bit / 8)) {
                assert_eq!(server.waiting().0, 0, "bit {bit}");
            }
            while receive(&server).is_some() {}
        }
        // Behind the end of the packet a link may add something.
        let mut longer = packet.clone();
        longer.extend([0xaa; 18]);
        net.stacks[1].receive(net.line, longer, 0, net.now());
        assert_eq!(receive(&server).unwrap().0, b"payload!");
    }
}
