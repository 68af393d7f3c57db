//! Options of the level SOL_SOCKET that few sockets ever set: they take memory once they are.

use alloc::boxed::Box;
use core::{
    sync::atomic::{AtomicI32, AtomicU32, AtomicU64, Ordering},
    time::Duration,
};

use super::Socket;

/// How long a call waits that would wait for ever.
const FOR_EVER: u64 = u64::MAX;

/// The options that are not in a socket's flags, with Linux's defaults.
pub(super) struct Extra {
    /// SO_RCVTIMEO and SO_SNDTIMEO, in nanoseconds.
    receive_timeout: AtomicU64,
    send_timeout: AtomicU64,
    /// SO_RCVLOWAT, in bytes.
    receive_low: AtomicU32,
    /// SO_LINGER: seconds, below 0 where it is off.
    linger: AtomicI32,
    /// The seconds of SO_LINGER while it is off: they are shown.
    linger_seconds: AtomicI32,
    priority: AtomicU32,
    mark: AtomicU32,
}

impl Default for Extra {
    fn default() -> Self {
        Self {
            receive_timeout: AtomicU64::new(FOR_EVER),
            send_timeout: AtomicU64::new(FOR_EVER),
            receive_low: AtomicU32::new(1),
            linger: AtomicI32::new(-1),
            linger_seconds: AtomicI32::new(0),
            priority: AtomicU32::new(0),
            mark: AtomicU32::new(0),
        }
    }
}

/// A direction that has a timeout of its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Direction {
    /// SO_RCVTIMEO: receiving, and accepting.
    Receive,
    /// SO_SNDTIMEO: sending, and connecting.
    Send,
}

/// What SO_LINGER says (`struct linger`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Linger {
    /// Whether close(2) waits until what was sent has arrived.
    pub on: bool,
    /// How long, in seconds; 0 is for a reset instead.
    pub seconds: i32,
}

impl Extra {
    fn timeout(&self, direction: Direction) -> &AtomicU64 {
        match direction {
            Direction::Receive => &self.receive_timeout,
            Direction::Send => &self.send_timeout,
        }
    }
}

impl Socket {
    fn extra(&self) -> Option<&Extra> {
        self.extra.get().map(|extra| &**extra)
    }

    fn extra_mut(&self) -> &Extra {
        self.extra.call_once(Box::default)
    }

    /// How long a call waits at most: SO_RCVTIMEO, SO_SNDTIMEO. Nothing is for ever.
    #[must_use]
    pub fn timeout(&self, direction: Direction) -> Option<Duration> {
        let nanoseconds = self.extra()?.timeout(direction).load(Ordering::Relaxed);
        (nanoseconds != FOR_EVER).then(|| Duration::from_nanos(nanoseconds))
    }

    /// Sets how long a call waits at most. No time at all is what calls come to that do not wait.
    pub fn set_timeout(&self, direction: Direction, timeout: Option<Duration>) {
        let nanoseconds = timeout.map_or(FOR_EVER, |it| u64::try_from(it.as_nanos()).unwrap_or(FOR_EVER));
        self.extra_mut().timeout(direction).store(nanoseconds, Ordering::Relaxed);
    }

    /// How many bytes receiving waits for: SO_RCVLOWAT.
    #[must_use]
    pub fn receive_low(&self) -> u32 {
        self.extra().map_or(1, |extra| extra.receive_low.load(Ordering::Relaxed))
    }

    /// Sets SO_RCVLOWAT; 0 is taken for 1, and a stream over TCP takes no more than could be there.
    pub fn set_receive_low(&self, bytes: u32) {
        /// Half of the last number of `net.ipv4.tcp_rmem`.
        const TCP_MOST: u32 = 16 << 20;
        let is_tcp = self.internet().is_some() && !self.sends_records();
        let bytes = if is_tcp { bytes.min(TCP_MOST) } else { bytes };
        self.extra_mut().receive_low.store(bytes.max(1), Ordering::Relaxed);
    }

    /// SO_LINGER.
    #[must_use]
    pub fn linger(&self) -> Linger {
        let Some(extra) = self.extra() else { return Linger::default() };
        let seconds = extra.linger.load(Ordering::Relaxed);
        match seconds {
            ..0 => Linger { on: false, seconds: extra.linger_seconds.load(Ordering::Relaxed) },
            _ => Linger { on: true, seconds },
        }
    }

    /// How long close(2) waits for what was sent to have arrived; nothing where it does not wait.
    #[inline]
    pub(crate) fn lingers(&self) -> Option<Duration> {
        let seconds = self.extra()?.linger.load(Ordering::Relaxed);
        let seconds = u64::try_from(seconds).ok().filter(|seconds| *seconds > 0)?;
        self.internet().map(|_| Duration::from_secs(seconds))
    }

    /// Sets SO_LINGER.
    pub fn set_linger(&self, linger: Linger) {
        if let Some(internet) = self.internet() {
            internet.set_reset_on_close(linger.on && linger.seconds == 0);
        }
        let extra = self.extra_mut();
        extra.linger.store(if linger.on { linger.seconds.max(0) } else { -1 }, Ordering::Relaxed);
        if !linger.on {
            // What was set while it was on is shown, as in Linux.
            return;
        }
        extra.linger_seconds.store(linger.seconds.max(0), Ordering::Relaxed);
    }

    /// SO_PRIORITY.
    #[must_use]
    pub fn priority(&self) -> u32 {
        self.extra().map_or(0, |extra| extra.priority.load(Ordering::Relaxed))
    }

    /// Sets SO_PRIORITY.
    pub fn set_priority(&self, priority: u32) {
        self.extra_mut().priority.store(priority, Ordering::Relaxed);
    }

    /// SO_MARK.
    #[must_use]
    pub fn mark(&self) -> u32 {
        self.extra().map_or(0, |extra| extra.mark.load(Ordering::Relaxed))
    }

    /// Sets SO_MARK.
    pub fn set_mark(&self, mark: u32) {
        self.extra_mut().mark.store(mark, Ordering::Relaxed);
    }

    /// Takes on what a connection has from its listener.
    pub(super) fn inherit_extra(&self, listener: &Self) {
        let (Some(theirs), Some(_)) = (listener.extra(), self.internet()) else { return };
        let own = self.extra_mut();
        for direction in [Direction::Receive, Direction::Send] {
            own.timeout(direction)
                .store(theirs.timeout(direction).load(Ordering::Relaxed), Ordering::Relaxed);
        }
        for (to, from) in [
            (&own.receive_low, &theirs.receive_low),
            (&own.priority, &theirs.priority),
            (&own.mark, &theirs.mark),
        ] {
            to.store(from.load(Ordering::Relaxed), Ordering::Relaxed);
        }
        for (to, from) in [(&own.linger, &theirs.linger), (&own.linger_seconds, &theirs.linger_seconds)] {
            to.store(from.load(Ordering::Relaxed), Ordering::Relaxed);
        }
    }
}
