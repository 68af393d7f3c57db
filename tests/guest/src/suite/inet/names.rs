//! Addresses and ports: bind(2), getsockname(2), getpeername(2).

use super::help::{
    DGRAM, FAMILIES, STREAM, V4, V6, any, at, bound, client, connection, datagrams, listener, loopback, port,
    port_of, switch_on,
};
use crate::{
    address::Address,
    harness::{Case, Need, Outcome, Test, check, check_eq, check_err, tests},
    suite::unix::help::{name, peer_name},
    sys,
};

pub(crate) const TESTS: &[Test] = tests!("inet";
    sockets_have_the_types_and_protocols_that_linux_has,
    a_fresh_socket_has_no_name,
    bind_to_port_0_chooses_one,
    bind_takes_a_name_once,
    bind_refuses_addresses_that_are_none,
    bind_refuses_addresses_of_others,
    bind_refuses_a_port_that_is_taken,
    bind_with_an_unspecific_family,
    different_addresses_share_a_port,
    the_two_protocols_have_ports_of_their_own,
    a_wildcard_meets_every_address,
    reuse_address_shares_a_port_until_somebody_listens,
    reuse_port_shares_a_port_and_its_connections,
    reuse_of_datagram_ports,
    ipv6_wildcards_take_ipv4_too_unless_told_not_to,
    mapped_addresses_are_ipv4,
    names_of_connected_sockets,
    names_are_cut_where_there_is_no_room,
    peers_of_sockets_that_have_none,
    low_ports_are_for_those_who_may needs [Need::OtherUsers],
    connecting_chooses_a_port_and_an_address,
    every_ephemeral_port_is_different,
);

fn sockets_have_the_types_and_protocols_that_linux_has(_: &Case) -> Outcome {
    for family in FAMILIES {
        for (kind, protocol) in [(STREAM, libc::IPPROTO_TCP), (DGRAM, libc::IPPROTO_UDP)] {
            for asked in [0, protocol] {
                let fd = sys::socket(family, kind | libc::SOCK_CLOEXEC, asked)?;
                let option = |name| crate::suite::unix::help::option(&fd, name);
                check_eq!(option(libc::SO_DOMAIN)?, family);
                check_eq!(option(libc::SO_TYPE)?, kind);
                check_eq!(option(libc::SO_PROTOCOL)?, protocol);
                check_eq!(option(libc::SO_ERROR)?, 0);
                check_eq!(option(libc::SO_ACCEPTCONN)?, 0);
            }
        }
        check_err!(sys::socket(family, STREAM, libc::IPPROTO_UDP), EPROTONOSUPPORT);
        check_err!(sys::socket(family, DGRAM, libc::IPPROTO_TCP), EPROTONOSUPPORT);
        check_err!(sys::socket(family, libc::SOCK_RDM, 0), ESOCKTNOSUPPORT);
        check_err!(sys::socket(family, 12, 0), EINVAL);
    }
    Ok(())
}

fn a_fresh_socket_has_no_name(_: &Case) -> Outcome {
    for family in FAMILIES {
        for kind in [STREAM, DGRAM] {
            let fd = sys::socket(family, kind, 0)?;
            check_eq!(name(&fd)?, any(family, 0));
            check_err!(peer_name(&fd), ENOTCONN);
        }
    }
    Ok(())
}

fn bind_to_port_0_chooses_one(_: &Case) -> Outcome {
    for family in FAMILIES {
        for kind in [STREAM, DGRAM] {
            let (_fd, address) = bound(family, kind)?;
            check!((32768..61000).contains(&port(&address)), "{}", port(&address));
            check_eq!(address, loopback(family, port(&address)));
        }
    }
    Ok(())
}

fn bind_takes_a_name_once(_: &Case) -> Outcome {
    for family in FAMILIES {
        for kind in [STREAM, DGRAM] {
            let (fd, address) = bound(family, kind)?;
            check_err!(sys::bind(&fd, loopback(family, 0).bytes()), EINVAL);
            check_err!(sys::bind(&fd, address.bytes()), EINVAL);
            check_eq!(name(&fd)?, address);
        }
    }
    Ok(())
}

fn bind_refuses_addresses_that_are_none(_: &Case) -> Outcome {
    for kind in [STREAM, DGRAM] {
        let fd = sys::socket(V4, kind, 0)?;
        let good = loopback(V4, 0);
        for length in 2..16 {
            check_err!(sys::bind(&fd, &good.bytes()[..length]), EINVAL, "{length} bytes");
        }
        check_err!(sys::bind(&fd, loopback(V6, 0).bytes()), EAFNOSUPPORT);
        sys::bind(&fd, good.bytes())?;
        let fd = sys::socket(V6, kind, 0)?;
        let good = loopback(V6, 0);
        for length in 2..24 {
            check_err!(sys::bind(&fd, &good.bytes()[..length]), EINVAL, "{length} bytes");
        }
        check_err!(sys::bind(&fd, &[loopback(V4, 0).bytes(), &[0; 12]].concat()), EAFNOSUPPORT);
        sys::bind(&fd, &good.bytes()[..24])?;
    }
    Ok(())
}

fn bind_refuses_addresses_of_others(_: &Case) -> Outcome {
    for kind in [STREAM, DGRAM] {
        let fd = sys::socket(V4, kind, 0)?;
        check_err!(sys::bind(&fd, at(V4, "192.0.2.1:0").bytes()), EADDRNOTAVAIL);
        sys::bind(&fd, at(V4, "127.1.2.3:0").bytes())?;
        let fd = sys::socket(V6, kind, 0)?;
        check_err!(sys::bind(&fd, at(V6, "[2001:db8::1]:0").bytes()), EADDRNOTAVAIL);
        check_err!(sys::bind(&fd, at(V6, "192.0.2.1:0").bytes()), EADDRNOTAVAIL);
        sys::bind(&fd, at(V6, "127.1.2.3:0").bytes())?;
    }
    let fd = sys::socket(V6, STREAM, 0)?;
    check_err!(sys::bind(&fd, at(V6, "[ff02::1]:0").bytes()), EINVAL, "no stream is a group's");
    Ok(())
}

fn bind_refuses_a_port_that_is_taken(_: &Case) -> Outcome {
    for family in FAMILIES {
        for kind in [STREAM, DGRAM] {
            let (taken, address) = bound(family, kind)?;
            let fd = sys::socket(family, kind, 0)?;
            check_err!(sys::bind(&fd, address.bytes()), EADDRINUSE);
            check_eq!(name(&fd)?, any(family, 0));
            drop(taken);
            sys::bind(&fd, address.bytes())?;
        }
    }
    Ok(())
}

fn bind_with_an_unspecific_family(_: &Case) -> Outcome {
    let unspecific = |text| Address::raw(libc::AF_UNSPEC as u16, at(V4, text).rest());
    for kind in [STREAM, DGRAM] {
        let fd = sys::socket(V4, kind, 0)?;
        check_err!(sys::bind(&fd, unspecific("127.0.0.1:0").bytes()), EAFNOSUPPORT);
        sys::bind(&fd, unspecific("0.0.0.0:0").bytes())?;
        check_eq!(name(&fd)?, any(V4, port_of(&fd)?));
    }
    Ok(())
}

fn different_addresses_share_a_port(_: &Case) -> Outcome {
    for kind in [STREAM, DGRAM] {
        let (_one, address) = bound(V4, kind)?;
        let other = sys::socket(V4, kind, 0)?;
        sys::bind(&other, at(V4, &format!("127.0.0.2:{}", port(&address))).bytes())?;
        let six = sys::socket(V6, kind, 0)?;
        sys::bind(&six, loopback(V6, port(&address)).bytes())?;
    }
    Ok(())
}

fn the_two_protocols_have_ports_of_their_own(_: &Case) -> Outcome {
    let (_stream, address) = bound(V4, STREAM)?;
    let fd = sys::socket(V4, DGRAM, 0)?;
    sys::bind(&fd, address.bytes())?;
    Ok(())
}

fn a_wildcard_meets_every_address(_: &Case) -> Outcome {
    for kind in [STREAM, DGRAM] {
        let (_one, address) = bound(V4, kind)?;
        let fd = sys::socket(V4, kind, 0)?;
        check_err!(sys::bind(&fd, any(V4, port(&address)).bytes()), EADDRINUSE);
        let fd = sys::socket(V4, kind, 0)?;
        sys::bind(&fd, any(V4, 0).bytes())?;
        let port = port_of(&fd)?;
        let other = sys::socket(V4, kind, 0)?;
        check_err!(sys::bind(&other, loopback(V4, port).bytes()), EADDRINUSE);
    }
    Ok(())
}

fn reuse_address_shares_a_port_until_somebody_listens(_: &Case) -> Outcome {
    let open = || {
        let fd = sys::socket(V4, STREAM, 0)?;
        switch_on(&fd, libc::SO_REUSEADDR)?;
        Ok::<_, crate::errno::Errno>(fd)
    };
    let one = open()?;
    sys::bind(&one, loopback(V4, 0).bytes())?;
    let address = name(&one)?;
    let other = open()?;
    sys::bind(&other, address.bytes())?;
    sys::listen(&one, 1)?;
    check_err!(sys::listen(&other, 1), EADDRINUSE);
    let third = open()?;
    check_err!(sys::bind(&third, address.bytes()), EADDRINUSE);
    drop(one);
    sys::listen(&other, 1)?;
    Ok(())
}

fn reuse_port_shares_a_port_and_its_connections(_: &Case) -> Outcome {
    let open = |address: &Address| {
        let fd = sys::socket(V4, STREAM, 0)?;
        switch_on(&fd, libc::SO_REUSEPORT)?;
        sys::bind(&fd, address.bytes())?;
        sys::listen(&fd, 64)?;
        Ok::<_, crate::errno::Errno>(fd)
    };
    let one = open(&loopback(V4, 0))?;
    let address = name(&one)?;
    let other = open(&address)?;
    let fd = sys::socket(V4, STREAM, 0)?;
    check_err!(sys::bind(&fd, address.bytes()), EADDRINUSE, "who does not share");
    let mut clients = Vec::new();
    for _ in 0..40 {
        clients.push(client(V4, &address)?);
    }
    let count = |fd: &_| {
        crate::suite::unix::help::set_nonblocking(fd, true)?;
        let mut count = 0;
        while sys::accept(fd).is_ok() {
            count += 1;
        }
        Ok::<_, crate::errno::Errno>(count)
    };
    let (first, second) = (count(&one)?, count(&other)?);
    check_eq!(first + second, 40);
    check!(first > 0 && second > 0, "{first} and {second}");
    Ok(())
}

fn reuse_of_datagram_ports(_: &Case) -> Outcome {
    for option in [libc::SO_REUSEADDR, libc::SO_REUSEPORT] {
        let open = |address: &Address| {
            let fd = sys::socket(V4, DGRAM, 0)?;
            switch_on(&fd, option)?;
            sys::bind(&fd, address.bytes())?;
            Ok::<_, crate::errno::Errno>(fd)
        };
        let one = open(&loopback(V4, 0))?;
        let _other = open(&name(&one)?)?;
        let fd = sys::socket(V4, DGRAM, 0)?;
        check_err!(sys::bind(&fd, name(&one)?.bytes()), EADDRINUSE);
    }
    Ok(())
}

fn ipv6_wildcards_take_ipv4_too_unless_told_not_to(_: &Case) -> Outcome {
    for kind in [STREAM, DGRAM] {
        let six = sys::socket(V6, kind, 0)?;
        sys::bind(&six, any(V6, 0).bytes())?;
        let port = port_of(&six)?;
        let four = sys::socket(V4, kind, 0)?;
        check_err!(sys::bind(&four, any(V4, port).bytes()), EADDRINUSE);
        check_err!(sys::bind(&four, loopback(V4, port).bytes()), EADDRINUSE);
        let only = sys::socket(V6, kind, 0)?;
        sys::setsockopt(&only, libc::IPPROTO_IPV6, libc::IPV6_V6ONLY, &1_i32.to_ne_bytes())?;
        sys::bind(&only, any(V6, 0).bytes())?;
        sys::bind(&four, any(V4, port_of(&only)?).bytes())?;
    }
    Ok(())
}

fn mapped_addresses_are_ipv4(_: &Case) -> Outcome {
    let (fd, address) = listener(V4, 1)?;
    let near = client(V6, &at(V6, &format!("127.0.0.1:{}", port(&address))))?;
    let far = sys::accept(&fd)?;
    crate::suite::unix::help::exchange(&near, &far)?;
    check_eq!(peer_name(&near)?, at(V6, &format!("127.0.0.1:{}", port(&address))));
    check_eq!(peer_name(&far)?, at(V4, &format!("127.0.0.1:{}", port_of(&near)?)));
    // And the other way round.
    let six = sys::socket(V6, STREAM, 0)?;
    sys::bind(&six, any(V6, 0).bytes())?;
    sys::listen(&six, 1)?;
    let near = client(V4, &loopback(V4, port_of(&six)?))?;
    let far = sys::accept(&six)?;
    check_eq!(peer_name(&far)?, at(V6, &format!("127.0.0.1:{}", port_of(&near)?)));
    check_eq!(name(&far)?, at(V6, &format!("127.0.0.1:{}", port_of(&six)?)));
    // Who has nothing to do with IPv4 does not speak to it.
    let only = sys::socket(V6, STREAM, 0)?;
    sys::setsockopt(&only, libc::IPPROTO_IPV6, libc::IPV6_V6ONLY, &1_i32.to_ne_bytes())?;
    check_err!(sys::connect(&only, at(V6, &format!("127.0.0.1:{}", port(&address))).bytes()), ENETUNREACH);
    check_err!(sys::bind(&only, at(V6, "127.0.0.1:0").bytes()), EINVAL);
    Ok(())
}

fn names_of_connected_sockets(_: &Case) -> Outcome {
    for family in FAMILIES {
        for (near, far) in [connection(family)?, datagrams(family)?] {
            check_eq!(name(&near)?, peer_name(&far)?);
            check_eq!(peer_name(&near)?, name(&far)?);
            check_eq!(name(&near)?, loopback(family, port_of(&near)?));
        }
    }
    Ok(())
}

fn names_are_cut_where_there_is_no_room(_: &Case) -> Outcome {
    for (family, size) in [(V4, 16), (V6, 28)] {
        let (fd, address) = bound(family, STREAM)?;
        for room in 0..size + 4 {
            let mut buffer = [0xa5; 40];
            let mut length = room as i32;
            sys::getsockname(&fd, &mut buffer, &mut length)?;
            check_eq!(length, size as i32);
            let shown = room.min(size);
            check_eq!(&buffer[..shown], &address.bytes()[..shown]);
            check!(buffer[shown..].iter().all(|byte| *byte == 0xa5), "room for {room}");
        }
    }
    Ok(())
}

fn peers_of_sockets_that_have_none(_: &Case) -> Outcome {
    for family in FAMILIES {
        let (fd, _) = listener(family, 1)?;
        check_err!(peer_name(&fd), ENOTCONN);
        let (fd, _) = bound(family, DGRAM)?;
        check_err!(peer_name(&fd), ENOTCONN);
    }
    Ok(())
}

fn low_ports_are_for_those_who_may(case: &Case) -> Outcome {
    for family in FAMILIES {
        for kind in [STREAM, DGRAM] {
            let fd = sys::socket(family, kind, 0)?;
            sys::bind(&fd, loopback(family, 1017).bytes())?;
        }
    }
    case.spawn(|| {
        sys::set_thread_uids(12345, 12345, 12345)?;
        for family in FAMILIES {
            for kind in [STREAM, DGRAM] {
                let fd = sys::socket(family, kind, 0)?;
                check_err!(sys::bind(&fd, loopback(family, 1017).bytes()), EACCES);
                check_err!(sys::bind(&fd, any(family, 1).bytes()), EACCES);
            }
        }
        Ok(())
    })
    .join()
}

fn connecting_chooses_a_port_and_an_address(_: &Case) -> Outcome {
    for family in FAMILIES {
        let (_fd, address) = listener(family, 1)?;
        let near = client(family, &address)?;
        check_eq!(name(&near)?, loopback(family, port_of(&near)?));
        check!(port_of(&near)? >= 32768, "{}", port_of(&near)?);
        // To no address is to this host.
        let near = client(family, &any(family, port(&address)))?;
        check_eq!(peer_name(&near)?, address);
    }
    Ok(())
}

fn every_ephemeral_port_is_different(_: &Case) -> Outcome {
    for kind in [STREAM, DGRAM] {
        let mut open = Vec::new();
        let mut ports = std::collections::HashSet::new();
        for _ in 0..100 {
            let (fd, address) = bound(V4, kind)?;
            check!(ports.insert(port(&address)), "{} twice", port(&address));
            open.push(fd);
        }
    }
    Ok(())
}
