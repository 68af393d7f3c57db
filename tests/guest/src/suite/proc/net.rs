//! `/proc/net`: sockets, and the tables of families that there may not be (proc_pid_net(5)).

use super::help::{number, path, text};
use crate::{
    harness::{Case, Failure, Need, Outcome, Test, check, check_eq, check_err, tests},
    suite::unix::help::{bound, client, datagram, listener, pair, socket},
    sys::{self, Descriptor},
};

pub(crate) const TESTS: &[Test] = tests!("proc";
    unix_shows_all_sockets,
    unix_shows_names,
    unix_shows_records,
    sockstat_counts_sockets needs [Need::OwnSystem],
    file_nr_counts_open_files needs [Need::OwnSystem],
    tables_have_their_first_lines,
    interfaces_are_listed,
);

/// The fields of the line of a socket: refcount, protocol, flags, type, state, inode, path.
fn line(fd: &impl Descriptor) -> Outcome<Vec<String>> {
    let inode = sys::fstat_number(fd.number())?.st_ino.to_string();
    let table = text("/proc/net/unix")?;
    let found = table.lines().skip(1).map(|line| line.split_ascii_whitespace().collect::<Vec<_>>());
    let fields = found.into_iter().find(|fields| fields.get(6) == Some(&inode.as_str()));
    let fields = fields.ok_or_else(|| Failure::here(format!("no socket {inode} in {table}")))?;
    Ok(fields[1..].iter().map(|field| (*field).to_owned()).collect())
}

fn unix_shows_all_sockets(_: &Case) -> Outcome {
    let table = text("/proc/net/unix")?;
    check!(table.starts_with("Num       RefCount Protocol Flags    Type St Inode Path\n"), "{table}");
    let fresh = socket()?;
    let inode = sys::fstat(&fresh)?.st_ino.to_string();
    check_eq!(line(&fresh)?, ["00000002", "00000000", "00000000", "0001", "01", &inode]);
    let (one, other) = pair()?;
    for end in [&one, &other] {
        let inode = sys::fstat(end)?.st_ino.to_string();
        check_eq!(line(end)?, ["00000003", "00000000", "00000000", "0001", "03", &inode]);
    }
    check!(sys::fstat(&one)?.st_ino != sys::fstat(&other)?.st_ino);
    drop(other);
    check_eq!(line(&one)?[4], "03");
    drop(one);
    for line in text("/proc/net/unix")?.lines().skip(1) {
        let columns: Vec<usize> =
            line.split(' ').filter(|word| !word.is_empty()).take(6).map(str::len).collect();
        check_eq!(columns, [17, 8, 8, 8, 4, 2], "{line}");
    }
    Ok(())
}

fn unix_shows_names(case: &Case) -> Outcome {
    let address = case.path_address("bound");
    let listening = listener(&address, 5)?;
    let fields = line(&listening)?;
    let name = case.path("bound").to_string_lossy().into_owned();
    check_eq!(&fields[..5], ["00000002", "00000000", "00010000", "0001", "01"]);
    check_eq!(fields[6], name);
    // One that waits to be accepted has the name, and no inode.
    let waiting = client(&address)?;
    let table = text("/proc/net/unix")?;
    let embryo = table.lines().find(|line| line.ends_with(&name) && line.contains(" 0001 02 "));
    check!(embryo.is_some_and(|line| line.contains(" 02     0 ")), "{table}");
    let accepted = sys::accept(&listening)?;
    check_eq!(line(&accepted)?[6], name);
    check_eq!(line(&waiting)?.len(), 6, "without a name");

    let address = case.abstract_address("hidden\0part");
    let bound = socket()?;
    sys::bind(&bound, address.bytes())?;
    let path = line(&bound)?.pop().unwrap_or_default();
    check!(path.starts_with('@') && path.ends_with("/hidden@part"), "{path}");
    Ok(())
}

fn unix_shows_records(case: &Case) -> Outcome {
    let short = |fd: &std::os::fd::OwnedFd| Ok::<_, Failure>(line(fd)?[..5].join(" "));
    let shown = |references: u32, kind: u32, state: u32| {
        format!("{references:08X} 00000000 00000000 {kind:04X} {state:02X}")
    };
    for kind in [libc::SOCK_DGRAM, libc::SOCK_SEQPACKET] {
        let (one, other) = sys::socketpair(libc::AF_UNIX, kind, 0)?;
        for end in [&one, &other] {
            check_eq!(short(end)?, shown(3, kind as u32, 3));
        }
        check_eq!(short(&sys::socket(libc::AF_UNIX, kind, 0)?)?, shown(2, kind as u32, 1));
    }
    // Who others are connected to is shown as connected, until one of them goes.
    let address = case.abstract_address("a");
    let receiver = bound(&address)?;
    check_eq!(short(&receiver)?, shown(2, 2, 1));
    let clients = [datagram()?, datagram()?];
    for (index, client) in clients.iter().enumerate() {
        sys::connect(client, address.bytes())?;
        check_eq!(short(client)?, shown(2, 2, 3));
        check_eq!(short(&receiver)?, shown(3 + index as u32, 2, 3));
    }
    sys::connect(&clients[0], &[0; 2])?;
    check_eq!(short(&clients[0])?, shown(2, 2, 1));
    check_eq!(short(&receiver)?, shown(3, 2, 1));
    check_eq!(short(&clients[1])?, shown(2, 2, 3));
    drop(receiver);
    check_err!(sys::write(&clients[1], b"x"), ECONNREFUSED);
    check_eq!(short(&clients[1])?, shown(2, 2, 1));
    Ok(())
}

fn sockets_used() -> Outcome<usize> {
    let table = text("/proc/net/sockstat")?;
    let used = table.lines().find_map(|line| line.strip_prefix("sockets: used "));
    number(used.unwrap_or_default())
}

fn sockstat_counts_sockets(case: &Case) -> Outcome {
    let before = sockets_used()?;
    let address = case.abstract_address("counted");
    let listening = listener(&address, 5)?;
    let near = client(&address)?;
    check_eq!(sockets_used()?, before + 2, "one that waits to be accepted is nobody's");
    let far = sys::accept(&listening)?;
    let again = sys::dup(&far)?;
    check_eq!(sockets_used()?, before + 3);
    drop((near, far));
    check_eq!(sockets_used()?, before + 2);
    let unaccepted = client(&address)?;
    drop((again, listening, unaccepted));
    check_eq!(sockets_used()?, before);
    let many: Vec<_> = (0..200).map(|_| pair()).collect::<Result<_, _>>()?;
    check_eq!(sockets_used()?, before + 400);
    drop(many);
    check_eq!(sockets_used()?, before);
    Ok(())
}

fn file_nr_counts_open_files(_: &Case) -> Outcome {
    let count = || -> Outcome<usize> {
        let text = text("/proc/sys/fs/file-nr")?;
        number(text.split('\t').next().unwrap_or_default())
    };
    let before = count()?;
    let held = (pair()?, sys::pipe2(0)?, sys::open(&path("/dev/null"), libc::O_RDONLY, 0)?);
    check_eq!(count()?, before + 5);
    let copy = sys::dup(&held.2)?;
    check_eq!(count()?, before + 5);
    drop((held, copy));
    check_eq!(count()?, before);
    Ok(())
}

fn tables_have_their_first_lines(_: &Case) -> Outcome {
    for (name, columns) in [
        (
            "tcp",
            &[
                "sl",
                "local_address",
                "rem_address",
                "st",
                "tx_queue",
                "rx_queue",
                "tr",
                "tm->when",
                "retrnsmt",
                "uid",
                "timeout",
                "inode",
            ][..],
        ),
        (
            "tcp6",
            &[
                "sl",
                "local_address",
                "remote_address",
                "st",
                "tx_queue",
                "rx_queue",
                "tr",
                "tm->when",
                "retrnsmt",
                "uid",
                "timeout",
                "inode",
            ],
        ),
        (
            "udp",
            &[
                "sl",
                "local_address",
                "rem_address",
                "st",
                "tx_queue",
                "rx_queue",
                "tr",
                "tm->when",
                "retrnsmt",
                "uid",
                "timeout",
                "inode",
                "ref",
                "pointer",
                "drops",
            ],
        ),
        (
            "udp6",
            &[
                "sl",
                "local_address",
                "remote_address",
                "st",
                "tx_queue",
                "rx_queue",
                "tr",
                "tm->when",
                "retrnsmt",
                "uid",
                "timeout",
                "inode",
                "ref",
                "pointer",
                "drops",
            ],
        ),
        (
            "raw",
            &[
                "sl",
                "local_address",
                "rem_address",
                "st",
                "tx_queue",
                "rx_queue",
                "tr",
                "tm->when",
                "retrnsmt",
                "uid",
                "timeout",
                "inode",
                "ref",
                "pointer",
                "drops",
            ],
        ),
        (
            "route",
            &[
                "Iface",
                "Destination",
                "Gateway",
                "Flags",
                "RefCnt",
                "Use",
                "Metric",
                "Mask",
                "MTU",
                "Window",
                "IRTT",
            ],
        ),
        ("netlink", &["sk", "Eth", "Pid", "Groups", "Rmem", "Wmem", "Dump", "Locks", "Drops", "Inode"]),
        ("packet", &["sk", "RefCnt", "Type", "Proto", "Iface", "R", "Rmem", "User", "Inode"]),
    ] {
        let table = text(&format!("/proc/net/{name}"))?;
        let first: Vec<&str> = table.lines().next().unwrap_or_default().split_ascii_whitespace().collect();
        check_eq!(first, columns, "{name}");
    }
    // Fixed widths that readers rely on.
    check_eq!(text("/proc/net/tcp")?.lines().next().map(str::len), Some(149));
    check_eq!(text("/proc/net/udp")?.lines().next().map(str::len), Some(127));
    check_eq!(text("/proc/net/route")?.lines().next().map(str::len), Some(127));
    let own = "00000000000000000000000000000001 01 80 10 80       lo";
    check_eq!(text("/proc/net/if_inet6")?.lines().find(|line| line.ends_with(" lo")), Some(own));
    check!(text("/proc/net/protocols")?.lines().any(|line| line.starts_with("UNIX-STREAM ")));
    check_eq!(text("/proc/net/sockstat6")?.lines().count(), 5);
    Ok(())
}

fn interfaces_are_listed(_: &Case) -> Outcome {
    let table = text("/proc/net/dev")?;
    let lines: Vec<&str> = table.lines().collect();
    check!(lines[0].starts_with("Inter-|   Receive ") && lines[1].starts_with(" face |bytes "), "{table}");
    let loopback = lines.iter().find_map(|line| line.trim_start().strip_prefix("lo:"));
    let counts: Vec<u64> =
        loopback.unwrap_or_default().split_ascii_whitespace().map(number).collect::<Result<_, _>>()?;
    check_eq!(counts.len(), 16, "{table}");
    for (name, value) in
        [("mtu", "65536\n"), ("type", "772\n"), ("ifindex", "1\n"), ("address", "00:00:00:00:00:00\n")]
    {
        check_eq!(text(&format!("/sys/class/net/lo/{name}"))?, value, "{name}");
    }
    Ok(())
}
