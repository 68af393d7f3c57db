//! accept(2)

use crate::{
    address::Address,
    harness::check_eq,
    probe::{Attempt, probed, situation::Situation},
    suite::unix::help::exchange,
    sys,
};

/// The accepted socket is connected to the client, whose name is reported.
pub(crate) fn sockfd_af_unix_sock_stream(at: &Situation<'_>) -> Attempt {
    let (fd, address) = at.listener(&at.address("server"), 1)?;
    let own = at.address("client");
    let near = at.socket()?;
    sys::bind(&near, own.bytes())?;
    sys::connect(&near, address.bytes())?;
    let (mut buffer, mut length) = ([0; 128], 128);
    let far = probed(sys::accept_from(&fd, &mut buffer, &mut length))?;
    check_eq!(Address::from_filled(&buffer, length), own);
    check_eq!(sys::fcntl(&far, libc::F_GETFL, 0)? as i32, libc::O_RDWR);
    Ok(exchange(&near, &far)?)
}
