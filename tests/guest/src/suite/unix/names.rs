//! getsockname(2), getpeername(2) and the lengths that they, accept(2) and recvfrom(2) take and give.

use std::os::fd::OwnedFd;

use super::help::{UNIX, accepted, client, listener, name, pair, peer_name, socket};
use crate::{
    address::Address,
    errno::Result,
    harness::{Case, Outcome, Test, check_eq, check_err, tests},
    sys,
};

pub(crate) const TESTS: &[Test] = tests!("unix";
    unnamed_socket_has_a_family_only,
    getpeername_needs_a_peer,
    getpeername_outlives_the_peer,
    names_are_truncated_to_the_buffer,
    names_refuse_negative_lengths,
    accept_reports_the_name_of_the_client,
    accept_truncates_the_name,
    accept_refuses_negative_length_and_keeps_nothing,
    recvfrom_reports_the_name_of_the_sender,
    recvfrom_reports_length_zero_for_unnamed_senders,
    recvfrom_truncates_the_name,
    recvmsg_reports_the_name_of_the_sender,
    client_can_bind_before_it_connects,
    client_can_bind_after_it_connected,
);

fn unnamed_socket_has_a_family_only(_: &Case) -> Outcome {
    let fd = socket()?;
    check_eq!(name(&fd)?, Address::unnamed());
    let mut buffer = [0xa5; 8];
    let mut length = 8;
    sys::getsockname(&fd, &mut buffer, &mut length)?;
    check_eq!(length, 2);
    check_eq!(buffer[..2], (UNIX as u16).to_ne_bytes());
    check_eq!(buffer[2..], [0xa5; 6], "nothing behind the length is written");
    Ok(())
}

fn getpeername_needs_a_peer(case: &Case) -> Outcome {
    check_err!(peer_name(&socket()?), ENOTCONN);
    let fd = listener(&case.abstract_address("a"), 1)?;
    check_err!(peer_name(&fd), ENOTCONN);
    Ok(())
}

fn getpeername_outlives_the_peer(case: &Case) -> Outcome {
    let address = case.abstract_address("a");
    let fd = listener(&address, 1)?;
    let (near, far) = accepted(&fd, &address)?;
    drop((far, fd));
    check_eq!(sys::read(&near, &mut [0])?, 0);
    check_eq!(peer_name(&near)?, address);
    Ok(())
}

type Getter = fn(&OwnedFd, &mut [u8], &mut i32) -> Result<usize>;

fn names_are_truncated_to_the_buffer(case: &Case) -> Outcome {
    let address = case.abstract_address("truncated");
    let fd = listener(&address, 1)?;
    let (near, _far) = accepted(&fd, &address)?;
    let getters: [(&str, Getter, &OwnedFd); 2] = [
        ("getsockname", |fd, name, length| sys::getsockname(fd, name, length), &fd),
        ("getpeername", |fd, name, length| sys::getpeername(fd, name, length), &near),
    ];
    let full = address.bytes();
    for (call, get, fd) in getters {
        for room in [0, 1, 2, 3, 10, full.len() - 1, full.len(), full.len() + 1] {
            let mut buffer = vec![0xa5; room + 4];
            let mut length = room as i32;
            get(fd, &mut buffer, &mut length)?;
            check_eq!(length as usize, full.len(), "{call} with room {room}: the whole length is reported");
            let kept = room.min(full.len());
            check_eq!(buffer[..kept], full[..kept], "{call} with room {room}");
            check_eq!(buffer[kept..], vec![0xa5; room + 4 - kept][..], "{call} with room {room}");
        }
    }
    Ok(())
}

fn names_refuse_negative_lengths(_: &Case) -> Outcome {
    let (left, _right) = pair()?;
    for given in [-1, i32::MIN] {
        let mut length = given;
        check_err!(sys::getsockname(&left, &mut [], &mut length), EINVAL);
        check_err!(sys::getpeername(&left, &mut [], &mut length), EINVAL);
        check_eq!(length, given, "not written");
    }
    Ok(())
}

/// A client with a name of its own, connected and waiting to be accepted.
fn named_client(case: &Case, label: &str, to: &Address) -> Result<(OwnedFd, Address)> {
    let own = case.abstract_address(label);
    let fd = socket()?;
    sys::bind(&fd, own.bytes())?;
    sys::connect(&fd, to.bytes())?;
    Ok((fd, own))
}

fn accept_reports_the_name_of_the_client(case: &Case) -> Outcome {
    let address = case.abstract_address("server");
    let fd = listener(&address, 4)?;
    let (_near, own) = named_client(case, "client", &address)?;
    let mut buffer = [0xa5; 128];
    let mut length = 128;
    let far = sys::accept_from(&fd, &mut buffer, &mut length)?;
    check_eq!(Address::from_filled(&buffer, length), own);
    check_eq!(peer_name(&far)?, own);
    let _unnamed = client(&address)?;
    length = 128;
    let _far = sys::accept_from(&fd, &mut buffer, &mut length)?;
    check_eq!(Address::from_filled(&buffer, length), Address::unnamed());
    Ok(())
}

fn accept_truncates_the_name(case: &Case) -> Outcome {
    let address = case.abstract_address("server");
    let fd = listener(&address, 4)?;
    for room in [0usize, 1, 2, 5, 100] {
        let (_near, own) = named_client(case, &format!("client{room}"), &address)?;
        let mut buffer = [0xa5; 104];
        let mut length = room as i32;
        let _far = sys::accept_from(&fd, &mut buffer, &mut length)?;
        check_eq!(length as usize, own.bytes().len(), "room {room}");
        let kept = room.min(own.bytes().len());
        check_eq!(buffer[..kept], own.bytes()[..kept], "room {room}");
        check_eq!(buffer[kept..], [0xa5; 104][kept..], "room {room}");
    }
    Ok(())
}

fn accept_refuses_negative_length_and_keeps_nothing(case: &Case) -> Outcome {
    let address = case.abstract_address("server");
    let fd = listener(&address, 4)?;
    let near = client(&address)?;
    let free = socket()?;
    let number = std::os::fd::AsRawFd::as_raw_fd(&free);
    drop(free);
    let mut length = -1;
    check_err!(sys::accept_from(&fd, &mut [], &mut length), EINVAL);
    // The connection was taken from the queue and closed: the address comes last (net/socket.c, do_accept).
    check_eq!(sys::read(&near, &mut [0])?, 0);
    check_eq!(std::os::fd::AsRawFd::as_raw_fd(&socket()?), number, "the descriptor was given back");
    Ok(())
}

/// A connection whose far end has a name, with `hello` waiting at the near end.
fn named_sender(case: &Case) -> Result<(OwnedFd, OwnedFd, Address)> {
    let address = case.abstract_address("sender");
    let fd = listener(&address, 1)?;
    let (near, far) = accepted(&fd, &address)?;
    sys::write(&far, b"hello")?;
    Ok((near, far, address))
}

fn recvfrom_reports_the_name_of_the_sender(case: &Case) -> Outcome {
    let (near, _far, address) = named_sender(case)?;
    let mut buffer = [0xa5; 128];
    let mut length = 128;
    let mut data = [0; 8];
    check_eq!(sys::recvfrom(&near, &mut data, 0, &mut buffer, &mut length)?, 5);
    check_eq!(&data[..5], b"hello");
    check_eq!(Address::from_filled(&buffer, length), address);
    Ok(())
}

fn recvfrom_reports_length_zero_for_unnamed_senders(case: &Case) -> Outcome {
    let (near, far, _) = named_sender(case)?;
    sys::write(&near, b"back")?;
    let mut buffer = [0xa5; 16];
    let mut length = 16;
    check_eq!(sys::recvfrom(&far, &mut [0; 8], 0, &mut buffer, &mut length)?, 4);
    check_eq!(length, 0);
    check_eq!(buffer, [0xa5; 16]);
    Ok(())
}

fn recvfrom_truncates_the_name(case: &Case) -> Outcome {
    let (near, _far, address) = named_sender(case)?;
    for room in [0usize, 1, 2, 7] {
        let mut buffer = [0xa5; 16];
        let mut length = room as i32;
        check_eq!(sys::recvfrom(&near, &mut [0; 1], 0, &mut buffer, &mut length)?, 1);
        check_eq!(length as usize, address.bytes().len(), "room {room}");
        check_eq!(buffer[..room], address.bytes()[..room], "room {room}");
        check_eq!(buffer[room..], [0xa5; 16][room..], "room {room}");
    }
    Ok(())
}

fn recvmsg_reports_the_name_of_the_sender(case: &Case) -> Outcome {
    let (near, _far, address) = named_sender(case)?;
    for room in [128usize, 4, 0] {
        let mut buffer = [0xa5; 128];
        let mut data = [0; 1];
        let envelope = sys::Envelope { name: Some(&mut buffer[..room]), ..Default::default() };
        let header = sys::recvmsg(&near, &mut [std::io::IoSliceMut::new(&mut data)], envelope, 0)?;
        check_eq!(header.bytes, 1);
        check_eq!(header.name as usize, address.bytes().len(), "room {room}");
        let kept = room.min(address.bytes().len());
        check_eq!(buffer[..kept], address.bytes()[..kept], "room {room}");
    }
    Ok(())
}

fn client_can_bind_before_it_connects(case: &Case) -> Outcome {
    let address = case.abstract_address("server");
    let fd = listener(&address, 1)?;
    let own = case.path_address("client");
    let near = socket()?;
    sys::bind(&near, own.bytes())?;
    sys::connect(&near, address.bytes())?;
    let far = sys::accept(&fd)?;
    check_eq!(name(&near)?, own);
    check_eq!(peer_name(&far)?, own);
    Ok(())
}

fn client_can_bind_after_it_connected(case: &Case) -> Outcome {
    let address = case.abstract_address("server");
    let fd = listener(&address, 1)?;
    let (near, far) = accepted(&fd, &address)?;
    let own = case.abstract_address("client");
    check_eq!(sys::bind(&near, own.bytes())?, 0);
    check_eq!(name(&near)?, own);
    check_eq!(peer_name(&far)?, own, "the name is asked of the peer as it is now");
    check_err!(sys::listen(&near, 1), EINVAL, "connected");
    check_err!(sys::bind(&far, case.abstract_address("b").bytes()), EINVAL, "has the listener's name");
    Ok(())
}
