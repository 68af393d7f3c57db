//! Programs at one end of a network, whose other end is the host's.

use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, Shutdown, TcpListener, TcpStream, UdpSocket},
};

/// A datagram that ends [`echo_datagrams`].
const LAST: &[u8] = b"last";

/// Says on standard output that whoever waits may come.
fn ready() -> io::Result<()> {
    let mut out = io::stdout();
    writeln!(out, "ready")?;
    out.flush()
}

/// Sends all that comes over one connection back over it.
pub(super) fn echo_stream(port: u16) -> io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, port))?;
    ready()?;
    let (stream, _) = listener.accept()?;
    io::copy(&mut &stream, &mut &stream)?;
    stream.shutdown(Shutdown::Write)
}

/// Sends datagrams back to where they come from, until one says that it is the last.
pub(super) fn echo_datagrams(port: u16) -> io::Result<()> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, port))?;
    ready()?;
    let mut bytes = [0; 2048];
    loop {
        let (length, from) = socket.recv_from(&mut bytes)?;
        let datagram = bytes.get(..length).unwrap_or_default();
        socket.send_to(datagram, from)?;
        if datagram == LAST {
            return Ok(());
        }
    }
}

/// Connects, and copies what comes to standard output.
pub(super) fn fetch(to: &str) -> io::Result<()> {
    let mut stream = TcpStream::connect(to)?;
    stream.shutdown(Shutdown::Write)?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes)?;
    io::stdout().write_all(&bytes)
}

/// Prints the address from which packets would go there.
pub(super) fn source(to: &str) -> io::Result<()> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    socket.connect(to)?;
    println!("{}", socket.local_addr()?.ip());
    Ok(())
}
