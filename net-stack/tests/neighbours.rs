//! Ethernet: neighbours are found, kept, and missed.

mod common;

use std::time::Duration;

use common::{Line, Net, end, ip};
use net_stack::{
    cover::Cover,
    datagram::{Ancillary, Draft, Kind, Version},
    icmp::Trouble,
    port::Claim,
    tcp::{Disposition, State, TcpOptions},
};

const SECOND: Duration = Duration::from_secs(1);

fn socket(net: &Net, stack: usize, address: &str) -> net_stack::datagram::DatagramSocket {
    let at = end(address);
    let version = if at.address.is_ipv4() { Version::V4 } else { Version::V6 };
    let socket = net.stacks[stack].datagram(Kind::Udp, version);
    socket.bind(at.address, at.port).unwrap();
    socket
}

#[test]
fn packets_wait_until_the_neighbour_is_found() {
    for (here, there) in [("10.0.0.1:1", "10.0.0.2:2"), ("[fd00::1]:1", "[fd00::2]:2")] {
        let net = Net::ethernet(1, Line { delay: Duration::from_millis(10), ..Line::default() });
        let (client, server) = (socket(&net, 0, here), socket(&net, 1, there));
        net.capture();
        for _ in 0..5 {
            client.send(Draft::new(1), Some(end(there)), &Ancillary::default(), net.now()).unwrap();
        }
        assert_eq!(net.captured().len(), 1, "one question");
        net.run(SECOND);
        assert_eq!(server.waiting().0, 5);
        // The other side knows the way back already.
        net.captured();
        server.send(Draft::new(1), Some(end(here)), &Ancillary::default(), net.now()).unwrap();
        net.run(SECOND);
        assert_eq!((net.captured().len(), client.waiting().0), (1, 1));
        // After half a minute one asks again, and does not wait for the answer.
        net.run(SECOND * 31);
        client.send(Draft::new(1), Some(end(there)), &Ancillary::default(), net.now()).unwrap();
        assert_eq!(net.captured().len(), 2);
        net.run(SECOND);
        assert_eq!(server.waiting().0, 6);
    }
}

#[test]
fn a_lost_question_is_asked_again() {
    let net = Net::ethernet(1, Line { loss: 1000, ..Line::default() });
    let (client, server) = (socket(&net, 0, "10.0.0.1:1"), socket(&net, 1, "10.0.0.2:2"));
    client.send(Draft::new(1), Some(end("10.0.0.2:2")), &Ancillary::default(), net.now()).unwrap();
    net.set_line(Line::default());
    net.run(SECOND * 2);
    assert_eq!(server.waiting().0, 1);
}

#[test]
fn who_does_not_answer_is_unreachable() {
    let net = Net::ethernet(1, Line::default());
    for (here, there) in [("10.0.0.1:1", "10.0.0.77:2"), ("[fd00::1]:1", "[fd00::77]:2")] {
        let client = socket(&net, 0, here);
        client.connect(end(there)).unwrap();
        client.set_options(|options| options.receive_errors = true);
        client.send(Draft::new(1), None, &Ancillary::default(), net.now()).unwrap();
        net.run(Duration::from_millis(2900));
        assert_eq!(client.error(), None);
        net.run(SECOND);
        assert_eq!(client.take_error(), Some(Trouble::HostUnreachable));
        let claim = Claim::new(Cover::new(ip(if here.starts_with('[') { "::" } else { "0.0.0.0" }), true));
        let stream = net.stacks[0].tcp_connect(Err(claim), end(there), &TcpOptions::default(), net.now());
        let stream = stream.map_err(|(error, _)| error).unwrap();
        net.run(SECOND * 4);
        assert_eq!(stream.state(), State::Closed);
        assert_eq!(stream.take_error(), Some(Disposition::Trouble(Trouble::HostUnreachable)));
    }
    assert_eq!(net.stacks[0].deadline(net.now()), None);
}

#[test]
fn a_connection_over_ethernet() {
    let net = Net::ethernet(1, Line { delay: Duration::from_millis(3), loss: 50, ..Line::default() });
    let binding = net.stacks[1].tcp_ports().bind(80, Claim::new(Cover::AnyV4)).unwrap();
    let listener = net.stacks[1].tcp_listen(binding, &TcpOptions::default(), 5).ok().unwrap();
    let claim = Claim::new(Cover::AnyV4);
    let client = net.stacks[0].tcp_connect(Err(claim), end("10.0.0.2:80"), &TcpOptions::default(), net.now());
    let client = client.map_err(|(error, _)| error).unwrap();
    let mut server = None;
    assert!(net.until(SECOND * 60, || {
        server = server.take().or_else(|| listener.accept());
        server.is_some()
    }));
    let server = server.unwrap();
    let (mut sent, mut read, mut buffer) = (0, 0, [0; 5000]);
    assert!(net.until(SECOND * 600, || {
        while sent < 100_000
            && let Ok(length) = client.write(&[7; 5000], net.now())
        {
            sent += length;
        }
        while let Ok(length @ 1..) = server.read(&mut buffer, net.now()) {
            read += length;
        }
        read >= 100_000
    }));
}

#[test]
fn frames_cut_anywhere_and_for_others_do_no_harm() {
    let net = Net::ethernet(1, Line::default());
    let server = socket(&net, 1, "10.0.0.2:2");
    net.capture();
    let client = socket(&net, 0, "10.0.0.1:1");
    client.send(Draft::new(1), Some(end("10.0.0.2:2")), &Ancillary::default(), net.now()).unwrap();
    net.run(SECOND);
    let frames = net.captured();
    assert_eq!(frames.len(), 3, "question, answer, datagram");
    assert!(server.receive(false).is_some());
    for frame in frames {
        for length in 0..frame.len() {
            net.stacks[1].receive(net.line, frame[..length].to_vec(), 0, net.now());
        }
        let mut for_others = frame.clone();
        for_others[..6].copy_from_slice(&[2, 0, 0, 0, 0, 9]);
        net.stacks[1].receive(net.line, for_others, 0, net.now());
    }
    assert_eq!(server.waiting().0, 0);
}
