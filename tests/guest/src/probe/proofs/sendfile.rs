//! sendfile(2)

use crate::{
    harness::{Case, check_eq, check_err},
    probe::{Attempt, probed},
    suite::unix::help::{pair, read_full},
    sys,
};

/// The file's bytes arrive, from where the offset says, which moves.
pub(crate) fn out_fd_af_unix_sock_stream(case: &Case) -> Attempt {
    let (left, right) = pair()?;
    let file = sys::open(&case.path("file"), libc::O_RDWR | libc::O_CREAT, 0o600)?;
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
