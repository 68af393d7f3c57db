//! Messages themselves: how they are sent and received, between programs too; and bad ones.

use std::io::{IoSlice, IoSliceMut};

use super::help::{
    ACK, DUMP, IFINFO, REQUEST, Request, Talk, address, answer, attribute, parts, receive, route, send_to,
};
use crate::{
    harness::{Case, Outcome, Test, check, check_eq, check_err, tests},
    suite::unix::help::{name, option, poll_for, ready, set_option},
    sys::{self, Envelope},
};

pub(crate) const TESTS: &[Test] = tests!("netlink";
    messages_to_the_kernel_are_answered,
    messages_are_acknowledged,
    messages_that_ask_for_nothing,
    messages_several_at_a_time,
    messages_in_pieces,
    messages_of_bad_lengths,
    messages_with_bad_attributes,
    messages_of_nothing,
    messages_too_long,
    messages_are_looked_at,
    messages_say_who_sent_them,
    messages_between_programs,
    messages_wait_for_room,
    messages_make_readable,
    messages_bad_memory,
    messages_over_every_call,
);

fn messages_to_the_kernel_are_answered(_: &Case) -> Outcome {
    let talk = Talk::new()?;
    let found = talk.ask(&Request::link(libc::RTM_GETLINK, REQUEST, 1))?;
    check_eq!((found.len(), found[0].kind, found[0].sequence), (1, libc::RTM_NEWLINK, 0x5ca1ab1e));
    check_eq!(found[0].port, parts(&name(&talk.fd)?).0);
    Ok(())
}

fn messages_are_acknowledged(_: &Case) -> Outcome {
    let talk = Talk::new()?;
    talk.send(&Request::link(libc::RTM_GETLINK, ACK, 1))?;
    // The answer and the acknowledgement, each by itself.
    check_eq!(receive(&talk.fd, 0)?[0].kind, libc::RTM_NEWLINK);
    let done = receive(&talk.fd, 0)?.remove(0);
    check_eq!((done.errno(), done.flags, done.body.len()), (Some(0), 0x100, 20));
    // What the kernel does not know of, it does nothing about.
    talk.send(&Request::link_flags(libc::RTM_NEWLINK, ACK, 1, 0, 0))?;
    check_eq!(receive(&talk.fd, 0)?[0].errno(), Some(0));
    Ok(())
}

fn messages_that_ask_for_nothing(_: &Case) -> Outcome {
    let talk = Talk::new()?;
    // Without NLM_F_REQUEST; messages of the protocol's own; and one that ends a dump.
    for (kind, flags) in
        [(libc::RTM_GETLINK, 0), (libc::RTM_GETLINK, 0x300), (1, REQUEST), (3, REQUEST), (2, REQUEST)]
    {
        sys::write(&talk.fd, &Request::new(kind, flags, &[0; IFINFO]).bytes())?;
        check_err!(receive(&talk.fd, libc::MSG_DONTWAIT), EAGAIN, "{kind} {flags}");
    }
    for (kind, flags) in [(libc::RTM_GETLINK, 4), (1, ACK), (3, ACK)] {
        sys::write(&talk.fd, &Request::new(kind, flags, &[0; IFINFO]).bytes())?;
        check_eq!(receive(&talk.fd, libc::MSG_DONTWAIT)?[0].errno(), Some(0), "{kind} {flags}");
    }
    Ok(())
}

fn messages_several_at_a_time(_: &Case) -> Outcome {
    let talk = Talk::new()?;
    let one = Request::link(libc::RTM_GETLINK, REQUEST, 1).bytes();
    let bad = Request::link(libc::RTM_GETLINK, REQUEST, 9999).bytes();
    sys::send(&talk.fd, &[&one[..], &bad, &one].concat(), 0)?;
    check_eq!(receive(&talk.fd, 0)?[0].kind, libc::RTM_NEWLINK);
    check_eq!(receive(&talk.fd, 0)?[0].errno(), Some(libc::ENODEV));
    check_eq!(receive(&talk.fd, 0)?[0].kind, libc::RTM_NEWLINK);
    check_err!(receive(&talk.fd, libc::MSG_DONTWAIT), EAGAIN);
    Ok(())
}

fn messages_in_pieces(_: &Case) -> Outcome {
    let talk = Talk::new()?;
    let bytes = Request::link(libc::RTM_GETLINK, REQUEST, 1).bytes();
    let pieces: Vec<_> = bytes.chunks(3).map(IoSlice::new).collect();
    check_eq!(sys::writev(&talk.fd, &pieces)?, bytes.len());
    check_eq!(receive(&talk.fd, 0)?[0].kind, libc::RTM_NEWLINK);
    let header = sys::sendmsg(&talk.fd, &pieces, Envelope::default(), 0)?;
    check_eq!(header.bytes, bytes.len());
    check_eq!(receive(&talk.fd, 0)?[0].kind, libc::RTM_NEWLINK);
    Ok(())
}

fn messages_of_bad_lengths(_: &Case) -> Outcome {
    let talk = Talk::new()?;
    let good = Request::link(libc::RTM_GETLINK, REQUEST, 1).bytes();
    for length in [0_u32, 1, 15, 33, 1000, u32::MAX] {
        let mut bytes = good.clone();
        bytes[..4].copy_from_slice(&length.to_ne_bytes());
        check_eq!(sys::send(&talk.fd, &bytes, 0)?, bytes.len());
        check_err!(receive(&talk.fd, libc::MSG_DONTWAIT), EAGAIN, "{length}");
    }
    for cut in 1..16 {
        check_eq!(sys::send(&talk.fd, &good[..cut], 0)?, cut);
        check_err!(receive(&talk.fd, libc::MSG_DONTWAIT), EAGAIN, "{cut}");
    }
    // A header that is not whole.
    for body in 1..IFINFO {
        let mut bytes = good[..16 + body].to_vec();
        bytes[..4].copy_from_slice(&(16 + body as u32).to_ne_bytes());
        sys::send(&talk.fd, &bytes, 0)?;
        check_eq!(receive(&talk.fd, libc::MSG_DONTWAIT)?[0].errno(), Some(libc::EINVAL), "{body}");
    }
    Ok(())
}

fn messages_with_bad_attributes(_: &Case) -> Outcome {
    let talk = Talk::new()?;
    // Lengths that cannot be: what follows is not looked at.
    for length in [0_u16, 1, 3, 9, u16::MAX] {
        let mut bytes =
            Request::link(libc::RTM_GETLINK, REQUEST, 1).with(libc::IFLA_EXT_MASK, &[0; 4]).bytes();
        bytes[32..34].copy_from_slice(&length.to_ne_bytes());
        sys::send(&talk.fd, &bytes, 0)?;
        check_eq!(receive(&talk.fd, libc::MSG_DONTWAIT)?[0].kind, libc::RTM_NEWLINK, "{length}");
    }
    // Too short for what they are.
    let short = Request::link(libc::RTM_GETLINK, REQUEST, 1).with(libc::IFLA_EXT_MASK, &[0; 3]);
    check_err!(talk.ask(&short), ERANGE);
    let short =
        Request::address(libc::RTM_NEWADDR, ACK, libc::AF_INET, 24, 1).with(libc::IFA_LOCAL, &[192, 0, 2]);
    check_err!(talk.ask(&short), ERANGE);
    // Nested without end.
    let mut nested = attribute(libc::IFLA_LINKINFO, &[]);
    for _ in 0..1000 {
        nested = attribute(libc::IFLA_LINKINFO, &nested);
    }
    let deep = Request::link(libc::RTM_NEWLINK, ACK, 0)
        .text(libc::IFLA_IFNAME, "deep0")
        .with(libc::IFLA_LINKINFO, &nested);
    check!(talk.ask(&deep).is_err());
    Ok(())
}

fn messages_of_nothing(_: &Case) -> Outcome {
    let fd = route()?;
    check_err!(sys::send(&fd, b"", 0), ENODATA);
    check_err!(sys::write(&fd, b""), ENODATA);
    check_err!(sys::send(&fd, &[0; 16], libc::MSG_OOB), EOPNOTSUPP);
    check_err!(sys::recv(&fd, &mut [0], libc::MSG_OOB | libc::MSG_DONTWAIT), EOPNOTSUPP);
    Ok(())
}

fn messages_too_long(_: &Case) -> Outcome {
    let fd = route()?;
    set_option(&fd, libc::SO_SNDBUF, 5000)?;
    let room = option(&fd, libc::SO_SNDBUF)? as usize;
    check_eq!(sys::send(&fd, &vec![0; room - 32], 0)?, room - 32);
    check_err!(sys::send(&fd, &vec![0; room - 31], 0), EMSGSIZE);
    Ok(())
}

/// iproute2 asks for the length first.
fn messages_are_looked_at(_: &Case) -> Outcome {
    let talk = Talk::new()?;
    talk.send(&Request::link(libc::RTM_GETLINK, DUMP, 0))?;
    let whole = sys::recv(&talk.fd, &mut [], libc::MSG_PEEK | libc::MSG_TRUNC)?;
    check!(whole > 100, "{whole}");
    let mut room = [0; 20];
    let header =
        sys::recvmsg(&talk.fd, &mut [IoSliceMut::new(&mut room)], Envelope::default(), libc::MSG_PEEK)?;
    check_eq!((header.bytes, header.flags), (20, libc::MSG_TRUNC));
    check_eq!(sys::recv(&talk.fd, &mut room, libc::MSG_TRUNC)?, whole, "and what did not fit is lost");
    Ok(())
}

fn messages_say_who_sent_them(_: &Case) -> Outcome {
    let talk = Talk::new()?;
    talk.send(&Request::link(libc::RTM_GETLINK, REQUEST, 1))?;
    let mut sender = [0xa5; 16];
    let mut room = [0; 4096];
    let envelope = Envelope { name: Some(&mut sender), ..Envelope::default() };
    let header = sys::recvmsg(&talk.fd, &mut [IoSliceMut::new(&mut room)], envelope, 0)?;
    check_eq!(header.name, 12);
    check_eq!(&sender[..12], address(0, 0).bytes());
    Ok(())
}

fn messages_between_programs(_: &Case) -> Outcome {
    let (one, other) = (route()?, route()?);
    sys::bind(&one, address(0, 0).bytes())?;
    let port = parts(&name(&one)?).0;
    check_eq!(send_to(&other, b"anything at all", port)?, 15);
    let mut sender = [0; 16];
    let mut room = [0; 32];
    let envelope = Envelope { name: Some(&mut sender), ..Envelope::default() };
    let header = sys::recvmsg(&one, &mut [IoSliceMut::new(&mut room)], envelope, 0)?;
    check_eq!(&room[..header.bytes], b"anything at all");
    check_eq!(&sender[..12], address(parts(&name(&other)?).0, 0).bytes());
    check_err!(send_to(&other, b"x", 0x7fff_fff0), ECONNREFUSED);
    // To a group, and who sends does not hear itself.
    sys::bind(&one, address(port, 1 << 19).bytes())?;
    sys::bind(&other, address(0, 1 << 19).bytes()).ok();
    sys::sendto(&other, b"to all of them", 0, address(0, 1 << 19).bytes())?;
    check_eq!(sys::recv(&one, &mut room, libc::MSG_DONTWAIT)?, 14);
    check_err!(sys::recv(&other, &mut room, libc::MSG_DONTWAIT), EAGAIN);
    Ok(())
}

fn messages_wait_for_room(case: &Case) -> Outcome {
    let (one, other) = (route()?, route()?);
    sys::bind(&one, address(0, 0).bytes())?;
    set_option(&one, libc::SO_RCVBUF, 4000)?;
    sys::connect(&other, name(&one)?.bytes())?;
    let mut sent = 0;
    while sys::send(&other, &[7; 500], libc::MSG_DONTWAIT).is_ok() {
        sent += 1;
        check!(sent < 1000);
    }
    check_err!(sys::send(&other, &[7; 500], libc::MSG_DONTWAIT), EAGAIN);
    let worker = case.spawn(move || {
        let count = sys::send(&other, b"the last one", 0)?;
        Ok((count, other))
    });
    let mut room = [0; 600];
    for _ in 0..sent {
        check_eq!(sys::read(&one, &mut room)?, 500);
    }
    check_eq!(sys::read(&one, &mut room)?, 12);
    check_eq!(worker.join()?.0, 12);
    Ok(())
}

fn messages_make_readable(_: &Case) -> Outcome {
    let talk = Talk::new()?;
    check_eq!(ready(&talk.fd)? & (libc::POLLIN | libc::POLLOUT | libc::POLLERR), libc::POLLOUT);
    talk.send(&Request::link(libc::RTM_GETLINK, REQUEST, 1))?;
    poll_for(&talk.fd, libc::POLLIN, 10_000)?;
    answer(&talk.fd)?;
    check_eq!(ready(&talk.fd)? & libc::POLLIN, 0);
    Ok(())
}

fn messages_bad_memory(_: &Case) -> Outcome {
    let talk = Talk::new()?;
    let region = sys::Region::new(1, libc::PROT_NONE)?;
    let number = sys::Descriptor::number(&talk.fd) as usize;
    let words = [number, region.at(0), 32, 0, 0, 0];
    check_err!(region.call("sendto", libc::SYS_sendto, words), EFAULT);
    talk.send(&Request::link(libc::RTM_GETLINK, REQUEST, 1))?;
    check_err!(region.call("recvfrom", libc::SYS_recvfrom, words), EFAULT);
    Ok(())
}

fn messages_over_every_call(_: &Case) -> Outcome {
    let talk = Talk::new()?;
    let bytes = Request::link(libc::RTM_GETLINK, REQUEST, 1).bytes();
    let kernel = address(0, 0);
    check_eq!(sys::write(&talk.fd, &bytes)?, bytes.len());
    check_eq!(sys::sendto(&talk.fd, &bytes, 0, kernel.bytes())?, bytes.len());
    let mut to = kernel.bytes().to_vec();
    let envelope = Envelope { name: Some(&mut to), ..Envelope::default() };
    check_eq!(sys::sendmsg(&talk.fd, &[IoSlice::new(&bytes)], envelope, 0)?.bytes, bytes.len());
    let mut room = [0; 4096];
    for _ in 0..3 {
        check!(sys::read(&talk.fd, &mut room)? > 100);
    }
    check_err!(receive(&talk.fd, libc::MSG_DONTWAIT), EAGAIN);
    Ok(())
}
