//! Connections, on loopback and over a line.

mod common;

use std::{sync::Arc, time::Duration};

use common::{Dice, Line, Net, end, ip};
use net_stack::{
    Notice, Stack,
    address::Endpoint,
    cover::Cover,
    port::Claim,
    random::Secret,
    tcp::{ConnectError, Disposition, ReadError, State, TcpListener, TcpOptions, TcpStream, WriteError},
    time::Instant,
};

const NOW: Instant = Instant::from_secs(100);

fn stack() -> Arc<Stack> {
    Stack::new(Secret::new([1, 2]))
}

fn listen(stack: &Arc<Stack>, address: &str, backlog: usize) -> TcpListener {
    listen_with(stack, address, backlog, &TcpOptions::default())
}

fn listen_with(stack: &Arc<Stack>, address: &str, backlog: usize, options: &TcpOptions) -> TcpListener {
    let at = end(address);
    let claim = Claim { reuse_address: true, ..Claim::new(Cover::new(at.address, false)) };
    let binding = stack.tcp_ports().bind(at.port, claim).unwrap();
    stack.tcp_listen(binding, options, backlog).ok().unwrap()
}

fn connect(stack: &Arc<Stack>, to: &str, now: Instant) -> TcpStream {
    connect_with(stack, to, now, &TcpOptions::default())
}

fn connect_with(stack: &Arc<Stack>, to: &str, now: Instant, options: &TcpOptions) -> TcpStream {
    let to = end(to);
    let any = if to.address.is_ipv4() { "0.0.0.0" } else { "::" };
    stack
        .tcp_connect(Err(Claim::new(Cover::new(ip(any), true))), to, options, now)
        .map_err(|(error, _)| error)
        .unwrap()
}

fn read_all(stream: &TcpStream, now: Instant) -> Vec<u8> {
    let mut all = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(length @ 1..) = stream.read(&mut buffer, now) {
        all.extend_from_slice(&buffer[..length]);
    }
    all
}

/// Lets a stack's own timers run for a while.
fn sleep(stack: &Stack, from: Instant, duration: Duration) -> Instant {
    let end = from + duration;
    let mut now = from;
    while let Some(deadline) = stack.deadline(now).filter(|deadline| *deadline <= end) {
        now = now.max(deadline);
        stack.poll(now);
    }
    end
}

#[test]
fn a_connection_on_this_host() {
    let stack = stack();
    for (round, address) in [(0, "127.0.0.1:80"), (1, "[::1]:80")] {
        let now = NOW + Duration::from_secs(100 * round);
        let listener = listen(&stack, address, 5);
        let client = connect(&stack, address, now);
        assert_eq!(client.state(), State::Established);
        let server = listener.accept().unwrap();
        assert!(listener.accept().is_none());
        assert_eq!(
            (server.state(), server.remote(), server.local()),
            (State::Established, client.local(), end(address))
        );
        assert!(!client.info().has_engine && !server.info().has_engine, "nothing was said yet");
        assert_eq!(server.read(&mut [0; 9], now), Err(ReadError::WouldBlock));
        assert_eq!(client.write(b"hello", now), Ok(5));
        assert_eq!(read_all(&server, now), b"hello");
        server.write(b"world", now).unwrap();
        assert_eq!(read_all(&client, now), b"world");
        // Half-close: the other direction goes on.
        client.shut_down(false, true, now);
        assert_eq!((server.read(&mut [0; 9], now), server.state()), (Ok(0), State::CloseWait));
        assert_eq!(client.write(b"x", now), Err(WriteError::Closed));
        let mut sent = 0;
        while sent < 300_000 {
            sent += server.write(&[7; 10_000], now).unwrap_or(0);
            read_all(&client, now);
        }
        drop(server);
        assert_eq!(client.read(&mut [0; 9], now), Ok(0));
        assert_eq!(client.state(), State::Closed, "TIME-WAIT is nobody's");
        drop((client, listener));
        assert_eq!(stack.connections(), 1);
        sleep(&stack, now, Duration::from_secs(60));
        assert_eq!((stack.connections(), stack.tcp_ports().held()), (0, 0));
    }
}

#[test]
fn nobody_listens() {
    let stack = stack();
    let client = connect(&stack, "127.0.0.1:9", NOW);
    assert_eq!(
        client.readiness(),
        Notice::READABLE | Notice::WRITABLE | Notice::READ_CLOSED | Notice::CLOSED | Notice::ERROR
    );
    assert_eq!(client.take_error(), Some(Disposition::Refused));
    assert_eq!(client.take_error(), None);
    assert_eq!(client.write(b"x", NOW), Err(WriteError::Closed));
    assert_eq!(client.read(&mut [0; 1], NOW), Ok(0));
    drop(client);
    assert_eq!((stack.connections(), stack.tcp_ports().held()), (0, 0));
}

#[test]
fn a_peer_that_is_silent_is_given_up() {
    let net = Net::new(1, Line { loss: 1000, ..Line::default() });
    let began = net.now();
    let client = connect_with(
        &net.stacks[0],
        "10.0.0.2:80",
        began,
        &TcpOptions { syn_retries: 6, ..TcpOptions::default() },
    );
    assert_eq!(client.state(), State::SynSent);
    assert_eq!(client.write(b"x", began), Err(WriteError::WouldBlock));
    assert!(net.until(Duration::from_secs(1000), || client.state() == State::Closed));
    // 1 + 2 + 4 + 8 + 16 + 32 + 64 seconds.
    assert_eq!((net.now().since(began), net.sent()), (Duration::from_secs(127), 7));
    assert_eq!(client.take_error(), Some(Disposition::TimedOut));
}

#[test]
fn the_backlog_is_honoured() {
    let stack = stack();
    let listener = listen(&stack, "127.0.0.1:80", 2);
    let clients: Vec<_> = (0..5).map(|_| connect(&stack, "127.0.0.1:80", NOW)).collect();
    let states: Vec<_> = clients.iter().map(TcpStream::state).collect();
    // As on Linux: one more than the backlog.
    assert_eq!(
        states,
        [State::Established, State::Established, State::Established, State::SynSent, State::SynSent]
    );
    assert_eq!(listener.waiting(), (3, 0));
    let _accepted = listener.accept().unwrap();
    let now = sleep(&stack, NOW, Duration::from_secs(1));
    // Both have asked again and been answered; one of them could not enter.
    assert_eq!(listener.waiting(), (3, 1));
    let _accepted = listener.accept().unwrap();
    let now = sleep(&stack, now, Duration::from_secs(5));
    assert_eq!(listener.waiting(), (3, 0));
    // Who was not accepted is reset with the listener.
    let late = connect(&stack, "127.0.0.1:80", now);
    drop(listener);
    assert_eq!(clients[2].take_error(), Some(Disposition::Reset));
    sleep(&stack, now, Duration::from_secs(10));
    assert_eq!(late.take_error(), Some(Disposition::Refused));
}

#[test]
fn unread_data_and_linger_reset() {
    let stack = stack();
    let listener = listen(&stack, "127.0.0.1:80", 2);
    let (client, server) = (connect(&stack, "127.0.0.1:80", NOW), listener.accept().unwrap());
    client.write(b"never read", NOW).unwrap();
    drop(server);
    assert_eq!(client.read(&mut [0; 1], NOW), Err(ReadError::Failed(Disposition::Reset)));
    assert_eq!(client.read(&mut [0; 1], NOW), Ok(0));
    let options = TcpOptions { reset_on_close: true, ..TcpOptions::default() };
    let (client, server) = (connect_with(&stack, "127.0.0.1:80", NOW, &options), listener.accept().unwrap());
    drop(client);
    assert_eq!(server.write(b"x", NOW), Err(WriteError::Failed(Disposition::Reset)));
    // What came before the reset can still be read.
    let (client, server) = (connect_with(&stack, "127.0.0.1:80", NOW, &options), listener.accept().unwrap());
    client.write(b"last words", NOW).unwrap();
    client.close(NOW);
    assert_eq!(read_all(&server, NOW), b"last words");
    drop(server);
    // After the peer's FIN it is a broken pipe.
    let (client, server) = (connect(&stack, "127.0.0.1:80", NOW), listener.accept().unwrap());
    server.write(b"unread", NOW).unwrap();
    client.shut_down(false, true, NOW);
    drop(client);
    assert_eq!(server.take_error(), Some(Disposition::ResetAfterClose));
    drop((server, listener));
    assert_eq!((stack.connections(), stack.tcp_ports().held()), (0, 0));
}

#[test]
fn data_for_who_has_closed_is_reset() {
    let stack = stack();
    let listener = listen(&stack, "127.0.0.1:80", 2);
    let (client, server) = (connect(&stack, "127.0.0.1:80", NOW), listener.accept().unwrap());
    drop(server);
    assert_eq!(client.state(), State::CloseWait);
    client.write(b"x", NOW).unwrap();
    assert_eq!(client.state(), State::Closed);
    assert_eq!(client.take_error(), Some(Disposition::ResetAfterClose));
}

#[test]
fn syns_that_cross_and_a_port_that_meets_itself() {
    let net = Net::new(1, Line { delay: Duration::from_millis(10), ..Line::default() });
    let bind = |stack: usize, port| {
        let claim = Claim::new(Cover::new(ip("0.0.0.0"), false));
        Ok(net.stacks[stack].tcp_ports().bind(port, claim).unwrap())
    };
    let options = TcpOptions::default();
    let one =
        net.stacks[0].tcp_connect(bind(0, 1000), end("10.0.0.2:2000"), &options, net.now()).ok().unwrap();
    let other =
        net.stacks[1].tcp_connect(bind(1, 2000), end("10.0.0.1:1000"), &options, net.now()).ok().unwrap();
    net.run(Duration::from_millis(15));
    assert_eq!((one.state(), other.state()), (State::SynReceived, State::SynReceived));
    net.run(Duration::from_millis(100));
    assert_eq!((one.state(), other.state()), (State::Established, State::Established));
    one.write(b"crossed", net.now()).unwrap();
    net.run(Duration::from_millis(100));
    assert_eq!(read_all(&other, net.now()), b"crossed");
    // Both close at once.
    one.shut_down(false, true, net.now());
    other.shut_down(false, true, net.now());
    net.run(Duration::from_millis(100));
    assert_eq!((one.state(), other.state()), (State::Closed, State::Closed));
    assert_eq!((net.stacks[0].connections(), net.stacks[1].connections()), (1, 1));

    let own =
        net.stacks[0].tcp_connect(bind(0, 3000), end("10.0.0.1:3000"), &options, net.now()).ok().unwrap();
    assert_eq!(own.state(), State::Established);
    own.write(b"to myself", net.now()).unwrap();
    net.run(Duration::from_millis(100));
    assert_eq!(read_all(&own, net.now()), b"to myself");
    own.shut_down(false, true, net.now());
    assert_eq!(own.read(&mut [0; 1], net.now()), Ok(0));
    net.run(Duration::from_secs(61));
    assert_eq!((net.stacks[0].connections(), net.stacks[0].tcp_ports().held()), (0, 2 - 2));
}

#[test]
fn who_cannot_connect_is_told_why() {
    let stack = stack();
    let try_connect = |to: &str| {
        let claim = Claim::new(Cover::new(ip("0.0.0.0"), true));
        stack.tcp_connect(Err(claim), end(to), &TcpOptions::default(), NOW).map_err(|(error, _)| error)
    };
    use net_stack::net::PathError;
    assert_eq!(try_connect("8.8.8.8:80").err(), Some(ConnectError::Path(PathError::Unreachable)));
    assert_eq!(try_connect("127.0.0.1:0").err(), Some(ConnectError::NoPort));
    assert_eq!(try_connect("255.255.255.255:1").err(), Some(ConnectError::Path(PathError::Unreachable)));
    let listener = listen(&stack, "127.0.0.1:80", 1000);
    stack.tcp_ports().set_range(40000..=40009);
    let clients: Vec<_> = (0..10).map(|_| try_connect("127.0.0.1:80").unwrap()).collect();
    assert_eq!(try_connect("127.0.0.1:80").err(), Some(ConnectError::Exhausted));
    // Another peer can be reached from the same ports.
    let other = listen(&stack, "127.0.0.1:81", 1000);
    let others: Vec<_> = (0..10).map(|_| try_connect("127.0.0.1:81").unwrap()).collect();
    assert_eq!(try_connect("127.0.0.1:81").err(), Some(ConnectError::Exhausted));
    drop((clients, others));
    while let Some(server) = listener.accept().or_else(|| other.accept()) {
        drop(server);
    }
    // All are in TIME-WAIT; on this host they can be used again after a second.
    assert_eq!(try_connect("127.0.0.1:81").err(), Some(ConnectError::Exhausted));
    stack.poll(NOW + Duration::from_millis(1100));
    let claim = Claim::new(Cover::new(ip("0.0.0.0"), true));
    let later = NOW + Duration::from_millis(1100);
    let again = stack.tcp_connect(Err(claim), end("127.0.0.1:80"), &TcpOptions::default(), later);
    assert_eq!(again.map_err(|(error, _)| error).unwrap().state(), State::Established);
}

#[test]
fn keep_alive_finds_out_who_is_gone() {
    let net = Net::new(1, Line::default());
    let listener = listen(&net.stacks[1], "10.0.0.2:80", 5);
    let options = TcpOptions {
        keep_alive: true,
        keep_idle: Duration::from_secs(60),
        keep_interval: Duration::from_secs(10),
        keep_count: 3,
        ..TcpOptions::default()
    };
    let client = connect_with(&net.stacks[0], "10.0.0.2:80", net.now(), &options);
    net.run(Duration::from_secs(1));
    let server = listener.accept().unwrap();
    client.write(b"data", net.now()).unwrap();
    net.run(Duration::from_secs(1));
    assert_eq!(read_all(&server, net.now()), b"data");
    // As long as the peer answers, all is well.
    net.run(Duration::from_secs(1000));
    assert_eq!((client.state(), client.info().has_engine), (State::Established, false));
    net.set_line(Line { loss: 1000, ..Line::default() });
    let silent = net.now();
    assert!(net.until(Duration::from_secs(200), || client.state() == State::Closed));
    assert!(net.now().since(silent) <= Duration::from_secs(90), "60 + 3 * 10");
    assert_eq!(client.take_error(), Some(Disposition::TimedOut));
}

#[test]
fn data_without_acknowledgement_is_given_up_in_time() {
    let net = Net::new(1, Line::default());
    let listener = listen(&net.stacks[1], "10.0.0.2:80", 5);
    let options = TcpOptions { user_timeout: Some(Duration::from_secs(10)), ..TcpOptions::default() };
    let client = connect_with(&net.stacks[0], "10.0.0.2:80", net.now(), &options);
    net.run(Duration::from_secs(1));
    let _server = listener.accept().unwrap();
    net.set_line(Line { loss: 1000, ..Line::default() });
    // Nothing is on the way: nothing is wrong.
    net.run(Duration::from_secs(100));
    let began = net.now();
    client.write(b"data", began).unwrap();
    assert!(net.until(Duration::from_secs(200), || client.state() == State::Closed));
    assert_eq!(net.now().since(began), Duration::from_secs(10));
    assert_eq!(client.take_error(), Some(Disposition::TimedOut));
}

#[test]
fn a_reader_that_does_not_read_stops_the_writer() {
    let net = Net::new(1, Line { delay: Duration::from_millis(20), ..Line::default() });
    let options = TcpOptions { receive_buffer: 8192, ..TcpOptions::default() };
    let listener = listen_with(&net.stacks[1], "10.0.0.2:80", 5, &options);
    let client = connect(&net.stacks[0], "10.0.0.2:80", net.now());
    net.run(Duration::from_secs(1));
    let server = listener.accept().unwrap();
    let payload: Vec<u8> = (0..200_000).map(|at| (at % 251) as u8).collect();
    let mut sent = 0;
    while let Ok(length) = client.write(&payload[sent..], net.now()) {
        sent += length;
    }
    net.run(Duration::from_secs(5000));
    assert_eq!((client.state(), client.info().peer_window), (State::Established, 0));
    // What is less than the window's unit of 128 bytes the writer does not hear of.
    assert!((8192 - 127..=8192).contains(&server.info().readable), "{}", server.info().readable);
    // It reads at last.
    let mut read = Vec::new();
    let all = net.until(Duration::from_secs(1000), || {
        read.extend(read_all(&server, net.now()));
        if sent < payload.len() {
            sent += client.write(&payload[sent..], net.now()).unwrap_or(0);
        }
        read.len() == payload.len()
    });
    assert!(all && read == payload, "{} of {}", read.len(), payload.len());
}

#[test]
fn a_connection_that_rests_has_no_engine_and_goes_on() {
    let net = Net::new(1, Line { delay: Duration::from_millis(5), ..Line::default() });
    let listener = listen(&net.stacks[1], "10.0.0.2:80", 5);
    let client = connect(&net.stacks[0], "10.0.0.2:80", net.now());
    net.run(Duration::from_secs(1));
    let server = listener.accept().unwrap();
    let mut dice = Dice::new(3);
    for round in 0..60 {
        let payload: Vec<u8> = (0..1 + dice.below(100_000)).map(|_| dice.next() as u8).collect();
        let (from, to) = if round % 2 == 0 { (&client, &server) } else { (&server, &client) };
        let (mut sent, mut read) = (0, Vec::new());
        let all = net.until(Duration::from_secs(1000), || {
            if sent < payload.len() {
                sent += from.write(&payload[sent..], net.now()).unwrap_or(0);
            }
            read.extend(read_all(to, net.now()));
            read.len() == payload.len()
        });
        assert!(all && read == payload, "round {round}");
        if round % 3 == 0 {
            net.run(Duration::from_secs(1));
            assert!(!client.info().has_engine && !server.info().has_engine, "round {round}");
        }
    }
}

#[test]
fn a_flood_of_syns_is_answered_without_memory() {
    let net = Net::new(1, Line::default());
    let listener = listen(&net.stacks[1], "10.0.0.2:80", 16);
    let established = connect(&net.stacks[0], "10.0.0.2:80", net.now());
    net.run(Duration::from_millis(1));
    let server = listener.accept().unwrap();
    net.capture();
    let probe = connect(&net.stacks[0], "10.0.0.2:80", net.now());
    let syn = net.captured().remove(0);
    drop(probe);
    net.run(Duration::from_secs(100));
    let before = net.stacks[1].connections();
    for port in 1024..20_000u16 {
        // A stranger's address, so that nobody answers.
        let mut forged = syn.clone();
        forged[15] = 99;
        forged[20..22].copy_from_slice(&port.to_be_bytes());
        forged[10..12].fill(0);
        forged[36..38].fill(0);
        common::checksums(&mut forged);
        net.stacks[1].receive(net.line, forged, 0, net.now());
    }
    assert!(net.stacks[1].connections() - before <= 16, "{}", net.stacks[1].connections());
    // Who was there goes on, and who comes in earnest is let in by a cookie.
    established.write(b"still here", net.now()).unwrap();
    let client = connect(&net.stacks[0], "10.0.0.2:80", net.now());
    net.run(Duration::from_millis(10));
    assert_eq!(read_all(&server, net.now()), b"still here");
    assert_eq!(client.state(), State::Established);
    let accepted = listener.accept().unwrap();
    let info = accepted.info();
    assert_eq!((info.peer_mss, info.scales, info.sack, info.timestamps), (1460, (7, 7), true, true));
    client.write(b"by cookie", net.now()).unwrap();
    net.run(Duration::from_millis(10));
    assert_eq!(read_all(&accepted, net.now()), b"by cookie");
    net.run(Duration::from_secs(100));
    assert_eq!(listener.waiting(), (0, 0));
}

#[test]
fn storms_of_connections_leave_nothing() {
    let stack = stack();
    let listener = listen(&stack, "127.0.0.1:80", 100_000);
    let count = if cfg!(debug_assertions) { 2_000 } else { 10_000 };
    let clients: Vec<_> = (0..count).map(|_| connect(&stack, "127.0.0.1:80", NOW)).collect();
    let servers: Vec<_> = std::iter::from_fn(|| listener.accept()).collect();
    assert_eq!(servers.len(), count);
    for client in &clients {
        client.write(b"ping", NOW).unwrap();
    }
    for server in &servers {
        assert_eq!(read_all(server, NOW), b"ping");
    }
    drop((clients, servers));
    drop(listener);
    assert_eq!(stack.connections(), count);
    sleep(&stack, NOW, Duration::from_secs(61));
    assert_eq!((stack.connections(), stack.tcp_ports().held(), stack.deadline(NOW)), (0, 0, None));
}

#[test]
fn watchers_are_told() {
    use net_stack::Watcher;
    use std::sync::Mutex;
    #[derive(Default)]
    struct Seen(Mutex<Notice>);
    impl Watcher for Seen {
        fn notice(&self, notice: Notice) {
            *self.0.lock().unwrap() |= notice;
        }
    }
    let stack = stack();
    let listener = listen(&stack, "127.0.0.1:80", 5);
    let seen = [Arc::new(Seen::default()), Arc::new(Seen::default())];
    let watch = |place: usize| {
        let watcher: Arc<dyn Watcher> = seen[place].clone();
        Some(Arc::downgrade(&watcher))
    };
    let take = |place: usize| std::mem::take(&mut *seen[place].0.lock().unwrap());
    listener.watch(watch(0));
    let client = connect(&stack, "127.0.0.1:80", NOW);
    client.watch(watch(1));
    assert_eq!(take(0), Notice::READABLE);
    let server = listener.accept().unwrap();
    server.write(b"x", NOW).unwrap();
    assert_eq!(take(1), Notice::READABLE);
    drop(server);
    assert_eq!(take(1), Notice::READABLE | Notice::READ_CLOSED);
    let peer: Endpoint = client.remote();
    assert_eq!(peer.port, 80);
}

#[test]
fn the_clock_need_not_run_for_data_to_flow() {
    let stack = stack();
    let listener = listen(&stack, "127.0.0.1:80", 5);
    let client = connect(&stack, "127.0.0.1:80", NOW);
    let server = listener.accept().unwrap();
    // Small writes, read at once: no timer of either end is waited for.
    for round in 0..1000_u32 {
        assert_eq!(client.write(&round.to_be_bytes(), NOW), Ok(4));
        assert_eq!(read_all(&server, NOW), round.to_be_bytes(), "round {round}");
    }
    // Questions and answers.
    for _ in 0..1000 {
        client.write(b"question", NOW).unwrap();
        assert_eq!(read_all(&server, NOW), b"question");
        server.write(b"answer", NOW).unwrap();
        assert_eq!(read_all(&client, NOW), b"answer");
    }
    // Many bytes in one direction.
    let payload: Vec<u8> = (0..3_000_000).map(|at| (at % 251) as u8).collect();
    let (mut sent, mut read) = (0, Vec::new());
    while read.len() < payload.len() {
        sent += client.write(&payload[sent..payload.len().min(sent + 65536)], NOW).unwrap_or(0);
        let before = read.len();
        read.extend(read_all(&server, NOW));
        assert!(read.len() > before, "{}", read.len());
    }
    assert!(read == payload);
}
