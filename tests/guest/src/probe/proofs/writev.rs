//! writev(2)

use std::io::IoSlice;

pub(crate) use super::{internet::data::writev::*, netlink::data::writev::*, vsock::writev::*};
use crate::{
    harness::check_eq,
    probe::{Attempt, probed, situation::Situation},
    suite::unix::help::{pair_of, read_full, record},
    sys,
};

/// The parts arrive joined.
pub(crate) fn fd_af_unix_sock_stream(at: &Situation<'_>) -> Attempt {
    let (left, right) = at.pair()?;
    let parts = [IoSlice::new(b"gath"), IoSlice::new(b""), IoSlice::new(b"ered")];
    check_eq!(probed(sys::writev(&left, &parts))?, 8);
    let mut data = [0; 8];
    check_eq!(read_full(&right, &mut data)?, 8);
    check_eq!(&data, b"gathered");
    Ok(())
}

/// The parts become one record.
fn gathers_a_record(kind: i32) -> Attempt {
    let (left, right) = pair_of(kind)?;
    let parts = [IoSlice::new(b"gath"), IoSlice::new(b""), IoSlice::new(b"ered")];
    check_eq!(probed(sys::writev(&left, &parts))?, 8);
    check_eq!(probed(sys::writev(&left, &parts[..1]))?, 4);
    check_eq!(record(&right)?, b"gathered");
    check_eq!(record(&right)?, b"gath");
    Ok(())
}

/// Over a connection.
pub(crate) fn fd_af_unix_sock_seqpacket(_: &Situation<'_>) -> Attempt {
    gathers_a_record(libc::SOCK_SEQPACKET)
}

/// As a datagram.
pub(crate) fn fd_af_unix_sock_dgram(_: &Situation<'_>) -> Attempt {
    gathers_a_record(libc::SOCK_DGRAM)
}
