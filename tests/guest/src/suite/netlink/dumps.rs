//! What the kernel shows: links, addresses, routes, neighbours and rules.

use super::help::{
    DUMP, IFADDR, IFINFO, REQUEST, RTM, Request, Talk, answer, attributes, messages, receive, word,
};
use crate::{
    harness::{Case, Outcome, Test, check, check_eq, check_err, tests},
    sys,
};

pub(crate) const TESTS: &[Test] = tests!("netlink";
    dumps_show_the_loopback_interface,
    dumps_show_one_interface,
    dumps_show_interfaces_that_are_not_there,
    dumps_show_the_loopback_addresses,
    dumps_show_the_loopback_routes,
    dumps_show_the_rules,
    dumps_come_in_parts_that_end,
    dumps_answer_short_requests,
    dumps_one_at_a_time,
    dumps_that_nobody_receives,
    dumps_of_a_family,
    dumps_are_checked_by_those_who_ask_for_it,
    dumps_say_which_way,
    dumps_of_what_is_not_known,
);

const LO: u32 = 1;

fn dumps_show_the_loopback_interface(_: &Case) -> Outcome {
    let links = Talk::new()?.dump(libc::RTM_GETLINK, libc::AF_UNSPEC, IFINFO)?;
    let lo = &links[0];
    check_eq!((lo.kind, lo.index()), (libc::RTM_NEWLINK, LO));
    check_eq!(u16::from_ne_bytes([lo.body[2], lo.body[3]]), libc::ARPHRD_LOOPBACK);
    let flags = word(&lo.body[8..]) as i32;
    check_eq!(flags, libc::IFF_UP | libc::IFF_LOOPBACK | libc::IFF_RUNNING | 0x10000);
    check_eq!(lo.text(IFINFO, libc::IFLA_IFNAME).as_deref(), Some("lo"));
    check_eq!(lo.number(IFINFO, libc::IFLA_MTU), Some(65_536));
    check_eq!(lo.number(IFINFO, libc::IFLA_TXQLEN), Some(1000));
    check_eq!(lo.text(IFINFO, libc::IFLA_QDISC).as_deref(), Some("noqueue"));
    check_eq!(lo.get(IFINFO, libc::IFLA_ADDRESS), Some(vec![0; 6]));
    check_eq!(lo.get(IFINFO, libc::IFLA_OPERSTATE), Some(vec![0]));
    check!(lo.get(IFINFO, libc::IFLA_STATS64).is_some_and(|it| it.len() >= 184));
    check_eq!(lo.get(IFINFO, libc::IFLA_STATS).map(|it| it.len()), Some(96));
    Ok(())
}

fn dumps_show_one_interface(_: &Case) -> Outcome {
    let talk = Talk::new()?;
    let by_index = talk.ask(&Request::link(libc::RTM_GETLINK, REQUEST, LO))?;
    check_eq!((by_index.len(), by_index[0].flags), (1, 0));
    check_eq!(talk.link("lo")?.index(), LO);
    Ok(())
}

fn dumps_show_interfaces_that_are_not_there(_: &Case) -> Outcome {
    let talk = Talk::new()?;
    check_err!(talk.ask(&Request::link(libc::RTM_GETLINK, REQUEST, 9999)), ENODEV);
    check_err!(talk.link("nosuch0"), ENODEV);
    check_err!(talk.ask(&Request::link(libc::RTM_GETLINK, REQUEST, 0)), EINVAL);
    check_err!(talk.link("a-name-that-is-too-long"), ERANGE);
    Ok(())
}

fn dumps_show_the_loopback_addresses(_: &Case) -> Outcome {
    let talk = Talk::new()?;
    let all = talk.dump(libc::RTM_GETADDR, libc::AF_UNSPEC, IFADDR)?;
    let of_lo = |family: i32| {
        all.iter().find(|it| it.index() == LO && it.body[0] == family as u8).expect("lo has one of each")
    };
    let v4 = of_lo(libc::AF_INET);
    check_eq!(v4.body[..4], [2, 8, 0x80, 254]);
    check_eq!(v4.get(IFADDR, libc::IFA_LOCAL), Some(vec![127, 0, 0, 1]));
    check_eq!(v4.get(IFADDR, libc::IFA_ADDRESS), Some(vec![127, 0, 0, 1]));
    check_eq!(v4.text(IFADDR, libc::IFA_LABEL).as_deref(), Some("lo"));
    check_eq!(v4.get(IFADDR, libc::IFA_BROADCAST), None);
    check_eq!(v4.number(IFADDR, libc::IFA_FLAGS), Some(libc::IFA_F_PERMANENT));
    check_eq!(v4.get(IFADDR, libc::IFA_CACHEINFO).map(|it| it[..8].to_vec()), Some(vec![0xff; 8]));
    let v6 = of_lo(libc::AF_INET6);
    check_eq!(v6.body[..4], [10, 128, 0x80, 254]);
    let mut own = [0; 16];
    own[15] = 1;
    check_eq!(v6.get(IFADDR, libc::IFA_ADDRESS), Some(own.to_vec()));
    check_eq!(v6.get(IFADDR, libc::IFA_LOCAL), None);
    Ok(())
}

fn dumps_show_the_loopback_routes(_: &Case) -> Outcome {
    let talk = Talk::new()?;
    let all = talk.dump(libc::RTM_GETROUTE, libc::AF_INET, RTM)?;
    let to = |to: [u8; 4], length: u8| {
        let found = |it: &&super::help::Message| {
            it.body[1] == length && it.get(RTM, libc::RTA_DST) == Some(to.to_vec())
        };
        all.iter().find(found).cloned().unwrap_or_else(|| panic!("no route to {to:?}/{length}"))
    };
    for (shown, kind, scope) in [
        (to([127, 0, 0, 0], 8), libc::RTN_LOCAL, 254),
        (to([127, 0, 0, 1], 32), libc::RTN_LOCAL, 254),
        (to([127, 255, 255, 255], 32), libc::RTN_BROADCAST, 253),
    ] {
        check_eq!(shown.body[4..8], [255, 2, scope, kind]);
        check_eq!(shown.number(RTM, libc::RTA_TABLE), Some(255));
        check_eq!(shown.number(RTM, libc::RTA_OIF), Some(LO));
        check_eq!(shown.get(RTM, libc::RTA_PREFSRC), Some(vec![127, 0, 0, 1]));
    }
    let all = talk.dump(libc::RTM_GETROUTE, libc::AF_INET6, RTM)?;
    let own = all.iter().find(|it| it.body[1] == 128 && it.number(RTM, libc::RTA_OIF) == Some(LO));
    let own = own.expect("the way to ::1");
    check_eq!(own.body[4..8], [255, 2, 0, libc::RTN_LOCAL]);
    check_eq!(own.number(RTM, libc::RTA_PRIORITY), Some(0));
    Ok(())
}

fn dumps_show_the_rules(_: &Case) -> Outcome {
    /// `FRA_TABLE` and `FRA_PRIORITY`
    const TABLE: u16 = 15;
    const PRIORITY: u16 = 6;
    let talk = Talk::new()?;
    for (family, tables) in [(libc::AF_INET, &[255, 254, 253][..]), (libc::AF_INET6, &[255, 254])] {
        let rules = talk.dump(libc::RTM_GETRULE, family, RTM)?;
        let shown: Vec<_> = rules.iter().filter_map(|it| it.number(RTM, TABLE)).collect();
        check_eq!(shown, tables);
        let priorities: Vec<_> = rules.iter().map(|it| it.number(RTM, PRIORITY)).collect();
        check_eq!(priorities[..2], [None, Some(32_766)]);
        check!(rules.iter().all(|it| it.kind == libc::RTM_NEWRULE && it.body[7] == 1));
    }
    Ok(())
}

fn dumps_come_in_parts_that_end(_: &Case) -> Outcome {
    let talk = Talk::new()?;
    talk.send(&Request::link(libc::RTM_GETLINK, DUMP, 0))?;
    let mut last = None;
    while last.is_none() {
        for message in receive(&talk.fd, 0)? {
            check!(message.flags & libc::NLM_F_MULTI as u16 != 0);
            check_eq!(message.sequence, 0x5ca1ab1e);
            check!(message.port != 0);
            check_eq!(last, None);
            if message.kind == libc::NLMSG_DONE as u16 {
                last = Some(message);
            }
        }
    }
    check_eq!(last.map(|last| last.body), Some(vec![0; 4]));
    check_err!(receive(&talk.fd, libc::MSG_DONTWAIT), EAGAIN);
    Ok(())
}

/// glibc sends a `struct rtgenmsg`, a byte.
fn dumps_answer_short_requests(_: &Case) -> Outcome {
    let talk = Talk::new()?;
    for kind in [libc::RTM_GETLINK, libc::RTM_GETADDR, libc::RTM_GETROUTE, libc::RTM_GETRULE] {
        let all = talk.ask(&Request::new(kind, DUMP, &[0]))?;
        check!(!all.is_empty(), "{kind}");
        for header in [1, 3] {
            let mut bytes = Request::new(kind, DUMP, &[0]).bytes();
            bytes[..4].copy_from_slice(&(16_u32 + header).to_ne_bytes());
            sys::send(&talk.fd, &bytes, 0)?;
            check_eq!(answer(&talk.fd)?.len(), all.len());
        }
    }
    Ok(())
}

fn dumps_one_at_a_time(_: &Case) -> Outcome {
    let talk = Talk::new()?;
    // Of a thousand addresses not all fit into what waits.
    let (request, many) = (Request::address(libc::RTM_GETADDR, DUMP, 0, 0, 0), 400);
    for number in 0..many {
        talk.make(&super::help::new_address(LO, [198, 18, 128 + (number / 256) as u8, number as u8], 32))?;
    }
    // Parts are as long as what was received into before.
    let talk = Talk::new()?;
    talk.send(&request)?;
    check_err!(
        {
            talk.send(&request)?;
            // The answer to the first one is on its way.
            let mut found = receive(&talk.fd, 0)?;
            while found.iter().all(|it| it.errno().is_none()) {
                found = receive(&talk.fd, 0)?;
            }
            Err::<(), _>(crate::errno::Errno(found.iter().find_map(super::help::Message::errno).unwrap_or(0)))
        },
        EBUSY
    );
    let talk = Talk::new()?;
    check!(talk.ask(&request)?.len() >= many);
    for number in 0..many {
        let address = [198, 18, 128 + (number / 256) as u8, number as u8];
        talk.make(&super::changes::remove(&super::help::new_address(LO, address, 32)))?;
    }
    Ok(())
}

fn dumps_that_nobody_receives(_: &Case) -> Outcome {
    for _ in 0..50 {
        let talk = Talk::new()?;
        talk.send(&Request::link(libc::RTM_GETLINK, DUMP, 0))?;
    }
    check!(!Talk::new()?.dump(libc::RTM_GETLINK, 0, IFINFO)?.is_empty());
    Ok(())
}

fn dumps_of_a_family(_: &Case) -> Outcome {
    let talk = Talk::new()?;
    for family in [libc::AF_INET, libc::AF_INET6] {
        for (kind, header) in
            [(libc::RTM_GETADDR, IFADDR), (libc::RTM_GETROUTE, RTM), (libc::RTM_GETRULE, RTM)]
        {
            let all = talk.dump(kind, family, header)?;
            check!(!all.is_empty() && all.iter().all(|it| it.body[0] == family as u8), "{kind} {family}");
        }
    }
    let links = talk.dump(libc::RTM_GETLINK, libc::AF_INET6, IFINFO)?;
    check_eq!(links[0].body[0], libc::AF_INET6 as u8);
    check_eq!(links[0].text(IFINFO, libc::IFLA_IFNAME).as_deref(), Some("lo"));
    check_eq!(links[0].get(IFINFO, libc::IFLA_STATS64), None);
    Ok(())
}

fn dumps_are_checked_by_those_who_ask_for_it(_: &Case) -> Outcome {
    let talk = Talk::new()?;
    super::options::switch(&talk.fd, libc::NETLINK_GET_STRICT_CHK, 1)?;
    let only = Request::address(libc::RTM_GETADDR, DUMP, 0, 0, LO);
    let all = talk.ask(&only)?;
    check!(!all.is_empty() && all.iter().all(|it| it.index() == LO));
    check!(all.iter().all(|it| it.flags & libc::NLM_F_DUMP_FILTERED as u16 != 0));
    let local = Request::new(libc::RTM_GETROUTE, DUMP, &[2, 0, 0, 0, 255, 0, 0, 0, 0, 0, 0, 0]);
    check!(talk.ask(&local)?.iter().all(|it| it.body[4] == 255));
    // Others see everything, whatever they ask for.
    let careless = Talk::new()?;
    check!(careless.ask(&only)?.iter().all(|it| it.flags & libc::NLM_F_DUMP_FILTERED as u16 == 0));
    for bad in [
        Request::address(libc::RTM_GETADDR, DUMP, 0, 9, 0),
        Request::link(libc::RTM_GETLINK, DUMP, 9),
        Request::new(libc::RTM_GETROUTE, DUMP, &[2, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
    ] {
        talk.send(&bad)?;
        // Linux says what is wrong at the end of an answer of nothing, or instead of one.
        let found = receive(&talk.fd, 0)?;
        check_eq!(word(&found[0].body) as i32, -libc::EINVAL);
    }
    Ok(())
}

fn dumps_say_which_way(_: &Case) -> Outcome {
    let talk = Talk::new()?;
    let way = |to: [u8; 4]| {
        let request = Request::route(libc::RTM_GETROUTE, REQUEST, libc::AF_INET, 32, 0);
        talk.ask(&request.with(libc::RTA_DST, &to)).map(|mut found| found.remove(0))
    };
    let shown = way([127, 0, 0, 1])?;
    check_eq!(shown.body[..8], [2, 32, 0, 0, 254, 0, 0, libc::RTN_LOCAL]);
    check_eq!(shown.get(RTM, libc::RTA_DST), Some(vec![127, 0, 0, 1]));
    check_eq!(shown.get(RTM, libc::RTA_PREFSRC), Some(vec![127, 0, 0, 1]));
    check_eq!(shown.number(RTM, libc::RTA_OIF), Some(LO));
    check_eq!(shown.get(RTM, libc::RTA_GATEWAY), None);
    let request = Request::route(libc::RTM_GETROUTE, REQUEST, libc::AF_INET6, 128, 0);
    let own = std::net::Ipv6Addr::LOCALHOST.octets();
    let shown = talk.ask(&request.with(libc::RTA_DST, &own))?.remove(0);
    check_eq!(shown.number(RTM, libc::RTA_OIF), Some(LO));
    Ok(())
}

fn dumps_of_what_is_not_known(_: &Case) -> Outcome {
    let talk = Talk::new()?;
    // Written, since not every system lets it be sent.
    for (kind, flags) in [(1000, REQUEST), (1000, DUMP)] {
        sys::write(&talk.fd, &Request::new(kind, flags, &[0; 16]).bytes())?;
        check_eq!(receive(&talk.fd, 0)?[0].errno(), Some(libc::EOPNOTSUPP));
    }
    // Who names no family is not answered.
    sys::write(&talk.fd, &Request::new(libc::RTM_GETLINK, REQUEST, &[]).bytes())?;
    check_err!(receive(&talk.fd, libc::MSG_DONTWAIT), EAGAIN);
    check_eq!(messages(&[]), []);
    check_eq!(attributes(&[]), []);
    Ok(())
}
