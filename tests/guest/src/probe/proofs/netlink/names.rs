//! Making sockets, names and peers.

pub(crate) mod socket {
    use crate::{
        harness::{check, check_eq},
        probe::{Attempt, probed, proofs::internet::kinds, situation::Situation},
        suite::{
            netlink::help::{REQUEST, Request, Talk, by_send},
            unix::help::option,
        },
        sys,
    };

    fn answers(at: &Situation<'_>, kind: i32) -> Attempt {
        let fd = probed(sys::socket(at.family(), kind, libc::NETLINK_ROUTE))?;
        check_eq!(option(&fd, libc::SO_DOMAIN)?, libc::AF_NETLINK);
        check_eq!(option(&fd, libc::SO_TYPE)?, kind);
        check_eq!(option(&fd, libc::SO_PROTOCOL)?, libc::NETLINK_ROUTE);
        let found = Talk::over(fd, by_send).ask(&Request::link(libc::RTM_GETLINK, REQUEST, 1))?;
        check!(found[0].index() == 1);
        Ok(())
    }

    /// Both types are served alike.
    fn of_this_kind(at: &Situation<'_>) -> Attempt {
        answers(at, at.kind())
    }

    kinds! { of_this_kind; family_af_netlink protocol_netlink_route type_sock_raw }

    /// The sockets that there are are told of.
    pub(crate) fn protocol_netlink_sock_diag(at: &Situation<'_>) -> Attempt {
        use crate::suite::{
            inet::help::{V4, listener, port},
            netlink::diag::{internet, talk},
        };
        let talk = probed(talk(at.kind()))?;
        let (_fd, address) = listener(V4, 1)?;
        let all = talk.ask(&internet(V4, libc::IPPROTO_TCP, u32::MAX))?;
        check!(all.iter().any(|it| it.body[4..6] == port(&address).to_be_bytes()));
        Ok(())
    }

    /// What becomes of devices is heard.
    pub(crate) fn protocol_netlink_kobject_uevent(at: &Situation<'_>) -> Attempt {
        use crate::suite::netlink::{
            help::Pair,
            uevents::{about, hearer},
        };
        let fd = probed(hearer(at.kind()))?;
        let pair = Pair::new()?;
        check_eq!(about(&fd, &pair.name)?.len(), 1);
        Ok(())
    }
}

pub(crate) mod bind {
    use crate::{
        harness::{check, check_err},
        probe::{Attempt, probed, proofs::internet::kinds, situation::Situation},
        suite::{
            netlink::help::{address, parts},
            unix::help::name,
        },
        sys,
    };

    /// The socket has a number, which is nobody else's.
    fn has_a_number(at: &Situation<'_>) -> Attempt {
        let fd = at.socket()?;
        probed(sys::bind(&fd, address(0, 1).bytes()))?;
        let own = name(&fd)?;
        check!(parts(&own).0 != 0 && parts(&own).1 == 1);
        check_err!(sys::bind(&at.socket()?, own.bytes()), EADDRINUSE);
        Ok(())
    }

    kinds! { has_a_number; sockfd_af_netlink_sock_raw sockfd_af_netlink_sock_dgram addr_sa_family_af_netlink }
}

pub(crate) mod connect {
    use crate::{
        harness::check_eq,
        probe::{Attempt, probed, proofs::internet::kinds, situation::Situation},
        suite::unix::help::peer_name,
        sys,
    };

    /// What is sent without an address goes to the peer.
    fn has_a_peer(at: &Situation<'_>) -> Attempt {
        let (far, address) = at.bound(&at.address("far"))?;
        let fd = at.socket()?;
        probed(sys::connect(&fd, address.bytes()))?;
        check_eq!(peer_name(&fd)?, address);
        Ok(at.carries(&fd, &far)?)
    }

    kinds! { has_a_peer; sockfd_af_netlink_sock_raw sockfd_af_netlink_sock_dgram addr_sa_family_af_netlink }
}

pub(crate) mod getsockname {
    use crate::{
        harness::check_eq,
        probe::{Attempt, probed, proofs::internet::kinds, situation::Situation},
        suite::{
            netlink::help::{address, parts},
            unix::help::name,
        },
        sys,
    };

    fn tells(at: &Situation<'_>) -> Attempt {
        let fd = at.socket()?;
        check_eq!(parts(&probed(name(&fd))?), (0, 0));
        sys::bind(&fd, address(0x4000_0000 + sys::getpid()? as u32, 3).bytes())?;
        check_eq!(parts(&probed(name(&fd))?), (0x4000_0000 + sys::getpid()? as u32, 3));
        Ok(())
    }

    kinds! { tells; sockfd_af_netlink_sock_raw sockfd_af_netlink_sock_dgram }
}

pub(crate) mod getpeername {
    use crate::{
        harness::check_eq,
        probe::{Attempt, probed, proofs::internet::kinds, situation::Situation},
        suite::{
            netlink::help::{address, parts},
            unix::help::peer_name,
        },
        sys,
    };

    /// Without a peer, it is the kernel.
    fn tells(at: &Situation<'_>) -> Attempt {
        let fd = at.socket()?;
        check_eq!(parts(&probed(peer_name(&fd))?), (0, 0));
        sys::connect(&fd, address(4711, 4).bytes())?;
        check_eq!(parts(&probed(peer_name(&fd))?), (4711, 4));
        Ok(())
    }

    kinds! { tells; sockfd_af_netlink_sock_raw sockfd_af_netlink_sock_dgram }
}
