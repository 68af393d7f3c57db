//! What a program can choose about a datagram socket.

use crate::{address::IpAddr, net::InterfaceId};

/// Whether packets may be split: IP_MTU_DISCOVER.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Discovery {
    /// IP_PMTUDISC_DONT: routers may split them.
    Never,
    /// IP_PMTUDISC_WANT: this host splits them where it knows that it must.
    #[default]
    Want,
    /// IP_PMTUDISC_DO: nobody does; what is too long is refused.
    Always,
    /// IP_PMTUDISC_PROBE: as DO, but what is known of the way is not heeded.
    Probe,
    /// IP_PMTUDISC_INTERFACE: routers may split them, and this host does not.
    Interface,
    /// IP_PMTUDISC_OMIT: routers may split them, and so does this host.
    Omit,
}

/// The options of a datagram socket, with Linux's defaults.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Options {
    /// SO_RCVBUF, as getsockopt(2) shows it: twice what was asked for.
    pub receive_buffer: usize,
    /// SO_BROADCAST.
    pub broadcast: bool,
    /// SO_REUSEADDR.
    pub reuse_address: bool,
    /// SO_REUSEPORT.
    pub reuse_port: bool,
    /// Whose socket it is.
    pub user: u32,
    /// IPV6_V6ONLY.
    pub v6_only: bool,
    /// IP_FREEBIND and IP_TRANSPARENT: any address can be bound.
    pub free_bind: bool,
    /// SO_BINDTODEVICE; set it by [`DatagramSocket::set_device`](super::DatagramSocket::set_device).
    pub device: Option<InterfaceId>,
    /// IP_TTL, IPV6_UNICAST_HOPS.
    pub hop_limit: u8,
    /// IP_TOS, IPV6_TCLASS.
    pub traffic_class: u8,
    /// IP_MULTICAST_TTL, IPV6_MULTICAST_HOPS.
    pub multicast_hop_limit: u8,
    /// IP_MULTICAST_LOOP: this host gets what is sent to a group that it is in.
    pub multicast_loop: bool,
    /// IP_MULTICAST_ALL: groups that others have joined are heard too.
    pub multicast_all: bool,
    /// IP_MULTICAST_IF: where packets to groups go out.
    pub multicast_interface: Option<InterfaceId>,
    /// The address that packets to groups are sent from, where IP_MULTICAST_IF named one.
    pub multicast_source: Option<IpAddr>,
    /// IP_MTU_DISCOVER.
    pub discovery: Discovery,
    /// IP_RECVERR: every trouble is recorded and announced.
    pub receive_errors: bool,
    /// SO_NO_CHECK: UDP over IPv4 without checksums.
    pub no_checksum: bool,
    /// IP_HDRINCL: the program writes the IPv4 header itself.
    pub header_included: bool,
    /// ICMP_FILTER: a bit for each type that is not wanted.
    pub icmp_filter: u32,
    /// ICMP6_FILTER: a bit for each type that is not wanted.
    pub icmp6_filter: [u32; 8],
}

impl Default for Options {
    fn default() -> Self {
        Self {
            receive_buffer: 212_992,
            broadcast: false,
            reuse_address: false,
            reuse_port: false,
            user: 0,
            v6_only: false,
            free_bind: false,
            device: None,
            hop_limit: 64,
            traffic_class: 0,
            multicast_hop_limit: 1,
            multicast_loop: true,
            multicast_all: true,
            multicast_interface: None,
            multicast_source: None,
            discovery: Discovery::Want,
            receive_errors: false,
            no_checksum: false,
            header_included: false,
            icmp_filter: 0,
            icmp6_filter: [0; 8],
        }
    }
}
