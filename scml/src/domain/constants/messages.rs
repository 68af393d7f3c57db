//! Flags of the send and receive calls, and control messages.

use linux_raw_sys::{net, netlink};

use super::domains;

domains! {
    MESSAGES;

    /// `MSG_*` (`send(2)`, `recv(2)`).
    MSG_FLAGS "message flag" {
        net [
            MSG_OOB MSG_PEEK MSG_DONTROUTE MSG_CTRUNC MSG_PROBE MSG_TRUNC MSG_DONTWAIT MSG_EOR MSG_WAITALL MSG_FIN MSG_SYN
            MSG_CONFIRM MSG_RST MSG_ERRQUEUE MSG_NOSIGNAL MSG_MORE MSG_CMSG_CLOEXEC
        ]
        + {
            MSG_WAITFORONE = 0x1_0000,
            MSG_SOCK_DEVMEM = 0x200_0000,
            MSG_ZEROCOPY = 0x400_0000,
            MSG_FASTOPEN = 0x2000_0000,
        }
    }

    /// Control messages of SOL_SOCKET (`cmsg(3)`, `unix(7)`).
    SCM_SOCKET "control message" {
        net [
            SCM_RIGHTS SCM_CREDENTIALS SCM_SECURITY SCM_TIMESTAMP SCM_TIMESTAMPNS SCM_TIMESTAMPING SCM_TXTIME SCM_WIFI_STATUS SCM_TIMESTAMPING_OPT_STATS
            SCM_TIMESTAMPING_PKTINFO SO_RXQ_OVFL SO_MARK SO_PRIORITY
        ]
        + { SCM_PIDFD = 4, }
    }

    /// Control messages of SOL_IP.
    SCM_IP "control message" {
        net [IP_PKTINFO IP_TOS IP_TTL IP_RETOPTS IP_RECVERR IP_ORIGDSTADDR IP_PROTOCOL IP_RECVFRAGSIZE]
    }

    /// Control messages of SOL_IPV6 (RFC 3542).
    SCM_IPV6 "control message" {
        net [IPV6_PKTINFO IPV6_HOPLIMIT IPV6_TCLASS IPV6_HOPOPTS IPV6_DSTOPTS IPV6_RTHDR IPV6_RECVERR IPV6_DONTFRAG]
    }

    /// Control messages of SOL_TCP.
    SCM_TCP "control message" {
        net [TCP_CM_INQ]
    }

    /// Control messages of SOL_NETLINK (`netlink(7)`).
    SCM_NETLINK "control message" {
        netlink [NETLINK_PKTINFO]
    }

    /// Control messages of SOL_UDP.
    SCM_UDP "control message" {
        + { UDP_SEGMENT = 103, UDP_GRO = 104, }
    }
}
