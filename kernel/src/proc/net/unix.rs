//! `/proc/net/unix`: all UNIX sockets.

use alloc::{format, vec::Vec};

use linux_raw_sys::net::AF_UNIX;

use socket::socket::Socket;

use crate::system::System;

/// SO_ACCEPTCON in the column of flags (`__SO_ACCEPTCON`).
const ACCEPTS: u32 = 1 << 16;
// enum socket_state of linux/net.h
const UNCONNECTED: u32 = 1;
const CONNECTING: u32 = 2;
const CONNECTED: u32 = 3;

/// The table.
pub(super) fn table(system: &System) -> Vec<u8> {
    let mut text = b"Num       RefCount Protocol Flags    Type St Inode Path\n".to_vec();
    system.world.for_each_socket(|socket| {
        if u32::from(socket.descriptor().family()) == AF_UNIX {
            line(socket, &mut text);
        }
    });
    text
}

fn line(socket: &Socket, text: &mut Vec<u8>) {
    let connected = socket.is_established();
    let accepts = socket.is_listening();
    let number = socket.number();
    let state = match (connected, number) {
        // It waits to be accepted.
        (true, 0) => CONNECTING,
        (true, _) => CONNECTED,
        (false, _) => UNCONNECTED,
    };
    // The first column is an address in the kernel; programs only see that they differ.
    let columns = format!(
        "{number:016x}: {:08X} 00000000 {:08X} {:04X} {state:02X} {number:5}",
        socket.references(),
        if accepts { ACCEPTS } else { 0 },
        socket.socket_type(),
    );
    text.extend(columns.into_bytes());
    if let Some(address) = socket.local_address() {
        text.push(b' ');
        let path = address.path();
        let (mark, name) = match path {
            // A name in the abstract name space, of which every byte counts.
            [0, name @ ..] => (Some(b'@'), name),
            [path @ .., _end] => (None, path),
            [] => (None, path),
        };
        text.extend(mark);
        text.extend(name.iter().map(|byte| if *byte == 0 { b'@' } else { *byte }));
    }
    text.push(b'\n');
}
