//! What is told of a signal (siginfo_t).

use linux_raw_sys::general::{
    POLL_HUP, SI_KERNEL, SI_SIGIO, SI_TIMER, SI_TKILL, SI_USER, SIGBUS, SIGCHLD, SIGFPE, SIGILL, SIGSEGV,
    SIGTRAP,
};

/// What the words after the code are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Layout {
    /// Sender.
    Kill,
    /// Timer, expirations that were missed, value.
    Timer,
    /// Events, descriptor.
    Poll,
    /// Address.
    Fault,
    /// Child, user, status, times.
    Child,
    /// Sender and value.
    Queue,
}

/// A siginfo_t without the zeros that it ends with: number, errno and code, then what the code says.
///
/// The layout is Linux's, because a program may make one itself (rt_sigqueueinfo(2)).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Info([u64; Self::WORDS]);

impl Info {
    /// So many words of a siginfo_t may be other than zero.
    pub(crate) const WORDS: usize = 6;
    /// `sizeof(siginfo_t)`
    pub(crate) const SIZE: usize = 128;

    const fn new(signal: u32, code: i32, rest: [u64; 4]) -> Self {
        let [a, b, c, d] = rest;
        // si_errno is in the upper half of the first word, and 0.
        Self([signal as u64, code as u32 as u64, a, b, c, d])
    }

    /// From the kernel, which says nothing more.
    pub(crate) const fn kernel(signal: u32) -> Self {
        Self::new(signal, SI_KERNEL as i32, [0; 4])
    }

    /// From kill(2), by process `pid` of user `uid`.
    pub(crate) const fn user(signal: u32, pid: i32, uid: u32) -> Self {
        Self::new(signal, SI_USER as i32, [pair(pid as u32, uid), 0, 0, 0])
    }

    /// From tgkill(2).
    pub(crate) const fn thread(signal: u32, pid: i32, uid: u32) -> Self {
        Self::new(signal, SI_TKILL, [pair(pid as u32, uid), 0, 0, 0])
    }

    /// SIGCHLD or what takes its place: how the child `pid` of user `uid` changed (`CLD_`), and the time that it has run, in
    /// clock ticks. `status` is the exit code or the signal.
    pub(crate) const fn child(code: u32, pid: i32, uid: u32, status: i32, user: u64, system: u64) -> Self {
        Self::new(SIGCHLD, code as i32, [pair(pid as u32, uid), status as u32 as u64, user, system])
    }

    /// A fault at `address`.
    pub(crate) const fn fault(signal: u32, code: u32, address: usize) -> Self {
        Self::new(signal, code as i32, [address as u64, 0, 0, 0])
    }

    /// Something happened to the file `descriptor`: `band` has the events of poll(2).
    pub(crate) const fn poll(signal: u32, code: u32, band: u32, descriptor: i32) -> Self {
        Self::new(signal, code as i32, [band as u64, descriptor as u32 as u64, 0, 0])
    }

    /// As [`Self::poll`], without the reason: for signals that have codes of their own.
    pub(crate) const fn poll_of_file(signal: u32, band: u32, descriptor: i32) -> Self {
        Self::new(signal, SI_SIGIO, [band as u64, descriptor as u32 as u64, 0, 0])
    }

    /// As a program made it: the first words of its siginfo_t, with the number of the signal it is sent as.
    pub(crate) const fn from_words(signal: u32, mut words: [u64; Self::WORDS]) -> Self {
        words[0] = words[0] & !0xffff_ffff | signal as u64;
        Self(words)
    }

    /// The signal's number.
    pub(crate) const fn signal(&self) -> u32 {
        self.0[0] as u32
    }

    /// The same as another signal: a child may be told of with any.
    pub(crate) const fn with_signal(self, signal: u32) -> Self {
        Self::from_words(signal, self.0)
    }

    /// Why it was sent: positive for what the kernel found, zero or less for what a program did (`SI_`).
    pub(crate) const fn code(&self) -> i32 {
        self.0[1] as u32 as i32
    }

    /// What the words after the code are, which signal and code tell together.
    pub(crate) fn layout(&self) -> Layout {
        let code = self.code();
        match self.signal() {
            _ if code == SI_TIMER => Layout::Timer,
            _ if code == SI_SIGIO => Layout::Poll,
            _ if code == SI_USER as i32 || code == SI_KERNEL as i32 || code == SI_TKILL => Layout::Kill,
            _ if code < 0 => Layout::Queue,
            SIGILL | SIGFPE | SIGSEGV | SIGBUS | SIGTRAP => Layout::Fault,
            SIGCHLD => Layout::Child,
            _ if code <= POLL_HUP as i32 => Layout::Poll,
            _ => Layout::Kill,
        }
    }

    /// The first words of the siginfo_t; the others are zero.
    pub(crate) const fn words(&self) -> &[u64; Self::WORDS] {
        &self.0
    }

    /// The whole siginfo_t.
    pub(crate) fn to_words(self) -> [u64; Self::SIZE / 8] {
        let mut words = [0; Self::SIZE / 8];
        words[..Self::WORDS].copy_from_slice(&self.0);
        words
    }
}

const fn pair(low: u32, high: u32) -> u64 {
    low as u64 | (high as u64) << 32
}
