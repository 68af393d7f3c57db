//! write(2)

pub(crate) use super::{internet::data::write::*, netlink::data::write::*, vsock::write::*};
use crate::{
    harness::{check_eq, check_err},
    probe::{Attempt, probed, situation::Situation},
    suite::unix::help::{pair_of, read_full, record},
    sys,
};

/// The bytes arrive in order; after the peer is gone, EPIPE.
pub(crate) fn fd_af_unix_sock_stream(at: &Situation<'_>) -> Attempt {
    let (left, right) = at.pair()?;
    check_eq!(probed(sys::write(&left, b"str"))?, 3);
    check_eq!(probed(sys::write(&left, b"eam"))?, 3);
    let mut data = [0; 6];
    check_eq!(read_full(&right, &mut data)?, 6);
    check_eq!(&data, b"stream");
    drop(right);
    check_err!(sys::write(&left, b"x"), EPIPE);
    Ok(())
}

/// Every write is a record; after the peer is gone, EPIPE.
pub(crate) fn fd_af_unix_sock_seqpacket(_: &Situation<'_>) -> Attempt {
    let (left, right) = pair_of(libc::SOCK_SEQPACKET)?;
    check_eq!(probed(sys::write(&left, b"one"))?, 3);
    check_eq!(probed(sys::write(&left, b"more"))?, 4);
    check_eq!(record(&right)?, b"one");
    check_eq!(record(&right)?, b"more");
    drop(right);
    check_err!(sys::write(&left, b"x"), EPIPE);
    Ok(())
}

/// Every write is a datagram; after the peer is gone, ECONNREFUSED.
pub(crate) fn fd_af_unix_sock_dgram(_: &Situation<'_>) -> Attempt {
    let (left, right) = pair_of(libc::SOCK_DGRAM)?;
    check_eq!(probed(sys::write(&left, b"one"))?, 3);
    check_eq!(probed(sys::write(&left, b""))?, 0);
    check_eq!(record(&right)?, b"one");
    check_eq!(record(&right)?, b"");
    drop(right);
    check_err!(sys::write(&left, b"x"), ECONNREFUSED);
    check_err!(sys::write(&left, b"x"), ENOTCONN);
    Ok(())
}
