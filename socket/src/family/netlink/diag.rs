//! NETLINK_SOCK_DIAG: the sockets that there are, as ss(8) asks for them (`sock_diag(7)`).
//!
//! They are found one by one: asking takes time in proportion to how many there are, and nothing is kept for it. Connections
//! that no program has any more, or none yet, are not among them.

use linux_raw_sys::net::{AF_INET, AF_INET6, AF_UNIX, IPPROTO_TCP, IPPROTO_UDP};

use super::{
    message::{Builder, Message},
    request::{Done, Outcome, Refusal, Request},
    route::{MULTI, answer},
    uapi::NLM_F_DUMP,
};
use crate::{error::Errno, family::inet::address, socket::Socket};

/// `SOCK_DIAG_BY_FAMILY`
const BY_FAMILY: u16 = 20;

/// `UNIX_DIAG_NAME`, `UNIX_DIAG_PEER`, `UNIX_DIAG_RQLEN`; and the bits of `udiag_show` that ask for them.
const UNIX_NAME: u16 = 0;
const UNIX_PEER: u16 = 2;
const UNIX_QUEUES: u16 = 4;
const SHOW_NAME: u32 = 1;
const SHOW_PEER: u32 = 4;
const SHOW_QUEUES: u32 = 16;

/// `INET_DIAG_INFO`, asked for by bit 1 of `idiag_ext`; `INET_DIAG_SKV6ONLY`.
const INET_INFO: u16 = 2;
const INET_V6_ONLY: u16 = 11;
const ASKS_INFO: u8 = 1 << (INET_INFO - 1);

/// TCP_ESTABLISHED, TCP_CLOSE and TCP_LISTEN, which stand for the states of all families.
const ESTABLISHED: u8 = 1;
const CLOSE: u8 = 7;
const LISTEN: u8 = 10;

pub(super) fn perform(request: &Request<'_>) -> Outcome<Done> {
    if request.message.kind != BY_FAMILY {
        return Err(Refusal::new(Errno::EINVAL));
    }
    let body = request.message.body();
    let family = u32::from(*body.first().ok_or(Refusal::new(Errno::EINVAL))?);
    match family {
        AF_UNIX => dump_unix(request),
        AF_INET | AF_INET6 => dump_internet(request, family),
        _ => Err(Refusal::new(Errno::ENOENT)),
    }
}

fn word(message: &Message<'_>, at: usize) -> Outcome<u32> {
    let bytes = message.body().get(at..).and_then(|rest| rest.first_chunk::<4>());
    bytes.map(|bytes| u32::from_ne_bytes(*bytes)).ok_or(Refusal::new(Errno::EINVAL))
}

/// Asking for a single socket is not supported.
fn only_dumps(request: &Request<'_>) -> Outcome<()> {
    if request.has(NLM_F_DUMP) {
        return Ok(());
    }
    Err(Refusal::new(Errno::EOPNOTSUPP).because("Only dumps are supported"))
}

/// Whether a state is among those that are asked for.
const fn is_asked(states: u32, state: u8) -> bool {
    states >> state & 1 != 0
}

/// `struct unix_diag_req`, `struct unix_diag_msg`.
fn dump_unix(request: &Request<'_>) -> Outcome<Done> {
    let (states, show) = (word(&request.message, 4)?, word(&request.message, 12)?);
    // The cookie is the last of it.
    word(&request.message, 20)?;
    only_dumps(request)?;
    answer(request, 0, |builder| {
        request.context.world.for_each_socket(|socket| {
            let state = match (socket.backlog(), socket.is_established()) {
                (Some(_), _) => LISTEN,
                (None, true) => ESTABLISHED,
                (None, false) => CLOSE,
            };
            // One that waits to be accepted has no number yet.
            if socket.is_unix() && socket.number() != 0 && is_asked(states, state) {
                builder.begin(request.header(BY_FAMILY, MULTI));
                fill_unix(builder, socket, state, show);
                builder.end();
            }
        });
    })
}

fn fill_unix(builder: &mut Builder, socket: &Socket, state: u8, show: u32) {
    let number = socket.number();
    builder.put(&[AF_UNIX as u8, socket.socket_type(), state, 0]);
    builder.put(&(number as u32).to_ne_bytes());
    put_cookie(builder, number);
    if show & SHOW_NAME != 0
        && let Some(name) = socket.local_address()
    {
        builder.attribute(UNIX_NAME, name.path());
    }
    if show & SHOW_PEER != 0
        && let peer @ 1.. = socket.peer_number()
    {
        builder.number(UNIX_PEER, peer as u32);
    }
    if show & SHOW_QUEUES != 0 {
        let count = |bytes: crate::error::Result<u32>| bytes.unwrap_or_default();
        let (receives, sends) =
            socket.backlog().unwrap_or_else(|| (count(socket.unread()), count(socket.unsent())));
        builder.attribute(UNIX_QUEUES, &[receives.to_ne_bytes(), sends.to_ne_bytes()].concat());
    }
}

fn put_cookie(builder: &mut Builder, number: u64) {
    builder.put(&(number as u32).to_ne_bytes());
    builder.put(&((number >> 32) as u32).to_ne_bytes());
}

/// `struct inet_diag_req_v2`, `struct inet_diag_msg`.
fn dump_internet(request: &Request<'_>, family: u32) -> Outcome<Done> {
    /// Its size.
    const LENGTH: usize = 56;
    let states = word(&request.message, 4)?;
    let [_, protocol, extensions, ..] = *request.message.body() else {
        return Err(Refusal::new(Errno::EINVAL));
    };
    word(&request.message, LENGTH - 4)?;
    only_dumps(request)?;
    let protocol = u32::from(protocol);
    if protocol != IPPROTO_TCP as u32 && protocol != IPPROTO_UDP as u32 {
        return Err(Refusal::new(Errno::ENOENT));
    }
    answer(request, 0, |builder| {
        request.context.world.for_each_socket(|socket| {
            let Some(internet) = socket.internet() else { return };
            let descriptor = socket.descriptor();
            let is_stream = protocol == IPPROTO_TCP as u32;
            let of_protocol = (u32::from(descriptor.kind()) == linux_raw_sys::net::SOCK_STREAM) == is_stream;
            if !of_protocol || u32::from(descriptor.family()) != family {
                return;
            }
            let state = internet.state_number();
            // A stream without a connection is nowhere to be found, nor are datagram sockets without a port.
            let there = if is_stream { state != CLOSE } else { internet.is_bound() };
            if there && is_asked(states, state) {
                builder.begin(request.header(BY_FAMILY, MULTI));
                fill_internet(builder, socket, state);
                if is_stream
                    && extensions & ASKS_INFO != 0
                    && let Some(info) = internet.tcp_info(request.context.now)
                {
                    builder.attribute(INET_INFO, &info);
                }
                if family == AF_INET6 && matches!(state, LISTEN | CLOSE) {
                    builder.byte(INET_V6_ONLY, internet.is_v6_only().into());
                }
                builder.end();
            }
        });
    })
}

fn fill_internet(builder: &mut Builder, socket: &Socket, state: u8) {
    let Some(internet) = socket.internet() else { return };
    let family = socket.descriptor().family() as u8;
    let local = internet.local_name();
    let peer = internet.peer_name(true).ok();
    let number = socket.number();
    builder.put(&[family, state, 0, 0]);
    let port = |name: &address::Shown| -> [u8; 2] {
        name.bytes().get(2..).and_then(|rest| rest.first_chunk().copied()).unwrap_or_default()
    };
    let ([s0, s1], [d0, d1]) = (port(&local), peer.as_ref().map_or([0; 2], port));
    builder.put(&[s0, s1, d0, d1]);
    for name in [Some(&local), peer.as_ref()] {
        let mut octets = [0; 16];
        let bytes = match name.map(address::Shown::bytes) {
            Some(bytes) if bytes.len() == 16 => bytes.get(4..8),
            Some(bytes) => bytes.get(8..24),
            None => None,
        };
        for (to, from) in octets.iter_mut().zip(bytes.unwrap_or_default()) {
            *to = *from;
        }
        builder.put(&octets);
    }
    let device = internet.choices().device.map_or(0, net_stack::net::InterfaceId::get);
    builder.put(&device.to_ne_bytes());
    put_cookie(builder, number);
    let (receives, sends) = internet.backlog().unwrap_or_else(|| internet.queues());
    for word in [0, receives, sends, 0, number as u32] {
        builder.put(&word.to_ne_bytes());
    }
}
