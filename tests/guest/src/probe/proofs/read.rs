//! read(2)

pub(crate) use super::{internet::data::read::*, netlink::data::read::*, vsock::read::*};
use crate::{
    harness::check_eq,
    probe::{Attempt, probed, situation::Situation},
    suite::unix::help::pair_of,
    sys,
};

/// The bytes come in order, as many as fit, and then the end of the stream.
pub(crate) fn fd_af_unix_sock_stream(at: &Situation<'_>) -> Attempt {
    let (left, right) = at.pair()?;
    sys::write(&left, b"stream")?;
    drop(left);
    let mut data = [0; 4];
    check_eq!(probed(sys::read(&right, &mut data))?, 4);
    check_eq!(&data, b"stre");
    check_eq!(probed(sys::read(&right, &mut data))?, 2);
    check_eq!(&data[..2], b"am");
    check_eq!(probed(sys::read(&right, &mut data))?, 0);
    Ok(())
}

/// A record at a time; what does not fit is lost.
pub(crate) fn fd_af_unix_sock_seqpacket(_: &Situation<'_>) -> Attempt {
    let (left, right) = pair_of(libc::SOCK_SEQPACKET)?;
    sys::write(&left, b"record")?;
    sys::write(&left, b"next")?;
    drop(left);
    let mut data = [0; 4];
    check_eq!(probed(sys::read(&right, &mut data))?, 4);
    check_eq!(&data, b"reco");
    check_eq!(probed(sys::read(&right, &mut data))?, 4);
    check_eq!(&data, b"next");
    check_eq!(probed(sys::read(&right, &mut data))?, 0, "the end");
    Ok(())
}

/// A datagram at a time, empty ones included; what does not fit is lost.
pub(crate) fn fd_af_unix_sock_dgram(_: &Situation<'_>) -> Attempt {
    let (left, right) = pair_of(libc::SOCK_DGRAM)?;
    for data in [&b"datagram"[..], b"", b"next"] {
        check_eq!(sys::write(&left, data)?, data.len());
    }
    let mut data = [0; 4];
    check_eq!(probed(sys::read(&right, &mut data))?, 4);
    check_eq!(&data, b"data");
    check_eq!(probed(sys::read(&right, &mut data))?, 0);
    check_eq!(probed(sys::read(&right, &mut data))?, 4);
    check_eq!(&data, b"next");
    Ok(())
}
