//! Options that datagram sockets alone have, but for those of groups (`ip(7)`, `ipv6(7)`, `udp(7)`).

use linux_raw_sys::net::{
    IP_MTU_DISCOVER, IP_RECVERR, IPV6_MTU_DISCOVER, IPV6_RECVERR, SOL_IP, SOL_IPV6, SOL_UDP,
};
use net_stack::{
    datagram::{Discovery, Version},
    time::Instant,
};

use super::{Internet, udp::Udp};
use crate::{
    abi::options::{OptionIn, OptionValue},
    error::{Errno, Error, Result},
};

/// `UDP_CORK` of `linux/udp.h`, which linux-raw-sys lacks.
const UDP_CORK: u32 = 1;

/// `IP_PMTUDISC_*`, in the order of their numbers.
const DISCOVERIES: [Discovery; 6] = [
    Discovery::Never,
    Discovery::Want,
    Discovery::Always,
    Discovery::Probe,
    Discovery::Interface,
    Discovery::Omit,
];

impl Internet {
    /// Reads such an option, where it is one that the socket has.
    pub(super) fn datagram_option(&self, udp: &Udp, level: u32, name: u32) -> Option<OptionValue> {
        let options = udp.socket().options();
        let discovery = || DISCOVERIES.iter().position(|it| *it == options.discovery).unwrap_or_default();
        Some(match (level, name, self.version()) {
            (SOL_UDP, UDP_CORK, _) => OptionValue::Int(udp.cork().is_on().into()),
            (SOL_IP, IP_RECVERR, Version::V4) => OptionValue::Byte(options.receive_errors.into()),
            (SOL_IPV6, IPV6_RECVERR, Version::V6) => OptionValue::Int(options.receive_errors.into()),
            (SOL_IP, IP_MTU_DISCOVER, Version::V4) => OptionValue::Byte(discovery() as u8),
            (SOL_IPV6, IPV6_MTU_DISCOVER, Version::V6) => OptionValue::Int(discovery() as i32),
            _ => return self.group_option(udp, level, name),
        })
    }

    /// Sets such an option; nothing where it is not one that the socket has.
    ///
    /// # Errors
    /// EINVAL for a value that is too short or out of range, EFAULT; what setting one comes to.
    pub(super) fn set_datagram_option(
        &self,
        udp: &Udp,
        level: u32,
        name: u32,
        value: &OptionIn,
        now: Instant,
    ) -> Option<Result<()>> {
        Some(match (level, name, self.version()) {
            (SOL_UDP, UDP_CORK, _) => value.int().and_then(|on| {
                udp.cork().set(on != 0);
                if on == 0 { self.send_corked(udp, now) } else { Ok(()) }
            }),
            (SOL_IP, IP_RECVERR, Version::V4) => value.int_or_byte().map(|on| record_errors(udp, on != 0)),
            (SOL_IPV6, IPV6_RECVERR, Version::V6) => value.int().map(|on| record_errors(udp, on != 0)),
            (SOL_IP, IP_MTU_DISCOVER, Version::V4) => {
                value.int_or_byte().and_then(|how| set_discovery(udp, how))
            }
            (SOL_IPV6, IPV6_MTU_DISCOVER, Version::V6) => value.int().and_then(|how| set_discovery(udp, how)),
            _ => return self.set_group_option(udp, level, name, value),
        })
    }
}

/// IP_RECVERR, IPV6_RECVERR. Who does not want errors any more loses those that wait.
fn record_errors(udp: &Udp, on: bool) {
    udp.socket().set_options(|options| options.receive_errors = on);
    if !on {
        while udp.socket().take_error_record().is_some() {}
    }
}

fn set_discovery(udp: &Udp, how: i32) -> Result<()> {
    let discovery = usize::try_from(how).ok().and_then(|how| DISCOVERIES.get(how));
    let discovery = *discovery.ok_or(Error::new(Errno::EINVAL, "the value is out of range"))?;
    udp.socket().set_options(|options| options.discovery = discovery);
    Ok(())
}
