//! read(2)

use crate::{
    harness::check_eq,
    probe::{Attempt, probed, situation::Situation},
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
