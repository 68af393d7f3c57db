//! What makes a socket: families, types, protocols; and what ends it.

use linux_raw_sys::{net, netlink};

use super::domains;

const fn network_order(value: u16) -> u32 {
    value.to_be() as u32
}

domains! {
    SOCKETS;

    /// Address families (`address_families(7)`), the first argument of socket.
    FAMILY "address family" {
        net [
            AF_UNSPEC AF_UNIX AF_INET AF_AX25 AF_IPX AF_APPLETALK AF_NETROM AF_BRIDGE AF_ATMPVC AF_X25 AF_INET6 AF_ROSE
            AF_DECnet AF_NETBEUI AF_SECURITY AF_KEY AF_NETLINK AF_PACKET AF_ASH AF_ECONET AF_ATMSVC AF_RDS AF_SNA AF_IRDA
            AF_PPPOX AF_WANPIPE AF_LLC AF_CAN AF_TIPC AF_BLUETOOTH AF_IUCV AF_RXRPC AF_ISDN AF_PHONET
            AF_IEEE802154 AF_CAIF AF_ALG AF_NFC AF_VSOCK AF_KCM AF_QIPCRTR AF_SMC AF_XDP AF_MCTP
        ]
        + {
            AF_IB = 27, AF_MPLS = 28, AF_LOCAL = net::AF_UNIX, AF_ROUTE = net::AF_NETLINK,
            PF_UNSPEC = net::AF_UNSPEC, PF_UNIX = net::AF_UNIX, PF_LOCAL = net::AF_UNIX, PF_INET = net::AF_INET,
            PF_INET6 = net::AF_INET6, PF_NETLINK = net::AF_NETLINK, PF_PACKET = net::AF_PACKET,
            PF_VSOCK = net::AF_VSOCK,
        }
    }

    /// Socket types (`socket(2)`): the low four bits of the type argument.
    TYPE "socket type" {
        net [SOCK_STREAM SOCK_DGRAM SOCK_RAW SOCK_RDM SOCK_SEQPACKET]
        + { SOCK_DCCP = 6, SOCK_PACKET = 10, }
    }

    /// The flag bits of the type argument, and the flags of accept4.
    TYPE_FLAGS "socket flag" {
        + { SOCK_NONBLOCK = 0o4000, SOCK_CLOEXEC = 0o2_000_000, }
    }

    /// Protocols of AF_UNIX and of families with none: `PF_UNIX` says the same as 0.
    PROTOCOL_UNIX "UNIX protocol" {
        + { PF_UNIX = net::AF_UNIX, PF_LOCAL = net::AF_UNIX, }
    }

    /// Protocols of AF_INET and AF_INET6 (`ip(7)`).
    PROTOCOL_IP "IP protocol" {
        net [
            IPPROTO_IP IPPROTO_ICMP IPPROTO_IGMP IPPROTO_IPIP IPPROTO_TCP IPPROTO_EGP IPPROTO_PUP IPPROTO_UDP IPPROTO_IDP
            IPPROTO_TP IPPROTO_DCCP IPPROTO_IPV6 IPPROTO_RSVP IPPROTO_GRE IPPROTO_ESP IPPROTO_AH IPPROTO_ICMPV6
            IPPROTO_MTP IPPROTO_BEETPH IPPROTO_ENCAP IPPROTO_PIM IPPROTO_COMP IPPROTO_SCTP IPPROTO_UDPLITE
            IPPROTO_MPLS IPPROTO_ETHERNET IPPROTO_RAW IPPROTO_MPTCP
        ]
    }

    /// Protocols of AF_NETLINK (`netlink(7)`).
    PROTOCOL_NETLINK "netlink protocol" {
        netlink [
            NETLINK_ROUTE NETLINK_UNUSED NETLINK_USERSOCK NETLINK_FIREWALL NETLINK_SOCK_DIAG NETLINK_NFLOG NETLINK_XFRM
            NETLINK_SELINUX NETLINK_ISCSI NETLINK_AUDIT NETLINK_FIB_LOOKUP NETLINK_CONNECTOR NETLINK_NETFILTER
            NETLINK_IP6_FW NETLINK_DNRTMSG NETLINK_KOBJECT_UEVENT NETLINK_GENERIC NETLINK_SCSITRANSPORT
            NETLINK_ECRYPTFS NETLINK_RDMA NETLINK_CRYPTO NETLINK_SMC
        ]
    }

    /// Protocols of AF_PACKET (`packet(7)`): EtherTypes, which the calls take in network byte order.
    PROTOCOL_PACKET "packet protocol" {
        + {
            ETH_P_ALL = network_order(0x0003), ETH_P_802_2 = network_order(0x0004), ETH_P_LOOP = network_order(0x0060),
            ETH_P_IP = network_order(0x0800), ETH_P_ARP = network_order(0x0806), ETH_P_RARP = network_order(0x8035),
            ETH_P_8021Q = network_order(0x8100), ETH_P_IPV6 = network_order(0x86dd), ETH_P_PAE = network_order(0x888e),
            ETH_P_LLDP = network_order(0x88cc),
        }
    }

    /// The `how` of `shutdown(2)`.
    HOW "shutdown mode" {
        net [SHUT_RD SHUT_WR SHUT_RDWR]
    }

    /// The states of an open socket, in a struct rule over a descriptor.
    STATE "socket state" {
        + { unbound = 0, bound = 1, connecting = 2, connected = 3, listening = 4, closed = 5, }
    }
}
