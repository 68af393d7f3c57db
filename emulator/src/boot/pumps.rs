//! The threads that move the bytes of a run's ports.

use std::{
    io::{ErrorKind, Read, Write},
    os::unix::net::UnixStream,
    sync::mpsc::{Receiver, Sender},
    thread,
};

use super::{
    control::{Lines, end_of_input},
    log::LogWriter,
    ports::Port,
};

/// What the threads tell.
#[derive(Debug)]
pub(super) enum Event {
    Said(String),
    /// All that the port carried has arrived where it goes.
    Closed(Port),
    Unwritable(Port, std::io::Error),
    Ended,
    Stop(u8),
}

/// Passes standard input on, once it may start, and says how long it was.
///
/// Not before the guest is ready: while a serial port is being set up, what it has received is thrown away. The thread is
/// left alone at the run's end, for a terminal may never give another byte.
pub(super) fn pump_input(
    mut from: Box<dyn Read + Send>,
    mut to: UnixStream,
    mut control: UnixStream,
    may_start: Receiver<()>,
) {
    thread::spawn(move || {
        if may_start.recv().is_err() {
            return;
        }
        let mut buffer = [0; 16 << 10];
        let mut count = 0;
        loop {
            match from.read(&mut buffer) {
                // A standard input that cannot be read has ended, as far as the program can tell.
                Ok(0) => break,
                Ok(read) => {
                    if to.write_all(&buffer[..read]).is_err() {
                        return;
                    }
                    count += read as u64;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
        // Fails when the guest has ended without it.
        let _ = control.write_all(end_of_input(count).as_bytes());
    });
}

pub(super) fn pump_output(
    port: Port,
    mut from: UnixStream,
    mut to: Box<dyn Write + Send>,
    sender: Sender<Event>,
) {
    thread::spawn(move || {
        let mut buffer = [0; 64 << 10];
        // Reading fails only when QEMU was killed with input unread: the same as the end.
        while let Ok(count @ 1..) = read(&mut from, &mut buffer) {
            if let Err(error) = to.write_all(&buffer[..count]).and_then(|()| to.flush()) {
                let _ = sender.send(Event::Unwritable(port, error));
                return;
            }
        }
        let _ = sender.send(Event::Closed(port));
    });
}

pub(super) fn pump_control(mut from: UnixStream, sender: Sender<Event>) {
    thread::spawn(move || {
        let mut lines = Lines::default();
        let say = |line: &str| {
            let _ = sender.send(Event::Said(line.to_owned()));
        };
        let mut buffer = [0; 4 << 10];
        while let Ok(count @ 1..) = read(&mut from, &mut buffer) {
            lines.push(&buffer[..count], say);
        }
        lines.rest(say);
        let _ = sender.send(Event::Closed(Port::Control));
    });
}

pub(super) fn pump_log(mut from: UnixStream, log: &mut LogWriter) {
    let mut buffer = [0; 16 << 10];
    while let Ok(count @ 1..) = read(&mut from, &mut buffer) {
        // A full disk costs the log, not the run.
        let _ = log.write(&buffer[..count]);
    }
}

fn read(from: &mut UnixStream, buffer: &mut [u8]) -> std::io::Result<usize> {
    loop {
        match from.read(buffer) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}
