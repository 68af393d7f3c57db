//! NETLINK_KOBJECT_UEVENT: what becomes of devices, for whoever listens to group 1 (`lib/kobject_uevent.c` of Linux).
//!
//! An event is a text of several lines that end with zeros: what has happened and to which device, and then variables, the
//! last of which numbers the events.

use alloc::{collections::BTreeMap, format, string::String, sync::Arc, vec::Vec};
use core::sync::atomic::{AtomicU64, Ordering};

use linux_raw_sys::{general::CAP_SYS_ADMIN, netlink::NETLINK_KOBJECT_UEVENT};
use net_stack::net::{Interface, InterfaceId};
use spin::Mutex;

use super::{
    endpoint::Datagram,
    ports::Ports,
    request::{Done, Outcome, Refusal, Request},
};
use crate::error::Errno;

/// The group that events are for.
const GROUP: u32 = 1;
/// The longest event: UEVENT_BUFFER_SIZE.
const LONGEST: usize = 2048;

/// What is known of devices, and how many events there were.
#[derive(Default)]
pub(super) struct Uevents {
    /// The names of network interfaces.
    known: Mutex<BTreeMap<InterfaceId, String>>,
    number: AtomicU64,
}

impl Uevents {
    /// These devices were there before anybody could listen.
    pub(super) fn of(interfaces: impl Iterator<Item = (InterfaceId, String)>) -> Self {
        Self { known: Mutex::new(interfaces.collect()), number: AtomicU64::new(0) }
    }
}

/// The path of a network interface's device, below `/sys`.
fn path(name: &str) -> String {
    format!("/devices/virtual/net/{name}")
}

impl Ports {
    /// A network interface is there, or has changed.
    pub(super) fn device_changed(&self, interface: &Interface) {
        let before = {
            let mut known = self.uevents.known.lock();
            if known.get(&interface.id).is_some_and(|name| *name == interface.name) {
                return;
            }
            known.insert(interface.id, interface.name.clone())
        };
        let device = path(&interface.name);
        match before {
            Some(before) => {
                let old = format!("DEVPATH_OLD={}\0", path(&before));
                self.event("move", &device, "net", &(old + &variables(interface)));
            }
            None => {
                self.event("add", &device, "net", &variables(interface));
                for queue in ["rx-0", "tx-0"] {
                    self.event("add", &format!("{device}/queues/{queue}"), "queues", "");
                }
            }
        }
    }

    /// A network interface is gone.
    pub(super) fn device_gone(&self, interface: &Interface) {
        self.uevents.known.lock().remove(&interface.id);
        let device = path(&interface.name);
        for queue in ["rx-0", "tx-0"] {
            self.event("remove", &format!("{device}/queues/{queue}"), "queues", "");
        }
        self.event("remove", &device, "net", &variables(interface));
    }

    fn event(&self, action: &str, device: &str, subsystem: &str, rest: &str) {
        let text =
            format!("{action}@{device}\0ACTION={action}\0DEVPATH={device}\0SUBSYSTEM={subsystem}\0{rest}");
        self.spread(text.into_bytes());
    }

    /// Sends an event to all who listen, with its number.
    fn spread(&self, mut text: Vec<u8>) {
        let number = self.uevents.number.fetch_add(1, Ordering::Relaxed) + 1;
        text.extend_from_slice(format!("SEQNUM={number}\0").as_bytes());
        let datagram = Datagram { bytes: Arc::new(text), port: 0, group: GROUP, sender: None };
        self.announce(NETLINK_KOBJECT_UEVENT, 0, None, &datagram);
    }
}

fn variables(interface: &Interface) -> String {
    format!("INTERFACE={}\0IFINDEX={}\0", interface.name, interface.id.get())
}

/// A program sends an event of its own: all who listen get it, numbered.
///
/// # Errors
/// EPERM without CAP_SYS_ADMIN; EINVAL for one that is too long.
pub(super) fn perform(request: &Request<'_>) -> Outcome<Done> {
    if !request.context.program.is_capable(CAP_SYS_ADMIN) {
        return Err(Refusal::new(Errno::EPERM).because("missing CAP_SYS_ADMIN capability"));
    }
    let text = request.message.body();
    if text.len() > LONGEST {
        return Err(Refusal::new(Errno::EINVAL).because("uevent message too long"));
    }
    request.context.world.netlink.spread(text.to_vec());
    Ok(Done::All)
}
