//! Interfaces that programs make, addresses of the loopback interface, and who is told of what changes.

mod common;

use std::sync::{Arc, Mutex};

use common::ip;
use net_stack::{
    Stack,
    address::Prefix,
    datagram::{Ancillary, Draft, Kind, Version},
    neighbour::{Certainty, Known},
    net::{Action, Address, Change, InterfaceId, Observer, PathError, Route},
    random::Secret,
    time::Instant,
};

#[derive(Default)]
struct Notes(Mutex<Vec<String>>);

impl Observer for Notes {
    fn changed(&self, changes: &[Change]) {
        let gone = |gone: &bool| if *gone { "-" } else { "+" };
        let shown = |change: &Change| match change {
            Change::Link(interface) => {
                format!("{} up={} carrier={}", interface.name, interface.up, interface.carrier)
            }
            Change::LinkGone(interface) => format!("-{}", interface.name),
            Change::Address { address, gone: it, .. } => format!("{}{}", gone(it), address.address),
            Change::Own { address, gone: it, .. } => format!("{}own {}", gone(it), address.address),
            Change::Route { route, gone: it } => format!("{}route {:?}", gone(it), route.destination),
            Change::Neighbour { neighbour, gone: it } => {
                format!("{}neighbour {}", gone(it), neighbour.address)
            }
        };
        self.0.lock().unwrap().extend(changes.iter().map(shown));
    }
}

impl Notes {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

fn observed() -> (Arc<Stack>, Arc<Notes>) {
    let stack = Stack::new(Secret::new([1, 2]));
    let notes = Arc::<Notes>::default();
    let observer: Arc<dyn Observer> = notes.clone();
    stack.observe(Arc::downgrade(&observer));
    (stack, notes)
}

const MACS: [[u8; 6]; 2] = [[2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]];

fn pair(stack: &Stack) -> [InterfaceId; 2] {
    stack.configure(|network| {
        let one = network.add_pair(["v0", "v1"], MACS).unwrap();
        [one, network.find_interface("v1").unwrap().id]
    })
}

#[test]
fn what_goes_in_at_one_end_of_a_pair_comes_out_at_the_other() {
    let (stack, notes) = observed();
    let [one, other] = pair(&stack);
    assert_eq!(notes.take(), ["v1 up=false carrier=true", "v0 up=false carrier=false"]);
    stack.configure(|network| network.set_up(one, true));
    stack.configure(|network| network.set_up(other, true));
    let told = notes.take();
    assert!(told.contains(&"v0 up=true carrier=true".to_owned()), "{told:?}");
    stack.configure(|network| network.add_address(one, Address::new(ip("192.0.2.1"), 24)).unwrap());
    assert_eq!(notes.take(), ["+192.0.2.1", "+own 192.0.2.1", "+route 192.0.2.0/24"]);
    // A group hears it at the other end.
    let group = ip("239.1.2.3");
    let receiver = stack.datagram(Kind::Udp, Version::V4);
    receiver.bind(group, 5000).unwrap();
    receiver.join(other, group).unwrap();
    let sender = stack.datagram(Kind::Udp, Version::V4);
    sender.set_device(Some(one));
    let to = net_stack::address::Endpoint::new(group, 5000);
    let mut draft = Draft::new(13);
    draft.payload_mut().copy_from_slice(b"over the line");
    sender.send(draft, Some(to), &Ancillary::default(), Instant::from_micros(1)).unwrap();
    assert_eq!(receiver.receive(false).unwrap().payload(), b"over the line");
    let (sent, received) = stack.network(|network| {
        let interface = |id| network.interface(id).unwrap();
        (interface(one).sent(), interface(other).received())
    });
    assert_eq!((sent.0, sent), (1, received));
    let gone = stack.configure(|network| network.remove_interface(other));
    assert_eq!(gone, [other, one]);
    assert!(notes.take().ends_with(&["-v1".to_owned(), "-v0".to_owned()]));
    stack.network(|network| {
        assert_eq!((network.interfaces().count(), network.routes().iter().count()), (1, 0));
    });
}

#[test]
fn names_are_taken_once() {
    let (stack, _) = observed();
    pair(&stack);
    stack.configure(|network| {
        assert!(network.add_pair(["v0", "v2"], MACS).is_err());
        assert!(network.add_pair(["v2", "v1"], MACS).is_err());
        assert!(network.add_pair(["v2", "v2"], MACS).is_err());
        assert!(network.add_dummy("lo", MACS[0]).is_err());
        let dummy = network.add_dummy("d0", MACS[0]).unwrap();
        assert!(network.rename(dummy, "v0").is_err());
        assert!(network.rename(dummy, "d0").is_ok());
        assert!(network.rename(dummy, "d1").is_ok());
        assert!(network.remove_interface(InterfaceId::LOOPBACK).is_empty());
        assert_eq!(network.interfaces().count(), 4);
    });
}

#[test]
fn a_network_of_the_loopback_interface_is_this_host_as_a_whole() {
    let (stack, _) = observed();
    stack.configure(|network| {
        let lo = InterfaceId::LOOPBACK;
        network.add_address(lo, Address::new(ip("203.0.113.1"), 24)).unwrap();
        assert!(network.is_local(ip("203.0.113.77")) && !network.is_local(ip("203.0.113.255")));
        assert!(network.is_broadcast(ip("203.0.113.255")));
        assert_eq!(network.path(ip("203.0.113.77"), None, None).unwrap().interface, lo);
        network.remove_address(lo, ip("203.0.113.1"));
        assert!(!network.is_local(ip("203.0.113.77")));
    });
}

#[test]
fn routes_may_say_no() {
    let (stack, notes) = observed();
    stack.configure(|network| {
        let destination = Prefix::new(ip("198.51.100.0"), 24);
        for action in [Action::Blackhole, Action::Unreachable, Action::Prohibit] {
            let route = Route { action, ..Route::on_link(destination, InterfaceId::LOOPBACK) };
            assert!(network.add_route(route));
            assert_eq!(network.path(ip("198.51.100.5"), None, None), Err(PathError::Rejected(action)));
            assert!(network.remove_route(&route) && !network.remove_route(&route));
        }
    });
    assert_eq!(notes.take().len(), 6);
}

#[test]
fn what_somebody_says_of_a_neighbour_holds() {
    let (stack, notes) = observed();
    let [one, _] = pair(&stack);
    let now = Instant::from_micros(1);
    let (address, mac) = (ip("192.0.2.7"), Some([2, 0, 0, 0, 0, 7]));
    let neighbour = Known { interface: one, address, mac, certainty: Certainty::Permanent };
    stack.set_neighbour(neighbour, now);
    assert_eq!(stack.known_neighbours(now), [neighbour]);
    assert_eq!(stack.neighbour(one, address, now), Some(neighbour));
    assert!(stack.remove_neighbour(neighbour) && !stack.remove_neighbour(neighbour));
    assert_eq!(notes.take()[2..], ["+neighbour 192.0.2.7", "-neighbour 192.0.2.7"]);
}
