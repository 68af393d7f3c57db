//! Groups: who listens is told of every change, whoever made it.

use super::help::{
    ACK, FAR, IFADDR, IFINFO, Message, ND, NEAR, OWN, Pair, RTM, Request, Talk, listener, new_address,
    receive, word,
};
use crate::{
    errno::Result,
    harness::{Case, Outcome, Test, check, check_eq, check_err, tests},
    suite::unix::help::{option, poll_for, set_option},
    sys,
};

pub(crate) const TESTS: &[Test] = tests!("netlink";
    groups_hear_of_links,
    groups_hear_of_addresses_and_routes,
    groups_hear_of_neighbours,
    groups_are_apart,
    groups_are_left,
    groups_that_are_too_loud,
    groups_that_are_too_loud_show_an_error,
    groups_that_are_too_loud_quietly,
    groups_closed_while_something_waits,
);

/// `RTNLGRP_*`
const LINK: u32 = 1;
const NEIGHBOUR: u32 = 3;
const ADDRESS_V4: u32 = 5;
const ROUTE_V4: u32 = 7;

/// The messages that wait, about whatever `is_meant`: other tests make noise, too.
fn heard(fd: &std::os::fd::OwnedFd, is_meant: impl Fn(&Message) -> bool) -> Result<Vec<Message>> {
    let mut all = Vec::new();
    while let Ok(found) = receive(fd, libc::MSG_DONTWAIT) {
        all.extend(found.into_iter().filter(&is_meant));
    }
    Ok(all)
}

fn groups_hear_of_links(_: &Case) -> Outcome {
    let fd = listener(&[LINK])?;
    let pair = Pair::new()?;
    let named = |it: &Message| it.text(IFINFO, libc::IFLA_IFNAME).as_deref() == Some(&pair.name);
    let told = heard(&fd, named)?;
    check!(
        told.iter().all(|it| it.kind == libc::RTM_NEWLINK && it.sequence == 0 || it.sequence == 0x5ca1ab1e)
    );
    let up: Vec<_> = told.iter().map(|it| word(&it.body[8..]) as i32 & libc::IFF_UP).collect();
    check!(up.first() == Some(&0) && up.last() == Some(&libc::IFF_UP), "{up:?}");
    pair.talk.make(
        &Request::link(libc::RTM_SETLINK, ACK, pair.index).with(libc::IFLA_MTU, &1400_u32.to_ne_bytes()),
    )?;
    let told = heard(&fd, named)?;
    check_eq!(told.last().and_then(|it| it.number(IFINFO, libc::IFLA_MTU)), Some(1400));
    pair.talk.make(&Request::link(libc::RTM_DELLINK, ACK, pair.index))?;
    let told = heard(&fd, named)?;
    check_eq!(told.last().map(|it| (it.kind, it.index())), Some((libc::RTM_DELLINK, pair.index)));
    Ok(())
}

fn groups_hear_of_addresses_and_routes(_: &Case) -> Outcome {
    let pair = Pair::new()?;
    let fd = listener(&[ADDRESS_V4, ROUTE_V4])?;
    pair.talk.make(&new_address(pair.index, OWN, 24).with(libc::IFA_BROADCAST, &[198, 18, 5, 255]))?;
    let about = |it: &Message| {
        it.index() == pair.index && it.kind < libc::RTM_NEWROUTE
            || it.kind >= libc::RTM_NEWROUTE && it.number(RTM, libc::RTA_OIF) == Some(pair.index)
    };
    let shown = |it: Message| match it.kind {
        libc::RTM_NEWADDR | libc::RTM_DELADDR => (it.kind, it.get(IFADDR, libc::IFA_LOCAL), it.body[1], 0),
        _ => (it.kind, it.get(RTM, libc::RTA_DST), it.body[1], it.body[7]),
    };
    let told: Vec<_> = heard(&fd, about)?.into_iter().map(shown).collect();
    let network = [198, 18, 5, 0].to_vec();
    let all = [198, 18, 5, 255].to_vec();
    check_eq!(
        told,
        [
            (libc::RTM_NEWADDR, Some(OWN.to_vec()), 24, 0),
            (libc::RTM_NEWROUTE, Some(OWN.to_vec()), 32, libc::RTN_LOCAL),
            (libc::RTM_NEWROUTE, Some(all.clone()), 32, libc::RTN_BROADCAST),
            (libc::RTM_NEWROUTE, Some(network.clone()), 24, libc::RTN_UNICAST),
        ]
    );
    pair.talk.make(&super::changes::new_route(super::help::NEW))?;
    let told: Vec<_> = heard(&fd, about)?.into_iter().map(shown).collect();
    check_eq!(told, [(libc::RTM_NEWROUTE, Some(FAR.to_vec()), 24, libc::RTN_UNICAST)]);
    let gone =
        Request::address(libc::RTM_DELADDR, ACK, libc::AF_INET, 24, pair.index).with(libc::IFA_LOCAL, &OWN);
    pair.talk.make(&gone)?;
    let told: Vec<_> = heard(&fd, about)?.into_iter().map(shown).collect();
    check_eq!(
        told,
        [
            (libc::RTM_DELADDR, Some(OWN.to_vec()), 24, 0),
            (libc::RTM_DELROUTE, Some(network), 24, libc::RTN_UNICAST),
            (libc::RTM_DELROUTE, Some(all), 32, libc::RTN_BROADCAST),
            (libc::RTM_DELROUTE, Some(OWN.to_vec()), 32, libc::RTN_LOCAL),
        ]
    );
    Ok(())
}

fn groups_hear_of_neighbours(_: &Case) -> Outcome {
    let pair = Pair::with_address(Talk::new()?)?;
    let fd = listener(&[NEIGHBOUR])?;
    let request = Request::neighbour(libc::RTM_NEWNEIGH, super::help::NEW, libc::AF_INET, pair.index)
        .with(libc::NDA_DST, &NEAR)
        .with(libc::NDA_LLADDR, &[2, 0, 0, 0, 0, 9]);
    pair.talk.make(&request)?;
    let about = |it: &Message| it.index() == pair.index && it.get(ND, libc::NDA_DST) == Some(NEAR.to_vec());
    check_eq!(heard(&fd, about)?.last().map(|it| (it.kind, it.body[8])), Some((libc::RTM_NEWNEIGH, 0x80)));
    Ok(())
}

fn groups_are_apart(_: &Case) -> Outcome {
    let (links, nothing) = (listener(&[LINK])?, listener(&[])?);
    let pair = Pair::with_address(Talk::new()?)?;
    check!(
        heard(&links, |_| true)?.iter().all(|it| matches!(it.kind, libc::RTM_NEWLINK | libc::RTM_DELLINK))
    );
    check_err!(receive(&nothing, libc::MSG_DONTWAIT), EAGAIN);
    drop(pair);
    Ok(())
}

fn groups_are_left(_: &Case) -> Outcome {
    let fd = listener(&[])?;
    let membership =
        |option| crate::suite::inet::options::set(&fd, super::options::LEVEL, option, LINK as i32).map(drop);
    membership(libc::NETLINK_ADD_MEMBERSHIP)?;
    let pair = Pair::new()?;
    poll_for(&fd, libc::POLLIN, 10_000)?;
    check!(!heard(&fd, |_| true)?.is_empty());
    membership(libc::NETLINK_DROP_MEMBERSHIP)?;
    pair.talk.set_up(pair.index, false)?;
    check_err!(receive(&fd, libc::MSG_DONTWAIT), EAGAIN);
    Ok(())
}

/// Makes more noise than a small buffer holds.
fn flood(pair: &Pair) -> Result<()> {
    for number in 0..100_u32 {
        let mtu = 1300 + number % 2;
        let request =
            Request::link(libc::RTM_SETLINK, ACK, pair.index).with(libc::IFLA_MTU, &mtu.to_ne_bytes());
        pair.talk.make(&request)?;
    }
    Ok(())
}

/// Who has no room is told so, once, and what had room is still there.
fn groups_that_are_too_loud(_: &Case) -> Outcome {
    let fd = listener(&[LINK])?;
    set_option(&fd, libc::SO_RCVBUF, 8000)?;
    let pair = Pair::new()?;
    flood(&pair)?;
    check_err!(receive(&fd, libc::MSG_DONTWAIT), ENOBUFS);
    check_eq!(option(&fd, libc::SO_ERROR)?, 0);
    let count = heard(&fd, |_| true)?.len();
    check!((1..100).contains(&count), "{count}");
    // From then on it hears again.
    pair.talk.set_up(pair.index, false)?;
    check!(!heard(&fd, |_| true)?.is_empty());
    Ok(())
}

fn groups_that_are_too_loud_show_an_error(_: &Case) -> Outcome {
    let fd = listener(&[LINK])?;
    set_option(&fd, libc::SO_RCVBUF, 8000)?;
    let pair = Pair::new()?;
    flood(&pair)?;
    check!(poll_for(&fd, libc::POLLERR, 0)? & libc::POLLERR != 0);
    check_eq!(option(&fd, libc::SO_ERROR)?, libc::ENOBUFS);
    check_eq!(poll_for(&fd, libc::POLLERR, 0)? & libc::POLLERR, 0);
    Ok(())
}

/// NETLINK_NO_ENOBUFS
fn groups_that_are_too_loud_quietly(_: &Case) -> Outcome {
    let fd = listener(&[LINK])?;
    set_option(&fd, libc::SO_RCVBUF, 8000)?;
    super::options::switch(&fd, libc::NETLINK_NO_ENOBUFS, 1)?;
    let pair = Pair::new()?;
    flood(&pair)?;
    check_eq!(option(&fd, libc::SO_ERROR)?, 0);
    let count = heard(&fd, |_| true)?.len();
    check!((1..100).contains(&count), "{count}");
    Ok(())
}

fn groups_closed_while_something_waits(_: &Case) -> Outcome {
    let pair = Pair::new()?;
    for _ in 0..20 {
        let fd = listener(&[LINK])?;
        pair.talk.set_up(pair.index, false)?;
        pair.talk.set_up(pair.index, true)?;
        sys::close(fd)?;
    }
    Ok(())
}
