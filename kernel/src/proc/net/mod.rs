//! `/proc/net`: sockets and interfaces (proc_pid_net(5)).

mod addresses;
mod unix;

use alloc::{boxed::Box, format, string::String, sync::Arc, vec::Vec};

use socket::{
    error::{Errno, Result},
    family::netlink::Status,
};
use spin::Once;
use vfs::{FileSystem, Inode};

use super::tree::Branch;
use crate::system::System;

/// Makes a file's contents.
type Make = fn(&System) -> Vec<u8>;

/// Files by name. Of families that there are not, there are the first lines.
const FILES: &[(&str, Make)] = &[
    ("arp", |_| b"IP address       HW type     Flags       HW address            Mask     Device\n".to_vec()),
    ("dev", interfaces),
    ("icmp", |_| padded(&format!("  sl  {FOUR}   {COMMON} {MORE}"), 127)),
    ("if_inet6", addresses::addresses),
    ("netlink", netlink),
    ("packet", |_| b"sk               RefCnt Type Proto  Iface R Rmem   User   Inode\n".to_vec()),
    ("protocols", protocols),
    ("raw", |_| table(FOUR)),
    ("raw6", |_| table(SIX)),
    ("route", addresses::routes),
    ("sockstat", sockets),
    ("sockstat6", |_| {
        b"TCP6: inuse 0\nUDP6: inuse 0\nUDPLITE6: inuse 0\nRAW6: inuse 0\nFRAG6: inuse 0 memory 0\n".to_vec()
    }),
    ("tcp", |_| padded(&format!("  sl  {FOUR}   {COMMON}"), 149)),
    ("tcp6", |_| format!("  sl  {SIX}   {COMMON}\n").into_bytes()),
    ("udp", |_| padded(&format!("   sl  {FOUR}   {COMMON} {MORE}"), 127)),
    ("udp6", |_| table(SIX)),
    ("unix", unix::table),
];

// The columns that the tables have in common.
const FOUR: &str = "local_address rem_address";
const SIX: &str = "local_address                         remote_address                     ";
const COMMON: &str = "st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode";
const MORE: &str = "ref pointer drops";

static DIRECTORY: Once<Arc<Inode>> = Once::new();

/// Makes the directory, and the link to it.
///
/// # Errors
/// ENOSPC.
pub(super) fn add(top: &mut Branch, files: &Arc<FileSystem>, system: &'static System) -> Result<()> {
    let mut branch = Branch::default();
    for (name, make) in FILES {
        branch.add(name, Inode::new_generated(files, 0o444, Box::new(move || Ok(make(system)))));
    }
    DIRECTORY.call_once(|| branch.directory(files));
    top.add("net", Inode::new_symlink(files, b"self/net")?);
    Ok(())
}

/// The directory, which all processes have in common.
pub(super) fn directory() -> Result<Arc<Inode>> {
    DIRECTORY.get().cloned().ok_or_else(|| Errno::ENOENT.into())
}

/// A line that is filled up with blanks.
fn padded(text: &str, width: usize) -> Vec<u8> {
    format!("{text:<width$}\n").into_bytes()
}

fn table(addresses: &str) -> Vec<u8> {
    format!("  sl  {addresses}   {COMMON} {MORE}\n").into_bytes()
}

/// What went through each interface.
fn interfaces(system: &System) -> Vec<u8> {
    let mut text = String::from(
        "Inter-|   Receive                                                |  Transmit\n \
         face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n",
    );
    system.world.network.network(|network| {
        for interface in network.interfaces() {
            let ((packets, bytes), (sent_packets, sent_bytes)) = (interface.received(), interface.sent());
            text += &format!(
                "{:>6}: {bytes:7} {packets:7}    0    0    0     0          0         0 {sent_bytes:8} {sent_packets:7}    \
                 0    0    0     0       0          0\n",
                interface.name
            );
        }
    });
    text.into_bytes()
}

/// The sockets of AF_NETLINK.
fn netlink(system: &System) -> Vec<u8> {
    let mut text = String::from(
        "sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode\n",
    );
    system.world.for_each_socket(|socket| {
        let Some(Status { protocol, port, groups, charged, dumps, drops }) = socket.netlink_status() else { return };
        let (dumps, inode) = (i32::from(dumps), socket.number());
        text += &format!(
            "{:016x} {protocol:<3} {port:<10} {groups:08x} {charged:<8} {:<8} {dumps:<5} {:<8} {drops:<8} {inode:<8}\n",
            0, 0, 2
        );
    });
    text.into_bytes()
}

fn sockets(system: &System) -> Vec<u8> {
    let used = system.world.socket_count();
    format!(
        "sockets: used {used}\nTCP: inuse 0 orphan 0 tw 0 alloc 0 mem 0\nUDP: inuse 0 mem 0\nUDPLITE: inuse 0\n\
         RAW: inuse 0\nFRAG: inuse 0 memory 0\n"
    )
    .into_bytes()
}

fn protocols(system: &System) -> Vec<u8> {
    let mut text = String::from(
        "protocol  size sockets  memory press maxhdr  slab module     cl co di ac io in de sh ss gs se re bi br ha uh gp em\n",
    );
    let size = size_of::<socket::socket::Socket>();
    let (mut streams, mut others) = (0, 0);
    system.world.for_each_socket(|socket| {
        let stream = u32::from(socket.socket_type()) == linux_raw_sys::net::SOCK_STREAM;
        *if stream { &mut streams } else { &mut others } += 1;
    });
    for (name, count) in [("UNIX-STREAM", streams), ("UNIX", others)] {
        text += &format!("{name:<9} {size:4} {count:6}      -1   NI       0   yes  kernel      y");
        text += &"  n".repeat(18);
        text += "\n";
    }
    text.into_bytes()
}
