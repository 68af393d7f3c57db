//! Rust's own `std::os::unix::net`, as programs use it.

use std::{
    io::{BufRead, BufReader, BufWriter, ErrorKind, Read, Write},
    net::Shutdown,
    os::{
        linux::net::SocketAddrExt,
        unix::net::{SocketAddr, UnixListener, UnixStream},
    },
};

use super::unix::help::pattern;
use crate::harness::{Case, Failure, Outcome, Test, check, check_eq, tests};

pub(crate) const TESTS: &[Test] = tests!("std";
    std_pair_talks,
    std_listener_at_a_path,
    std_listener_at_an_abstract_name,
    std_incoming_serves_many_clients,
    std_echo_server_with_threads,
    std_line_protocol,
    std_shutdown_ends_streams,
    std_try_clone_shares_the_connection,
    std_nonblocking,
    std_errors_have_the_right_kinds,
    std_take_error,
    std_addresses,
    std_vectored,
    std_copy_moves_everything,
    std_peer_closes_while_reading,
);

fn std_pair_talks(_: &Case) -> Outcome {
    let (mut left, mut right) = UnixStream::pair()?;
    left.write_all(b"question")?;
    let mut got = [0; 8];
    right.read_exact(&mut got)?;
    check_eq!(&got, b"question");
    right.write_all(b"answer")?;
    drop(right);
    let mut rest = String::new();
    left.read_to_string(&mut rest)?;
    check_eq!(rest, "answer");
    Ok(())
}

fn std_listener_at_a_path(case: &Case) -> Outcome {
    let path = case.directory().join("socket");
    let listener = UnixListener::bind(&path)?;
    let client = case.spawn({
        let path = path.clone();
        move || {
            let mut stream = UnixStream::connect(&path)?;
            check_eq!(stream.peer_addr()?.as_pathname(), Some(path.as_path()));
            check!(stream.local_addr()?.is_unnamed());
            stream.write_all(b"hello")?;
            stream.shutdown(Shutdown::Write)?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            Ok(answer)
        }
    });
    let (mut stream, address) = listener.accept()?;
    check!(address.is_unnamed());
    let mut got = String::new();
    stream.read_to_string(&mut got)?;
    check_eq!(got, "hello");
    stream.write_all(b"good bye")?;
    drop(stream);
    check_eq!(client.join()?, "good bye");
    check_eq!(listener.local_addr()?.as_pathname(), Some(path.as_path()));
    Ok(())
}

fn abstract_name(case: &Case) -> Outcome<SocketAddr> {
    let name = case.abstract_address("std");
    Ok(SocketAddr::from_abstract_name(&name.rest()[1..])?)
}

fn std_listener_at_an_abstract_name(case: &Case) -> Outcome {
    let address = abstract_name(case)?;
    let listener = UnixListener::bind_addr(&address)?;
    let mut near = UnixStream::connect_addr(&address)?;
    let (mut far, _) = listener.accept()?;
    near.write_all(b"abc")?;
    let mut got = [0; 3];
    far.read_exact(&mut got)?;
    check_eq!(&got, b"abc");
    check_eq!(near.peer_addr()?.as_abstract_name(), address.as_abstract_name());
    Ok(())
}

fn std_incoming_serves_many_clients(case: &Case) -> Outcome {
    let path = case.directory().join("socket");
    let listener = UnixListener::bind(&path)?;
    let clients: Vec<_> = (0..20u32)
        .map(|index| {
            let path = path.clone();
            case.spawn(move || {
                let mut stream = UnixStream::connect(path)?;
                stream.write_all(&index.to_ne_bytes())?;
                let mut got = [0; 4];
                stream.read_exact(&mut got)?;
                Ok(u32::from_ne_bytes(got))
            })
        })
        .collect();
    for stream in listener.incoming().take(20) {
        let mut stream = stream?;
        let mut got = [0; 4];
        stream.read_exact(&mut got)?;
        stream.write_all(&(u32::from_ne_bytes(got) * 3).to_ne_bytes())?;
    }
    for (index, client) in clients.into_iter().enumerate() {
        check_eq!(client.join()?, index as u32 * 3);
    }
    Ok(())
}

fn std_echo_server_with_threads(case: &Case) -> Outcome {
    let address = abstract_name(case)?;
    let listener = UnixListener::bind_addr(&address)?;
    let clients: Vec<_> = (0..5u64)
        .map(|index| {
            let address = address.clone();
            case.spawn(move || {
                let mut stream = UnixStream::connect_addr(&address)?;
                let sent = pattern(index + 1, 50_000);
                let mut writer = stream.try_clone()?;
                let copy = sent.clone();
                let sender = std::thread::spawn(move || {
                    writer.write_all(&copy).and_then(|()| writer.shutdown(Shutdown::Write))
                });
                let mut got = Vec::new();
                stream.read_to_end(&mut got)?;
                check!(got == sent, "client {index} got {} bytes", got.len());
                sender.join().map_err(|_| Failure::here("the sender panicked"))??;
                Ok(())
            })
        })
        .collect();
    let mut servers = Vec::new();
    for _ in 0..5 {
        let (mut stream, _) = listener.accept()?;
        servers.push(case.spawn(move || {
            let mut block = [0; 3000];
            loop {
                match stream.read(&mut block)? {
                    0 => return Ok(()),
                    count => stream.write_all(&block[..count])?,
                }
            }
        }));
    }
    servers.into_iter().chain(clients).try_for_each(crate::harness::Worker::join)
}

fn std_line_protocol(case: &Case) -> Outcome {
    let (left, right) = UnixStream::pair()?;
    let server = case.spawn(move || {
        let mut writer = BufWriter::new(right.try_clone()?);
        for line in BufReader::new(right).lines() {
            let line = line?;
            writeln!(writer, "{} has {} characters", line, line.len())?;
            writer.flush()?;
        }
        Ok(())
    });
    let mut reader = BufReader::new(left.try_clone()?);
    let mut writer = left;
    for word in ["one", "three", "", "a longer line with blanks"] {
        writeln!(writer, "{word}")?;
        let mut answer = String::new();
        reader.read_line(&mut answer)?;
        check_eq!(answer, format!("{word} has {} characters\n", word.len()));
    }
    writer.shutdown(Shutdown::Write)?;
    server.join()
}

fn std_shutdown_ends_streams(_: &Case) -> Outcome {
    let (mut left, mut right) = UnixStream::pair()?;
    left.shutdown(Shutdown::Both)?;
    check_eq!(left.read(&mut [0; 4])?, 0);
    check_eq!(right.read(&mut [0; 4])?, 0);
    check_eq!(right.write(b"x").map_err(|error| error.kind()), Err(ErrorKind::BrokenPipe));
    Ok(())
}

fn std_try_clone_shares_the_connection(_: &Case) -> Outcome {
    let (left, mut right) = UnixStream::pair()?;
    let mut clone = left.try_clone()?;
    drop(left);
    clone.write_all(b"still open")?;
    let mut got = [0; 10];
    right.read_exact(&mut got)?;
    drop(clone);
    check_eq!(right.read(&mut got)?, 0);
    Ok(())
}

fn std_nonblocking(case: &Case) -> Outcome {
    let address = abstract_name(case)?;
    let listener = UnixListener::bind_addr(&address)?;
    listener.set_nonblocking(true)?;
    check_eq!(listener.accept().map(|_| ()).map_err(|error| error.kind()), Err(ErrorKind::WouldBlock));
    let mut near = UnixStream::connect_addr(&address)?;
    let (mut far, _) = listener.accept()?;
    near.set_nonblocking(true)?;
    check_eq!(near.read(&mut [0]).map_err(|error| error.kind()), Err(ErrorKind::WouldBlock));
    far.write_all(b"x")?;
    check_eq!(near.read(&mut [0; 4])?, 1);
    let block = vec![1; 100_000];
    let mut written = 0;
    let refused = loop {
        match near.write(&block) {
            Ok(count) => written += count,
            Err(error) => break error.kind(),
        }
    };
    check_eq!(refused, ErrorKind::WouldBlock);
    near.set_nonblocking(false)?;
    drop(near);
    check_eq!(std::io::copy(&mut far, &mut std::io::sink())?, written as u64);
    Ok(())
}

fn std_errors_have_the_right_kinds(case: &Case) -> Outcome {
    let path = case.directory().join("socket");
    let kind = |result: std::io::Result<UnixStream>| result.map(|_| ()).map_err(|error| error.kind());
    check_eq!(kind(UnixStream::connect(&path)), Err(ErrorKind::NotFound));
    let listener = UnixListener::bind(&path)?;
    let again = UnixListener::bind(&path).map(|_| ()).map_err(|error| error.kind());
    check_eq!(again, Err(ErrorKind::AddrInUse));
    drop(listener);
    check_eq!(kind(UnixStream::connect(&path)), Err(ErrorKind::ConnectionRefused));
    let long = case.directory().join("n".repeat(200));
    check_eq!(kind(UnixStream::connect(long)), Err(ErrorKind::InvalidInput));
    Ok(())
}

fn std_take_error(_: &Case) -> Outcome {
    let (mut left, right) = UnixStream::pair()?;
    check!(left.take_error()?.is_none());
    left.write_all(b"unread")?;
    drop(right);
    check_eq!(left.take_error()?.map(|error| error.kind()), Some(ErrorKind::ConnectionReset));
    check!(left.take_error()?.is_none());
    Ok(())
}

fn std_addresses(case: &Case) -> Outcome {
    let path = case.directory().join("socket");
    let address = SocketAddr::from_pathname(&path)?;
    let listener = UnixListener::bind_addr(&address)?;
    let near = UnixStream::connect_addr(&address)?;
    let (far, _) = listener.accept()?;
    check_eq!(far.local_addr()?.as_pathname(), Some(path.as_path()));
    check!(far.peer_addr()?.is_unnamed());
    check_eq!(near.peer_addr()?.as_pathname(), Some(path.as_path()));
    Ok(())
}

fn std_vectored(_: &Case) -> Outcome {
    let (mut left, mut right) = UnixStream::pair()?;
    check_eq!(left.write_vectored(&[std::io::IoSlice::new(b"ab"), std::io::IoSlice::new(b"cd")])?, 4);
    let (mut one, mut two) = ([0; 3], [0; 3]);
    let mut parts = [std::io::IoSliceMut::new(&mut one), std::io::IoSliceMut::new(&mut two)];
    check_eq!(right.read_vectored(&mut parts)?, 4);
    check_eq!((&one, &two), (b"abc", b"d\0\0"));
    Ok(())
}

fn std_copy_moves_everything(case: &Case) -> Outcome {
    // A relay between two connections. io::copy may try splice and sendfile first, and must come through either way.
    let (mut left, relay_in) = UnixStream::pair()?;
    let (relay_out, mut right) = UnixStream::pair()?;
    let relay = case.spawn(move || {
        let (mut from, mut to) = (relay_in, relay_out);
        Ok(std::io::copy(&mut from, &mut to)?)
    });
    let sent = pattern(21, 300_001);
    let copy = sent.clone();
    let writer = case.spawn(move || {
        left.write_all(&copy)?;
        Ok(())
    });
    let mut got = Vec::new();
    right.read_to_end(&mut got)?;
    check!(got == sent);
    check_eq!(relay.join()?, 300_001);
    writer.join()
}

fn std_peer_closes_while_reading(case: &Case) -> Outcome {
    let (mut left, right) = UnixStream::pair()?;
    let reader = case.spawn(move || {
        let mut got = [0; 10];
        Ok(left.read_exact(&mut got).map_err(|error| error.kind()))
    });
    let mut right = right;
    right.write_all(b"short")?;
    drop(right);
    check_eq!(reader.join()?, Err(ErrorKind::UnexpectedEof));
    Ok(())
}
