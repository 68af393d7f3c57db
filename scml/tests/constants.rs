//! Every name of a domain has the value that libc gives it, and the system calls are those of the UAPI.

use std::collections::{BTreeMap, BTreeSet};

use scml::{
    Call,
    domain::{Kind, constants, signature, structs},
};

macro_rules! values {
    ($($name:ident)*) => {
        /// Each name and its value in libc, as 32 bits.
        #[expect(deprecated, reason = "SOCK_PACKET is a member nonetheless")]
        #[expect(clippy::cast_lossless, reason = "the constants have several types")]
        fn libc_values() -> BTreeMap<&'static str, u32> {
            BTreeMap::from([$((stringify!($name), libc::$name as i64 as u32),)*])
        }
    };
}

values! {
    AF_ALG AF_APPLETALK AF_ASH AF_ATMPVC AF_ATMSVC AF_AX25 AF_BLUETOOTH AF_BRIDGE AF_CAIF AF_CAN
    AF_DECnet AF_ECONET AF_IB AF_IEEE802154 AF_INET AF_INET6 AF_IPX AF_IRDA AF_ISDN AF_IUCV AF_KEY
    AF_LLC AF_LOCAL AF_MPLS AF_NETBEUI AF_NETLINK AF_NETROM AF_NFC AF_PACKET AF_PHONET AF_PPPOX AF_RDS
    AF_ROSE AF_ROUTE AF_RXRPC AF_SECURITY AF_SNA AF_TIPC AF_UNIX AF_UNSPEC AF_VSOCK AF_WANPIPE AF_X25
    AF_XDP EPOLLERR EPOLLET EPOLLEXCLUSIVE EPOLLHUP EPOLLIN EPOLLMSG EPOLLONESHOT EPOLLOUT EPOLLPRI
    EPOLLRDBAND EPOLLRDHUP EPOLLRDNORM EPOLLWAKEUP EPOLLWRBAND EPOLLWRNORM EPOLL_CLOEXEC EPOLL_CTL_ADD
    EPOLL_CTL_DEL EPOLL_CTL_MOD FIOASYNC FIOCLEX FIONBIO FIONCLEX FIONREAD F_ADD_SEALS F_DUPFD
    F_DUPFD_CLOEXEC F_GETFD F_GETFL F_GETLEASE F_GETLK F_GETOWN F_GETPIPE_SZ F_GET_SEALS F_NOTIFY
    F_OFD_GETLK F_OFD_SETLK F_OFD_SETLKW F_SETFD F_SETFL F_SETLEASE F_SETLK F_SETLKW F_SETOWN
    F_SETPIPE_SZ IPPROTO_AH IPPROTO_BEETPH IPPROTO_COMP IPPROTO_DCCP IPPROTO_EGP IPPROTO_ENCAP
    IPPROTO_ESP IPPROTO_ETHERNET IPPROTO_GRE IPPROTO_ICMP IPPROTO_ICMPV6 IPPROTO_IDP IPPROTO_IGMP
    IPPROTO_IP IPPROTO_IPIP IPPROTO_IPV6 IPPROTO_MPLS IPPROTO_MPTCP IPPROTO_MTP IPPROTO_PIM IPPROTO_PUP
    IPPROTO_RAW IPPROTO_RSVP IPPROTO_SCTP IPPROTO_TCP IPPROTO_TP IPPROTO_UDP IPPROTO_UDPLITE
    IPV6_2292DSTOPTS IPV6_2292HOPLIMIT IPV6_2292HOPOPTS IPV6_2292PKTINFO IPV6_2292PKTOPTIONS
    IPV6_2292RTHDR IPV6_ADDRFORM IPV6_ADDR_PREFERENCES IPV6_ADD_MEMBERSHIP IPV6_AUTHHDR
    IPV6_AUTOFLOWLABEL IPV6_CHECKSUM IPV6_DONTFRAG IPV6_DROP_MEMBERSHIP IPV6_DSTOPTS IPV6_FLOWINFO
    IPV6_FLOWINFO_SEND IPV6_FLOWLABEL_MGR IPV6_FREEBIND IPV6_HDRINCL IPV6_HOPLIMIT IPV6_HOPOPTS
    IPV6_IPSEC_POLICY IPV6_JOIN_ANYCAST IPV6_LEAVE_ANYCAST IPV6_MINHOPCOUNT IPV6_MTU IPV6_MTU_DISCOVER
    IPV6_MULTICAST_ALL IPV6_MULTICAST_HOPS IPV6_MULTICAST_IF IPV6_MULTICAST_LOOP IPV6_NEXTHOP
    IPV6_ORIGDSTADDR IPV6_PATHMTU IPV6_PKTINFO IPV6_RECVDSTOPTS IPV6_RECVERR IPV6_RECVFRAGSIZE
    IPV6_RECVHOPLIMIT IPV6_RECVHOPOPTS IPV6_RECVORIGDSTADDR IPV6_RECVPATHMTU IPV6_RECVPKTINFO
    IPV6_RECVRTHDR IPV6_RECVTCLASS IPV6_ROUTER_ALERT IPV6_ROUTER_ALERT_ISOLATE IPV6_RTHDR
    IPV6_RTHDRDSTOPTS IPV6_TCLASS IPV6_TRANSPARENT IPV6_UNICAST_HOPS IPV6_UNICAST_IF IPV6_V6ONLY
    IPV6_XFRM_POLICY IP_ADD_MEMBERSHIP IP_ADD_SOURCE_MEMBERSHIP IP_BIND_ADDRESS_NO_PORT IP_BLOCK_SOURCE
    IP_CHECKSUM IP_DROP_MEMBERSHIP IP_DROP_SOURCE_MEMBERSHIP IP_FREEBIND IP_HDRINCL IP_IPSEC_POLICY
    IP_MINTTL IP_MSFILTER IP_MTU IP_MTU_DISCOVER IP_MULTICAST_ALL IP_MULTICAST_IF IP_MULTICAST_LOOP
    IP_MULTICAST_TTL IP_NODEFRAG IP_OPTIONS IP_ORIGDSTADDR IP_PASSSEC IP_PKTINFO IP_PKTOPTIONS
    IP_RECVERR IP_RECVFRAGSIZE IP_RECVOPTS IP_RECVORIGDSTADDR IP_RECVTOS IP_RECVTTL IP_RETOPTS
    IP_ROUTER_ALERT IP_TOS IP_TRANSPARENT IP_TTL IP_UNBLOCK_SOURCE IP_UNICAST_IF IP_XFRM_POLICY
    MCAST_BLOCK_SOURCE MCAST_JOIN_GROUP MCAST_JOIN_SOURCE_GROUP MCAST_LEAVE_GROUP
    MCAST_LEAVE_SOURCE_GROUP MCAST_MSFILTER MCAST_UNBLOCK_SOURCE MSG_CMSG_CLOEXEC MSG_CONFIRM MSG_CTRUNC
    MSG_DONTROUTE MSG_DONTWAIT MSG_EOR MSG_ERRQUEUE MSG_FASTOPEN MSG_FIN MSG_MORE MSG_NOSIGNAL MSG_OOB
    MSG_PEEK MSG_RST MSG_SYN MSG_TRUNC MSG_WAITALL MSG_WAITFORONE MSG_ZEROCOPY NETLINK_ADD_MEMBERSHIP
    NETLINK_AUDIT NETLINK_BROADCAST_ERROR NETLINK_CAP_ACK NETLINK_CONNECTOR NETLINK_CRYPTO
    NETLINK_DNRTMSG NETLINK_DROP_MEMBERSHIP NETLINK_ECRYPTFS NETLINK_EXT_ACK NETLINK_FIB_LOOKUP
    NETLINK_FIREWALL NETLINK_GENERIC NETLINK_GET_STRICT_CHK NETLINK_IP6_FW NETLINK_ISCSI
    NETLINK_KOBJECT_UEVENT NETLINK_LISTEN_ALL_NSID NETLINK_LIST_MEMBERSHIPS NETLINK_NETFILTER
    NETLINK_NFLOG NETLINK_NO_ENOBUFS NETLINK_PKTINFO NETLINK_RDMA NETLINK_ROUTE NETLINK_RX_RING
    NETLINK_SCSITRANSPORT NETLINK_SELINUX NETLINK_SOCK_DIAG NETLINK_TX_RING NETLINK_UNUSED
    NETLINK_USERSOCK NETLINK_XFRM PACKET_ADD_MEMBERSHIP PACKET_AUXDATA PACKET_COPY_THRESH
    PACKET_DROP_MEMBERSHIP PACKET_FANOUT PACKET_FANOUT_DATA PACKET_HDRLEN PACKET_IGNORE_OUTGOING
    PACKET_LOSS PACKET_ORIGDEV PACKET_QDISC_BYPASS PACKET_RECV_OUTPUT PACKET_RESERVE
    PACKET_ROLLOVER_STATS PACKET_RX_RING PACKET_STATISTICS PACKET_TIMESTAMP PACKET_TX_HAS_OFF
    PACKET_TX_RING PACKET_TX_TIMESTAMP PACKET_VERSION PACKET_VNET_HDR PACKET_VNET_HDR_SZ PF_INET
    PF_INET6 PF_LOCAL PF_NETLINK PF_PACKET PF_UNIX PF_UNSPEC PF_VSOCK POLLERR POLLHUP POLLIN POLLNVAL
    POLLOUT POLLPRI POLLRDBAND POLLRDHUP POLLRDNORM POLLWRBAND POLLWRNORM SCM_CREDENTIALS SCM_RIGHTS
    SCM_TIMESTAMP SCM_TIMESTAMPING SCM_TIMESTAMPING_OPT_STATS SCM_TIMESTAMPING_PKTINFO SCM_TIMESTAMPNS
    SCM_TXTIME SCM_WIFI_STATUS SHUT_RD SHUT_RDWR SHUT_WR SIOCADDMULTI SIOCADDRT SIOCDARP SIOCDELMULTI
    SIOCDELRT SIOCETHTOOL SIOCGARP SIOCGIFADDR SIOCGIFBRDADDR SIOCGIFCONF SIOCGIFDSTADDR SIOCGIFFLAGS
    SIOCGIFHWADDR SIOCGIFINDEX SIOCGIFMAP SIOCGIFMETRIC SIOCGIFMTU SIOCGIFNAME SIOCGIFNETMASK
    SIOCGIFPFLAGS SIOCGIFTXQLEN SIOCSARP SIOCSIFADDR SIOCSIFBRDADDR SIOCSIFDSTADDR SIOCSIFFLAGS
    SIOCSIFHWADDR SIOCSIFLINK SIOCSIFMAP SIOCSIFMETRIC SIOCSIFMTU SIOCSIFNAME SIOCSIFNETMASK
    SIOCSIFPFLAGS SIOCSIFTXQLEN SOCK_CLOEXEC SOCK_DCCP SOCK_DGRAM SOCK_NONBLOCK SOCK_PACKET SOCK_RAW
    SOCK_RDM SOCK_SEQPACKET SOCK_STREAM SOL_ICMPV6 SOL_IP SOL_IPV6 SOL_NETLINK SOL_PACKET SOL_RAW
    SOL_SOCKET SOL_TCP SOL_UDP SO_ACCEPTCONN SO_ATTACH_BPF SO_ATTACH_FILTER SO_ATTACH_REUSEPORT_CBPF
    SO_ATTACH_REUSEPORT_EBPF SO_BINDTODEVICE SO_BINDTOIFINDEX SO_BPF_EXTENSIONS SO_BROADCAST
    SO_BSDCOMPAT SO_BUF_LOCK SO_BUSY_POLL SO_BUSY_POLL_BUDGET SO_CNX_ADVICE SO_COOKIE SO_DEBUG
    SO_DETACH_BPF SO_DETACH_FILTER SO_DETACH_REUSEPORT_BPF SO_DEVMEM_DONTNEED SO_DOMAIN SO_DONTROUTE
    SO_ERROR SO_GET_FILTER SO_INCOMING_CPU SO_INCOMING_NAPI_ID SO_KEEPALIVE SO_LINGER SO_LOCK_FILTER
    SO_MARK SO_MAX_PACING_RATE SO_MEMINFO SO_NETNS_COOKIE SO_NOFCS SO_NO_CHECK SO_OOBINLINE SO_PASSCRED
    SO_PASSPIDFD SO_PASSSEC SO_PEEK_OFF SO_PEERCRED SO_PEERGROUPS SO_PEERNAME SO_PEERPIDFD SO_PEERSEC
    SO_PREFER_BUSY_POLL SO_PRIORITY SO_PROTOCOL SO_RCVBUF SO_RCVBUFFORCE SO_RCVLOWAT SO_RCVMARK
    SO_RCVTIMEO SO_RCVTIMEO_NEW SO_RESERVE_MEM SO_REUSEADDR SO_REUSEPORT SO_RXQ_OVFL
    SO_SECURITY_AUTHENTICATION SO_SECURITY_ENCRYPTION_NETWORK SO_SECURITY_ENCRYPTION_TRANSPORT
    SO_SELECT_ERR_QUEUE SO_SNDBUF SO_SNDBUFFORCE SO_SNDLOWAT SO_SNDTIMEO SO_SNDTIMEO_NEW SO_TIMESTAMP
    SO_TIMESTAMPING SO_TIMESTAMPING_NEW SO_TIMESTAMPNS SO_TIMESTAMPNS_NEW SO_TIMESTAMP_NEW SO_TXREHASH
    SO_TXTIME SO_TYPE SO_WIFI_STATUS SO_ZEROCOPY SPLICE_F_GIFT SPLICE_F_MORE SPLICE_F_MOVE
    SPLICE_F_NONBLOCK TCGETS TCP_CC_INFO TCP_CM_INQ TCP_CONGESTION TCP_CORK TCP_DEFER_ACCEPT
    TCP_FASTOPEN TCP_FASTOPEN_CONNECT TCP_FASTOPEN_KEY TCP_FASTOPEN_NO_COOKIE TCP_INFO TCP_INQ
    TCP_KEEPCNT TCP_KEEPIDLE TCP_KEEPINTVL TCP_LINGER2 TCP_MAXSEG TCP_MD5SIG TCP_MD5SIG_EXT TCP_NODELAY
    TCP_NOTSENT_LOWAT TCP_QUEUE_SEQ TCP_QUICKACK TCP_REPAIR TCP_REPAIR_OPTIONS TCP_REPAIR_QUEUE
    TCP_REPAIR_WINDOW TCP_SAVED_SYN TCP_SAVE_SYN TCP_SYNCNT TCP_THIN_DUPACK TCP_THIN_LINEAR_TIMEOUTS
    TCP_TIMESTAMP TCP_ULP TCP_USER_TIMEOUT TCP_WINDOW_CLAMP TCP_ZEROCOPY_RECEIVE TCSETS TIOCGPGRP
    TIOCGWINSZ TIOCINQ TIOCOUTQ TIOCSPGRP UDP_CORK UDP_ENCAP UDP_GRO UDP_NO_CHECK6_RX UDP_NO_CHECK6_TX
    UDP_SEGMENT
}

/// Names that libc does not have. Their values come from linux-raw-sys, which generates them from Linux's headers...
const NOT_IN_LIBC: &[&str] = &[
    "AF_KCM",
    "AF_MCTP",
    "AF_QIPCRTR",
    "AF_SMC",
    "FIOGETOWN",
    "FIOSETOWN",
    "F_GETOWN_EX",
    "F_GETSIG",
    "F_GET_FILE_RW_HINT",
    "F_GET_RW_HINT",
    "F_SETOWN_EX",
    "F_SETSIG",
    "F_SET_FILE_RW_HINT",
    "F_SET_RW_HINT",
    "ICMPV6_FILTER",
    "ICMP_FILTER",
    "IPV6_RECVERR_RFC4884",
    "IP_LOCAL_PORT_RANGE",
    "IP_PROTOCOL",
    "IP_RECVERR_RFC4884",
    "IP_RECVRETOPTS",
    "MSG_PROBE",
    "MSG_SOCK_DEVMEM",
    "NETLINK_SMC",
    "POLLMSG",
    "SCM_PIDFD",
    "SCM_SECURITY",
    "SIOCATMARK",
    "SIOCGPGRP",
    "SIOCINQ",
    "SIOCOUTQ",
    "SIOCRTMSG",
    "SIOCSPGRP",
    "SOL_SCTP",
    "SOL_UDPLITE",
    "SOL_VSOCK",
    "SO_INQ",
    "SO_PASSRIGHTS",
    "SO_RCVPRIORITY",
    "SO_RCVTIMEO_OLD",
    "SO_SNDTIMEO_OLD",
    "SO_TIMESTAMPING_OLD",
    "SO_TIMESTAMPNS_OLD",
    "SO_TIMESTAMP_OLD",
    "SO_VM_SOCKETS_BUFFER_MAX_SIZE",
    "SO_VM_SOCKETS_BUFFER_MIN_SIZE",
    "SO_VM_SOCKETS_BUFFER_SIZE",
    "SO_VM_SOCKETS_CONNECT_TIMEOUT",
    "SO_VM_SOCKETS_CONNECT_TIMEOUT_NEW",
    "SO_VM_SOCKETS_CONNECT_TIMEOUT_OLD",
    "SO_VM_SOCKETS_NONBLOCK_TXRX",
    "SO_VM_SOCKETS_PEER_HOST_VM_ID",
    "SO_VM_SOCKETS_TRUSTED",
    "TCP_AO_ADD_KEY",
    "TCP_AO_DEL_KEY",
    "TCP_AO_GET_KEYS",
    "TCP_AO_INFO",
    "TCP_AO_REPAIR",
    "TCP_DELACK_MAX_US",
    "TCP_IS_MPTCP",
    "TCP_RTO_MAX_MS",
    "TCP_RTO_MIN_US",
    "TCP_TX_DELAY",
    "UDPLITE_RECV_CSCOV",
    "UDPLITE_SEND_CSCOV",
];

/// ... but for these, which are written out here a second time, and the states, which are our own.
const WRITTEN_OUT: &[(&str, u32)] = &[
    ("SCM_PIDFD", 4),
    ("SIOCINQ", 0x541b),
    ("SIOCOUTQ", 0x5411),
    ("UDPLITE_SEND_CSCOV", 10),
    ("UDPLITE_RECV_CSCOV", 11),
    ("ICMP_FILTER", 1),
    ("ICMPV6_FILTER", 1),
    ("SO_VM_SOCKETS_CONNECT_TIMEOUT_OLD", 6),
    ("MSG_SOCK_DEVMEM", 0x200_0000),
    ("unbound", 0),
    ("bound", 1),
    ("connecting", 2),
    ("connected", 3),
    ("listening", 4),
    ("closed", 5),
];

#[test]
fn every_value_is_libcs() {
    let (libc, written): (_, BTreeMap<_, _>) = (libc_values(), WRITTEN_OUT.iter().copied().collect());
    let missing: BTreeSet<_> = NOT_IN_LIBC.iter().copied().collect();
    let mut seen = BTreeSet::new();
    for member in constants::all().flat_map(|domain| domain.members) {
        seen.insert(member.name);
        match (libc.get(member.name), written.get(member.name)) {
            (Some(value), _) | (None, Some(value)) => assert_eq!(member.value, *value, "{}", member.name),
            (None, None) => assert!(missing.contains(member.name), "{} is in no list", member.name),
        }
    }
    for name in libc.keys().chain(&missing).chain(written.keys()) {
        assert!(seen.contains(name), "{name} is in no domain");
    }
}

#[test]
fn a_domain_has_each_name_once() {
    for domain in constants::all() {
        let names: BTreeSet<_> = domain.members.iter().map(|member| member.name).collect();
        assert_eq!(names.len(), domain.members.len(), "{}", domain.what);
    }
}

#[test]
fn signatures_stand_at_their_calls() {
    for call in Call::ALL {
        let signature = signature(*call);
        assert_eq!(signature.call, *call);
        assert!(signature.parameters.len() <= 6, "{}", call.name());
        assert_eq!(Call::from_name(call.name()), Some(*call));
        let mut labels = BTreeSet::new();
        for parameter in signature.parameters {
            for label in parameter.aliases.iter().chain([&parameter.name]) {
                assert!(labels.insert(*label), "{} names two parameters of {}", label, call.name());
            }
            if let Kind::Dependent { on, .. } = parameter.kind {
                let selector = &signature.parameters[usize::from(on)];
                assert!(matches!(selector.kind, Kind::Enumeration(_)), "{}", call.name());
            }
        }
    }
}

#[test]
fn structs_stand_at_their_numbers() {
    for of in structs::ALL {
        assert_eq!(structs::by_id(of.id).name, of.name);
    }
}

/// The layout of the structs that are read from memory.
#[test]
fn structs_are_laid_out_as_in_libc() {
    macro_rules! agree {
        ($($struct:ident as $name:literal { $($field:ident)* })*) => {$(
            let of = structs::ALL.iter().find(|of| of.name == $name).expect($name);
            assert_eq!(of.size, size_of::<libc::$struct>(), $name);
            $(
                let name = stringify!($field).trim_start_matches("r#");
                let (_, field) = of.field(name).expect(name);
                assert_eq!(field.offset, std::mem::offset_of!(libc::$struct, $field), "{}.{name}", $name);
            )*
        )*};
    }
    agree! {
        sockaddr as "sockaddr" { sa_family sa_data }
        sockaddr_un as "sockaddr_un" { sun_family sun_path }
        sockaddr_in as "sockaddr_in" { sin_family sin_port sin_addr }
        sockaddr_in6 as "sockaddr_in6" { sin6_family sin6_port sin6_flowinfo sin6_addr sin6_scope_id }
        sockaddr_nl as "sockaddr_nl" { nl_family nl_pid nl_groups }
        sockaddr_vm as "sockaddr_vm" { svm_family svm_port svm_cid }
        sockaddr_ll as "sockaddr_ll" {
            sll_family sll_protocol sll_ifindex sll_hatype sll_pkttype sll_halen sll_addr
        }
        iovec as "iovec" { iov_base iov_len }
        cmsghdr as "cmsghdr" { cmsg_len cmsg_level cmsg_type }
        msghdr as "msghdr" { msg_name msg_namelen msg_iov msg_iovlen msg_control msg_controllen msg_flags }
        mmsghdr as "mmsghdr" { msg_hdr msg_len }
        pollfd as "pollfd" { fd events revents }
        epoll_event as "epoll_event" { events }
        linger as "linger" { l_onoff l_linger }
        timeval as "timeval" { tv_sec tv_usec }
        timespec as "timespec" { tv_sec tv_nsec }
        ucred as "ucred" { pid uid gid }
    }
}
