//! writev(2)

use std::io::IoSlice;

use crate::{
    harness::check_eq,
    probe::{Attempt, probed, situation::Situation},
    suite::unix::help::read_full,
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
