//! Multicast groups: which this host listens to, and what of them each socket wants (RFC 3376, 3; RFC 3810, 4).

use alloc::{collections::BTreeMap, vec::Vec};

use crate::{
    address::{IpAddr, Ipv4Addr, Ipv6Addr},
    net::InterfaceId,
    stack::Stack,
};

/// The groups that some socket of this host has joined, by interface, and how many have.
#[derive(Default)]
pub(crate) struct HostGroups(BTreeMap<(InterfaceId, IpAddr), usize>);

/// So many groups of IPv4 a socket may be in (`net.ipv4.igmp_max_memberships`), and of IPv6, for which Linux has no limit.
const GROUPS_MAX_V4: usize = 20;
const GROUPS_MAX_V6: usize = 256;

/// So many sources a filter may name: `net.ipv4.igmp_max_msf`, `net.ipv6.mld_max_msf`.
const SOURCES_MAX_V4: usize = 10;
const SOURCES_MAX_V6: usize = 64;

/// Which sources a socket wants to hear in a group.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Filter {
    /// These only.
    Include(Vec<IpAddr>),
    /// All but these.
    Exclude(Vec<IpAddr>),
}

/// Why a membership was not changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MembershipError {
    /// That is no group, or the filter is of the other kind.
    Invalid,
    /// The socket is in it already.
    Already,
    /// The socket is not in it.
    NotMember,
    /// The source is in the filter already, or it is not.
    Source,
    /// There are too many.
    TooMany,
    /// There is no such interface.
    NoDevice,
}

struct Membership {
    interface: InterfaceId,
    group: IpAddr,
    filter: Filter,
}

/// The groups of one socket.
#[derive(Default)]
pub(crate) struct Memberships(Vec<Membership>);

impl Memberships {
    /// Whether a packet from `source` to the group is wanted; `None` if the socket is not in that group.
    pub(crate) fn wants(&self, interface: InterfaceId, group: IpAddr, source: IpAddr) -> Option<bool> {
        self.find(interface, group).map(|place| match &self.0[place].filter {
            Filter::Include(sources) => sources.contains(&source),
            Filter::Exclude(sources) => !sources.contains(&source),
        })
    }

    fn find(&self, interface: InterfaceId, group: IpAddr) -> Option<usize> {
        self.0.iter().position(|own| own.interface == interface && own.group == group)
    }

    /// Joins a group, with a filter.
    pub(crate) fn join(
        &mut self,
        stack: &Stack,
        interface: InterfaceId,
        group: IpAddr,
        filter: Filter,
    ) -> Result<(), MembershipError> {
        if !group.is_multicast() {
            return Err(MembershipError::Invalid);
        }
        if stack.network.read().interface(interface).is_none() {
            return Err(MembershipError::NoDevice);
        }
        if self.find(interface, group).is_some() {
            return Err(MembershipError::Already);
        }
        let alike = self.0.iter().filter(|own| own.group.is_ipv4() == group.is_ipv4()).count();
        if alike >= if group.is_ipv4() { GROUPS_MAX_V4 } else { GROUPS_MAX_V6 } {
            return Err(MembershipError::TooMany);
        }
        self.0.push(Membership { interface, group, filter });
        *stack.groups.write().0.entry((interface, group)).or_default() += 1;
        Ok(())
    }

    /// Leaves a group.
    pub(crate) fn leave(
        &mut self,
        stack: &Stack,
        interface: InterfaceId,
        group: IpAddr,
    ) -> Result<(), MembershipError> {
        let place = self.find(interface, group).ok_or(MembershipError::NotMember)?;
        stack.left(&self.0.swap_remove(place));
        Ok(())
    }

    /// Leaves all groups.
    pub(crate) fn leave_all(&mut self, stack: &Stack) {
        for membership in core::mem::take(&mut self.0) {
            stack.left(&membership);
        }
    }

    /// Wants to hear one source more: IP_ADD_SOURCE_MEMBERSHIP. Joins the group if need be.
    pub(crate) fn add_source(
        &mut self,
        stack: &Stack,
        interface: InterfaceId,
        group: IpAddr,
        source: IpAddr,
    ) -> Result<(), MembershipError> {
        match self.find(interface, group).map(|place| &mut self.0[place].filter) {
            None => self.join(stack, interface, group, Filter::Include(Vec::from([source]))),
            Some(Filter::Include(sources)) => insert(sources, source),
            // Who hears all sources may begin to choose, as long as none is blocked.
            Some(filter @ Filter::Exclude(_)) if *filter == Filter::Exclude(Vec::new()) => {
                *filter = Filter::Include(Vec::from([source]));
                Ok(())
            }
            Some(Filter::Exclude(_)) => Err(MembershipError::Invalid),
        }
    }

    /// Does not want to hear one source any more: IP_DROP_SOURCE_MEMBERSHIP. With the last one it leaves the group.
    pub(crate) fn drop_source(
        &mut self,
        stack: &Stack,
        interface: InterfaceId,
        group: IpAddr,
        source: IpAddr,
    ) -> Result<(), MembershipError> {
        let place = self.find(interface, group).ok_or(MembershipError::NotMember)?;
        let Filter::Include(sources) = &mut self.0[place].filter else {
            return Err(MembershipError::Invalid);
        };
        remove(sources, source)?;
        if sources.is_empty() { self.leave(stack, interface, group) } else { Ok(()) }
    }

    /// Blocks one source of a group that it hears: IP_BLOCK_SOURCE; or hears it again: IP_UNBLOCK_SOURCE.
    pub(crate) fn block(
        &mut self,
        interface: InterfaceId,
        group: IpAddr,
        source: IpAddr,
        block: bool,
    ) -> Result<(), MembershipError> {
        let place = self.find(interface, group).ok_or(MembershipError::NotMember)?;
        let Filter::Exclude(sources) = &mut self.0[place].filter else {
            return Err(MembershipError::Invalid);
        };
        if block { insert(sources, source) } else { remove(sources, source) }
    }
}

fn insert(sources: &mut Vec<IpAddr>, source: IpAddr) -> Result<(), MembershipError> {
    if sources.contains(&source) {
        return Err(MembershipError::Source);
    }
    if sources.len() >= if source.is_ipv4() { SOURCES_MAX_V4 } else { SOURCES_MAX_V6 } {
        return Err(MembershipError::TooMany);
    }
    sources.push(source);
    Ok(())
}

fn remove(sources: &mut Vec<IpAddr>, source: IpAddr) -> Result<(), MembershipError> {
    let place = sources.iter().position(|own| *own == source).ok_or(MembershipError::Source)?;
    sources.swap_remove(place);
    Ok(())
}

impl Stack {
    fn left(&self, membership: &Membership) {
        let mut groups = self.groups.write();
        let key = (membership.interface, membership.group);
        if let Some(count) = groups.0.get_mut(&key) {
            *count -= 1;
            if *count == 0 {
                groups.0.remove(&key);
            }
        }
    }

    /// Whether this host listens to a group on an interface: those that every host is in (RFC 1112, 4; RFC 4291, 2.8),
    /// and those that a socket has joined.
    pub(crate) fn is_member(&self, group: IpAddr, interface: InterfaceId) -> bool {
        let always = match group {
            IpAddr::V4(group) => group == Ipv4Addr::new(224, 0, 0, 1),
            IpAddr::V6(group) => {
                let all_nodes = |scope: u16| Ipv6Addr::new(0xff00 | scope, 0, 0, 0, 0, 0, 0, 1);
                group == all_nodes(1) || group == all_nodes(2) || self.is_solicited(group, interface)
            }
        };
        always || self.groups.read().0.contains_key(&(interface, group))
    }

    /// Whether it is the solicited-node group of one of the interface's addresses: RFC 4291, 2.7.1.
    fn is_solicited(&self, group: Ipv6Addr, interface: InterfaceId) -> bool {
        let network = self.network.read();
        let Some(interface) = network.interface(interface) else { return false };
        let own = interface.addresses.iter().filter_map(|own| match own.address {
            IpAddr::V6(address) => Some(address.octets()),
            IpAddr::V4(_) => None,
        });
        let [head @ .., a, b, c] = group.octets();
        let is_solicited = head == [0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff];
        is_solicited && own.into_iter().any(|own| own[13..] == [a, b, c])
    }
}
