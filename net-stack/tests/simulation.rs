//! Transfers over lines of every quality: everything arrives, in order, and nothing remains.
//!
//! `cargo test -p net-stack --release --test simulation -- --ignored` takes the whole grid with 10 MB at each point, and a
//! million random segments.

mod common;

use std::{fmt::Write, time::Duration};

use common::{Dice, Line, Net, end, ip};
use net_stack::{
    address::Endpoint,
    cover::Cover,
    port::Claim,
    tcp::{State, TcpListener, TcpOptions, TcpStream},
};

/// Opens a connection from the first stack to the second.
fn open(net: &Net, options: &TcpOptions) -> (TcpStream, TcpStream, TcpListener) {
    let claim = Claim { reuse_address: true, ..Claim::new(Cover::new(ip("10.0.0.2"), true)) };
    let binding = net.stacks[1].tcp_ports().bind(80, claim).unwrap();
    let listener = net.stacks[1].tcp_listen(binding, options, 10).ok().unwrap();
    let claim = Claim::new(Cover::new(ip("0.0.0.0"), true));
    let client = net.stacks[0].tcp_connect(Err(claim), end("10.0.0.2:80"), options, net.now());
    let client = client.map_err(|(error, _)| error).unwrap();
    let mut server = None;
    let accepted = net.until(Duration::from_secs(600), || {
        server = server.take().or_else(|| listener.accept());
        server.is_some()
    });
    assert!(accepted, "{:?}", client.state());
    (client, server.unwrap(), listener)
}

/// What is sent at a place.
fn byte(at: usize) -> u8 {
    (at.wrapping_mul(2_654_435_761) >> 13) as u8
}

/// Sends `amount` bytes one way and the half of it the other way at once, closes both ends, and looks that nothing is left.
/// Returns bytes per second of virtual time, of the first direction.
fn transfer(seed: u64, line: Line, buffer: u32, amount: usize) -> u64 {
    let net = Net::new(seed, line);
    let options = TcpOptions { send_buffer: buffer, receive_buffer: buffer, ..TcpOptions::default() };
    let (client, server, listener) = open(&net, &options);
    let began = net.now();
    let mut ends = [(&client, 0, 0, amount, amount / 2), (&server, 0, 0, amount / 2, amount)];
    let mut piece = vec![0; 16384];
    let mut finished = None;
    let done = net.until(Duration::from_secs(1_000_000), || {
        let now = net.now();
        for (stream, sent, read, to_send, to_read) in &mut ends {
            while *sent < *to_send {
                let length = piece.len().min(*to_send - *sent);
                (0..length).for_each(|at| piece[at] = byte(*sent + at));
                match stream.write(&piece[..length], now) {
                    Ok(length) => *sent += length,
                    Err(error) => {
                        assert_eq!(
                            error,
                            net_stack::tcp::WriteError::WouldBlock,
                            "{:?} {:?}",
                            client.info(),
                            server.info()
                        );
                        break;
                    }
                }
                if *sent == *to_send {
                    stream.shut_down(false, true, now);
                }
            }
            while let Ok(length @ 1..) = stream.read(&mut piece, now) {
                for (at, seen) in piece[..length].iter().enumerate() {
                    assert_eq!(*seen, byte(*read + at), "at {}", *read + at);
                }
                *read += length;
                assert!(*read <= *to_read);
            }
        }
        if ends[1].2 == amount && finished.is_none() {
            finished = Some(now);
        }
        finished.is_some()
            && ends[0].2 == amount / 2
            && client.state() == State::Closed
            && server.state() == State::Closed
    });
    assert!(done, "{:?} {:?}; {} of {amount}", client.info(), server.info(), ends[1].2);
    assert_eq!((client.take_error(), server.take_error()), (None, None));
    assert_eq!((client.read(&mut piece, net.now()), server.read(&mut piece, net.now())), (Ok(0), Ok(0)));
    drop((client, server, listener));
    net.run(Duration::from_secs(400));
    for stack in &net.stacks {
        assert_eq!((stack.connections(), stack.tcp_ports().held(), stack.deadline(net.now())), (0, 0, None));
    }
    let took = finished.unwrap().since(began).as_micros().max(1);
    (amount as u128 * 1_000_000 / took) as u64
}

const LOSSES: [u32; 6] = [0, 10, 50, 100, 200, 300];
const ROUND_TRIPS: [u64; 4] = [0, 10, 100, 300];
const BUFFERS: [u32; 3] = [4 << 10, 64 << 10, 1 << 20];

fn line(loss: u32, round_trip: u64) -> Line {
    let delay = Duration::from_millis(round_trip) / 2;
    let bad = loss > 0;
    Line {
        delay,
        jitter: if bad { delay / 4 } else { Duration::ZERO },
        loss,
        duplication: if bad { 10 } else { 0 },
        corruption: if bad { 5 } else { 0 },
        rate: 0,
    }
}

/// The table of what arrives in a second of virtual time.
fn table(amount: usize) -> String {
    let mut table = String::from("goodput in kB/s\nloss  rtt/ms");
    for buffer in BUFFERS {
        write!(table, "{:>8} KiB", buffer >> 10).unwrap();
    }
    for loss in LOSSES {
        for round_trip in ROUND_TRIPS {
            write!(table, "\n{:>3} % {round_trip:>7}", loss / 10).unwrap();
            for buffer in BUFFERS {
                let goodput = transfer(u64::from(loss) + round_trip, line(loss, round_trip), buffer, amount);
                // Without delay nothing takes time, as long as no timer is waited for.
                let shown = if goodput > 1_000_000_000 {
                    String::from("-")
                } else {
                    format!("{:.1}", goodput as f64 / 1000.0)
                };
                write!(table, "{shown:>12}").unwrap();
            }
        }
    }
    table + "\n"
}

#[test]
fn everything_arrives_over_every_line() {
    let table = table(200_000);
    println!("{table}");
    assert!(
        table == include_str!("goodput.txt"),
        "if it got better, put this into tests/goodput.txt:\n{table}"
    );
}

#[test]
#[ignore = "takes minutes"]
fn ten_megabytes_arrive_over_every_line() {
    println!("{}", table(10_000_000));
}

#[test]
fn a_narrow_line_is_shared_by_many() {
    let net = Net::new(5, Line { delay: Duration::from_millis(20), rate: 1_000_000, ..Line::default() });
    let claim = Claim::new(Cover::new(ip("10.0.0.2"), true));
    let binding = net.stacks[1].tcp_ports().bind(80, claim).unwrap();
    let listener = net.stacks[1].tcp_listen(binding, &TcpOptions::default(), 100).ok().unwrap();
    let claim = Claim::new(Cover::new(ip("0.0.0.0"), true));
    let connect = || {
        let options = TcpOptions::default();
        net.stacks[0]
            .tcp_connect(Err(claim), end("10.0.0.2:80"), &options, net.now())
            .map_err(|(error, _)| error)
            .unwrap()
    };
    let clients: Vec<_> = (0..20).map(|_| connect()).collect();
    let mut servers: Vec<(TcpStream, usize)> = Vec::new();
    let mut sent = [0; 20];
    let piece = [7; 8192];
    let began = net.now();
    let done = net.until(Duration::from_secs(600), || {
        servers.extend(std::iter::from_fn(|| listener.accept().map(|server| (server, 0))));
        for (client, sent) in clients.iter().zip(&mut sent) {
            while *sent < 100_000
                && let Ok(length) = client.write(&piece[..8192.min(100_000 - *sent)], net.now())
            {
                *sent += length;
            }
        }
        let mut buffer = [0; 8192];
        for (server, read) in &mut servers {
            while let Ok(length @ 1..) = server.read(&mut buffer, net.now()) {
                *read += length;
            }
        }
        servers.iter().map(|(_, read)| read).sum::<usize>() == 2_000_000
    });
    let took = net.now().since(began);
    assert!(done && took < Duration::from_secs(20), "{took:?} for 2 MB over 1 MB/s");
}

/// A packet of TCP with chosen header, from 10.0.0.1 to 10.0.0.2.
#[expect(clippy::too_many_arguments, reason = "what a header has")]
fn segment(
    from: u16,
    to: u16,
    seq: u32,
    ack: u32,
    flags: u8,
    window: u16,
    rest: &[u8],
    offset: u8,
) -> Vec<u8> {
    let length = 40 + rest.len();
    let mut packet = vec![0; length];
    packet[0] = 0x45;
    packet[2..4].copy_from_slice(&(length as u16).to_be_bytes());
    (packet[8], packet[9]) = (64, 6);
    packet[12..16].copy_from_slice(&[10, 0, 0, 1]);
    packet[16..20].copy_from_slice(&[10, 0, 0, 2]);
    packet[20..22].copy_from_slice(&from.to_be_bytes());
    packet[22..24].copy_from_slice(&to.to_be_bytes());
    packet[24..28].copy_from_slice(&seq.to_be_bytes());
    packet[28..32].copy_from_slice(&ack.to_be_bytes());
    (packet[32], packet[33]) = (offset << 4, flags);
    packet[34..36].copy_from_slice(&window.to_be_bytes());
    packet[40..].copy_from_slice(rest);
    common::checksums(&mut packet);
    packet
}

/// Random segments at a listener, at connections in every state, and at nobody, with numbers near those that count.
fn storm(seed: u64, count: u64) {
    let net = Net::new(seed, Line { delay: Duration::from_millis(1), ..Line::default() });
    let mut dice = Dice::new(seed);
    let options = TcpOptions { receive_buffer: 8192, keep_alive: true, ..TcpOptions::default() };
    let (client, server, listener) = open(&net, &options);
    net.capture();
    client.write(b"x", net.now()).unwrap();
    net.run(Duration::from_secs(1));
    let sample = net.captured().remove(0);
    let port = client.local().port;
    let number = |at: usize| u32::from_be_bytes(sample[at..at + 4].try_into().unwrap());
    let (seq, ack) = (number(24), number(28));
    let mut streams = vec![server];
    for round in 0..count {
        let from = if dice.below(3) == 0 { 1 + dice.below(60_000) as u16 } else { port };
        let to = if dice.below(9) == 0 { dice.next() as u16 } else { 80 };
        let near = |dice: &mut Dice, base: u32| match dice.below(5) {
            0 => dice.next() as u32,
            1 => base,
            _ => base.wrapping_add(dice.below(20_000) as u32).wrapping_sub(10_000),
        };
        let (seq, ack) = (near(&mut dice, seq), near(&mut dice, ack));
        let mut flags = [2, 16, 24, 17, 4, 20, 18, 0, 63, 1, 3, 6][dice.below(12) as usize];
        if dice.below(8) == 0 {
            flags = dice.next() as u8;
        }
        let length = [0, 0, 0, 1, 12, 40, 1400][dice.below(7) as usize];
        let rest: Vec<u8> =
            (0..length).map(|_| [1, 2, 3, 4, 8, 10, dice.next() as u8][dice.below(7) as usize]).collect();
        let offset = if dice.below(2) == 0 { 5 } else { dice.below(16) as u8 };
        let mut packet = segment(from, to, seq, ack, flags, dice.next() as u16, &rest, offset);
        if dice.below(20) == 0 {
            packet.truncate(dice.below(packet.len() as u64) as usize);
        }
        net.stacks[1].receive(net.line, packet, 0, net.now());
        if round % 64 == 0 {
            net.run(Duration::from_millis(dice.below(3000)));
            streams.extend(std::iter::from_fn(|| listener.accept()));
            let mut buffer = [0; 999];
            for stream in &streams {
                let _ = stream.read(&mut buffer, net.now());
                let _ = stream.write(&buffer[..dice.below(999) as usize], net.now());
            }
            while streams.len() > 8 {
                let stream = streams.swap_remove(dice.below(8) as usize);
                if dice.below(2) == 0 { stream.close(net.now()) } else { stream.abort(net.now()) }
            }
        }
    }
    drop((client, streams));
    drop(listener);
    // Whatever is left gives up in time.
    net.run(Duration::from_secs(3000));
    for stack in &net.stacks {
        assert_eq!(
            (stack.connections(), stack.tcp_ports().held(), stack.deadline(net.now())),
            (0, 0, None),
            "{seed}"
        );
    }
}

#[test]
fn random_segments_do_no_harm() {
    (0..4).for_each(|seed| storm(seed, 5_000));
}

#[test]
#[ignore = "takes minutes"]
fn a_million_random_segments_do_no_harm() {
    (0..20).for_each(|seed| storm(100 + seed, 50_000));
}

/// RFC 5961 and RFC 9293: who does not know the numbers cannot end, open or feed a connection.
#[test]
fn strangers_cannot_disturb_a_connection() {
    let net = Net::new(9, Line::default());
    let (client, server, _listener) = open(&net, &TcpOptions::default());
    net.capture();
    client.write(b"x", net.now()).unwrap();
    net.run(Duration::from_secs(1));
    let sample = net.captured().remove(0);
    let number = |at: usize| u32::from_be_bytes(sample[at..at + 4].try_into().unwrap());
    let (next, ack) = (number(24).wrapping_add(1), number(28));
    let port = client.local().port;
    let mut buffer = [0; 9];
    assert_eq!(server.read(&mut buffer, net.now()), Ok(1));
    net.run(Duration::from_secs(1));
    let attack = |seq: u32, ack: u32, flags: u8, rest: &[u8]| {
        net.run(Duration::from_secs(1));
        net.captured();
        net.stacks[1].receive(net.line, segment(port, 80, seq, ack, flags, 1000, rest, 5), 0, net.now());
        let answers = net.captured().len();
        net.run(Duration::from_secs(1));
        assert_eq!(
            (server.state(), server.info().readable, server.take_error()),
            (State::Established, 0, None)
        );
        answers
    };
    const RST: u8 = 4;
    const SYN: u8 = 2;
    const ACK: u8 = 16;
    assert_eq!(
        attack(next.wrapping_add(1), ack, RST, b""),
        1,
        "in the window, but not the next: a challenge"
    );
    assert_eq!(attack(next.wrapping_sub(1), ack, RST, b""), 0, "an old reset");
    assert_eq!(attack(next.wrapping_add(100_000), ack, RST, b""), 0, "a reset beyond the window");
    assert_eq!(attack(next, 0, SYN, b""), 1, "a SYN in the window");
    assert_eq!(attack(next.wrapping_add(77_777), 0, SYN, b""), 1, "a SYN anywhere");
    assert_eq!(attack(next, ack.wrapping_add(1), ACK, b"data"), 1, "an acknowledgement of what was not sent");
    assert_eq!(attack(next, ack.wrapping_sub(100_000), ACK, b"data"), 1, "one that is too old");
    assert_eq!(attack(next.wrapping_sub(9), ack, ACK, b"old data"), 1, "what was there before");
    assert_eq!(attack(next.wrapping_add(100_000), ack, ACK, b"data"), 1, "what is beyond the window");
    assert_eq!(attack(next, ack, 0, b"data"), 0, "without acknowledgement");
    assert_eq!(attack(next, ack, SYN | RST, b""), 0, "nonsense");
    // A land attack: from the host itself, it says.
    let mut land = segment(80, 80, 1, 0, SYN, 1000, b"", 5);
    land[12..16].copy_from_slice(&[10, 0, 0, 2]);
    common::checksums(&mut land);
    net.captured();
    net.stacks[1].receive(net.line, land, 0, net.now());
    assert!(net.captured().is_empty());
    // The true reset is heard.
    net.stacks[1].receive(net.line, segment(port, 80, next, ack, RST, 0, b"", 5), 0, net.now());
    assert_eq!(server.state(), State::Closed);
    let peer: Endpoint = server.remote();
    assert_eq!(peer, client.local());
}

#[test]
fn segments_cut_anywhere_do_no_harm() {
    let net = Net::new(11, Line::default());
    net.capture();
    let (client, server, _listener) = open(&net, &TcpOptions::default());
    client.write(&[7; 200], net.now()).unwrap();
    net.run(Duration::from_secs(1));
    let packets = net.captured();
    for packet in &packets {
        for length in 0..packet.len() {
            // The header of IP may say the truth, or lie.
            for honest in [false, true] {
                let mut cut = packet[..length].to_vec();
                if honest && length >= 40 {
                    cut[2..4].copy_from_slice(&(length as u16).to_be_bytes());
                    common::checksums(&mut cut);
                }
                net.stacks[1].receive(net.line, cut.clone(), 0, net.now());
                net.stacks[0].receive(net.line, cut, 0, net.now());
            }
        }
    }
    net.run(Duration::from_secs(10));
    assert_eq!(
        (client.state(), server.state(), server.info().readable),
        (State::Established, State::Established, 200)
    );
}
