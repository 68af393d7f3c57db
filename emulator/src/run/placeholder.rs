//! The descriptors that targets hold in place of emulated sockets.
//!
//! Each is one end, the far one, of a pair of the host's UNIX stream sockets; the near end stays with the supervisor. The host
//! so serves poll, select and epoll, dup, fork, exec and close, and `/proc`. What poll(2) shows at the far end is made what the
//! emulated socket's state is:
//!
//! | shown | made by |
//! |---|---|
//! | IN | bytes sent from the near end; each that follows is an event for edge-triggered watchers |
//! | no OUT | [`FILLER`] sent from the far end, whose SO_SNDBUF is the least that there is |
//! | RDHUP | the near end shut for sending |
//! | HUP | the near end shut |
//! | HUP, ERR | the near end closed with something unread in it: [`MARK`], which lies there all the time |
//!
//! The last descriptor's end shows as a hang-up of the near end, also when that is shut already. Before it is closed, or is shut
//! for sending so that nothing can follow, one end of a pipe is sent to the far one (the tomb): the kernel closes it together
//! with the socket that it lies in, and the other end of the pipe hangs up.
//!
//! What takes away IN or OUT has to be done at the far end, which the supervisor does not hold, for then it would never be
//! closed. It borrows it from the target in each of the calls about it; nothing else takes these away from a
//! stream.
//!
//! Some things cannot be shown ([`super::looking`]): a socket that is not connected hangs up without RDHUP in Linux, and not at
//! all here; one for datagrams fails without hanging up, and is full because of what others send.

use std::{
    io::{self, IoSlice},
    mem::MaybeUninit,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use rustix::{
    fs::{OFlags, fcntl_setfl},
    net::{
        AddressFamily, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, Shutdown,
        SocketFlags, SocketType, recv, send, sendmsg, shutdown, socketpair, sockopt,
    },
    pipe::{PipeFlags, pipe_with},
};
use socket::ready::Events;

use super::watch::{Subject, Watch};

/// Too large to leave room for more, in whatever way a kernel accounts it; fits beside [`MARK`].
const FILLER: [u8; 1500] = [0; 1500];
/// Leaves room.
const MARK: [u8; 1] = [0];
/// Beyond so many bytes, no more are sent for watchers that look for edges: nobody reads.
const NEWS_MAX: usize = 64;

/// The near end of a socket's placeholder.
pub(super) struct Placeholder {
    /// The far end's cookie, which tells whose it is.
    pub(super) cookie: u64,
    /// Until ERR is shown.
    near: Option<OwnedFd>,
    /// How many bytes lie at the far end.
    news: usize,
    /// Whether [`MARK`] lies at the near end.
    marked: bool,
    /// Whether [`FILLER`] does: OUT is not shown.
    filled: bool,
    /// Whether RDHUP is shown.
    ended: bool,
    /// Whether HUP is shown: nothing changes any more, but for ERR.
    over: bool,
    /// Hangs up when the far end is closed that the tomb lies in.
    tomb: Option<OwnedFd>,
    /// Whether ERR is shown.
    failed: bool,
}

impl Placeholder {
    /// A placeholder that shows OUT, and its far end.
    ///
    /// # Errors
    /// EMFILE, ENFILE; ENOSPC from the watch.
    pub(super) fn new(watch: &Watch) -> io::Result<(Self, OwnedFd)> {
        let (near, far) = socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
        fcntl_setfl(&near, OFlags::NONBLOCK)?;
        sockopt::set_socket_send_buffer_size(&far, 0)?;
        let cookie = sockopt::socket_cookie(&far)?;
        watch.add_end(near.as_fd(), Subject::Socket(cookie))?;
        let mut placeholder = Self {
            cookie,
            near: Some(near),
            news: 0,
            marked: false,
            filled: false,
            ended: false,
            over: false,
            tomb: None,
            failed: false,
        };
        placeholder.mark(far.as_fd());
        Ok((placeholder, far))
    }

    /// Shows what is ready now. `news` are events that have happened since the last time. The far end, where it is at hand, is
    /// given: without it some things stay as they are until the next time.
    pub(super) fn show(&mut self, ready: Events, news: Events, watch: &Watch, far: Option<BorrowedFd<'_>>) {
        if let Some(far) = far {
            self.take_away(ready, far);
        }
        if ready.contains(Events::RDHUP) && !self.over {
            // Without memory or descriptors for that, the end is not shown, and shown at the next opportunity.
            let _ = self.show_end(ready, watch);
        }
        let Some(near) = self.near.as_ref().filter(|_| !self.over) else { return };
        let wanted = ready.contains(Events::IN) && !self.ended;
        if wanted && (self.news == 0 || news.contains(Events::IN) && self.news < NEWS_MAX) {
            self.news += send(near, &MARK, SendFlags::NOSIGNAL).unwrap_or(0);
        }
        if ready.contains(Events::OUT) && self.filled {
            // The mark that was sent after the filler is the one that stays.
            let mut room = [0; FILLER.len() + MARK.len()];
            let _ = recv(near, &mut room, RecvFlags::DONTWAIT);
            self.filled = false;
        }
    }

    /// What has to be done at the far end.
    fn take_away(&mut self, ready: Events, far: BorrowedFd<'_>) {
        if self.failed && !ready.contains(Events::ERR) {
            let _ = sockopt::socket_error(far);
            self.failed = false;
        }
        if self.over {
            return;
        }
        if !self.marked {
            self.mark(far);
        }
        if !self.ended {
            // One is enough where there is something to read still.
            let enough = usize::from(ready.contains(Events::IN));
            if self.news > enough && (enough == 0 || self.news > NEWS_MAX / 4) {
                self.read_far(far, self.news - enough);
            }
        }
        if !ready.contains(Events::OUT) && !self.filled {
            self.filled = send(far, &FILLER, SendFlags::DONTWAIT | SendFlags::NOSIGNAL).is_ok();
            self.mark(far);
        }
    }

    fn mark(&mut self, far: BorrowedFd<'_>) {
        self.marked = send(far, &MARK, SendFlags::DONTWAIT | SendFlags::NOSIGNAL).is_ok();
    }

    fn read_far(&mut self, far: BorrowedFd<'_>, mut count: usize) {
        let mut room = [0; NEWS_MAX];
        while count > 0 {
            let part = room.len().min(count);
            match recv(far, &mut room[..part], RecvFlags::DONTWAIT) {
                Ok((got @ 1.., _)) => {
                    count -= got;
                    self.news -= got;
                }
                _ => return,
            }
        }
    }

    /// Shows RDHUP, and HUP and ERR where they are there.
    fn show_end(&mut self, ready: Events, watch: &Watch) -> io::Result<()> {
        let over = ready.contains(Events::HUP);
        let failed = over && ready.contains(Events::ERR);
        if self.tomb.is_none() && (!over || failed) {
            self.bury(watch)?;
        }
        let Some(near) = &self.near else { return Ok(()) };
        if failed {
            self.near = None;
            self.failed = true;
        } else if over {
            // At one stroke, so that nobody sees a part of it.
            shutdown(near, Shutdown::Both)?;
            watch.forget(Subject::Socket(self.cookie));
            let mut room = [0; FILLER.len() * 2];
            while let Ok((1.., _)) = recv(near, &mut room, RecvFlags::DONTWAIT) {}
        } else if !self.ended {
            shutdown(near, Shutdown::Write)?;
        }
        self.ended = true;
        self.over = over;
        Ok(())
    }

    /// Puts the tomb in place.
    fn bury(&mut self, watch: &Watch) -> io::Result<()> {
        let Some(near) = &self.near else { return Ok(()) };
        let (tomb, lid) = pipe_with(PipeFlags::CLOEXEC)?;
        watch.add_end(tomb.as_fd(), Subject::Socket(self.cookie))?;
        let lid = [lid.as_fd()];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        control.push(SendAncillaryMessage::ScmRights(&lid));
        sendmsg(near, &[IoSlice::new(&MARK)], &mut control, SendFlags::NOSIGNAL)?;
        self.tomb = Some(tomb);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use rustix::event::{PollFd, PollFlags, poll};

    use super::*;

    const IN: Events = Events::IN;
    const OUT: Events = Events::OUT;
    const NONE: Events = Events::empty();

    struct Bench {
        watch: Watch,
        placeholder: Placeholder,
        far: Option<OwnedFd>,
    }

    impl Bench {
        fn new() -> Self {
            let watch = Watch::new().unwrap();
            let (placeholder, far) = Placeholder::new(&watch).unwrap();
            Self { watch, placeholder, far: Some(far) }
        }

        fn show(&mut self, ready: Events, news: Events) -> Events {
            self.placeholder.show(ready, news, &self.watch, self.far.as_ref().map(AsFd::as_fd));
            self.shown()
        }

        fn show_from_afar(&mut self, ready: Events, news: Events) -> Events {
            self.placeholder.show(ready, news, &self.watch, None);
            self.shown()
        }

        fn shown(&self) -> Events {
            let all = PollFlags::IN | PollFlags::PRI | PollFlags::OUT | PollFlags::RDHUP;
            let mut entry = [PollFd::new(self.far.as_ref().unwrap(), all)];
            poll(&mut entry, Some(&rustix::event::Timespec::default())).unwrap();
            Events::from_bits_retain(u32::from(entry[0].revents().bits()))
        }

        fn closed(&mut self) -> bool {
            self.far = None;
            let subject = Subject::Socket(self.placeholder.cookie);
            self.watch.ended().contains(&subject)
        }
    }

    #[test]
    fn in_and_out_come_and_go() {
        let mut bench = Bench::new();
        assert_eq!(bench.shown(), OUT);
        for _ in 0..1000 {
            assert_eq!(bench.show_from_afar(IN | OUT, IN), IN | OUT);
        }
        for _ in 0..100 {
            assert_eq!(bench.show_from_afar(IN | OUT, IN), IN | OUT);
            assert_eq!(bench.show(IN | OUT, NONE), IN | OUT);
            assert_eq!(bench.show(OUT, NONE), OUT);
            assert_eq!(bench.show(NONE, NONE), NONE);
            assert_eq!(bench.show_from_afar(OUT, OUT), OUT);
        }
        assert!(bench.watch.ended().is_empty());
        assert!(bench.closed());
    }

    #[test]
    fn ends_are_shown() {
        let end = IN | Events::RDHUP;
        let over = end | OUT | Events::HUP;
        for half in [false, true] {
            for full in [false, true] {
                for failed in [NONE, Events::ERR] {
                    let mut bench = Bench::new();
                    if full {
                        assert_eq!(bench.show(IN, IN), IN);
                    }
                    if half {
                        let out = if full { NONE } else { OUT };
                        assert_eq!(bench.show_from_afar(end | out, IN), end | out);
                    }
                    assert_eq!(bench.show_from_afar(over | failed, IN), over | failed);
                    assert_eq!(bench.show(over, NONE), over, "once the error is known");
                    assert!(bench.watch.ended().is_empty());
                    assert!(bench.closed());
                }
            }
        }
    }

    #[test]
    fn the_error_is_shown_after_the_socket_was_full() {
        let mut bench = Bench::new();
        assert_eq!(bench.show(NONE, NONE), NONE);
        assert_eq!(bench.show_from_afar(OUT, OUT), OUT);
        let over = IN | OUT | Events::RDHUP | Events::HUP | Events::ERR;
        assert_eq!(bench.show_from_afar(over, IN), over);
        assert!(bench.closed());
    }
}
