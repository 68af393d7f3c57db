//! Netlink: what the kernel shows of its interfaces.

use std::os::fd::AsRawFd;

use super::{Bench, Figures, done, measure};
use crate::{
    errno::{Errno, Result},
    suite::netlink::help::{DUMP, Request, route},
    sys::fast,
};

pub(super) const BENCHES: &[Bench] = &[Bench { name: "netlink_dump_links", iterations: 1_000, run: dump }];

/// All interfaces, asked for and received up to the end.
fn dump(iterations: u64) -> Result<Figures> {
    const END: usize = 20;
    let fd = route()?;
    let number = fd.as_raw_fd();
    let request = Request::link(libc::RTM_GETLINK, DUMP, 0).bytes();
    let mut room = [0; 8192];
    measure(iterations, || {
        done(fast::write(number, &request))?;
        loop {
            let count = fast::read(number, &mut room);
            let count = usize::try_from(count).map_err(|_| Errno(-count as i32))?;
            let last = room.get(count.wrapping_sub(END)..count).unwrap_or_default();
            if last.get(4..6) == Some(&(libc::NLMSG_DONE as u16).to_ne_bytes()[..]) {
                return Ok(());
            }
        }
    })
}
