//! Scattered buffers: readv(2), writev(2), sendmsg(2) and recvmsg(2).

use std::io::{IoSlice, IoSliceMut};

use super::help::{exchange, pair, pattern, read_full, socket};
use crate::{
    harness::{Case, Outcome, Test, check, check_eq, check_err, tests},
    sys::{self, Envelope, Header},
};

pub(crate) const TESTS: &[Test] = tests!("unix";
    writev_joins_and_readv_scatters,
    vectors_may_hold_empty_parts,
    vectors_of_nothing,
    vectors_of_1024_parts,
    vectors_of_1025_parts_are_refused,
    readv_fills_in_order_and_stops_early,
    writev_larger_than_the_buffer_arrives_whole,
    writev_nonblocking_is_partial,
    sendmsg_and_recvmsg_carry_data,
    sendmsg_of_no_parts_sends_nothing,
    sendmsg_refuses_a_destination,
    sendmsg_ignores_the_flags_in_the_header,
    recvmsg_writes_every_field_of_the_header,
    recvmsg_without_buffers,
);

fn slices<'a>(parts: &'a [&'a [u8]]) -> Vec<IoSlice<'a>> {
    parts.iter().map(|part| IoSlice::new(part)).collect()
}

fn writev_joins_and_readv_scatters(_: &Case) -> Outcome {
    let (left, right) = pair()?;
    check_eq!(sys::writev(&left, &slices(&[b"ab", b"cde", b"f"]))?, 6);
    let (mut one, mut two) = ([0; 1], [0; 9]);
    check_eq!(sys::readv(&right, &mut [IoSliceMut::new(&mut one), IoSliceMut::new(&mut two)])?, 6);
    check_eq!(&one, b"a");
    check_eq!(&two[..5], b"bcdef");
    check_eq!(two[5..], [0; 4]);
    Ok(())
}

fn vectors_may_hold_empty_parts(_: &Case) -> Outcome {
    let (left, right) = pair()?;
    check_eq!(sys::writev(&left, &slices(&[b"", b"x", b"", b"", b"yz", b""]))?, 3);
    let (mut one, mut two) = ([0; 2], [0; 2]);
    let mut into = [
        IoSliceMut::new(&mut []),
        IoSliceMut::new(&mut one),
        IoSliceMut::new(&mut []),
        IoSliceMut::new(&mut two),
    ];
    check_eq!(sys::readv(&right, &mut into)?, 3);
    check_eq!(&one, b"xy");
    check_eq!(&two, b"z\0");
    check_eq!(sys::writev(&left, &slices(&[b"", b"", b""]))?, 0);
    check_err!(sys::recv(&right, &mut [0], libc::MSG_DONTWAIT), EAGAIN);
    Ok(())
}

fn vectors_of_nothing(_: &Case) -> Outcome {
    let (left, right) = pair()?;
    check_eq!(sys::writev(&left, &[])?, 0);
    check_eq!(sys::readv(&right, &mut [])?, 0);
    check_eq!(sys::readv(&right, &mut [IoSliceMut::new(&mut []), IoSliceMut::new(&mut [])])?, 0);
    exchange(&left, &right)
}

fn vectors_of_1024_parts(_: &Case) -> Outcome {
    let (left, right) = pair()?;
    let sent = pattern(1, 1024);
    let parts: Vec<&[u8]> = sent.chunks(1).collect();
    check_eq!(sys::writev(&left, &slices(&parts))?, 1024);
    let mut got = vec![0; 3072];
    let mut into: Vec<_> = got.chunks_mut(3).map(IoSliceMut::new).collect();
    check_eq!(into.len(), 1024);
    check_eq!(sys::readv(&right, &mut into)?, 1024);
    check!(got[..1024] == sent[..]);
    let header = sys::sendmsg(&right, &slices(&parts), Envelope::default(), 0)?;
    check_eq!(header.bytes, 1024);
    let mut got = vec![0; 1024];
    let mut into: Vec<_> = got.chunks_mut(1).map(IoSliceMut::new).collect();
    check_eq!(sys::recvmsg(&left, &mut into, Envelope::default(), 0)?.bytes, 1024);
    check!(got == sent);
    Ok(())
}

fn vectors_of_1025_parts_are_refused(_: &Case) -> Outcome {
    let (left, right) = pair()?;
    let parts: Vec<&[u8]> = vec![b"x"; 1025];
    check_err!(sys::writev(&left, &slices(&parts)), EINVAL);
    check_err!(sys::sendmsg(&left, &slices(&parts), Envelope::default(), 0), EMSGSIZE);
    let mut room = vec![0; 1025];
    let mut into: Vec<_> = room.chunks_mut(1).map(IoSliceMut::new).collect();
    check_err!(sys::readv(&right, &mut into), EINVAL);
    check_err!(sys::recvmsg(&right, &mut into, Envelope::default(), libc::MSG_DONTWAIT), EMSGSIZE);
    exchange(&left, &right)
}

fn readv_fills_in_order_and_stops_early(_: &Case) -> Outcome {
    let (left, right) = pair()?;
    sys::write(&left, b"12345")?;
    let (mut one, mut two, mut three) = ([b'.'; 2], [b'.'; 2], [b'.'; 2]);
    let mut into = [IoSliceMut::new(&mut one), IoSliceMut::new(&mut two), IoSliceMut::new(&mut three)];
    check_eq!(sys::readv(&right, &mut into)?, 5);
    check_eq!((&one, &two, &three), (b"12", b"34", b"5."));
    sys::write(&left, b"6789")?;
    let mut last = [0; 1];
    let mut into = [IoSliceMut::new(&mut one), IoSliceMut::new(&mut last)];
    check_eq!(sys::readv(&right, &mut into)?, 3);
    check_eq!((&one, &last), (b"67", b"8"));
    check_eq!(sys::read(&right, &mut one)?, 1, "what did not fit waits");
    Ok(())
}

fn writev_larger_than_the_buffer_arrives_whole(case: &Case) -> Outcome {
    let (left, right) = pair()?;
    let sent = pattern(2, 600_011);
    let expected = sent.clone();
    let writer = case.spawn(move || {
        let parts: Vec<&[u8]> = sent.chunks(60_013).collect();
        check_eq!(sys::writev(&left, &slices(&parts))?, sent.len());
        Ok(())
    });
    let mut got = vec![0; expected.len() + 1];
    check_eq!(read_full(&right, &mut got)?, expected.len());
    check!(got[..expected.len()] == expected[..]);
    writer.join()
}

fn writev_nonblocking_is_partial(_: &Case) -> Outcome {
    let (left, right) = pair()?;
    super::help::set_nonblocking(&left, true)?;
    let sent = pattern(3, 3 << 20);
    let parts: Vec<&[u8]> = sent.chunks(100_003).collect();
    let count = sys::writev(&left, &slices(&parts))?;
    check!(count > 0 && count < sent.len());
    check_err!(sys::writev(&left, &slices(&parts)), EAGAIN);
    let mut got = vec![0; count];
    check_eq!(read_full(&right, &mut got)?, count);
    check!(got == sent[..count]);
    Ok(())
}

fn sendmsg_and_recvmsg_carry_data(_: &Case) -> Outcome {
    let (left, right) = pair()?;
    check_eq!(sys::sendmsg(&left, &slices(&[b"mes", b"", b"sage"]), Envelope::default(), 0)?.bytes, 7);
    let (mut one, mut two) = ([0; 4], [0; 4]);
    let mut into = [IoSliceMut::new(&mut one), IoSliceMut::new(&mut two)];
    let header = sys::recvmsg(&right, &mut into, Envelope::default(), 0)?;
    check_eq!(header, Header { bytes: 7, name: 0, control: 0, flags: 0 });
    check_eq!((&one, &two), (b"mess", b"age\0"));
    Ok(())
}

fn sendmsg_of_no_parts_sends_nothing(_: &Case) -> Outcome {
    let (left, right) = pair()?;
    check_eq!(sys::sendmsg(&left, &[], Envelope::default(), 0)?.bytes, 0);
    check_err!(sys::recv(&right, &mut [0], libc::MSG_DONTWAIT), EAGAIN);
    check_err!(sys::sendmsg(&socket()?, &[], Envelope::default(), 0), ENOTCONN);
    Ok(())
}

fn sendmsg_refuses_a_destination(case: &Case) -> Outcome {
    let (left, right) = pair()?;
    let address = case.abstract_address("a");
    let mut bytes = address.bytes().to_vec();
    check_err!(sys::sendto(&left, b"x", 0, &bytes), EISCONN);
    fn envelope(name: &mut [u8]) -> Envelope<'_> {
        Envelope { name: Some(name), ..Envelope::default() }
    }
    check_err!(sys::sendmsg(&left, &slices(&[b"x"]), envelope(&mut bytes), 0), EISCONN);
    let fd = socket()?;
    check_err!(sys::sendto(&fd, b"x", 0, &bytes), EOPNOTSUPP);
    check_err!(sys::sendmsg(&fd, &slices(&[b"x"]), envelope(&mut bytes), 0), EOPNOTSUPP);
    check_eq!(sys::sendto(&left, b"y", 0, &[])?, 1, "an address of length 0 is none");
    check_eq!(sys::sendmsg(&left, &slices(&[b"z"]), envelope(&mut []), 0)?.bytes, 1);
    let mut data = [0; 4];
    check_eq!(sys::read(&right, &mut data)?, 2);
    check_eq!(&data[..2], b"yz");
    Ok(())
}

fn sendmsg_ignores_the_flags_in_the_header(_: &Case) -> Outcome {
    let (left, right) = pair()?;
    let envelope = Envelope { flags: -1, ..Envelope::default() };
    check_eq!(sys::sendmsg(&left, &slices(&[b"x"]), envelope, 0)?.bytes, 1);
    let mut data = [0];
    let envelope = Envelope { flags: -1, ..Envelope::default() };
    let header = sys::recvmsg(&right, &mut [IoSliceMut::new(&mut data)], envelope, 0)?;
    check_eq!(header.flags, 0, "the field is for results");
    Ok(())
}

fn recvmsg_writes_every_field_of_the_header(_: &Case) -> Outcome {
    let (left, right) = pair()?;
    sys::write(&left, b"abc")?;
    let (mut name, mut control, mut data) = ([0xa5; 32], [0xa5; 64], [0; 2]);
    let envelope = Envelope { name: Some(&mut name), control: Some(&mut control), flags: 0x7fff_ffff };
    let header = sys::recvmsg(&right, &mut [IoSliceMut::new(&mut data)], envelope, 0)?;
    // An unnamed sender, no control data; a stream does not truncate.
    check_eq!(header, Header { bytes: 2, name: 0, control: 0, flags: 0 });
    check_eq!(name, [0xa5; 32]);
    check_eq!(control, [0xa5; 64]);
    Ok(())
}

fn recvmsg_without_buffers(_: &Case) -> Outcome {
    let (left, right) = pair()?;
    check_err!(sys::recvmsg(&right, &mut [], Envelope::default(), libc::MSG_DONTWAIT), EAGAIN);
    sys::write(&left, b"x")?;
    check_eq!(sys::recvmsg(&right, &mut [], Envelope::default(), 0)?.bytes, 0);
    let mut data = [0];
    check_eq!(sys::read(&right, &mut data)?, 1);
    Ok(())
}
