//! What programs change: devices, addresses, routes and neighbours.

use super::help::{
    ACK, FAR, IFADDR, IFINFO, ND, NEAR, NEW, OWN, Pair, REQUEST, RTM, Request, Talk, names, new_address,
    new_pair, word,
};
use crate::{
    errno::Result,
    harness::{Case, NOBODY, Need, Outcome, Test, check, check_eq, check_err, tests},
    suite::inet::interfaces::{flags, name_of, number},
    suite::unix::help::DGRAM,
    sys,
};

pub(crate) const TESTS: &[Test] = tests!("netlink";
    changes_make_devices_and_remove_them,
    changes_of_devices_that_cannot_be,
    changes_of_use_and_carrier,
    changes_of_names_lengths_and_hardware_addresses,
    changes_of_addresses,
    changes_of_addresses_that_cannot_be,
    changes_of_addresses_make_this_host,
    changes_of_addresses_of_version_six,
    changes_of_routes,
    changes_of_routes_that_cannot_be,
    changes_of_routes_that_say_no,
    changes_of_neighbours,
    changes_are_for_those_who_may needs [Need::OtherUsers],
);

fn changes_make_devices_and_remove_them(_: &Case) -> Outcome {
    let pair = Pair::new()?;
    let (one, other) = (pair.talk.link(&pair.name)?, pair.talk.link(&pair.peer)?);
    check_eq!(u16::from_ne_bytes([one.body[2], one.body[3]]), libc::ARPHRD_ETHER);
    check_eq!(one.number(IFINFO, libc::IFLA_MTU), Some(1500));
    check_eq!(one.number(IFINFO, libc::IFLA_LINK), Some(other.index()));
    check_eq!(other.number(IFINFO, libc::IFLA_LINK), Some(one.index()));
    let mac = one.get(IFINFO, libc::IFLA_ADDRESS).expect("Ethernet has one");
    check!(mac.len() == 6 && mac[0] & 3 == 2 && Some(mac) != other.get(IFINFO, libc::IFLA_ADDRESS));
    check!(one.get(IFINFO, libc::IFLA_LINKINFO).is_some_and(|info| info.windows(4).any(|it| it == b"veth")));
    // They are there for everybody.
    let udp = sys::socket(libc::AF_INET, DGRAM, 0)?;
    check_eq!(number(&udp, libc::SIOCGIFINDEX, &pair.name)? as u32, pair.index);
    check_eq!(name_of(&udp, pair.index as i32)?, pair.name);
    // With one end the other one goes.
    let gone = Request::link(libc::RTM_DELLINK, ACK, other.index());
    pair.talk.make(&gone)?;
    check_err!(pair.talk.link(&pair.name), ENODEV);
    check_err!(pair.talk.link(&pair.peer), ENODEV);
    check_err!(pair.talk.make(&gone), ENODEV);
    Ok(())
}

fn changes_of_devices_that_cannot_be(_: &Case) -> Outcome {
    let pair = Pair::new()?;
    let talk = &pair.talk;
    check_err!(talk.make(&new_pair(NEW, &pair.name, "other0")), EEXIST);
    check_err!(talk.make(&new_pair(NEW, "same0", "same0")), EEXIST);
    check_err!(talk.make(&new_pair(ACK, "notthere0", "notthere1")), ENODEV);
    for bad in ["a/b", "a b", "..", "a-name-that-is-too-long"] {
        check!(talk.make(&new_pair(NEW, bad, "other0")).is_err(), "{bad:?}");
    }
    let kind = super::help::attribute(1, b"nosuchkind\0");
    let unknown = Request::link(libc::RTM_NEWLINK, NEW, 0)
        .text(libc::IFLA_IFNAME, "x0")
        .with(libc::IFLA_LINKINFO, &kind);
    check_err!(talk.make(&unknown), EOPNOTSUPP);
    check_err!(
        talk.make(&Request::link(libc::RTM_DELLINK, ACK, 1)),
        EOPNOTSUPP,
        "the loopback interface stays"
    );
    check_err!(talk.make(&Request::link(libc::RTM_DELLINK, ACK, 9999)), ENODEV);
    check_err!(talk.make(&Request::link(libc::RTM_SETLINK, ACK, 0)), EINVAL);
    check_err!(talk.make(&Request::link(libc::RTM_NEWLINK, ACK, 0)), ENODEV);
    Ok(())
}

fn state(talk: &Talk, name: &str) -> Result<(i32, u8)> {
    let link = talk.link(name)?;
    let flags = word(&link.body[8..]) as i32 & (libc::IFF_UP | libc::IFF_RUNNING);
    Ok((flags, link.get(IFINFO, libc::IFLA_OPERSTATE).map_or(0xff, |state| state[0])))
}

fn changes_of_use_and_carrier(_: &Case) -> Outcome {
    const BOTH: i32 = libc::IFF_UP | libc::IFF_RUNNING;
    let pair = Pair::new()?;
    let (talk, one) = (&pair.talk, pair.index);
    check_eq!(state(talk, &pair.name)?, (BOTH, 6));
    let udp = sys::socket(libc::AF_INET, DGRAM, 0)?;
    check_eq!(flags(&udp, &pair.name)? & BOTH, BOTH);
    talk.set_up(one, false)?;
    check_eq!(state(talk, &pair.name)?, (0, 2));
    check_eq!(state(talk, &pair.peer)?, (libc::IFF_UP, 3), "there is nobody at the other end");
    check_eq!(flags(&udp, &pair.name)? & BOTH, 0);
    talk.set_up(one, false)?;
    talk.set_up(one, true)?;
    check_eq!(state(talk, &pair.peer)?, (BOTH, 6));
    Ok(())
}

fn changes_of_names_lengths_and_hardware_addresses(_: &Case) -> Outcome {
    let pair = Pair::new()?;
    let (talk, one) = (&pair.talk, pair.index);
    let set = |kind, data: &[u8]| talk.make(&Request::link(libc::RTM_SETLINK, ACK, one).with(kind, data));
    set(libc::IFLA_MTU, &1280_u32.to_ne_bytes())?;
    check_eq!(talk.link(&pair.name)?.number(IFINFO, libc::IFLA_MTU), Some(1280));
    for bad in [0_u32, 67, 65_536, u32::MAX] {
        check_err!(set(libc::IFLA_MTU, &bad.to_ne_bytes()), EINVAL, "{bad}");
    }
    let mac = [2, 7, 7, 7, 7, 7];
    set(libc::IFLA_ADDRESS, &mac)?;
    check_eq!(talk.link(&pair.name)?.get(IFINFO, libc::IFLA_ADDRESS), Some(mac.to_vec()));
    check_err!(set(libc::IFLA_ADDRESS, &[1, 0, 0, 0, 0, 0]), EADDRNOTAVAIL, "that of a group");
    check_err!(set(libc::IFLA_IFNAME, format!("{}\0", pair.peer).as_bytes()), EEXIST);
    let [fresh, _] = names();
    talk.set_up(one, false)?;
    set(libc::IFLA_IFNAME, format!("{fresh}\0").as_bytes())?;
    check_err!(talk.link(&pair.name), ENODEV);
    check_eq!(talk.link(&fresh)?.index(), one);
    set(libc::IFLA_IFNAME, format!("{}\0", pair.name).as_bytes())?;
    Ok(())
}

fn addresses(talk: &Talk, family: i32, index: u32) -> Result<Vec<(Vec<u8>, u8)>> {
    let all = talk.dump(libc::RTM_GETADDR, family, IFADDR)?;
    let own = all.into_iter().filter(|it| it.index() == index);
    Ok(own.map(|it| (it.get(IFADDR, libc::IFA_ADDRESS).unwrap_or_default(), it.body[1])).collect())
}

/// The message that takes back what a message has made.
pub(crate) fn remove(request: &Request) -> Request {
    let mut bytes = request.bytes();
    bytes[4] += 1;
    bytes[6..8].copy_from_slice(&ACK.to_ne_bytes());
    Request::raw(bytes)
}

/// Where a route leads, and over which router.
type Route = (Vec<u8>, u8, Option<Vec<u8>>);

fn routes(talk: &Talk, index: u32) -> Result<Vec<Route>> {
    let all = talk.dump(libc::RTM_GETROUTE, libc::AF_INET, RTM)?;
    let own = all.into_iter().filter(|it| it.body[4] == 254 && it.number(RTM, libc::RTA_OIF) == Some(index));
    let shown = own.map(|it| {
        (it.get(RTM, libc::RTA_DST).unwrap_or_default(), it.body[1], it.get(RTM, libc::RTA_GATEWAY))
    });
    Ok(shown.collect())
}

fn changes_of_addresses(_: &Case) -> Outcome {
    let pair = Pair::new()?;
    let (talk, one) = (&pair.talk, pair.index);
    let request = new_address(one, OWN, 24).with(libc::IFA_BROADCAST, &[198, 18, 5, 255]);
    talk.make(&request)?;
    check_eq!(addresses(talk, libc::AF_INET, one)?, [(OWN.to_vec(), 24)]);
    check_eq!(routes(talk, one)?, [(vec![198, 18, 5, 0], 24, None)]);
    let udp = sys::socket(libc::AF_INET, DGRAM, 0)?;
    let shown = |request| crate::suite::inet::interfaces::address(&udp, request, &pair.name);
    check_eq!(shown(libc::SIOCGIFADDR)?.1, OWN);
    check_eq!(shown(libc::SIOCGIFBRDADDR)?.1, [198, 18, 5, 255]);
    check_eq!(shown(libc::SIOCGIFNETMASK)?.1, [255, 255, 255, 0]);
    check_err!(talk.make(&request), EEXIST);
    // One without a route to its network, and one that is replaced by itself.
    let flags = u32::to_ne_bytes(libc::IFA_F_NOPREFIXROUTE);
    talk.make(&new_address(one, [198, 18, 6, 1], 24).with(libc::IFA_FLAGS, &flags))?;
    check_eq!(routes(talk, one)?.len(), 1);
    talk.make(&remove(&request))?;
    check_err!(talk.make(&remove(&request)), EADDRNOTAVAIL);
    check_eq!(addresses(talk, libc::AF_INET, one)?.len(), 1);
    check_eq!(routes(talk, one)?, []);
    Ok(())
}

fn changes_of_addresses_that_cannot_be(_: &Case) -> Outcome {
    let pair = Pair::new()?;
    let (talk, one) = (&pair.talk, pair.index);
    check_err!(talk.make(&new_address(9999, OWN, 24)), ENODEV);
    check_err!(talk.make(&new_address(one, OWN, 33)), EINVAL);
    check_err!(talk.make(&Request::address(libc::RTM_NEWADDR, NEW, libc::AF_INET, 24, one)), EINVAL);
    let group = Request::address(libc::RTM_NEWADDR, NEW, libc::AF_INET6, 64, one);
    let mut address = [0; 16];
    (address[0], address[15]) = (0xff, 1);
    check_err!(talk.make(&group.with(libc::IFA_ADDRESS, &address)), EADDRNOTAVAIL);
    check_err!(talk.make(&remove(&new_address(one, OWN, 24))), EADDRNOTAVAIL);
    check_err!(talk.make(&remove(&new_address(9999, OWN, 24))), ENODEV);
    Ok(())
}

/// All of a network of the loopback interface is this host's.
fn changes_of_addresses_make_this_host(_: &Case) -> Outcome {
    let pair = Pair::with_address(Talk::new()?)?;
    let receiver = sys::socket(libc::AF_INET, DGRAM, 0)?;
    let at = |address: [u8; 4], port: u16| {
        let [a, b, c, d] = address;
        let [p0, p1] = port.to_be_bytes();
        crate::address::Address::raw(libc::AF_INET as u16, &[p0, p1, a, b, c, d, 0, 0, 0, 0, 0, 0, 0, 0])
    };
    check_err!(sys::bind(&receiver, at(NEAR, 0).bytes()), EADDRNOTAVAIL);
    sys::bind(&receiver, at(OWN, 0).bytes())?;
    let port = crate::suite::inet::help::port_of(&receiver)?;
    let sender = sys::socket(libc::AF_INET, DGRAM, 0)?;
    sys::sendto(&sender, b"to myself", 0, at(OWN, port).bytes())?;
    check_eq!(sys::read(&receiver, &mut [0; 16])?, 9);
    let network = new_address(1, [198, 18, 77, 1], 24);
    pair.talk.make(&network)?;
    let receiver = sys::socket(libc::AF_INET, DGRAM, 0)?;
    sys::bind(&receiver, at([198, 18, 77, 200], 0).bytes())?;
    pair.talk.make(&remove(&network))?;
    let receiver = sys::socket(libc::AF_INET, DGRAM, 0)?;
    check_err!(sys::bind(&receiver, at([198, 18, 77, 200], 0).bytes()), EADDRNOTAVAIL);
    Ok(())
}

fn changes_of_addresses_of_version_six(_: &Case) -> Outcome {
    let pair = Pair::new()?;
    let (talk, one) = (&pair.talk, pair.index);
    let address: [u8; 16] = [0x20, 1, 0xd, 0xb8, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
    let request = Request::address(libc::RTM_NEWADDR, NEW, libc::AF_INET6, 64, one)
        .with(libc::IFA_LOCAL, &address)
        .with(libc::IFA_FLAGS, &u32::to_ne_bytes(libc::IFA_F_NODAD));
    talk.make(&request)?;
    let shown = addresses(talk, libc::AF_INET6, one)?;
    check!(shown.contains(&(address.to_vec(), 64)), "{shown:?}");
    check_err!(talk.make(&request), EEXIST);
    let sender = sys::socket(libc::AF_INET6, DGRAM, 0)?;
    let bytes: Vec<u8> = [&[0, 0, 0, 0, 0, 0][..], &address, &[0; 4]].concat();
    sys::bind(&sender, crate::address::Address::raw(libc::AF_INET6 as u16, &bytes).bytes())?;
    talk.make(&remove(&request))?;
    check_err!(talk.make(&remove(&request)), EADDRNOTAVAIL);
    // Those that are there go with the interface's use.
    talk.set_up(one, false)?;
    check_eq!(addresses(talk, libc::AF_INET6, one)?, []);
    Ok(())
}

/// A route to [`FAR`] over a router.
pub(crate) fn new_route(flags: u16) -> Request {
    Request::route(libc::RTM_NEWROUTE, flags, libc::AF_INET, 24, 0)
        .with(libc::RTA_DST, &FAR)
        .with(libc::RTA_GATEWAY, &NEAR)
}

fn changes_of_routes(_: &Case) -> Outcome {
    let pair = Pair::with_address(Talk::new()?)?;
    let (talk, one) = (&pair.talk, pair.index);
    let request = new_route(NEW);
    talk.make(&request)?;
    let over = (FAR.to_vec(), 24, Some(NEAR.to_vec()));
    check!(routes(talk, one)?.contains(&over));
    check_err!(talk.make(&request), EEXIST);
    let way = Request::route(libc::RTM_GETROUTE, REQUEST, libc::AF_INET, 32, 0)
        .with(libc::RTA_DST, &[198, 19, 7, 77]);
    let shown = talk.ask(&way)?.remove(0);
    check_eq!(shown.get(RTM, libc::RTA_GATEWAY), Some(NEAR.to_vec()));
    check_eq!(shown.number(RTM, libc::RTA_OIF), Some(one));
    check_eq!(shown.get(RTM, libc::RTA_PREFSRC), Some(OWN.to_vec()));
    // Another metric is another route; the lower one counts.
    let worse = request.clone().with(libc::RTA_PRIORITY, &50_u32.to_ne_bytes());
    talk.make(&worse)?;
    check_eq!(routes(talk, one)?.iter().filter(|it| **it == over).count(), 2);
    talk.make(&remove(&worse))?;
    // What is there can be replaced.
    let other = Request::route(libc::RTM_NEWROUTE, ACK | 0x500, libc::AF_INET, 24, 253)
        .with(libc::RTA_DST, &FAR)
        .with(libc::RTA_OIF, &one.to_ne_bytes());
    talk.make(&other)?;
    check!(routes(talk, one)?.contains(&(FAR.to_vec(), 24, None)));
    talk.make(&remove(
        &Request::route(libc::RTM_NEWROUTE, NEW, libc::AF_INET, 24, 255).with(libc::RTA_DST, &FAR),
    ))?;
    check_eq!(routes(talk, one)?.len(), 1);
    check_err!(talk.make(&remove(&request)), ESRCH);
    // A route goes with the interface's use.
    talk.make(&request)?;
    talk.set_up(one, false)?;
    check_eq!(routes(talk, one)?, []);
    talk.set_up(one, true)?;
    check_eq!(routes(talk, one)?.len(), 1, "the one to the link is back");
    Ok(())
}

fn changes_of_routes_that_cannot_be(_: &Case) -> Outcome {
    let pair = Pair::with_address(Talk::new()?)?;
    let talk = &pair.talk;
    let plain = || Request::route(libc::RTM_NEWROUTE, NEW, libc::AF_INET, 24, 0).with(libc::RTA_DST, &FAR);
    check_err!(talk.make(&plain().with(libc::RTA_GATEWAY, &[203, 0, 113, 9])), ENETUNREACH);
    let missing = Request::route(libc::RTM_NEWROUTE, NEW, libc::AF_INET, 24, 253).with(libc::RTA_DST, &FAR);
    check_err!(talk.make(&missing.clone().with(libc::RTA_OIF, &9999_u32.to_ne_bytes())), ENODEV);
    check_err!(talk.make(&missing), ENODEV);
    let source = plain().with(libc::RTA_GATEWAY, &NEAR).with(libc::RTA_PREFSRC, &[203, 0, 113, 1]);
    check_err!(talk.make(&source), EINVAL);
    let long = Request::route(libc::RTM_NEWROUTE, NEW, libc::AF_INET, 33, 0).with(libc::RTA_GATEWAY, &NEAR);
    check_err!(talk.make(&long), EINVAL);
    let crooked = Request::route(libc::RTM_NEWROUTE, NEW, libc::AF_INET, 8, 0);
    check_err!(talk.make(&crooked.with(libc::RTA_DST, &FAR).with(libc::RTA_GATEWAY, &NEAR)), EINVAL);
    // Without NLM_F_CREATE, there has to be one.
    check_err!(talk.make(&new_route(ACK)), ENOENT);
    Ok(())
}

/// Black holes and the like.
fn changes_of_routes_that_say_no(_: &Case) -> Outcome {
    let talk = Talk::new()?;
    for (kind, errno) in [
        (libc::RTN_BLACKHOLE, libc::EINVAL),
        (libc::RTN_UNREACHABLE, libc::EHOSTUNREACH),
        (libc::RTN_PROHIBIT, libc::EACCES),
    ] {
        let header = [libc::AF_INET as u8, 24, 0, 0, 254, 4, 0, kind, 0, 0, 0, 0];
        let request = Request::new(libc::RTM_NEWROUTE, NEW, &header).with(libc::RTA_DST, &FAR);
        talk.make(&request)?;
        let to = crate::suite::inet::help::at(libc::AF_INET, "198.19.7.5:9");
        let udp = sys::socket(libc::AF_INET, DGRAM, 0)?;
        check_eq!(sys::connect(&udp, to.bytes()), Err(crate::errno::Errno(errno)), "{kind}");
        let way = Request::route(libc::RTM_GETROUTE, REQUEST, libc::AF_INET, 32, 0)
            .with(libc::RTA_DST, &[198, 19, 7, 5]);
        check_eq!(talk.ask(&way), Err(crate::errno::Errno(errno)));
        talk.make(&remove(&request))?;
    }
    Ok(())
}

fn changes_of_neighbours(_: &Case) -> Outcome {
    let pair = Pair::with_address(Talk::new()?)?;
    let (talk, one) = (&pair.talk, pair.index);
    let mac = [2, 0, 0, 0, 0, 9];
    let request = Request::neighbour(libc::RTM_NEWNEIGH, NEW, libc::AF_INET, one)
        .with(libc::NDA_DST, &NEAR)
        .with(libc::NDA_LLADDR, &mac);
    let shown = || -> Result<Vec<_>> {
        let all = talk.dump(libc::RTM_GETNEIGH, libc::AF_INET, ND)?;
        let own = all.into_iter().filter(|it| it.index() == one);
        Ok(own.map(|it| (it.get(ND, libc::NDA_DST), it.get(ND, libc::NDA_LLADDR), it.body[8])).collect())
    };
    talk.make(&request)?;
    check_eq!(shown()?, [(Some(NEAR.to_vec()), Some(mac.to_vec()), 0x80)]);
    check_err!(talk.make(&request), EEXIST);
    let one_of_them =
        Request::neighbour(libc::RTM_GETNEIGH, REQUEST, libc::AF_INET, one).with(libc::NDA_DST, &NEAR);
    let mut bytes = one_of_them.bytes();
    bytes[24..28].fill(0);
    sys::send(&talk.fd, &bytes, 0)?;
    check_eq!(super::help::answer(&talk.fd)?[0].get(ND, libc::NDA_LLADDR), Some(mac.to_vec()));
    talk.make(&remove(&request))?;
    check_eq!(shown()?, []);
    check_err!(talk.make(&remove(&request)), ENOENT);
    let nowhere = Request::neighbour(libc::RTM_NEWNEIGH, NEW, libc::AF_INET, 9999).with(libc::NDA_DST, &NEAR);
    check_err!(talk.make(&nowhere), ENODEV);
    check_err!(talk.make(&Request::neighbour(libc::RTM_NEWNEIGH, NEW, libc::AF_INET, one)), EINVAL);
    Ok(())
}

/// CAP_NET_ADMIN
fn changes_are_for_those_who_may(case: &Case) -> Outcome {
    let pair = Pair::new()?;
    let one = pair.index;
    let worker = case.spawn(move || {
        sys::set_thread_uids(NOBODY, NOBODY, NOBODY)?;
        let talk = Talk::new()?;
        check_err!(talk.make(&new_address(one, OWN, 24)), EPERM);
        check_err!(talk.set_up(one, false), EPERM);
        check_err!(talk.make(&new_route(NEW)), EPERM);
        check_err!(talk.make(&Request::link(libc::RTM_DELLINK, ACK, one)), EPERM);
        check!(!talk.dump(libc::RTM_GETLINK, 0, IFINFO)?.is_empty());
        Ok(())
    });
    worker.join()
}
