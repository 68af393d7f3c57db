//! Making sockets, names and connections.

pub(crate) mod socket {
    use crate::{
        harness::{check_eq, check_err},
        probe::{Attempt, probed, proofs::internet::kinds, situation::Situation},
        suite::unix::help::option,
        sys,
    };

    /// The family is what SO_DOMAIN says, and names of the family lead to it.
    fn family(at: &Situation<'_>) -> Attempt {
        let fd = probed(sys::socket(at.family(), at.kind(), 0))?;
        check_eq!(option(&fd, libc::SO_DOMAIN)?, at.family());
        at.works(&fd)?;
        Ok(())
    }

    kinds! { family; family_af_inet family_af_inet6 }

    fn has_protocol(at: &Situation<'_>, protocol: i32) -> Attempt {
        let fd = probed(sys::socket(at.family(), at.kind(), protocol))?;
        let own = if at.has_connections() { libc::IPPROTO_TCP } else { libc::IPPROTO_UDP };
        check_eq!(option(&fd, libc::SO_PROTOCOL)?, own);
        at.works(&fd)?;
        Ok(())
    }

    /// The usual protocol of the type.
    pub(crate) fn protocol_ipproto_ip(at: &Situation<'_>) -> Attempt {
        has_protocol(at, libc::IPPROTO_IP)
    }

    /// Streams, and nothing else.
    pub(crate) fn protocol_ipproto_tcp(at: &Situation<'_>) -> Attempt {
        check_err!(sys::socket(at.family(), libc::SOCK_DGRAM, libc::IPPROTO_TCP), EPROTONOSUPPORT);
        has_protocol(at, libc::IPPROTO_TCP)
    }

    /// Datagrams, and nothing else.
    pub(crate) fn protocol_ipproto_udp(at: &Situation<'_>) -> Attempt {
        check_err!(sys::socket(at.family(), libc::SOCK_STREAM, libc::IPPROTO_UDP), EPROTONOSUPPORT);
        has_protocol(at, libc::IPPROTO_UDP)
    }
}

pub(crate) mod bind {
    use crate::{
        address::Address,
        harness::{check, check_err},
        probe::{Attempt, probed, proofs::internet::kinds, situation::Situation},
        suite::{
            inet::help::{any, port},
            unix::help::name,
        },
        sys,
    };

    /// The socket has the address and a port, and can be found there.
    fn has_a_port(at: &Situation<'_>) -> Attempt {
        let fd = at.socket()?;
        probed(sys::bind(&fd, at.address("a").bytes()))?;
        let address = name(&fd)?;
        check!(port(&address) >= 32768, "{}", port(&address));
        check_err!(sys::bind(&at.socket()?, address.bytes()), EADDRINUSE);
        if at.has_connections() {
            sys::listen(&fd, 1)?;
        }
        Ok(at.receives(&fd, &address)?)
    }

    kinds! {
        has_a_port;
        sockfd_af_inet_sock_stream sockfd_af_inet_sock_dgram sockfd_af_inet6_sock_stream sockfd_af_inet6_sock_dgram
        addr_sa_family_af_inet addr_sa_family_af_inet6
    }

    /// With the address 0.0.0.0 it says as much as AF_INET.
    pub(crate) fn addr_sa_family_af_unspec(at: &Situation<'_>) -> Attempt {
        let fd = at.socket()?;
        let good = any(libc::AF_INET, 0);
        probed(sys::bind(&fd, Address::raw(libc::AF_UNSPEC as u16, good.rest()).bytes()))?;
        check!(name(&fd)? == any(libc::AF_INET, port(&name(&fd)?)));
        Ok(())
    }
}

pub(crate) mod connect {
    use crate::{
        harness::check_eq,
        probe::{Attempt, probed, proofs::internet::kinds, situation::Situation},
        suite::unix::help::{exchange, peer_name},
        sys,
    };

    /// The two ends reach each other.
    fn reaches(at: &Situation<'_>) -> Attempt {
        let near = at.socket()?;
        if !at.has_connections() {
            let (far, address) = at.bound(&at.address("a"))?;
            probed(sys::connect(&near, address.bytes()))?;
            check_eq!(peer_name(&near)?, address);
            return Ok(at.carries(&near, &far)?);
        }
        let (fd, address) = at.listener(&at.address("a"), 1)?;
        probed(sys::connect(&near, address.bytes()))?;
        check_eq!(peer_name(&near)?, address);
        Ok(exchange(&near, &sys::accept(&fd)?)?)
    }

    kinds! {
        reaches;
        sockfd_af_inet_sock_stream sockfd_af_inet_sock_dgram sockfd_af_inet6_sock_stream sockfd_af_inet6_sock_dgram
        addr_sa_family_af_inet addr_sa_family_af_inet6
    }
}

pub(crate) mod getsockname {
    use crate::{
        harness::check_eq,
        probe::{Attempt, probed, proofs::internet::kinds, situation::Situation},
        suite::{
            inet::help::{any, loopback, port},
            unix::help::name,
        },
    };

    /// No address and no port at first, then what was bound.
    fn is_the_bound_one(at: &Situation<'_>) -> Attempt {
        check_eq!(probed(name(&at.socket()?))?, any(at.family(), 0));
        let (fd, address) = at.bound(&at.address("a"))?;
        check_eq!(probed(name(&fd))?, loopback(at.family(), port(&address)));
        Ok(())
    }

    kinds! {
        is_the_bound_one;
        sockfd_af_inet_sock_stream sockfd_af_inet_sock_dgram sockfd_af_inet6_sock_stream sockfd_af_inet6_sock_dgram
    }
}

pub(crate) mod getpeername {
    use crate::{
        harness::{check_eq, check_err},
        probe::{Attempt, probed, proofs::internet::kinds, situation::Situation},
        suite::unix::help::{name, peer_name},
    };

    /// The name of the other end, each way; without one there is none.
    fn is_the_others(at: &Situation<'_>) -> Attempt {
        let (one, other) = at.pair()?;
        check_eq!(probed(peer_name(&one))?, name(&other)?);
        check_eq!(probed(peer_name(&other))?, name(&one)?);
        check_err!(peer_name(&at.socket()?), ENOTCONN);
        Ok(())
    }

    kinds! {
        is_the_others;
        sockfd_af_inet_sock_stream sockfd_af_inet_sock_dgram sockfd_af_inet6_sock_stream sockfd_af_inet6_sock_dgram
    }
}

pub(crate) mod listen {
    use crate::{
        harness::check_eq,
        probe::{Attempt, probed, proofs::internet::kinds, situation::Situation},
        suite::{inet::help::wait_for, unix::help::option},
        sys,
    };

    /// Connections are queued, and accepted in order.
    fn queues(at: &Situation<'_>) -> Attempt {
        let (fd, address) = at.bound(&at.address("a"))?;
        probed(sys::listen(&fd, 4))?;
        check_eq!(option(&fd, libc::SO_ACCEPTCONN)?, 1);
        let clients = [at.client(&address)?, at.client(&address)?];
        for (number, client) in clients.iter().enumerate() {
            sys::write(client, &[number as u8])?;
        }
        for number in 0..2 {
            wait_for(&fd, libc::POLLIN)?;
            let mut byte = [9];
            check_eq!(sys::read(&sys::accept(&fd)?, &mut byte)?, 1);
            check_eq!(byte[0], number);
        }
        Ok(())
    }

    kinds! { queues; sockfd_af_inet_sock_stream sockfd_af_inet6_sock_stream }
}

pub(crate) mod accept {
    use crate::{
        address::Address,
        harness::check_eq,
        probe::{Attempt, probed, proofs::internet::kinds, situation::Situation},
        suite::unix::help::{exchange, name},
        sys,
    };

    /// The accepted socket is connected to the client, whose name is reported.
    fn says_who(at: &Situation<'_>) -> Attempt {
        let (fd, address) = at.listener(&at.address("a"), 1)?;
        let near = at.client(&address)?;
        let (mut buffer, mut length) = ([0; 128], 128);
        let far = probed(sys::accept_from(&fd, &mut buffer, &mut length))?;
        check_eq!(Address::from_filled(&buffer, length), name(&near)?);
        Ok(exchange(&near, &far)?)
    }

    kinds! { says_who; sockfd_af_inet_sock_stream sockfd_af_inet6_sock_stream }
}

pub(crate) mod accept4 {
    use crate::{
        probe::{Attempt, probed, proofs::internet::kinds, situation::Situation},
        suite::unix::help::exchange,
        sys,
    };

    /// The accepted socket is connected to the client.
    fn is_connected(at: &Situation<'_>) -> Attempt {
        let (fd, address) = at.listener(&at.address("a"), 1)?;
        let near = at.client(&address)?;
        let far = probed(sys::accept4(&fd, 0))?;
        Ok(exchange(&near, &far)?)
    }

    kinds! { is_connected; sockfd_af_inet_sock_stream sockfd_af_inet6_sock_stream }
}

pub(crate) mod shutdown {
    use crate::{
        harness::{check_eq, check_err},
        probe::{Attempt, probed, proofs::internet::kinds, situation::Situation},
        sys,
    };

    /// Nothing is sent any more, and what the other end sends still comes.
    fn ends_sending(at: &Situation<'_>) -> Attempt {
        let (one, other) = at.pair()?;
        probed(sys::shutdown(&one, libc::SHUT_WR))?;
        check_err!(sys::send(&one, b"x", libc::MSG_NOSIGNAL), EPIPE);
        if at.has_connections() {
            check_eq!(sys::read(&other, &mut [0; 4])?, 0);
        }
        sys::write(&other, b"back")?;
        check_eq!(sys::read(&one, &mut [0; 8])?, 4);
        check_err!(sys::shutdown(&at.socket()?, libc::SHUT_WR), ENOTCONN);
        Ok(())
    }

    kinds! {
        ends_sending;
        sockfd_af_inet_sock_stream sockfd_af_inet_sock_dgram sockfd_af_inet6_sock_stream sockfd_af_inet6_sock_dgram
    }
}
