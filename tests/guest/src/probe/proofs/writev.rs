//! writev(2)

use std::io::IoSlice;

use crate::{
    harness::{Case, check_eq},
    probe::{Attempt, probed},
    suite::unix::help::{pair, read_full},
    sys,
};

/// The parts arrive joined.
pub(crate) fn fd_af_unix_sock_stream(_: &Case) -> Attempt {
    let (left, right) = pair()?;
    let parts = [IoSlice::new(b"gath"), IoSlice::new(b""), IoSlice::new(b"ered")];
    check_eq!(probed(sys::writev(&left, &parts))?, 8);
    let mut data = [0; 8];
    check_eq!(read_full(&right, &mut data)?, 8);
    check_eq!(&data, b"gathered");
    Ok(())
}
