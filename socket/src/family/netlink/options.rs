//! Options of the level SOL_NETLINK (`netlink(7)`).

use alloc::vec::Vec;

use linux_raw_sys::{
    general::CAP_NET_BROADCAST,
    netlink::{
        NETLINK_ADD_MEMBERSHIP, NETLINK_BROADCAST_ERROR, NETLINK_CAP_ACK, NETLINK_DROP_MEMBERSHIP,
        NETLINK_EXT_ACK, NETLINK_GET_STRICT_CHK, NETLINK_LISTEN_ALL_NSID, NETLINK_NO_ENOBUFS,
        NETLINK_PKTINFO,
    },
};

use super::{endpoint::Switches, request::Context, socket::Netlink};
use crate::error::{Errno, Error, Result};

/// The last group of NETLINK_ROUTE in Linux 6.18 (RTNLGRP_MAX).
const GROUPS: u32 = 39;

const UNKNOWN: Error = Error::new(Errno::ENOPROTOOPT, "no such option of netlink");

fn switch(name: u32) -> Option<Switches> {
    Some(match name {
        NETLINK_PKTINFO => Switches::PACKET_INFO,
        NETLINK_BROADCAST_ERROR => Switches::BROADCAST_ERROR,
        NETLINK_NO_ENOBUFS => Switches::NO_ENOBUFS,
        NETLINK_LISTEN_ALL_NSID => Switches::ALL_NAME_SPACES,
        NETLINK_CAP_ACK => Switches::CAP_ACK,
        NETLINK_EXT_ACK => Switches::EXTENDED_ACK,
        NETLINK_GET_STRICT_CHK => Switches::STRICT,
        _ => return None,
    })
}

impl Netlink {
    /// Sets an option.
    ///
    /// # Errors
    /// ENOPROTOOPT; EINVAL for a group that the protocol has not; EPERM for NETLINK_LISTEN_ALL_NSID without CAP_NET_BROADCAST.
    pub(crate) fn set_option(&self, name: u32, value: i32, context: &Context<'_>) -> Result<()> {
        match name {
            NETLINK_ADD_MEMBERSHIP | NETLINK_DROP_MEMBERSHIP => {
                let group = value as u32;
                if !(1..=GROUPS).contains(&group) {
                    return Err(Error::new(Errno::EINVAL, "no such group"));
                }
                let (bit, before) = (1_u64 << (group - 1), self.endpoint.groups());
                let after = if name == NETLINK_ADD_MEMBERSHIP { before | bit } else { before & !bit };
                self.ports.listen(&self.endpoint, after);
            }
            _ => {
                let switch = switch(name).ok_or(UNKNOWN)?;
                if switch == Switches::ALL_NAME_SPACES && !context.program.is_capable(CAP_NET_BROADCAST) {
                    return Err(Error::new(Errno::EPERM, "without CAP_NET_BROADCAST"));
                }
                self.endpoint.set_switch(switch, value != 0);
                if switch == Switches::NO_ENOBUFS && value != 0 {
                    self.endpoint.relieve();
                }
            }
        }
        Ok(())
    }

    /// An option that is a number.
    ///
    /// # Errors
    /// ENOPROTOOPT.
    pub(crate) fn option(&self, name: u32) -> Result<i32> {
        let switch = switch(name).ok_or(UNKNOWN)?;
        Ok(self.endpoint.switches().contains(switch).into())
    }

    /// NETLINK_LIST_MEMBERSHIPS: the groups that the socket listens to, in words of 32.
    pub(crate) fn memberships(&self) -> Vec<u32> {
        let groups = self.endpoint.groups();
        let words = GROUPS.div_ceil(32);
        (0..words).map(|word| (groups >> (32 * word)) as u32).collect()
    }
}
