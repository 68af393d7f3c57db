//! write(2)

use crate::{
    harness::{check_eq, check_err},
    probe::{Attempt, probed, situation::Situation},
    suite::unix::help::read_full,
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
