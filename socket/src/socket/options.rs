//! Options of the level SOL_SOCKET (`socket(7)`).

use core::sync::atomic::Ordering;

use bitflags::bitflags;

use super::{Body, Socket, dispatch};
use crate::world::World;

/// What SO_SNDBUF may be at least: room for two small messages as Linux counts them (SOCK_MIN_SNDBUF).
const SEND_BUFFER_MIN: u32 = 4608;
/// What SO_RCVBUF may be at least (SOCK_MIN_RCVBUF).
const RECEIVE_BUFFER_MIN: u32 = 2304;

bitflags! {
    /// Options of the level SOL_SOCKET that are on or off (`socket(7)`, `unix(7)`).
    #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
    pub struct Options: u32 {
        /// SO_REUSEADDR: kept, and without a meaning to the UNIX family.
        const REUSE_ADDRESS = 1 << 0;
        /// SO_REUSEPORT: sockets of one user share a port, and what comes to it.
        const REUSE_PORT = 1 << 3;
        /// SO_BROADCAST: datagrams may go to broadcast addresses.
        const BROADCAST = 1 << 4;
        /// SO_KEEPALIVE: a peer that says nothing is asked whether it is still there.
        const KEEP_ALIVE = 1 << 5;
        /// SO_DONTROUTE: kept, and without a meaning to the UNIX family.
        const DONT_ROUTE = 1 << 6;
        /// SO_NO_CHECK: datagrams of UDP over IPv4 have no checksum.
        const NO_CHECK = 1 << 7;
        /// SO_PASSCRED: messages come with their sender's credentials.
        const PASS_CREDENTIALS = 1 << 1;
        /// SO_PASSPIDFD: messages come with a descriptor of their sender's process.
        const PASS_PIDFD = 1 << 2;
    }
}

impl Options {
    /// Those for which messages have to say who sent them.
    pub const KNOWS_SENDERS: Self = Self::PASS_CREDENTIALS.union(Self::PASS_PIDFD);
    /// Those that a connection has from the listener.
    const INHERITED: Self = Self::KNOWS_SENDERS;
}

impl Socket {
    /// SO_SNDBUF, as it is accounted: in bytes, bookkeeping included.
    #[must_use]
    pub fn send_buffer(&self) -> u32 {
        self.send_buffer.load(Ordering::Relaxed)
    }

    /// Sets SO_SNDBUF: twice what is asked for, within the limits of the system. As in Linux no value is refused, and one
    /// that is negative, taken as unsigned, is very large.
    pub fn set_send_buffer(&self, world: &World, wanted: u32) {
        self.put_send_buffer(doubled(wanted, world.settings.get().send_buffer_max, SEND_BUFFER_MIN));
    }

    fn put_send_buffer(&self, bytes: u32) {
        let set = || self.send_buffer.store(bytes, Ordering::Relaxed);
        dispatch!(
            self,
            machine => machine.set_send_buffer(bytes, set),
            datagram => {
                set();
                datagram.endpoint().set_send_buffer(bytes);
            },
            internet => {
                set();
                internet.set_send_buffer(bytes);
            },
            _ => set(),
            _ => set()
        );
    }

    /// SO_RCVBUF. What a UNIX stream may hold is the sender's SO_SNDBUF, here as in Linux.
    #[must_use]
    pub fn receive_buffer(&self) -> u32 {
        self.receive_buffer.load(Ordering::Relaxed)
    }

    /// Sets SO_RCVBUF, as [`Socket::set_send_buffer`].
    pub fn set_receive_buffer(&self, world: &World, wanted: u32) {
        self.put_receive_buffer(doubled(wanted, world.settings.get().receive_buffer_max, RECEIVE_BUFFER_MIN));
    }

    fn put_receive_buffer(&self, bytes: u32) {
        self.receive_buffer.store(bytes, Ordering::Relaxed);
        if let Some(internet) = self.internet() {
            internet.set_receive_buffer(bytes);
        }
        if let Some(netlink) = self.netlink() {
            netlink.set_receive_buffer(bytes);
        }
    }

    /// The options that are on.
    #[inline]
    #[must_use]
    pub fn options(&self) -> Options {
        Options::from_bits_truncate(self.flags.load(Ordering::Relaxed))
    }

    /// Switches options on or off. A connection that is accepted has those of [`Options::KNOWS_SENDERS`] as the listener had
    /// them when it was made, and no others.
    pub fn set_options(&self, options: Options, on: bool) {
        let set = || {
            self.set_flags(options.bits(), on);
            self.options()
        };
        dispatch!(
            self,
            machine => machine.set_options(set),
            datagram => {
                let options = set();
                datagram.endpoint().status.set_knows_senders(options.intersects(Options::KNOWS_SENDERS));
            },
            internet => {
                let options = set();
                internet.choose(|choices| {
                    choices.reuse_address = options.contains(Options::REUSE_ADDRESS);
                    choices.reuse_port = options.contains(Options::REUSE_PORT);
                });
                internet.set_switches(options);
            },
            _ => {
                set();
            },
            _ => {
                set();
            }
        );
    }

    /// Whether messages have to say who sent them.
    #[must_use]
    pub fn knows_senders(&self) -> bool {
        self.options().intersects(Options::KNOWS_SENDERS)
    }

    /// Takes on what a connection has from its listener.
    pub(crate) fn inherit(&self, listener: Options) {
        self.set_options(listener & Options::INHERITED, true);
    }
}

/// A buffer's size from what a program asks for: doubled, as the bookkeeping is paid from it.
fn doubled(wanted: u32, max: u32, min: u32) -> u32 {
    (wanted.min(max).min(i32::MAX as u32 / 2) * 2).max(min)
}
