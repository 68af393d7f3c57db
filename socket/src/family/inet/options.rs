//! Options of the levels SOL_TCP, SOL_IP and SOL_IPV6 (`tcp(7)`, `ip(7)`, `ipv6(7)`).

use core::time::Duration;

use linux_raw_sys::net::{
    IP_FREEBIND, IP_MTU, IP_TOS, IP_TTL, IPV6_FREEBIND, IPV6_MTU, IPV6_TCLASS, IPV6_UNICAST_HOPS,
    IPV6_V6ONLY, SOL_IP, SOL_IPV6, SOL_TCP, TCP_CONGESTION, TCP_CORK, TCP_DEFER_ACCEPT, TCP_KEEPCNT,
    TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_LINGER2, TCP_MAXSEG, TCP_NODELAY, TCP_QUICKACK, TCP_SYNCNT,
    TCP_USER_TIMEOUT,
};
use net_stack::{datagram::Version, tcp::TcpOptions, time::Instant};
use scml::SocketState;

use super::{Internet, Transport, failure, tcp::Tcp, told::Wanted};
use crate::{
    abi::options::{OptionIn, OptionValue},
    error::{Errno, Error, Result},
};

/// MAX_TCP_KEEPIDLE and MAX_TCP_KEEPINTVL, in seconds.
const KEEP_SECONDS_MAX: i32 = 32_767;
/// MAX_TCP_KEEPCNT and MAX_TCP_SYNCNT.
const COUNT_MAX: i32 = 127;
/// TCP_MIN_MSS and MAX_TCP_WINDOW: what TCP_MAXSEG may be.
const SEGMENTS: core::ops::RangeInclusive<i32> = 88..=32_767;
/// TCP_FIN_TIMEOUT_MAX, in seconds.
const FIN_SECONDS_MAX: i32 = 120;
/// The one congestion control that there is (RFC 5681), as TCP_CONGESTION names it.
const RENO: [u8; 16] = *b"reno\0\0\0\0\0\0\0\0\0\0\0\0";
/// The longest packet of IPv4: IP_MAX_MTU.
const PACKET_MAX: u32 = 65_535;
/// IPDEFTTL
const HOPS: u8 = 64;

impl Internet {
    /// Reads an option of a level above SOL_SOCKET.
    ///
    /// # Errors
    /// ENOPROTOOPT for one that there is not; EOPNOTSUPP for a level that there is not.
    pub(crate) fn option(&self, level: u32, name: u32) -> Result<OptionValue> {
        if let Some(wanted) = self.wanted(level, name) {
            let on = self.wishes().get().contains(wanted);
            return Ok(if level == SOL_IP {
                OptionValue::Byte(on.into())
            } else {
                OptionValue::Int(on.into())
            });
        }
        if let Transport::Udp(udp) = self.transport()
            && let Some(value) = self.datagram_option(udp, level, name)
        {
            return Ok(value);
        }
        match (level, self.transport(), self.version()) {
            (SOL_TCP, Transport::Tcp(_), _) if name == TCP_CONGESTION => Ok(OptionValue::Name(RENO)),
            (SOL_TCP, Transport::Tcp(tcp), _) => self.tcp_option(tcp, name).map(OptionValue::Int),
            (SOL_IP, _, Version::V4) if name == IP_MTU => self.path_mtu().map(OptionValue::Int),
            (SOL_IPV6, _, Version::V6) if name == IPV6_MTU => self.path_mtu().map(OptionValue::Int),
            (SOL_IP, ..) => Ok(OptionValue::Byte(match name {
                IP_FREEBIND => self.choices().free_bind.into(),
                IP_TOS => self.traffic_class(),
                IP_TTL => self.hop_limit(),
                _ => return Err(UNKNOWN),
            })),
            (SOL_IPV6, _, Version::V6) => Ok(OptionValue::Int(match name {
                IPV6_V6ONLY => self.is_v6_only().into(),
                IPV6_UNICAST_HOPS => self.hop_limit().into(),
                IPV6_TCLASS => self.traffic_class().into(),
                IPV6_FREEBIND => self.choices().free_bind.into(),
                _ => return Err(UNKNOWN),
            })),
            (_, _, Version::V4) if level != SOL_IPV6 => Err(NO_LEVEL),
            _ => Err(UNKNOWN),
        }
    }

    /// Sets an option of a level above SOL_SOCKET.
    ///
    /// # Errors
    /// As [`Internet::option`]; EINVAL for a value that is too short or out of range, EFAULT.
    pub(crate) fn set_option(&self, level: u32, name: u32, value: &OptionIn, now: Instant) -> Result<()> {
        if let Some(wanted) = self.wanted(level, name) {
            let on = if level == SOL_IP { value.int_or_byte()? } else { value.int()? };
            self.wishes().set(wanted, on != 0);
            return Ok(());
        }
        if let Transport::Udp(udp) = self.transport()
            && let Some(done) = self.set_datagram_option(udp, level, name, value, now)
        {
            return done;
        }
        match (level, self.transport(), self.version()) {
            (SOL_TCP, Transport::Tcp(_), _) if name == TCP_CONGESTION => match value.name()? {
                b"reno" => Ok(()),
                _ => Err(Error::new(Errno::ENOENT, "no such congestion control")),
            },
            (SOL_TCP, Transport::Tcp(_), _) if name == TCP_QUICKACK => {
                let quick = value.int()? != 0;
                if let Some(stream) = self.connection() {
                    stream.set_quick(quick, now);
                }
                Ok(())
            }
            (SOL_TCP, Transport::Tcp(tcp), _) => set_tcp_option(tcp, name, value.int()?, now),
            (SOL_IP, ..) => self.set_ip_option(name, value, now),
            (SOL_IPV6, _, Version::V6) => self.set_ipv6_option(name, value, now),
            _ => Err(UNKNOWN),
        }
    }

    /// What a socket of this kind is to be told about datagrams by such an option.
    fn wanted(&self, level: u32, name: u32) -> Option<Wanted> {
        let has_level = level == SOL_IP || self.version() == Version::V6;
        let is_udp = matches!(self.transport(), Transport::Udp(_));
        Wanted::of_option(level, name).filter(|_| is_udp && has_level)
    }

    fn tcp_option(&self, tcp: &Tcp, name: u32) -> Result<i32> {
        let options = tcp.options();
        let seconds = |duration: Duration| i32::try_from(duration.as_secs()).unwrap_or(i32::MAX);
        Ok(match name {
            TCP_NODELAY => options.no_delay.into(),
            TCP_CORK => options.cork.into(),
            TCP_QUICKACK => self.connection().is_none_or(|stream| stream.info().quick).into(),
            TCP_MAXSEG => self.max_segment(&options),
            TCP_KEEPIDLE => seconds(options.keep_idle),
            TCP_KEEPINTVL => seconds(options.keep_interval),
            TCP_KEEPCNT => options.keep_count.into(),
            TCP_SYNCNT => options.syn_retries.into(),
            TCP_LINGER2 => tcp.linger2(),
            TCP_DEFER_ACCEPT => to_seconds(tcp.deferral()),
            TCP_USER_TIMEOUT => {
                let timeout = options.user_timeout.unwrap_or_default();
                i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX)
            }
            _ => return Err(UNKNOWN),
        })
    }

    /// TCP_MAXSEG: what was asked for, until a connection knows better.
    fn max_segment(&self, options: &TcpOptions) -> i32 {
        /// TCP_MSS_DEFAULT
        const USUAL: u16 = 536;
        let connected = matches!(self.phase(), SocketState::Connected | SocketState::Connecting);
        let peers = self.connection().filter(|_| connected).map(|stream| stream.info().peer_mss);
        match (peers, options.max_segment) {
            (Some(peers), asked) => peers.min(asked.unwrap_or(u16::MAX)).into(),
            (None, Some(asked)) => asked.into(),
            (None, None) => USUAL.into(),
        }
    }

    /// Whether it speaks IPv6 alone: because it was told so, or because it has such an address.
    pub(crate) fn is_v6_only(&self) -> bool {
        let own = match self.transport() {
            Transport::Tcp(tcp) => tcp.local(self.version()).address,
            Transport::Udp(udp) => udp.socket().local().address,
        };
        self.choices().v6_only || own.is_ipv6() && !own.is_unspecified() && self.is_bound()
    }

    /// IP_MTU, IPV6_MTU: the longest packet that the way to the peer takes.
    ///
    /// # Errors
    /// ENOTCONN where there is no peer.
    fn path_mtu(&self) -> Result<i32> {
        let (local, peer) = match self.transport() {
            Transport::Tcp(tcp) => (tcp.local(self.version()).address, tcp.remote(false)?.address),
            Transport::Udp(udp) => {
                let peer = udp.socket().peer().ok_or(Errno::ENOTCONN)?;
                (udp.socket().local().address, peer.address)
            }
        };
        let device = self.choices().device;
        let path = self.stack().network(|network| network.path(peer, Some(local), device));
        let mtu = path.map_err(failure::of_path)?.mtu;
        Ok(if peer.is_ipv4() { mtu.min(PACKET_MAX) } else { mtu } as i32)
    }

    fn traffic_class(&self) -> u8 {
        match self.transport() {
            Transport::Tcp(tcp) => tcp.options().traffic_class,
            Transport::Udp(udp) => udp.socket().options().traffic_class,
        }
    }

    fn hop_limit(&self) -> u8 {
        match self.transport() {
            Transport::Tcp(tcp) => tcp.options().hop_limit,
            Transport::Udp(udp) => udp.socket().options().hop_limit,
        }
    }

    fn set_traffic_class(&self, class: u8, now: Instant) {
        match self.transport() {
            Transport::Tcp(tcp) => tcp.set_options(now, |options| options.traffic_class = class),
            Transport::Udp(udp) => udp.socket().set_options(|options| options.traffic_class = class),
        }
    }

    fn set_hop_limit(&self, hops: u8, now: Instant) {
        match self.transport() {
            Transport::Tcp(tcp) => tcp.set_options(now, |options| options.hop_limit = hops),
            Transport::Udp(udp) => udp.socket().set_options(|options| options.hop_limit = hops),
        }
    }

    fn set_ip_option(&self, name: u32, value: &OptionIn, now: Instant) -> Result<()> {
        /// INET_ECN_MASK: these two bits are TCP's own.
        const ECN: i32 = 3;
        let value = value.int_or_byte()?;
        match name {
            IP_TOS => {
                let own = matches!(self.transport(), Transport::Tcp(_));
                let class = if own { value & !ECN | i32::from(self.traffic_class()) & ECN } else { value };
                self.set_traffic_class(class as u8, now);
            }
            IP_TTL => {
                let hops = match value {
                    -1 => HOPS,
                    1..=255 => value as u8,
                    _ => return Err(OUT_OF_RANGE),
                };
                self.set_hop_limit(hops, now);
            }
            IP_FREEBIND => self.choose(|choices| choices.free_bind = value != 0),
            // What is asked for cannot be set.
            _ => return Err(UNKNOWN),
        }
        Ok(())
    }

    fn set_ipv6_option(&self, name: u32, value: &OptionIn, now: Instant) -> Result<()> {
        let given = value.int();
        match name {
            IPV6_V6ONLY => {
                let only = given? != 0;
                if self.is_bound() {
                    return Err(Error::new(Errno::EINVAL, "the socket is bound already"));
                }
                self.choose(|choices| choices.v6_only = only);
            }
            IPV6_UNICAST_HOPS => {
                let hops = match given? {
                    -1 => HOPS,
                    value @ 0..=255 => value as u8,
                    _ => return Err(OUT_OF_RANGE),
                };
                self.set_hop_limit(hops, now);
            }
            IPV6_TCLASS => {
                let class = match given? {
                    -1 => 0,
                    value @ 0..=255 => value as u8,
                    _ => return Err(OUT_OF_RANGE),
                };
                self.set_traffic_class(class, now);
            }
            IPV6_FREEBIND => {
                let free_bind = given? != 0;
                self.choose(|choices| choices.free_bind = free_bind);
            }
            _ => return Err(UNKNOWN),
        }
        Ok(())
    }
}

fn set_tcp_option(tcp: &Tcp, name: u32, value: i32, now: Instant) -> Result<()> {
    let within = |range: core::ops::RangeInclusive<i32>| {
        if range.contains(&value) { Ok(value as u32) } else { Err(OUT_OF_RANGE) }
    };
    match name {
        TCP_NODELAY => tcp.set_options(now, |options| options.no_delay = value != 0),
        TCP_CORK => tcp.set_options(now, |options| options.cork = value != 0),
        TCP_MAXSEG => {
            let segment = if value == 0 { None } else { Some(within(SEGMENTS)? as u16) };
            tcp.set_options(now, |options| options.max_segment = segment);
        }
        TCP_KEEPIDLE => {
            let idle = Duration::from_secs(within(1..=KEEP_SECONDS_MAX)?.into());
            tcp.set_options(now, |options| options.keep_idle = idle);
        }
        TCP_KEEPINTVL => {
            let interval = Duration::from_secs(within(1..=KEEP_SECONDS_MAX)?.into());
            tcp.set_options(now, |options| options.keep_interval = interval);
        }
        TCP_KEEPCNT => {
            let count = within(1..=COUNT_MAX)? as u8;
            tcp.set_options(now, |options| options.keep_count = count);
        }
        TCP_SYNCNT => {
            let retries = within(1..=COUNT_MAX)? as u8;
            tcp.set_options(now, |options| options.syn_retries = retries);
        }
        TCP_LINGER2 => tcp.set_linger2(value.clamp(-1, FIN_SECONDS_MAX), now),
        TCP_DEFER_ACCEPT => tcp.set_deferral(to_answers(value), now),
        TCP_USER_TIMEOUT => {
            let milliseconds = within(0..=i32::MAX)?;
            let timeout = Some(Duration::from_millis(milliseconds.into())).filter(|it| !it.is_zero());
            tcp.set_options(now, |options| options.user_timeout = timeout);
        }
        _ => return Err(UNKNOWN),
    }
    Ok(())
}

/// The pauses between answers to a SYN, in seconds: each twice the one before, up to TCP_RTO_MAX.
fn pauses() -> impl Iterator<Item = i32> {
    core::iter::successors(Some(1), |pause: &i32| Some((pause * 2).min(120)))
}

/// For how many answers to a SYN a connection without data is not accepted (`secs_to_retrans`).
fn to_answers(seconds: i32) -> u8 {
    if seconds <= 0 {
        return 0;
    }
    let ends = pauses().scan(0_i32, |sum, pause| {
        *sum += pause;
        Some(*sum)
    });
    ends.take(254).take_while(|end| *end < seconds).count() as u8 + 1
}

/// As getsockopt(2) shows it again (`retrans_to_secs`).
fn to_seconds(answers: u8) -> i32 {
    pauses().take(answers.into()).sum()
}

const UNKNOWN: Error = Error::new(Errno::ENOPROTOOPT, "");
const NO_LEVEL: Error = Error::new(Errno::EOPNOTSUPP, "the socket has no options of this level");
const OUT_OF_RANGE: Error = Error::new(Errno::EINVAL, "the value is out of range");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_of_tcp_defer_accept_are_shown_as_on_linux() {
        for (set, shown) in [(-1, 0), (0, 0), (1, 1), (2, 3), (3, 3), (4, 7), (10, 15), (60, 63), (300, 367)]
        {
            assert_eq!(to_seconds(to_answers(set)), shown, "{set}");
        }
    }
}
