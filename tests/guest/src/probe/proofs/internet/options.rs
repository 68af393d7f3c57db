//! Options.

use crate::{
    harness::{check, check_eq},
    probe::{Attempt, probed, situation::Situation},
    suite::inet::options::{get, set},
};

/// The option is `usual` at first, and then what was set, on the socket that it was set for.
pub(super) fn is_asked(at: &Situation<'_>, level: i32, name: i32, usual: i32, other: i32) -> Attempt {
    let (fd, another) = (at.socket()?, at.socket()?);
    check_eq!(probed(get(&fd, level, name))?, usual);
    set(&fd, level, name, other)?;
    check_eq!(probed(get(&fd, level, name))?, other);
    check_eq!(probed(get(&another, level, name))?, usual);
    Ok(())
}

/// What is set is shown, and the socket works with it.
fn is_set(at: &Situation<'_>, level: i32, name: i32, other: i32) -> Attempt {
    let fd = at.socket()?;
    probed(set(&fd, level, name, other))?;
    check_eq!(get(&fd, level, name)?, other);
    at.works(&fd)?;
    Ok(())
}

pub(crate) mod getsockopt {
    pub(crate) fn optname_tcp_cork(at: &Situation<'_>) -> Attempt {
        is_asked(at, libc::IPPROTO_TCP, libc::TCP_CORK, 0, 1)
    }

    /// Of a connection, what was set.
    pub(crate) fn optname_tcp_quickack(at: &Situation<'_>) -> Attempt {
        let (one, _other) = at.pair()?;
        for quick in [0, 1] {
            set(&one, libc::IPPROTO_TCP, libc::TCP_QUICKACK, quick)?;
            check_eq!(probed(get(&one, libc::IPPROTO_TCP, libc::TCP_QUICKACK))?, quick);
        }
        Ok(())
    }

    /// The state, and what has been received.
    pub(crate) fn optname_tcp_info(at: &Situation<'_>) -> Attempt {
        use crate::suite::inet::segments::{RECEIVED, info, wide};
        let (one, other) = at.pair()?;
        crate::sys::write(&one, &[0; 300])?;
        crate::suite::unix::help::read_full(&other, &mut [0; 300])?;
        let info = probed(info(&other, 248))?;
        check_eq!((info[0], wide(&info, RECEIVED)), (1, 300));
        Ok(())
    }

    /// The name of the congestion control in use, in 16 bytes.
    pub(crate) fn optname_tcp_congestion(at: &Situation<'_>) -> Attempt {
        let fd = at.socket()?;
        crate::sys::setsockopt(&fd, libc::IPPROTO_TCP, libc::TCP_CONGESTION, b"reno")?;
        let (mut name, mut length) = ([0; 16], 16);
        probed(crate::sys::getsockopt(&fd, libc::IPPROTO_TCP, libc::TCP_CONGESTION, &mut name, &mut length))?;
        check_eq!(name, *b"reno\0\0\0\0\0\0\0\0\0\0\0\0");
        Ok(())
    }

    use super::{Attempt, Situation, check_eq, get, is_asked, probed, set};
    use crate::probe::proofs::internet::kinds;

    pub(crate) fn optname_so_reuseport(at: &Situation<'_>) -> Attempt {
        is_asked(at, libc::SOL_SOCKET, libc::SO_REUSEPORT, 0, 1)
    }

    pub(crate) fn optname_so_keepalive(at: &Situation<'_>) -> Attempt {
        is_asked(at, libc::SOL_SOCKET, libc::SO_KEEPALIVE, 0, 1)
    }

    pub(crate) fn optname_so_broadcast(at: &Situation<'_>) -> Attempt {
        is_asked(at, libc::SOL_SOCKET, libc::SO_BROADCAST, 0, 1)
    }

    pub(crate) fn optname_tcp_nodelay(at: &Situation<'_>) -> Attempt {
        is_asked(at, libc::IPPROTO_TCP, libc::TCP_NODELAY, 0, 1)
    }

    pub(crate) fn optname_tcp_maxseg(at: &Situation<'_>) -> Attempt {
        is_asked(at, libc::IPPROTO_TCP, libc::TCP_MAXSEG, 536, 1000)
    }

    pub(crate) fn optname_tcp_keepidle(at: &Situation<'_>) -> Attempt {
        is_asked(at, libc::IPPROTO_TCP, libc::TCP_KEEPIDLE, 7200, 60)
    }

    pub(crate) fn optname_tcp_keepintvl(at: &Situation<'_>) -> Attempt {
        is_asked(at, libc::IPPROTO_TCP, libc::TCP_KEEPINTVL, 75, 5)
    }

    pub(crate) fn optname_tcp_keepcnt(at: &Situation<'_>) -> Attempt {
        is_asked(at, libc::IPPROTO_TCP, libc::TCP_KEEPCNT, 9, 3)
    }

    pub(crate) fn optname_tcp_syncnt(at: &Situation<'_>) -> Attempt {
        is_asked(at, libc::IPPROTO_TCP, libc::TCP_SYNCNT, 6, 2)
    }

    pub(crate) fn optname_tcp_linger2(at: &Situation<'_>) -> Attempt {
        is_asked(at, libc::IPPROTO_TCP, libc::TCP_LINGER2, 60, 30)
    }

    pub(crate) fn optname_tcp_defer_accept(at: &Situation<'_>) -> Attempt {
        is_asked(at, libc::IPPROTO_TCP, libc::TCP_DEFER_ACCEPT, 0, 3)
    }

    pub(crate) fn optname_tcp_user_timeout(at: &Situation<'_>) -> Attempt {
        is_asked(at, libc::IPPROTO_TCP, libc::TCP_USER_TIMEOUT, 0, 5000)
    }

    pub(crate) fn optname_ip_tos(at: &Situation<'_>) -> Attempt {
        is_asked(at, libc::IPPROTO_IP, libc::IP_TOS, 0, 16)
    }

    pub(crate) fn optname_ip_ttl(at: &Situation<'_>) -> Attempt {
        is_asked(at, libc::IPPROTO_IP, libc::IP_TTL, 64, 9)
    }

    pub(crate) fn optname_ipv6_v6only(at: &Situation<'_>) -> Attempt {
        is_asked(at, libc::IPPROTO_IPV6, libc::IPV6_V6ONLY, 0, 1)
    }

    pub(crate) fn optname_ipv6_unicast_hops(at: &Situation<'_>) -> Attempt {
        is_asked(at, libc::IPPROTO_IPV6, libc::IPV6_UNICAST_HOPS, 64, 9)
    }

    pub(crate) fn optname_ipv6_tclass(at: &Situation<'_>) -> Attempt {
        is_asked(at, libc::IPPROTO_IPV6, libc::IPV6_TCLASS, 0, 184)
    }

    pub(crate) fn level_sol_tcp(at: &Situation<'_>) -> Attempt {
        is_asked(at, libc::IPPROTO_TCP, libc::TCP_NODELAY, 0, 1)
    }

    pub(crate) fn level_sol_ip(at: &Situation<'_>) -> Attempt {
        is_asked(at, libc::IPPROTO_IP, libc::IP_TTL, 64, 8)
    }

    pub(crate) fn level_sol_ipv6(at: &Situation<'_>) -> Attempt {
        is_asked(at, libc::IPPROTO_IPV6, libc::IPV6_UNICAST_HOPS, 64, 8)
    }

    /// The type is that of the socket.
    fn knows_it(at: &Situation<'_>) -> Attempt {
        let fd = at.socket()?;
        check_eq!(probed(get(&fd, libc::SOL_SOCKET, libc::SO_TYPE))?, at.kind());
        check_eq!(probed(get(&fd, libc::SOL_SOCKET, libc::SO_DOMAIN))?, at.family());
        Ok(())
    }

    kinds! {
        knows_it;
        sockfd_af_inet_sock_stream sockfd_af_inet_sock_dgram sockfd_af_inet6_sock_stream sockfd_af_inet6_sock_dgram
    }
}

pub(crate) mod setsockopt {
    /// Short segments wait until it is off.
    pub(crate) fn optname_tcp_cork(at: &Situation<'_>) -> Attempt {
        let (one, other) = at.pair()?;
        probed(set(&one, libc::IPPROTO_TCP, libc::TCP_CORK, 1))?;
        crate::sys::write(&one, b"held")?;
        let held = crate::sys::recv(&other, &mut [0; 8], libc::MSG_DONTWAIT);
        crate::harness::check_err!(held, EAGAIN);
        probed(set(&one, libc::IPPROTO_TCP, libc::TCP_CORK, 0))?;
        check_eq!(crate::sys::recv(&other, &mut [0; 8], 0)?, 4);
        Ok(())
    }

    pub(crate) fn optname_tcp_quickack(at: &Situation<'_>) -> Attempt {
        let (one, other) = at.pair()?;
        for quick in [0, 1] {
            probed(set(&one, libc::IPPROTO_TCP, libc::TCP_QUICKACK, quick))?;
            check_eq!(get(&one, libc::IPPROTO_TCP, libc::TCP_QUICKACK)?, quick);
            crate::suite::unix::help::exchange(&one, &other)?;
        }
        Ok(())
    }

    /// The one that every system has is taken, and another name is not.
    pub(crate) fn optname_tcp_congestion(at: &Situation<'_>) -> Attempt {
        let fd = at.socket()?;
        probed(crate::sys::setsockopt(&fd, libc::IPPROTO_TCP, libc::TCP_CONGESTION, b"reno"))?;
        crate::harness::check_err!(
            crate::sys::setsockopt(&fd, libc::IPPROTO_TCP, libc::TCP_CONGESTION, b"nonsense"),
            ENOENT
        );
        at.works(&fd)?;
        Ok(())
    }

    use super::{Attempt, Situation, check, check_eq, get, is_set, probed, set};
    use crate::probe::proofs::internet::kinds;

    pub(crate) fn optname_so_keepalive(at: &Situation<'_>) -> Attempt {
        is_set(at, libc::SOL_SOCKET, libc::SO_KEEPALIVE, 1)
    }

    pub(crate) fn optname_so_broadcast(at: &Situation<'_>) -> Attempt {
        is_set(at, libc::SOL_SOCKET, libc::SO_BROADCAST, 1)
    }

    pub(crate) fn optname_tcp_nodelay(at: &Situation<'_>) -> Attempt {
        is_set(at, libc::IPPROTO_TCP, libc::TCP_NODELAY, 1)
    }

    pub(crate) fn optname_tcp_maxseg(at: &Situation<'_>) -> Attempt {
        is_set(at, libc::IPPROTO_TCP, libc::TCP_MAXSEG, 1000)
    }

    pub(crate) fn optname_tcp_keepidle(at: &Situation<'_>) -> Attempt {
        is_set(at, libc::IPPROTO_TCP, libc::TCP_KEEPIDLE, 60)
    }

    pub(crate) fn optname_tcp_keepintvl(at: &Situation<'_>) -> Attempt {
        is_set(at, libc::IPPROTO_TCP, libc::TCP_KEEPINTVL, 5)
    }

    pub(crate) fn optname_tcp_keepcnt(at: &Situation<'_>) -> Attempt {
        is_set(at, libc::IPPROTO_TCP, libc::TCP_KEEPCNT, 3)
    }

    pub(crate) fn optname_tcp_syncnt(at: &Situation<'_>) -> Attempt {
        is_set(at, libc::IPPROTO_TCP, libc::TCP_SYNCNT, 2)
    }

    pub(crate) fn optname_tcp_linger2(at: &Situation<'_>) -> Attempt {
        is_set(at, libc::IPPROTO_TCP, libc::TCP_LINGER2, 30)
    }

    pub(crate) fn optname_tcp_defer_accept(at: &Situation<'_>) -> Attempt {
        is_set(at, libc::IPPROTO_TCP, libc::TCP_DEFER_ACCEPT, 3)
    }

    pub(crate) fn optname_tcp_user_timeout(at: &Situation<'_>) -> Attempt {
        is_set(at, libc::IPPROTO_TCP, libc::TCP_USER_TIMEOUT, 5000)
    }

    pub(crate) fn optname_ip_tos(at: &Situation<'_>) -> Attempt {
        is_set(at, libc::IPPROTO_IP, libc::IP_TOS, 16)
    }

    pub(crate) fn optname_ip_ttl(at: &Situation<'_>) -> Attempt {
        is_set(at, libc::IPPROTO_IP, libc::IP_TTL, 9)
    }

    pub(crate) fn optname_ipv6_v6only(at: &Situation<'_>) -> Attempt {
        is_set(at, libc::IPPROTO_IPV6, libc::IPV6_V6ONLY, 1)
    }

    pub(crate) fn optname_ipv6_unicast_hops(at: &Situation<'_>) -> Attempt {
        is_set(at, libc::IPPROTO_IPV6, libc::IPV6_UNICAST_HOPS, 9)
    }

    pub(crate) fn optname_ipv6_tclass(at: &Situation<'_>) -> Attempt {
        is_set(at, libc::IPPROTO_IPV6, libc::IPV6_TCLASS, 184)
    }

    pub(crate) fn level_sol_tcp(at: &Situation<'_>) -> Attempt {
        is_set(at, libc::IPPROTO_TCP, libc::TCP_NODELAY, 1)
    }

    pub(crate) fn level_sol_ip(at: &Situation<'_>) -> Attempt {
        is_set(at, libc::IPPROTO_IP, libc::IP_TTL, 8)
    }

    pub(crate) fn level_sol_ipv6(at: &Situation<'_>) -> Attempt {
        is_set(at, libc::IPPROTO_IPV6, libc::IPV6_UNICAST_HOPS, 8)
    }

    /// Who shares a port gets it together with another who does.
    pub(crate) fn optname_so_reuseport(at: &Situation<'_>) -> Attempt {
        let (one, other) = (at.socket()?, at.socket()?);
        for fd in [&one, &other] {
            probed(set(fd, libc::SOL_SOCKET, libc::SO_REUSEPORT, 1))?;
            check!(get(fd, libc::SOL_SOCKET, libc::SO_REUSEPORT)? == 1);
        }
        crate::sys::bind(&one, at.address("a").bytes())?;
        crate::sys::bind(&other, crate::suite::unix::help::name(&one)?.bytes())?;
        Ok(())
    }

    /// A buffer's size is shown doubled.
    fn changes_it(at: &Situation<'_>) -> Attempt {
        let fd = at.socket()?;
        probed(set(&fd, libc::SOL_SOCKET, libc::SO_RCVBUF, 5000))?;
        check_eq!(get(&fd, libc::SOL_SOCKET, libc::SO_RCVBUF)?, 10_000);
        at.works(&fd)?;
        Ok(())
    }

    kinds! {
        changes_it;
        sockfd_af_inet_sock_stream sockfd_af_inet_sock_dgram sockfd_af_inet6_sock_stream sockfd_af_inet6_sock_dgram
    }
}
