//! What becomes of devices: NETLINK_KOBJECT_UEVENT (`lib/kobject_uevent.c` of Linux).

use std::os::fd::OwnedFd;

use super::help::NEW;
use super::help::{ACK, Message, Pair, Request, Talk, address, by_send, messages, names, new_pair, send_to};
use crate::{
    errno::Result,
    harness::{Case, Outcome, Test, check, check_eq, check_err, tests},
    suite::unix::help::set_option,
    sys::{self, Descriptor},
};

pub(crate) const TESTS: &[Test] = tests!("netlink";
    events_tell_of_new_devices,
    events_tell_of_names,
    events_tell_of_devices_that_are_gone,
    events_are_numbered,
    events_of_programs_are_spread,
    events_that_programs_send_to_each_other,
    events_are_heard_by_group_one,
);

/// `NETLINK_KOBJECT_UEVENT`
const KOBJECT_UEVENT: i32 = 15;

/// A socket that hears what becomes of devices.
#[track_caller]
pub(crate) fn hearer(kind: i32) -> Result<OwnedFd> {
    let fd = sys::socket(libc::AF_NETLINK, kind, KOBJECT_UEVENT)?;
    set_option(&fd, libc::SO_RCVBUF, 1 << 20)?;
    sys::bind(&fd, address(0, 1).bytes())?;
    Ok(fd)
}

/// The lines of an event.
fn lines(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes).into_owned();
    text.split_terminator('\0').map(str::to_owned).collect()
}

/// The events that wait about the network device of that name, without their numbers: other tests make devices, too.
#[track_caller]
pub(crate) fn about(fd: &impl Descriptor, name: &str) -> Result<Vec<Vec<String>>> {
    let (mut found, mut room) = (Vec::new(), [0; 2048]);
    while let Ok(count) = sys::recv(fd, &mut room, libc::MSG_DONTWAIT) {
        let mut event = lines(&room[..count]);
        assert!(event.pop().is_some_and(|last| last.starts_with("SEQNUM=")), "{event:?}");
        if event[0].ends_with(&format!("/{name}")) {
            found.push(event);
        }
    }
    Ok(found)
}

/// An event about a network device, as it should be.
fn event(action: &str, name: &str, index: u32, old: Option<&str>) -> Vec<String> {
    let path = format!("/devices/virtual/net/{name}");
    let mut lines = vec![
        format!("{action}@{path}"),
        format!("ACTION={action}"),
        format!("DEVPATH={path}"),
        "SUBSYSTEM=net".to_owned(),
    ];
    lines.extend(old.map(|old| format!("DEVPATH_OLD=/devices/virtual/net/{old}")));
    lines.extend([format!("INTERFACE={name}"), format!("IFINDEX={index}")]);
    lines
}

fn events_tell_of_new_devices(_: &Case) -> Outcome {
    let fd = hearer(libc::SOCK_RAW)?;
    let pair = Pair::new()?;
    for (name, index) in [(&pair.name, pair.index), (&pair.peer, pair.talk.link(&pair.peer)?.index())] {
        let again = hearer(libc::SOCK_RAW)?;
        check_eq!(about(&again, name)?.len(), 0, "who comes later hears nothing of it");
        check!(index > 0);
    }
    check_eq!(about(&fd, &pair.name)?, [event("add", &pair.name, pair.index, None)]);
    // With its queues.
    let fd = hearer(libc::SOCK_RAW)?;
    let [name, peer] = names();
    pair.talk.make(&new_pair(NEW, &name, &peer))?;
    let mut queues = Vec::new();
    let mut room = [0; 2048];
    while let Ok(count) = sys::recv(&fd, &mut room, libc::MSG_DONTWAIT) {
        let event = lines(&room[..count]);
        if event[0].starts_with(&format!("add@/devices/virtual/net/{name}/queues/")) {
            check_eq!(event[3], "SUBSYSTEM=queues");
            check_eq!(event.len(), 5);
            queues.push(event[0].rsplit('/').next().unwrap_or_default().to_owned());
        }
    }
    check!(queues.contains(&"rx-0".to_owned()) && queues.contains(&"tx-0".to_owned()), "{queues:?}");
    let gone = Request::link(libc::RTM_DELLINK, ACK, 0).text(libc::IFLA_IFNAME, &name);
    pair.talk.make(&gone)?;
    Ok(())
}

fn events_tell_of_names(_: &Case) -> Outcome {
    let pair = Pair::new()?;
    let fd = hearer(libc::SOCK_DGRAM)?;
    let talk = Talk::new()?;
    talk.set_up(pair.index, false)?;
    let [new, _] = names();
    talk.make(&Request::link(libc::RTM_SETLINK, ACK, pair.index).text(libc::IFLA_IFNAME, &new))?;
    check_eq!(about(&fd, &new)?, [event("move", &new, pair.index, Some(&pair.name))]);
    // That it is up, or has another MTU, is no event.
    talk.set_up(pair.index, true)?;
    check_eq!(about(&fd, &new)?.len(), 0);
    talk.make(&Request::link(libc::RTM_DELLINK, ACK, pair.index))?;
    Ok(())
}

fn events_tell_of_devices_that_are_gone(_: &Case) -> Outcome {
    let pair = Pair::new()?;
    let fd = hearer(libc::SOCK_RAW)?;
    pair.talk.make(&Request::link(libc::RTM_DELLINK, ACK, pair.index))?;
    let gone = about(&fd, &pair.name)?;
    check_eq!(gone, [event("remove", &pair.name, pair.index, None)]);
    Ok(())
}

fn events_are_numbered(_: &Case) -> Outcome {
    let fd = hearer(libc::SOCK_RAW)?;
    drop(Pair::new()?);
    let (mut last, mut count, mut room) = (0, 0, [0; 2048]);
    while let Ok(length) = sys::recv(&fd, &mut room, libc::MSG_DONTWAIT) {
        let event = lines(&room[..length]);
        let number = event.last().and_then(|line| line.strip_prefix("SEQNUM=")?.parse::<u64>().ok());
        check!(number.is_some_and(|number| number > last), "{event:?}");
        last = number.unwrap_or_default();
        count += 1;
    }
    check!(count >= 12, "two devices with two queues each, made and removed: {count}");
    Ok(())
}

/// A message whose payload is a text.
fn message(flags: u16, text: &[u8]) -> Vec<u8> {
    Request::new(16, flags, text).bytes()
}

fn events_of_programs_are_spread(_: &Case) -> Outcome {
    let (fd, listening) = (hearer(libc::SOCK_RAW)?, hearer(libc::SOCK_RAW)?);
    let text = b"change@/made-up\0ACTION=change\0\0";
    send_to(&fd, &message(ACK, text), 0)?;
    // Who has sent it hears it, too, and that it was done.
    let mut heard = 0;
    let mut room = [0; 2048];
    let mut answers: Vec<Message> = Vec::new();
    for socket in [&listening, &fd] {
        while let Ok(count) = sys::recv(socket, &mut room, libc::MSG_DONTWAIT) {
            if room.starts_with(b"change@/made-up") {
                check_eq!(room[..text.len()], text[..]);
                heard += 1;
            } else if room[4..6] == 2_u16.to_ne_bytes() {
                answers.extend(messages(&room[..count]));
            }
        }
    }
    check_eq!(heard, 2);
    check_eq!(answers.iter().map(Message::errno).collect::<Vec<_>>(), [Some(0)]);
    // One without NLM_F_REQUEST is none.
    by_send(&fd, &message(0, text))?;
    check_eq!(about(&listening, "made-up")?.len(), 0);
    Ok(())
}

fn events_that_programs_send_to_each_other(_: &Case) -> Outcome {
    // As udevd does it: to group 2, and no message of the kernel's.
    let (fd, udev) =
        (hearer(libc::SOCK_RAW)?, sys::socket(libc::AF_NETLINK, libc::SOCK_RAW, KOBJECT_UEVENT)?);
    sys::bind(&udev, address(0, 2).bytes())?;
    let text = b"libudev\0\xfe\xed\xca\xfe and so on";
    check_eq!(sys::sendto(&fd, text, 0, address(0, 2).bytes())?, text.len());
    let mut room = [0; 64];
    check_eq!(sys::recv(&udev, &mut room, libc::MSG_DONTWAIT)?, text.len());
    check_eq!(&room[..text.len()], text);
    Ok(())
}

fn events_are_heard_by_group_one(_: &Case) -> Outcome {
    for groups in [0, 2] {
        let fd = sys::socket(libc::AF_NETLINK, libc::SOCK_RAW, KOBJECT_UEVENT)?;
        sys::bind(&fd, address(0, groups).bytes())?;
        drop(Pair::new()?);
        check_err!(sys::recv(&fd, &mut [0; 64], libc::MSG_DONTWAIT), EAGAIN);
    }
    Ok(())
}
