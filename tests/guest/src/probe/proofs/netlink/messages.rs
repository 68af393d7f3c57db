//! Types of messages, their flags and attributes: each is used where it means something, over each call that sends.

use std::io::IoSlice;

use crate::{
    errno::Result,
    harness::{check, check_eq, check_err},
    probe::{Attempt, Trouble, situation::Situation},
    suite::netlink::help::{
        ACK, DUMP, FAR, IFADDR, IFINFO, ND, NEAR, NEW, OWN, Pair, REQUEST, RTM, Request, Send, Talk,
        attribute, names, new_address, new_pair, receive,
    },
    sys::{self, Envelope},
};

fn talk(at: &Situation<'_>, send: Send) -> Result<Talk> {
    Ok(Talk::over(at.socket()?, send))
}

/// Marks what is probed.
#[track_caller]
fn asked<T>(met: Result<T>) -> std::result::Result<T, Trouble> {
    crate::probe::probed(met)
}

const CREATE: u16 = ACK | libc::NLM_F_CREATE as u16;

pub(crate) fn name_attribute(at: &Situation<'_>, send: Send) -> Attempt {
    let talk = talk(at, send)?;
    check_eq!(asked(talk.link("lo"))?.index(), 1);
    link_names(at, send)
}

/// A device is found by its name, and can have another one.
fn link_names(at: &Situation<'_>, send: Send) -> Attempt {
    let pair = Pair::over(talk(at, send)?)?;
    let [fresh, _] = names();
    pair.talk.set_up(pair.index, false)?;
    for name in [&fresh, &pair.name] {
        asked(
            pair.talk.make(&Request::link(libc::RTM_SETLINK, ACK, pair.index).text(libc::IFLA_IFNAME, name)),
        )?;
        check_eq!(pair.talk.link(name)?.index(), pair.index);
    }
    Ok(())
}

pub(crate) fn other_name(at: &Situation<'_>, send: Send) -> Attempt {
    let request = Request::link(libc::RTM_GETLINK, REQUEST, 0).text(libc::IFLA_ALT_IFNAME, "lo");
    check_eq!(asked(talk(at, send)?.ask(&request))?[0].index(), 1);
    Ok(())
}

/// It asks for virtual functions, bridges and statistics of the families, of which the interface has none.
pub(crate) fn mask(at: &Situation<'_>, send: Send) -> Attempt {
    let talk = talk(at, send)?;
    for mask in [0_u32, 1, 2, 8, 9] {
        let request =
            Request::link(libc::RTM_GETLINK, REQUEST, 1).with(libc::IFLA_EXT_MASK, &mask.to_ne_bytes());
        check!(asked(talk.ask(&request))?[0].get(IFINFO, libc::IFLA_STATS64).is_some());
    }
    Ok(())
}

/// By the kind of device, which is made by it, too.
pub(crate) fn link_info(at: &Situation<'_>, send: Send) -> Attempt {
    let pair = Pair::over(talk(at, send)?)?;
    let kind = attribute(1, b"veth\0");
    let only = Request::link(libc::RTM_GETLINK, DUMP, 0).with(libc::IFLA_LINKINFO, &kind);
    let found = asked(pair.talk.ask(&only))?;
    check!(found.iter().any(|it| it.index() == pair.index) && found.iter().all(|it| it.index() != 1));
    Ok(())
}

pub(crate) fn mtu(at: &Situation<'_>, send: Send) -> Attempt {
    let pair = Pair::over(talk(at, send)?)?;
    let set =
        |mtu: u32| Request::link(libc::RTM_SETLINK, ACK, pair.index).with(libc::IFLA_MTU, &mtu.to_ne_bytes());
    asked(pair.talk.make(&set(1300)))?;
    check_eq!(pair.talk.link(&pair.name)?.number(IFINFO, libc::IFLA_MTU), Some(1300));
    check_err!(pair.talk.make(&set(1)), EINVAL);
    Ok(())
}

pub(crate) fn hardware_address(at: &Situation<'_>, send: Send) -> Attempt {
    let pair = Pair::over(talk(at, send)?)?;
    let mac = [2, 1, 2, 3, 4, 5];
    asked(pair.talk.make(&Request::link(libc::RTM_SETLINK, ACK, pair.index).with(libc::IFLA_ADDRESS, &mac)))?;
    check_eq!(pair.talk.link(&pair.name)?.get(IFINFO, libc::IFLA_ADDRESS), Some(mac.to_vec()));
    Ok(())
}

pub(crate) fn get_link(at: &Situation<'_>, send: Send) -> Attempt {
    let found = asked(talk(at, send)?.dump(libc::RTM_GETLINK, 0, IFINFO))?;
    check_eq!(found[0].text(IFINFO, libc::IFLA_IFNAME).as_deref(), Some("lo"));
    Ok(())
}

pub(crate) fn new_link(at: &Situation<'_>, send: Send) -> Attempt {
    let pair = asked(Pair::over(talk(at, send)?))?;
    check!(pair.talk.link(&pair.name)?.index() > 1);
    Ok(())
}

pub(crate) fn set_link(at: &Situation<'_>, send: Send) -> Attempt {
    mtu(at, send)
}

pub(crate) fn delete_link(at: &Situation<'_>, send: Send) -> Attempt {
    let pair = Pair::over(talk(at, send)?)?;
    asked(pair.talk.make(&Request::link(libc::RTM_DELLINK, ACK, pair.index)))?;
    check_err!(pair.talk.link(&pair.name), ENODEV);
    Ok(())
}

pub(crate) fn get_address(at: &Situation<'_>, send: Send) -> Attempt {
    let found = asked(talk(at, send)?.dump(libc::RTM_GETADDR, libc::AF_INET, IFADDR))?;
    check_eq!(found[0].get(IFADDR, libc::IFA_LOCAL), Some(vec![127, 0, 0, 1]));
    Ok(())
}

/// The address as it is shown.
fn shown(pair: &Pair) -> Result<Vec<crate::suite::netlink::help::Message>> {
    let all = pair.talk.dump(libc::RTM_GETADDR, libc::AF_INET, IFADDR)?;
    Ok(all.into_iter().filter(|it| it.index() == pair.index).collect())
}

fn give(at: &Situation<'_>, send: Send, kind: u16, data: &[u8]) -> std::result::Result<Pair, Trouble> {
    let pair = Pair::over(talk(at, send)?)?;
    asked(pair.talk.make(&new_address(pair.index, OWN, 24).with(kind, data)))?;
    Ok(pair)
}

pub(crate) fn new_addresses(at: &Situation<'_>, send: Send) -> Attempt {
    let pair = Pair::over(talk(at, send)?)?;
    asked(pair.talk.make(&new_address(pair.index, OWN, 24)))?;
    check_eq!(shown(&pair)?[0].get(IFADDR, libc::IFA_LOCAL), Some(OWN.to_vec()));
    Ok(())
}

pub(crate) fn delete_address(at: &Situation<'_>, send: Send) -> Attempt {
    let pair = Pair::with_address(talk(at, send)?)?;
    let gone =
        Request::address(libc::RTM_DELADDR, ACK, libc::AF_INET, 24, pair.index).with(libc::IFA_LOCAL, &OWN);
    asked(pair.talk.make(&gone))?;
    check_eq!(shown(&pair)?, []);
    Ok(())
}

pub(crate) fn broadcast(at: &Situation<'_>, send: Send) -> Attempt {
    let pair = give(at, send, libc::IFA_BROADCAST, &[198, 18, 5, 255])?;
    check_eq!(shown(&pair)?[0].get(IFADDR, libc::IFA_BROADCAST), Some(vec![198, 18, 5, 255]));
    Ok(())
}

/// The interface's own name is what an address is called by.
pub(crate) fn label(at: &Situation<'_>, send: Send) -> Attempt {
    let pair = Pair::over(talk(at, send)?)?;
    asked(pair.talk.make(&new_address(pair.index, OWN, 24).text(libc::IFA_LABEL, &pair.name)))?;
    check_eq!(shown(&pair)?[0].text(IFADDR, libc::IFA_LABEL).as_deref(), Some(&*pair.name));
    Ok(())
}

/// Without a route to the network.
pub(crate) fn address_flags(at: &Situation<'_>, send: Send) -> Attempt {
    let pair = give(at, send, libc::IFA_FLAGS, &u32::to_ne_bytes(libc::IFA_F_NOPREFIXROUTE))?;
    let flags = libc::IFA_F_PERMANENT | libc::IFA_F_NOPREFIXROUTE;
    check_eq!(shown(&pair)?[0].number(IFADDR, libc::IFA_FLAGS), Some(flags));
    Ok(())
}

/// For ever.
pub(crate) fn lifetime(at: &Situation<'_>, send: Send) -> Attempt {
    let mut lifetimes = [0; 16];
    lifetimes[..8].fill(0xff);
    let pair = give(at, send, libc::IFA_CACHEINFO, &lifetimes)?;
    check_eq!(
        shown(&pair)?[0].get(IFADDR, libc::IFA_CACHEINFO).map(|it| it[..8].to_vec()),
        Some(vec![0xff; 8])
    );
    Ok(())
}

pub(crate) fn get_route(at: &Situation<'_>, send: Send) -> Attempt {
    let found = asked(talk(at, send)?.dump(libc::RTM_GETROUTE, libc::AF_INET, RTM))?;
    check!(found.iter().any(|it| it.get(RTM, libc::RTA_DST) == Some(vec![127, 0, 0, 1])));
    Ok(())
}

/// The routes over a router, of the pair.
fn over_router(pair: &Pair) -> Result<Vec<crate::suite::netlink::help::Message>> {
    let all = pair.talk.dump(libc::RTM_GETROUTE, libc::AF_INET, RTM)?;
    let meant = |it: &crate::suite::netlink::help::Message| it.get(RTM, libc::RTA_DST) == Some(FAR.to_vec());
    Ok(all.into_iter().filter(meant).collect())
}

fn route_with(at: &Situation<'_>, send: Send, kind: u16, data: &[u8]) -> Attempt {
    let pair = Pair::with_address(talk(at, send)?)?;
    let request = crate::suite::netlink::changes::new_route(NEW).with(kind, data);
    asked(pair.talk.make(&request))?;
    let found = over_router(&pair)?;
    check_eq!((found.len(), found[0].get(RTM, kind)), (1, Some(data.to_vec())));
    Ok(())
}

pub(crate) fn new_route(at: &Situation<'_>, send: Send) -> Attempt {
    route_with(at, send, libc::RTA_GATEWAY, &NEAR)
}

pub(crate) fn delete_route(at: &Situation<'_>, send: Send) -> Attempt {
    let pair = Pair::with_address(talk(at, send)?)?;
    pair.talk.make(&crate::suite::netlink::changes::new_route(NEW))?;
    let gone = Request::route(libc::RTM_DELROUTE, ACK, libc::AF_INET, 24, 0).with(libc::RTA_DST, &FAR);
    asked(pair.talk.make(&gone))?;
    check_eq!(over_router(&pair)?, []);
    Ok(())
}

pub(crate) fn destination(at: &Situation<'_>, send: Send) -> Attempt {
    let request = Request::route(libc::RTM_GETROUTE, REQUEST, libc::AF_INET, 32, 0)
        .with(libc::RTA_DST, &[127, 0, 0, 9]);
    check_eq!(asked(talk(at, send)?.ask(&request))?[0].get(RTM, libc::RTA_DST), Some(vec![127, 0, 0, 9]));
    new_route(at, send)
}

pub(crate) fn from(at: &Situation<'_>, send: Send) -> Attempt {
    let request = Request::new(libc::RTM_GETROUTE, REQUEST, &[2, 32, 32, 0, 0, 0, 0, 0, 0, 0, 0, 0])
        .with(libc::RTA_DST, &[127, 0, 0, 9])
        .with(libc::RTA_SRC, &[127, 0, 0, 1]);
    check_eq!(asked(talk(at, send)?.ask(&request))?[0].get(RTM, libc::RTA_SRC), Some(vec![127, 0, 0, 1]));
    Ok(())
}

/// Who asks does not change the way.
pub(crate) fn user(at: &Situation<'_>, send: Send) -> Attempt {
    let request = Request::route(libc::RTM_GETROUTE, REQUEST, libc::AF_INET, 32, 0)
        .with(libc::RTA_DST, &[127, 0, 0, 9])
        .with(libc::RTA_UID, &0_u32.to_ne_bytes());
    check_eq!(asked(talk(at, send)?.ask(&request))?[0].number(RTM, libc::RTA_UID), Some(0));
    Ok(())
}

pub(crate) fn interface(at: &Situation<'_>, send: Send) -> Attempt {
    let pair = Pair::with_address(talk(at, send)?)?;
    let index = pair.index.to_ne_bytes();
    let request = crate::suite::netlink::changes::new_route(NEW).with(libc::RTA_OIF, &index);
    asked(pair.talk.make(&request))?;
    check_eq!(over_router(&pair)?[0].number(RTM, libc::RTA_OIF), Some(pair.index));
    let way = Request::route(libc::RTM_GETROUTE, REQUEST, libc::AF_INET, 32, 0)
        .with(libc::RTA_DST, &NEAR)
        .with(libc::RTA_OIF, &index);
    check_eq!(asked(pair.talk.ask(&way))?[0].number(RTM, libc::RTA_OIF), Some(pair.index));
    Ok(())
}

pub(crate) fn metric(at: &Situation<'_>, send: Send) -> Attempt {
    route_with(at, send, libc::RTA_PRIORITY, &77_u32.to_ne_bytes())
}

pub(crate) fn preferred_source(at: &Situation<'_>, send: Send) -> Attempt {
    route_with(at, send, libc::RTA_PREFSRC, &OWN)
}

/// That of all routes which are made here.
pub(crate) fn table(at: &Situation<'_>, send: Send) -> Attempt {
    route_with(at, send, libc::RTA_TABLE, &254_u32.to_ne_bytes())
}

/// Of IPv6, and medium.
pub(crate) fn preference(at: &Situation<'_>, send: Send) -> Attempt {
    let pair = Pair::over(talk(at, send)?)?;
    let far: [u8; 16] = [0x20, 1, 0xd, 0xb8, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let request = Request::route(libc::RTM_NEWROUTE, NEW, libc::AF_INET6, 64, 0)
        .with(libc::RTA_DST, &far)
        .with(libc::RTA_OIF, &pair.index.to_ne_bytes())
        .with(libc::RTA_PREF, &[0]);
    asked(pair.talk.make(&request))?;
    let all = pair.talk.dump(libc::RTM_GETROUTE, libc::AF_INET6, RTM)?;
    let found = all.iter().find(|it| it.get(RTM, libc::RTA_DST) == Some(far.to_vec()));
    check_eq!(found.and_then(|it| it.get(RTM, libc::RTA_PREF)), Some(vec![0]));
    Ok(())
}

/// With its neighbour at the other end of the line.
fn acquainted(at: &Situation<'_>, send: Send) -> std::result::Result<Pair, Trouble> {
    let pair = Pair::with_address(talk(at, send)?)?;
    let request = Request::neighbour(libc::RTM_NEWNEIGH, NEW, libc::AF_INET, pair.index)
        .with(libc::NDA_DST, &NEAR)
        .with(libc::NDA_LLADDR, &[2, 0, 0, 0, 0, 9]);
    asked(pair.talk.make(&request))?;
    Ok(pair)
}

/// Where a neighbour is, and where on the link.
type Neighbour = [Option<Vec<u8>>; 2];

fn known(pair: &Pair) -> Result<Vec<Neighbour>> {
    let all = pair.talk.dump(libc::RTM_GETNEIGH, libc::AF_INET, ND)?;
    let own = all.into_iter().filter(|it| it.index() == pair.index);
    Ok(own.map(|it| [libc::NDA_DST, libc::NDA_LLADDR].map(|kind| it.get(ND, kind))).collect())
}

pub(crate) fn neighbours(at: &Situation<'_>, send: Send) -> Attempt {
    let pair = acquainted(at, send)?;
    check_eq!(asked(known(&pair))?, [[Some(NEAR.to_vec()), Some(vec![2, 0, 0, 0, 0, 9])]]);
    Ok(())
}

pub(crate) fn delete_neighbour(at: &Situation<'_>, send: Send) -> Attempt {
    let pair = acquainted(at, send)?;
    let gone =
        Request::neighbour(libc::RTM_DELNEIGH, ACK, libc::AF_INET, pair.index).with(libc::NDA_DST, &NEAR);
    asked(pair.talk.make(&gone))?;
    check_eq!(known(&pair)?.len(), 0);
    Ok(())
}

pub(crate) fn neighbours_of_one(at: &Situation<'_>, send: Send) -> Attempt {
    let pair = acquainted(at, send)?;
    for (index, count) in [(pair.index, 1), (1, 0)] {
        /// `NDA_IFINDEX`
        const IFINDEX: u16 = 8;
        let request = Request::new(libc::RTM_GETNEIGH, DUMP, &[0; ND]).with(IFINDEX, &index.to_ne_bytes());
        let found = asked(pair.talk.ask(&request))?;
        check_eq!(found.iter().filter(|it| it.get(ND, libc::NDA_DST) == Some(NEAR.to_vec())).count(), count);
    }
    Ok(())
}

pub(crate) fn get_rule(at: &Situation<'_>, send: Send) -> Attempt {
    check_eq!(asked(talk(at, send)?.dump(libc::RTM_GETRULE, libc::AF_INET, RTM))?.len(), 3);
    Ok(())
}

/// Without it, nothing is answered.
pub(crate) fn request(at: &Situation<'_>, send: Send) -> Attempt {
    let talk = talk(at, send)?;
    talk.send(&Request::link(libc::RTM_GETLINK, 0, 1))?;
    check_err!(receive(&talk.fd, libc::MSG_DONTWAIT), EAGAIN);
    asked(talk.send(&Request::link(libc::RTM_GETLINK, REQUEST, 1)))?;
    check_eq!(receive(&talk.fd, libc::MSG_DONTWAIT)?.len(), 1);
    Ok(())
}

pub(crate) fn acknowledge(at: &Situation<'_>, send: Send) -> Attempt {
    let talk = talk(at, send)?;
    for (flags, count) in [(REQUEST, 0), (ACK, 1)] {
        asked(talk.send(&Request::link_flags(libc::RTM_NEWLINK, flags, 1, 0, 0)))?;
        check_eq!(receive(&talk.fd, libc::MSG_DONTWAIT).map_or(0, |found| found.len()), count);
    }
    Ok(())
}

/// Either of the two bits asks for everything.
fn everything(at: &Situation<'_>, send: Send, flag: i32) -> Attempt {
    let talk = talk(at, send)?;
    let found = asked(talk.ask(&Request::link(libc::RTM_GETLINK, REQUEST | flag as u16, 0)))?;
    check!(found[0].flags & libc::NLM_F_MULTI as u16 != 0);
    Ok(())
}

pub(crate) fn root(at: &Situation<'_>, send: Send) -> Attempt {
    everything(at, send, libc::NLM_F_ROOT)
}

pub(crate) fn matching(at: &Situation<'_>, send: Send) -> Attempt {
    everything(at, send, libc::NLM_F_MATCH)
}

pub(crate) fn replace(at: &Situation<'_>, send: Send) -> Attempt {
    let pair = Pair::with_address(talk(at, send)?)?;
    pair.talk.make(&crate::suite::netlink::changes::new_route(NEW))?;
    let other = Request::route(libc::RTM_NEWROUTE, ACK | libc::NLM_F_REPLACE as u16, libc::AF_INET, 24, 0)
        .with(libc::RTA_DST, &FAR)
        .with(libc::RTA_GATEWAY, &[198, 18, 5, 77]);
    asked(pair.talk.make(&other))?;
    let found = over_router(&pair)?;
    check_eq!((found.len(), found[0].get(RTM, libc::RTA_GATEWAY)), (1, Some(vec![198, 18, 5, 77])));
    Ok(())
}

pub(crate) fn exclusive(at: &Situation<'_>, send: Send) -> Attempt {
    let pair = Pair::over(talk(at, send)?)?;
    check_err!(pair.talk.make(&new_pair(NEW, &pair.name, "x9")), EEXIST);
    Ok(())
}

pub(crate) fn create(at: &Situation<'_>, send: Send) -> Attempt {
    let talk = talk(at, send)?;
    let [name, peer] = names();
    check_err!(talk.make(&new_pair(ACK, &name, &peer)), ENODEV);
    asked(talk.make(&new_pair(CREATE, &name, &peer)))?;
    asked(talk.make(&Request::link(libc::RTM_DELLINK, ACK, 0).text(libc::IFLA_IFNAME, &name)))?;
    Ok(())
}

pub(crate) fn by_sendto(fd: &std::os::fd::OwnedFd, bytes: &[u8]) -> Result<usize> {
    sys::send(fd, bytes, 0)
}

pub(crate) fn by_sendmsg(fd: &std::os::fd::OwnedFd, bytes: &[u8]) -> Result<usize> {
    Ok(sys::sendmsg(fd, &[IoSlice::new(bytes)], Envelope::default(), 0)?.bytes)
}

pub(crate) fn by_sendmmsg(fd: &std::os::fd::OwnedFd, bytes: &[u8]) -> Result<usize> {
    let (_, lengths) = sys::sendmmsg(fd, &[sys::Outgoing { data: bytes, ..sys::Outgoing::default() }], 0)?;
    Ok(lengths[0] as usize)
}

/// How messages are sent.
pub(crate) const SENDS: [(&str, Send); 3] =
    [("sendto", by_sendto), ("sendmsg", by_sendmsg), ("sendmmsg", by_sendmmsg)];

/// A proof, over any of these ways.
pub(crate) type Over = fn(&Situation<'_>, Send) -> Attempt;

/// Each by the name of what it proves: `build.rs` asks for them by these.
macro_rules! proofs {
    ($($name:ident $proof:ident)*) => {
        pub(crate) mod named {
            $(pub(crate) use super::$proof as $name;)*
        }

        /// All of them.
        pub(crate) const ALL: &[(&str, Over)] = &[$((stringify!($name), $proof)),*];
    };
}

proofs! {
    nlmsg_type_rtm_getlink get_link
    nlmsg_type_rtm_newlink new_link
    nlmsg_type_rtm_setlink set_link
    nlmsg_type_rtm_dellink delete_link
    nlmsg_type_rtm_getaddr get_address
    nlmsg_type_rtm_newaddr new_addresses
    nlmsg_type_rtm_deladdr delete_address
    nlmsg_type_rtm_getroute get_route
    nlmsg_type_rtm_newroute new_route
    nlmsg_type_rtm_delroute delete_route
    nlmsg_type_rtm_getneigh neighbours
    nlmsg_type_rtm_newneigh neighbours
    nlmsg_type_rtm_delneigh delete_neighbour
    nlmsg_type_rtm_getrule get_rule
    nlmsg_flags_nlm_f_request request
    nlmsg_flags_nlm_f_ack acknowledge
    nlmsg_flags_nlm_f_root root
    nlmsg_flags_nlm_f_match matching
    nlmsg_flags_nlm_f_replace replace
    nlmsg_flags_nlm_f_excl exclusive
    nlmsg_flags_nlm_f_create create
    nlmsg_attrs_nla_type_ifla_ifname name_attribute
    nlmsg_attrs_nla_type_ifla_alt_ifname other_name
    nlmsg_attrs_nla_type_ifla_ext_mask mask
    nlmsg_attrs_nla_type_ifla_linkinfo link_info
    nlmsg_attrs_nla_type_ifla_mtu mtu
    nlmsg_attrs_nla_type_ifla_address hardware_address
    nlmsg_attrs_nla_type_ifa_local new_addresses
    nlmsg_attrs_nla_type_ifa_address new_addresses
    nlmsg_attrs_nla_type_ifa_broadcast broadcast
    nlmsg_attrs_nla_type_ifa_label label
    nlmsg_attrs_nla_type_ifa_flags address_flags
    nlmsg_attrs_nla_type_ifa_cacheinfo lifetime
    nlmsg_attrs_nla_type_rta_dst destination
    nlmsg_attrs_nla_type_rta_src from
    nlmsg_attrs_nla_type_rta_uid user
    nlmsg_attrs_nla_type_rta_oif interface
    nlmsg_attrs_nla_type_rta_gateway new_route
    nlmsg_attrs_nla_type_rta_priority metric
    nlmsg_attrs_nla_type_rta_prefsrc preferred_source
    nlmsg_attrs_nla_type_rta_table table
    nlmsg_attrs_nla_type_rta_pref preference
    nlmsg_attrs_nla_type_nda_dst neighbours
    nlmsg_attrs_nla_type_nda_lladdr neighbours
    nlmsg_attrs_nla_type_nda_ifindex neighbours_of_one
}
