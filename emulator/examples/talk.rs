//! What the tests of `postern run` run: each word on the command line is something to do with sockets.

use std::{
    env, fs,
    io::{self, Read, Write},
    net::{TcpListener, TcpStream},
    os::unix::net::{UnixListener, UnixStream},
    process::{Command, exit},
};

fn main() {
    for word in env::args().skip(1) {
        let result = match word.as_str() {
            "pair" => pair(),
            "serve" => serve(),
            "tcp" => tcp(),
            "bluetooth" => bluetooth(),
            "wait" => wait(),
            "orphan" => orphan(),
            "times" => times(),
            _ => panic!("what is {word}?"),
        };
        println!("{word}: {}", result.unwrap_or_else(|error| error.to_string()));
    }
}

/// A family that no system here has.
fn bluetooth() -> io::Result<String> {
    rustix::net::socket(rustix::net::AddressFamily::BLUETOOTH, rustix::net::SocketType::STREAM, None)?;
    Ok("made".to_owned())
}

/// A server and a client on the loopback interface.
fn tcp() -> io::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let client = std::thread::spawn(move || -> io::Result<String> {
        let mut client = TcpStream::connect(address)?;
        client.write_all(b"question")?;
        client.shutdown(std::net::Shutdown::Write)?;
        let mut answer = String::new();
        client.read_to_string(&mut answer)?;
        Ok(answer)
    });
    let (mut server, _) = listener.accept()?;
    let mut question = String::new();
    server.read_to_string(&mut question)?;
    server.write_all(format!("answer to {question}").as_bytes())?;
    drop(server);
    client.join().expect("it does not panic")
}

fn pair() -> io::Result<String> {
    let (mut one, mut other) = UnixStream::pair()?;
    one.write_all(b"through")?;
    drop(one);
    let mut text = String::new();
    other.read_to_string(&mut text)?;
    Ok(text)
}

/// A server and a client that find each other by a name in the working directory.
fn serve() -> io::Result<String> {
    let listener = UnixListener::bind("talk.socket")?;
    let client = std::thread::spawn(|| -> io::Result<String> {
        let mut client = UnixStream::connect("talk.socket")?;
        client.write_all(b"question")?;
        client.shutdown(std::net::Shutdown::Write)?;
        let mut answer = String::new();
        client.read_to_string(&mut answer)?;
        Ok(answer)
    });
    let (mut server, _) = listener.accept()?;
    let mut question = String::new();
    server.read_to_string(&mut question)?;
    server.write_all(format!("answer to {question}").as_bytes())?;
    drop(server);
    let answer = client.join().expect("it does not panic")?;
    fs::remove_file("talk.socket")?;
    Ok(answer)
}

/// Says who it is, and reads from where nothing comes.
fn wait() -> io::Result<String> {
    let (mut one, _other) = UnixStream::pair()?;
    println!("waits {}", std::process::id());
    one.read_exact(&mut [0])?;
    Ok("nothing comes".to_owned())
}

/// Leaves a child behind that waits.
fn orphan() -> io::Result<String> {
    // The child is to outlive this process: it is not waited for.
    Command::new(env::current_exe()?).arg("wait").spawn()?;
    exit(7);
}

/// What a write and a read of one byte take, in nanoseconds.
fn times() -> io::Result<String> {
    const ROUNDS: u32 = 20_000;
    let (mut one, mut other) = UnixStream::pair()?;
    let start = std::time::Instant::now();
    for _ in 0..ROUNDS {
        one.write_all(b"x")?;
        other.read_exact(&mut [0])?;
    }
    Ok((start.elapsed() / ROUNDS).as_nanos().to_string())
}
