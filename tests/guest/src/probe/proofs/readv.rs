//! readv(2)

use std::io::IoSliceMut;

pub(crate) use super::{internet::data::readv::*, netlink::data::readv::*, vsock::readv::*};
use crate::{
    harness::check_eq,
    probe::{Attempt, probed, situation::Situation},
    suite::unix::help::pair_of,
    sys,
};

/// The bytes fill the parts in order.
pub(crate) fn fd_af_unix_sock_stream(at: &Situation<'_>) -> Attempt {
    let (left, right) = at.pair()?;
    sys::write(&left, b"scattered")?;
    let (mut one, mut two, mut three) = ([0; 4], [], [0; 8]);
    let mut into = [IoSliceMut::new(&mut one), IoSliceMut::new(&mut two), IoSliceMut::new(&mut three)];
    check_eq!(probed(sys::readv(&right, &mut into))?, 9);
    check_eq!((&one, &three), (b"scat", b"tered\0\0\0"));
    Ok(())
}

/// One record fills the parts.
fn scatters_records(kind: i32) -> Attempt {
    let (left, right) = pair_of(kind)?;
    sys::write(&left, b"scattered")?;
    sys::write(&left, b"next")?;
    let (mut one, mut two) = ([0; 4], [0; 8]);
    let mut into = [IoSliceMut::new(&mut one), IoSliceMut::new(&mut two)];
    check_eq!(probed(sys::readv(&right, &mut into))?, 9);
    check_eq!((&one, &two), (b"scat", b"tered\0\0\0"));
    Ok(())
}

/// Of a connection.
pub(crate) fn fd_af_unix_sock_seqpacket(_: &Situation<'_>) -> Attempt {
    scatters_records(libc::SOCK_SEQPACKET)
}

/// Of whoever sent it.
pub(crate) fn fd_af_unix_sock_dgram(_: &Situation<'_>) -> Attempt {
    scatters_records(libc::SOCK_DGRAM)
}
