//! What connections cost while others are open: time for each, and memory.
//!
//! ```text
//! cargo build -p net-stack --profile image --example cost
//! target/image/examples/cost 10; target/image/examples/cost 100000
//! ```
//! `cost FLOWS WHAT ROUNDS` does one thing so often, for callgrind: the difference of the totals of two counts, divided by
//! that of the counts, is what a round costs, in instructions.

use std::{env, fs, sync::Arc, time};

use net_stack::{
    Stack,
    address::{Endpoint, Ipv4Addr},
    cover::Cover,
    datagram::{Ancillary, DatagramSocket, Draft, Kind, Version},
    port::Claim,
    random::Secret,
    tcp::{TcpListener, TcpOptions, TcpStream},
    time::Instant,
};

/// Nothing here waits for time to pass.
const NOW: Instant = Instant::from_secs(1);

/// Connections from one address to one port are fewer than the ephemeral ports.
const PER_PORT: usize = 20_000;

struct Host {
    stack: Arc<Stack>,
    listeners: Vec<TcpListener>,
    options: TcpOptions,
}

impl Host {
    fn new(flows: usize) -> Self {
        let stack = Stack::new(Secret::new([1, 2]));
        let options = TcpOptions { no_delay: true, ..TcpOptions::default() };
        let listen = |port| {
            let claim = Claim::new(Cover::AnyV4);
            let binding = stack.tcp_ports().bind(port, claim).unwrap();
            stack.tcp_listen(binding, &options, 1000).ok().unwrap()
        };
        let listeners = (0..=flows.div_ceil(PER_PORT)).map(|place| listen(1000 + place as u16)).collect();
        Self { stack, listeners, options }
    }

    fn pair(&self, listener: usize) -> (TcpStream, TcpStream) {
        let to = Endpoint::new(Ipv4Addr::LOCALHOST, 1000 + listener as u16);
        let claim = Claim::new(Cover::AnyV4);
        let client = self.stack.tcp_connect(Err(claim), to, &self.options, NOW);
        let client = client.map_err(|(error, _)| error).unwrap();
        (client, self.listeners[listener].accept().unwrap())
    }

    /// Connects, accepts, resets: so that no TIME-WAIT adds up.
    fn connect(&self) {
        let (client, server) = self.pair(0);
        client.abort(NOW);
        drop(server);
    }
}

fn exchange((client, server): &(TcpStream, TcpStream), payload: &[u8]) {
    let mut buffer = [0; 65536];
    for (from, to) in [(client, server), (server, client)] {
        assert_eq!(from.write(payload, NOW), Ok(payload.len()));
        assert_eq!(to.read(&mut buffer, NOW), Ok(payload.len()));
    }
}

fn datagrams(stack: &Arc<Stack>) -> (DatagramSocket, DatagramSocket) {
    let make = |port| {
        let socket = stack.datagram(Kind::Udp, Version::V4);
        socket.bind(Ipv4Addr::LOCALHOST.into(), port).unwrap();
        socket
    };
    let pair = (make(5000), make(5001));
    pair.0.connect(pair.1.local()).unwrap();
    pair
}

fn datagram((from, to): &(DatagramSocket, DatagramSocket)) {
    from.send(Draft::new(1), None, &Ancillary::default(), NOW).unwrap();
    assert_eq!(to.receive(false).unwrap().payload(), [0]);
}

/// Resident memory, in bytes.
fn memory() -> usize {
    let status = fs::read_to_string("/proc/self/statm").unwrap();
    status.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

fn main() {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let flows = arguments.first().and_then(|flows| flows.parse().ok()).unwrap_or(10);
    let host = Host::new(flows);
    let before = memory();
    let open: Vec<_> = (0..flows).map(|place| host.pair(1 + place / PER_PORT)).collect();
    let each = (memory() - before) / flows.max(1);
    let pair = host.pair(0);
    exchange(&pair, b"x");
    let udp = datagrams(&host.stack);
    let page = [7; 4096];
    let actions: [(&str, &dyn Fn()); 4] = [
        ("connect", &|| host.connect()),
        ("one-byte", &|| exchange(&pair, b"x")),
        ("page", &|| exchange(&pair, &page)),
        ("datagram", &|| datagram(&udp)),
    ];
    if let [_, what, rounds] = &arguments[..] {
        let rounds: usize = rounds.parse().unwrap();
        let action =
            actions.iter().find(|(name, _)| name == what).expect("connect, one-byte, page or datagram");
        (0..rounds).for_each(|_| action.1());
        return;
    }
    println!("{flows} connections open: {each} bytes for both ends of one that says nothing");
    for (name, action) in actions {
        let rounds = 20_000;
        (0..1000).for_each(|_| action());
        let began = time::Instant::now();
        (0..rounds).for_each(|_| action());
        println!("{name:>10} {:>6} ns", began.elapsed().as_nanos() / rounds);
    }
    drop(open);
}
