//! splice(2)

use crate::{
    errno::Errno,
    harness::{check_eq, check_err},
    probe::{Attempt, probed, situation::Situation},
    suite::unix::help::{fill, read_full, set_nonblocking},
    sys,
};

/// What goes into a pipe comes out of a socket, and the other way round, with these flags.
fn both_ways(at: &Situation<'_>, flags: u32) -> Attempt {
    let (left, right) = at.pair()?;
    let (reader, writer) = sys::pipe2(0)?;
    sys::write(&writer, b"from the pipe")?;
    check_eq!(probed(sys::splice(&reader, None, &left, None, 100, flags))?, 13);
    let mut data = [0; 13];
    check_eq!(read_full(&right, &mut data)?, 13);
    check_eq!(&data, b"from the pipe");
    sys::write(&right, b"from the peer")?;
    check_eq!(probed(sys::splice(&left, None, &writer, None, 4, flags))?, 4);
    check_eq!(probed(sys::splice(&left, None, &writer, None, 100, flags))?, 9);
    check_eq!(read_full(&reader, &mut data)?, 13);
    check_eq!(&data, b"from the peer");
    Ok(())
}

/// A hint that means nothing.
pub(crate) fn flags_splice_f_move(at: &Situation<'_>) -> Attempt {
    both_ways(at, libc::SPLICE_F_MOVE)
}

/// Neither pipe nor receiving waits; a socket that sends does what its own flag says.
pub(crate) fn flags_splice_f_nonblock(at: &Situation<'_>) -> Attempt {
    both_ways(at, libc::SPLICE_F_NONBLOCK)?;
    let (left, right) = at.pair()?;
    let (reader, writer) = sys::pipe2(0)?;
    let again = Err(Errno(libc::EAGAIN));
    check_eq!(sys::splice(&reader, None, &left, None, 1, libc::SPLICE_F_NONBLOCK), again);
    check_eq!(sys::splice(&left, None, &writer, None, 1, libc::SPLICE_F_NONBLOCK), again);
    fill(&left)?;
    set_nonblocking(&left, true)?;
    sys::write(&writer, b"stays")?;
    check_err!(sys::splice(&reader, None, &left, None, 9, 0), EAGAIN);
    let mut data = [0; 5];
    check_eq!(read_full(&reader, &mut data)?, 5);
    check_eq!(&data, b"stays");
    drop(right);
    Ok(())
}

/// More is coming: nothing that a stream of this family would wait for.
pub(crate) fn flags_splice_f_more(at: &Situation<'_>) -> Attempt {
    both_ways(at, libc::SPLICE_F_MORE)
}

/// For vmsplice(2); here it means nothing.
pub(crate) fn flags_splice_f_gift(at: &Situation<'_>) -> Attempt {
    both_ways(at, libc::SPLICE_F_GIFT)
}
