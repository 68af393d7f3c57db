//! `postern boot --net`: the guest in QEMU's user network, as programs on the host meet it.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;

use super::Run;
use crate::{
    case::Case,
    process::{self, Finished},
};

type Test = fn(&Net<'_>) -> Result<()>;

const TESTS: &[(&str, Test)] = &[
    ("addresses_are_leased_or_given", addresses_are_leased_or_given),
    ("routes_are_told", routes_are_told),
    ("a_connection_from_the_host_echoes", a_connection_from_the_host_echoes),
    ("datagrams_from_the_host_echo", datagrams_from_the_host_echo),
    ("the_guest_reads_from_the_host", the_guest_reads_from_the_host),
    ("without_a_network_nothing_is_reached", without_a_network_nothing_is_reached),
    ("bad_arguments_are_named", bad_arguments_are_named),
];

/// How long a boot with a test may take, in seconds; most take one.
const LIMIT: &str = "60";
const PATIENCE: Duration = Duration::from_secs(60);

/// The port in the guest.
const PORT: u16 = 4000;

pub(super) fn run(run: &Run<'_>, suite: &'static str) -> Result<()> {
    run.sink.expect(TESTS.len());
    let root = tempfile::tempdir()?;
    let net = Net { run, root };
    fs::copy(&run.context.guest, net.root.path().join("guest"))?;
    for (name, test) in TESTS {
        let started = Instant::now();
        let case = match test(&net) {
            Ok(()) => Case::passed(suite, *name),
            Err(error) => Case::failed(suite, *name, format!("{error:#}")),
        };
        run.sink.add(case.lasting(started.elapsed()));
    }
    Ok(())
}

struct Net<'a> {
    run: &'a Run<'a>,
    root: TempDir,
}

/// A guest that is ready, and is killed when this is dropped: the one that started is `postern`, which takes QEMU with it.
struct Serving(Child);

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Net<'_> {
    /// `postern boot OPTIONS -- guest tool TOOL`.
    fn command(&self, options: &[&str], tool: &[&str]) -> Command {
        let mut command = Command::new(&self.run.context.postern);
        command.arg("boot").arg("--kernel").arg(&self.run.context.kernel);
        command.arg("--root").arg(self.root.path()).args(["--timeout", LIMIT]).args(options);
        command.args(["--", "/guest", "tool"]).args(tool);
        command.env("TMPDIR", self.run.context.temporary());
        command
    }

    fn finish(&self, options: &[&str], tool: &[&str]) -> Result<Finished> {
        process::run(&mut self.command(options, tool), b"", PATIENCE)
    }

    /// Starts a tool that says when it is ready.
    fn serve(&self, options: &[&str], tool: &[&str]) -> Result<Serving> {
        let mut command = self.command(options, tool);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut serving = Serving(command.spawn()?);
        let stdout = serving.0.stdout.take().context("it is piped")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        ensure!(line == "ready\n", "the guest's server said {line:?}");
        Ok(serving)
    }
}

impl Serving {
    fn ended(mut self) -> Result<()> {
        let status = self.0.wait()?;
        ensure!(status.success(), "the guest's server: {status}");
        Ok(())
    }
}

fn success(finished: &Finished) -> Result<String> {
    let said = String::from_utf8_lossy(&finished.stderr);
    let ended_well = finished.status.is_some_and(|status| status.success());
    ensure!(ended_well, "{}: {}", finished.ending(), said.trim());
    Ok(String::from_utf8_lossy(&finished.stdout).into_owned())
}

/// Bytes in an order that shows where some are missing.
fn pattern(length: u32) -> Vec<u8> {
    (0..length).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

/// Ports that nobody has: somebody may take them meanwhile, and then the test fails.
fn free_ports() -> Result<(u16, u16)> {
    let stream = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let datagrams = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok((stream.local_addr()?.port(), datagrams.local_addr()?.port()))
}

fn addresses_are_leased_or_given(net: &Net<'_>) -> Result<()> {
    let source = |options: &[&str]| success(&net.finish(options, &["source", "10.0.2.2:9"])?);
    ensure!(source(&["--net"])? == "10.0.2.15\n", "the user network's server leases 10.0.2.15");
    let given = source(&["--net", "--append", "ip=eth0:10.0.2.77/24:10.0.2.2"])?;
    ensure!(given == "10.0.2.77\n", "from {given} instead of the address that was given");
    Ok(())
}

fn routes_are_told(net: &Net<'_>) -> Result<()> {
    let told = success(&net.finish(&["--net"], &["show", "/proc/net/route"])?)?;
    let routes: Vec<_> = told.lines().skip(1).map(str::trim_end).collect();
    let wanted = [
        "eth0\t00000000\t0202000A\t0003\t0\t0\t0\t00000000\t0\t0\t0",
        "eth0\t0002000A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0",
    ];
    ensure!(routes == wanted, "{told}");
    let told = success(&net.finish(&["--net"], &["show", "/proc/net/if_inet6"])?)?;
    // The identifier of the interface is made of QEMU's first address, 52:54:00:12:34:56.
    let wanted = "fe80000000000000505400fffe123456 02 40 20 80     eth0";
    ensure!(told.lines().any(|line| line == wanted), "{told}");
    Ok(())
}

fn a_connection_from_the_host_echoes(net: &Net<'_>) -> Result<()> {
    let (port, _) = free_ports()?;
    let folder = tempfile::tempdir()?;
    let pcap = folder.path().join("frames.pcap");
    let forward = format!("{port}:{PORT}");
    let options = ["--net", "--forward", &forward, "--pcap", pcap.to_str().context("a path in UTF-8")?];
    let serving = net.serve(&options, &["echo-stream", &PORT.to_string()])?;
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let sent = pattern(1 << 20);
    let mut writer = stream.try_clone()?;
    let bytes = sent.clone();
    let writing = thread::spawn(move || {
        writer.write_all(&bytes)?;
        writer.shutdown(Shutdown::Write)
    });
    let mut got = Vec::new();
    stream.read_to_end(&mut got)?;
    writing.join().map_err(|_| anyhow::anyhow!("the writer panicked"))??;
    ensure!(got == sent, "{} bytes came back of {}, or others", got.len(), sent.len());
    serving.ended()?;
    let frames = frames(&pcap)?;
    let of = |kind: [u8; 2]| frames.iter().filter(|frame| frame.get(12..14) == Some(&kind[..])).count();
    ensure!(of([8, 6]) > 0, "no ARP was captured");
    let carried: usize = frames.iter().map(Vec::len).sum();
    ensure!(of([8, 0]) > 0 && carried > 2 * sent.len(), "only {carried} bytes were captured");
    Ok(())
}

/// The frames of a capture: a header of 24 bytes, and one of 16 in front of each frame.
fn frames(path: &Path) -> Result<Vec<Vec<u8>>> {
    let bytes = fs::read(path)?;
    let word = |bytes: &[u8], at: usize| -> Option<u32> {
        bytes.get(at..)?.first_chunk().copied().map(u32::from_le_bytes)
    };
    ensure!(word(&bytes, 0) == Some(0xa1b2_c3d4), "the capture is no pcap");
    ensure!(word(&bytes, 20) == Some(1), "the capture is not of Ethernet");
    let mut rest = &bytes[24..];
    let mut frames = Vec::new();
    while !rest.is_empty() {
        let length = word(rest, 8).context("the capture ends in a header")? as usize;
        let Some(frame) = rest.get(16..16 + length) else { bail!("the capture ends in a frame") };
        frames.push(frame.to_vec());
        rest = &rest[16 + length..];
    }
    Ok(frames)
}

fn datagrams_from_the_host_echo(net: &Net<'_>) -> Result<()> {
    let (_, port) = free_ports()?;
    let forward = format!("udp:{port}:{PORT}");
    let serving = net.serve(&["--net", "--forward", &forward], &["echo-datagrams", &PORT.to_string()])?;
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    socket.connect((Ipv4Addr::LOCALHOST, port))?;
    socket.set_read_timeout(Some(PATIENCE))?;
    let mut got = [0; 2048];
    for datagram in [pattern(1), pattern(1472), b"last".to_vec()] {
        socket.send(&datagram)?;
        let length = socket.recv(&mut got)?;
        ensure!(got[..length] == datagram, "{length} bytes came back of {}, or others", datagram.len());
    }
    serving.ended()
}

fn the_guest_reads_from_the_host(net: &Net<'_>) -> Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let port = listener.local_addr()?.port();
    let sent = pattern(1 << 20);
    let bytes = sent.clone();
    let serving = thread::spawn(move || -> std::io::Result<SocketAddr> {
        let (mut stream, from) = listener.accept()?;
        stream.write_all(&bytes)?;
        Ok(from)
    });
    let finished = net.finish(&["--net"], &["fetch", &format!("10.0.2.2:{port}")])?;
    success(&finished)?;
    serving.join().map_err(|_| anyhow::anyhow!("the server panicked"))??;
    ensure!(finished.stdout == sent, "{} bytes came of {}, or others", finished.stdout.len(), sent.len());
    Ok(())
}

fn without_a_network_nothing_is_reached(net: &Net<'_>) -> Result<()> {
    let finished = net.finish(&[], &["source", "10.0.2.2:9"])?;
    let said = String::from_utf8_lossy(&finished.stderr);
    ensure!(said.contains("Network is unreachable"), "{}: {}", finished.ending(), said.trim());
    Ok(())
}

fn bad_arguments_are_named(net: &Net<'_>) -> Result<()> {
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let in_use = format!("{}:80", taken.local_addr()?.port());
    let cases: [(&[&str], &str); 7] = [
        (&["--forward", "8080:80"], "--net"),
        (&["--pcap", "x"], "--net"),
        (&["--net", "--forward", "80"], "HOSTPORT:GUESTPORT"),
        (&["--net", "--forward", "sctp:1:2"], "no protocol"),
        (&["--net", "--forward", &in_use], "Address already in use"),
        (&["--net", "--pcap", "/nowhere/x"], "/nowhere/x"),
        (&["--net", "--append", "ip=eth0:10.0.2.15/33"], "no length of a prefix"),
    ];
    for (options, text) in cases {
        let finished = net.finish(options, &["exit", "0"])?;
        let said = String::from_utf8_lossy(&finished.stderr);
        let code = finished.status.and_then(|status| status.code());
        ensure!(code == Some(125), "{options:?}: {}: {}", finished.ending(), said.trim());
        ensure!(said.contains(text), "{options:?}: {text:?} is not said: {}", said.trim());
    }
    Ok(())
}
