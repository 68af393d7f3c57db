//! sendfile(2)

pub(crate) use super::{internet::data::sendfile::*, vsock::sendfile::*};
use crate::{
    harness::{check_eq, check_err},
    probe::{Attempt, probed, situation::Situation},
    suite::unix::help::{pair_of, read_full, record},
    sys,
};

/// The file's bytes arrive, from where the offset says, which moves.
pub(crate) fn out_fd_af_unix_sock_stream(at: &Situation<'_>) -> Attempt {
    let (left, right) = at.pair()?;
    let file = sys::open(&at.path("file"), libc::O_RDWR | libc::O_CREAT, 0o600)?;
    sys::write(&file, b"0123456789")?;
    let mut offset = 3;
    check_eq!(probed(sys::sendfile(&left, &file, Some(&mut offset), 4))?, 4);
    check_eq!(offset, 7);
    sys::lseek(&file, 0, libc::SEEK_SET)?;
    check_eq!(probed(sys::sendfile(&left, &file, None, 100))?, 10);
    check_eq!(probed(sys::sendfile(&left, &file, None, 100))?, 0);
    let mut data = [0; 14];
    check_eq!(read_full(&right, &mut data)?, 14);
    check_eq!(&data, b"34560123456789");
    drop(right);
    check_err!(sys::sendfile(&left, &file, Some(&mut 0), 1), EPIPE);
    Ok(())
}

/// Over a connection of records, what is sent at a time is one.
pub(crate) fn out_fd_af_unix_sock_seqpacket(at: &Situation<'_>) -> Attempt {
    becomes_a_record(at, libc::SOCK_SEQPACKET)
}

/// What is sent at a time is a datagram.
pub(crate) fn out_fd_af_unix_sock_dgram(at: &Situation<'_>) -> Attempt {
    becomes_a_record(at, libc::SOCK_DGRAM)
}

fn becomes_a_record(at: &Situation<'_>, kind: i32) -> Attempt {
    let (left, right) = pair_of(kind)?;
    let file = sys::open(&at.path("file"), libc::O_RDWR | libc::O_CREAT, 0o600)?;
    sys::write(&file, b"0123456789")?;
    check_eq!(probed(sys::sendfile(&left, &file, Some(&mut 0), 4))?, 4);
    check_eq!(probed(sys::sendfile(&left, &file, Some(&mut 4), 100))?, 6);
    check_eq!(record(&right)?, b"0123");
    check_eq!(record(&right)?, b"456789");
    Ok(())
}
