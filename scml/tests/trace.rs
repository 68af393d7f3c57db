//! Logs of real programs, and every kind of line in logs of a few lines.

use std::path::Path;

use scml::{
    Profile, Source, compile, load,
    trace::{MAX_LINE, Program, Session, Summary},
};

const LOGS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/trace");

fn rules(text: &str) -> Profile {
    compile(&[Source::new("rules.scml", text)]).unwrap_or_else(|errors| panic!("{errors:?}"))
}

/// What comes of a log under these rules.
fn judged(profile: &Profile, log: &str) -> Summary {
    let mut session = Session::new(profile.tables());
    session.read("log", None, log.as_bytes()).unwrap();
    session.finish()
}

fn only(summary: &Summary) -> &Program {
    assert_eq!(summary.programs.len(), 1, "{summary:?}");
    &summary.programs[0]
}

/// `count call: argument = value`, most frequent first.
fn causes(program: &Program) -> Vec<String> {
    let cause = |cause: &scml::trace::Cause| {
        let explanation = &cause.explanation;
        let followers: u64 = cause.followers.values().sum();
        format!(
            "{} {}: {} = {}{}",
            cause.count,
            explanation.call.name(),
            explanation.argument,
            explanation.value,
            if followers > 0 { format!(" (+{followers})") } else { String::new() }
        )
    };
    program.causes.iter().map(cause).collect()
}

/// The asterinas profile, which does not change.
fn published() -> Profile {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("profiles/asterinas");
    compile(&load(directory).unwrap()).unwrap()
}

/// What comes of logs that are kept beside this file.
fn real(names: &[&str]) -> Summary {
    let profile = published();
    let mut session = Session::new(profile.tables());
    for name in names {
        let bytes = std::fs::read(format!("{LOGS}/{name}")).unwrap();
        let pid = name.rsplit('.').next().and_then(|extension| extension.parse().ok());
        session.read(name, pid, bytes.as_slice()).unwrap();
    }
    let summary = session.finish();
    assert_eq!((summary.unreadable, &summary.first_unreadable), (0, &None));
    assert!(summary.programs.iter().all(|program| program.unclear.is_empty()), "{summary:?}");
    summary
}

fn figures(summary: &Summary) -> Vec<(&str, u64, u64, u64)> {
    let programs = summary.programs.iter();
    programs
        .map(|program| (program.name.as_str(), program.processes, program.calls, program.conforming))
        .collect()
}

#[test]
fn python() {
    let summary = real(&["python.strace"]);
    assert_eq!(figures(&summary), [("/usr/bin/python3", 2, 59, 51)]);
    assert_eq!(
        causes(&summary.programs[0]),
        [
            "1 socket: family = AF_INET6 (+2)",
            "1 socket: family = AF_PACKET (+1)",
            "1 sendmsg: msg.msg_control = [{SOL_SOCKET, SCM_RIGHTS}]",
            "1 setsockopt: optname = 250",
            "1 recvfrom: flags = MSG_DONTWAIT | 0x800000",
        ]
    );
    let recvfrom = &summary.programs[0].causes[4];
    assert_eq!(recvfrom.explanation.offending, ["MSG_DONTWAIT", "unknown bits 0x800000"]);
    assert_eq!(recvfrom.linux.iter().collect::<Vec<_>>(), [(&"EAGAIN".to_owned(), &1)]);
    assert!(recvfrom.example.starts_with("recvfrom(4, 0x"), "{}", recvfrom.example);
}

#[test]
fn redis_and_its_clients() {
    let summary = real(&["redis.strace"]);
    assert_eq!(
        figures(&summary),
        [("/usr/bin/sh", 1, 0, 0), ("/usr/bin/redis-cli", 4, 22, 22), ("/usr/bin/redis-server", 1, 19, 19),]
    );
}

#[test]
fn ip_with_decoded_descriptors_and_times() {
    let summary = real(&["ip.strace"]);
    assert_eq!(
        causes(only(&summary)),
        [
            "4 recvmsg: flags = MSG_PEEK | MSG_TRUNC",
            "2 setsockopt: optname = NETLINK_EXT_ACK",
            "1 setsockopt: optname = NETLINK_GET_STRICT_CHK",
        ]
    );
}

/// The same program, once with names and values and times, once with values only.
#[test]
fn curl_in_other_styles() {
    for log in ["curl.strace", "curl-raw.strace"] {
        let summary = real(&[log]);
        assert_eq!(figures(&summary), [("/usr/bin/curl", 1, 20, 18)], "{log}");
        assert_eq!(
            causes(only(&summary)),
            ["1 setsockopt: optname = TCP_KEEPINTVL", "1 sendto: flags = MSG_NOSIGNAL"],
            "{log}"
        );
    }
}

/// The child's log begins with descriptors that only the parent's explains.
#[test]
fn a_log_for_each_process() {
    let summary = real(&["nginx.17704", "nginx.17705"]);
    assert_eq!(figures(&summary), [("/usr/sbin/nginx", 2, 26, 26)]);
}

/// Sockets of two kinds, and two calls by which they can be told apart.
const KINDS: &str = "struct stream = { family = AF_UNIX, type = SOCK_STREAM, .. };
socket(..); socketpair(..); bind(..); connect(..); accept(..); accept4(..); recvmsg(..); getsockopt(..); close();
listen(sockfd = <stream>, backlog);
read(fd = <stream>, buf, count);";

/// How many listens and reads conform, and how many do not.
#[track_caller]
fn told_apart(log: &str) -> (u64, u64) {
    let profile = rules(&KINDS.replace(" close();", ""));
    let summary = judged(&profile, log);
    assert_eq!((summary.unreadable, &summary.first_unreadable), (0, &None));
    let program = only(&summary);
    assert_eq!(program.unclear.len(), 0, "{:?}", program.unclear);
    let made =
        log.lines().filter(|line| !line.contains("listen(") && !line.contains("read(")).filter(|line| {
            ["socket(", "socketpair(", "bind(", "connect(", "accept", "recvmsg(", "getsockopt("]
                .iter()
                .any(|call| line.contains(call))
        });
    (program.conforming - made.count() as u64, program.refused())
}

#[test]
fn descriptors_are_followed() {
    let unix = "socket(AF_UNIX, SOCK_STREAM, 0) = 3\n";
    let inet = "socket(AF_INET, SOCK_STREAM, IPPROTO_IP) = 3\n";
    let and = |first: &str, more: &str| format!("{first}{more}");
    assert_eq!(told_apart(&and(unix, "listen(3, 5) = 0\nread(3, \"\", 1) = 0")), (2, 0));
    assert_eq!(told_apart(&and(inet, "listen(3, 5) = 0\nread(3, \"\", 1) = 0")), (0, 2));
    // Copies.
    for copy in [
        "dup(3) = 4\n",
        "dup2(3, 4) = 4\n",
        "dup3(3, 4, O_CLOEXEC) = 4\n",
        "fcntl(3, F_DUPFD, 0) = 4\n",
        "fcntl(3, F_DUPFD_CLOEXEC, 0) = 4\n",
    ] {
        assert_eq!(told_apart(&format!("{inet}{copy}close(3) = 0\nlisten(4, 5) = 0")), (0, 1), "{copy}");
    }
    // A connection is what its listener is; a pair is two.
    assert_eq!(
        told_apart(&and(inet, "accept4(3, NULL, NULL, SOCK_CLOEXEC) = 4\nread(4, \"\", 1) = 0")),
        (0, 1)
    );
    assert_eq!(told_apart("socketpair(AF_UNIX, SOCK_DGRAM, 0, [3, 4]) = 0\nread(4, \"\", 1) = 0"), (0, 1));
    // What is closed is something else, and files are not judged.
    for closing in ["close(3) = 0\n", "close_range(3, 4294967295, 0) = 0\n", "close_range(3, ~0U, 0) = 0\n"] {
        assert_eq!(told_apart(&format!("{inet}{closing}listen(3, 1) = 0")), (1, 0), "{closing}");
        let log = format!("{inet}{closing}openat(AT_FDCWD, \"/x\", O_RDONLY) = 3\nread(3, \"\", 1) = 0");
        assert_eq!(told_apart(&log), (0, 0), "{closing}");
    }
    // Of a descriptor that was there before, nothing is known: a listening one may be of the right kind.
    assert_eq!(told_apart("listen(3, 5) = 0\nread(3, \"\", 1) = 0"), (1, 0));
    // What strace itself says.
    assert_eq!(
        told_apart("listen(3<TCP:[127.0.0.1:80]>, 5) = 0\nread(4<UNIX-STREAM:[1->2]>, \"\", 1) = 0"),
        (1, 1)
    );
    assert_eq!(told_apart("listen(3<socket:[12]>, 5) = 0\nread(4</etc/x>, \"\", 1) = 0"), (1, 0));
    // A descriptor that came in a message is not what had the number before.
    let message = "recvmsg(9, {msg_name=NULL, msg_namelen=0, msg_iov=[{iov_base=\"x\", iov_len=1}], msg_iovlen=1, \
                   msg_control=[{cmsg_len=20, cmsg_level=SOL_SOCKET, cmsg_type=SCM_RIGHTS, cmsg_data=[3]}], \
                   msg_controllen=24, msg_flags=0}, 0) = 1\n";
    assert_eq!(told_apart(&format!("{inet}{message}listen(3, 5) = 0")), (1, 0));
}

#[test]
fn processes_inherit_share_and_lose_descriptors() {
    let start = "10 socket(AF_INET, SOCK_STREAM, IPPROTO_IP) = 3\n10 socket(AF_INET, SOCK_STREAM|SOCK_CLOEXEC, IPPROTO_IP) = 4\n";
    let fork = "10 clone(child_stack=NULL, flags=CLONE_CHILD_SETTID|SIGCHLD, child_tidptr=0x7f) = 11\n";
    assert_eq!(told_apart(&format!("{start}{fork}11 listen(3, 1) = 0")), (0, 1));
    // The parent's closing is not the child's; a thread's is.
    assert_eq!(told_apart(&format!("{start}{fork}10 close(3) = 0\n11 listen(3, 1) = 0")), (0, 1));
    let thread =
        "10 clone3({flags=CLONE_VM|CLONE_FILES|CLONE_THREAD, stack=0x7f} => {parent_tid=[11]}, 88) = 11\n";
    assert_eq!(told_apart(&format!("{start}{thread}10 close(3) = 0\n11 listen(3, 1) = 0")), (1, 0));
    // The child speaks before its parent's clone returns.
    let log = format!(
        "{start}10 vfork( <unfinished ...>\n11 listen(3, 1) = 0\n11 +++ exited with 0 +++\n10 <... vfork resumed>) = 11\n10 listen(3, 1) = 0"
    );
    assert_eq!(told_apart(&log), (0, 2));
    // execve closes what is to be closed.
    let log = format!(
        "{start}{fork}11 execve(\"/bin/x\", [\"x\"], 0x7f /* 3 vars */) = 0\n11 listen(3, 1) = 0\n11 listen(4, 1) = 0"
    );
    let profile = rules(&KINDS.replace(" close();", ""));
    let summary = judged(&profile, &log);
    let x = summary.programs.iter().find(|program| program.name == "/bin/x").unwrap();
    assert_eq!((x.processes, x.conforming, x.refused()), (1, 1, 1));
    // F_SETFD says so later.
    let log = format!(
        "{start}10 fcntl(3, F_SETFD, FD_CLOEXEC) = 0\n10 execve(\"/bin/x\", [\"x\"], 0x7f) = 0\n10 listen(3, 1) = 0"
    );
    let summary = judged(&profile, &log);
    assert_eq!(summary.programs.iter().map(Program::refused).sum::<u64>(), 0);
}

#[test]
fn states_are_followed() {
    let profile = rules(
        "socket(..); bind(..); listen(..); connect(..); accept(..); getsockopt(..);
         shutdown(sockfd = { state = connected, .. }, how);
         getsockname(sockfd = { state = bound | listening, .. }, addr, addrlen);
         getpeername(sockfd = { state = connecting, .. }, addr, addrlen);",
    );
    let refused = |log: &str| judged(&profile, log).programs[0].refused();
    let socket = "socket(AF_INET, SOCK_STREAM, IPPROTO_IP) = 3\n";
    let address = "{sa_family=AF_INET, sin_port=htons(1), sin_addr=inet_addr(\"127.0.0.1\")}, 16";
    assert_eq!(refused(&format!("{socket}shutdown(3, SHUT_WR) = -1 ENOTCONN (x)\n")), 1);
    assert_eq!(refused(&format!("{socket}connect(3, {address}) = 0\nshutdown(3, SHUT_WR) = 0\n")), 0);
    assert_eq!(
        refused(&format!("{socket}connect(3, {address}) = -1 ECONNREFUSED (x)\nshutdown(3, SHUT_WR) = 0\n")),
        1
    );
    let connecting = format!("{socket}connect(3, {address}) = -1 EINPROGRESS (x)\n");
    assert_eq!(refused(&format!("{connecting}getpeername(3, 0x7f, [16]) = -1 ENOTCONN (x)\n")), 0);
    assert_eq!(
        refused(&format!(
            "{connecting}getsockopt(3, SOL_SOCKET, SO_ERROR, [0], [4]) = 0\nshutdown(3, SHUT_WR) = 0\n"
        )),
        0
    );
    assert_eq!(refused(&format!("{socket}bind(3, {address}) = 0\ngetsockname(3, 0x7f, [16]) = 0\n")), 0);
    assert_eq!(refused(&format!("{socket}listen(3, 1) = 0\ngetsockname(3, 0x7f, [16]) = 0\n")), 0);
    let accepted = format!("{socket}listen(3, 1) = 0\naccept(3, NULL, NULL) = 4\n");
    assert_eq!(refused(&format!("{accepted}shutdown(4, SHUT_WR) = 0\nshutdown(3, SHUT_WR) = 0\n")), 1);
}

#[test]
fn calls_that_others_interrupt() {
    let profile = rules(
        "recvfrom(sockfd, buf, len, flags = MSG_PEEK, src_addr, addrlen); shutdown(sockfd, how = SHUT_RD);",
    );
    let log = "1 recvfrom(3,  <unfinished ...>
2 shutdown(3, SHUT_RD <unfinished ...>
1 <... recvfrom resumed>\"a\", 1, MSG_PEEK, NULL, NULL) = 1
2 <... shutdown resumed>)           = 0
1 recvfrom(3, <unfinished ...>
1 --- SIGINT {si_signo=SIGINT, si_code=SI_KERNEL} ---
1 <... recvfrom resumed> 0x7f, 1, MSG_OOB, NULL, NULL) = ? ERESTARTSYS (To be restarted if SA_RESTART is set)
3 recvfrom(3, <unfinished ...>
3 +++ killed by SIGKILL +++
4 <... read resumed>\"\", 1) = 0
";
    let summary = judged(&profile, log);
    assert_eq!(summary.unreadable, 0);
    let causes: Vec<_> = summary.programs.iter().flat_map(causes).collect();
    assert_eq!(causes, ["1 recvfrom: flags = MSG_OOB"]);
    assert_eq!(summary.programs.iter().map(|program| program.conforming).sum::<u64>(), 2);
}

#[test]
fn what_is_not_shown_is_not_judged() {
    let profile = rules(
        "struct inet = { sa_family = AF_INET, .. };
         connect(sockfd, addr = <inet>, addrlen); bind(..);
         sendmsg(sockfd, msg = { msg_control = NULL, .. }, flags);
         sendto(sockfd, buf, len, flags = MSG_OOB, dest_addr, addrlen);",
    );
    let summary = judged(
        &profile,
        "connect(3, 0x7ffe, 16) = -1 EINTR (x)
bind(3, 0x7ffe, 16) = 0
sendmsg(3, {msg_name=NULL, msg_namelen=0, msg_iov=0x7ffe, msg_iovlen=1, msg_control=0x7fff, msg_controllen=24, msg_flags=0}, 0) = 1
sendmsg(3, {msg_name=NULL, msg_namelen=0, msg_iov=0x7ffe, msg_iovlen=1, msg_controllen=0, msg_flags=0}, 0) = 1
sendmsg(3, 0x7ffe, 0) = 1
sendto(3, \"a\", 1, MSG_NEW_AND_UNKNOWN, NULL, 0) = 1
sendto(3, \"a\", 1) = 1
",
    );
    let program = only(&summary);
    assert_eq!((program.calls, program.conforming, program.not_judged()), (2, 2, 5));
    let unclear: Vec<_> =
        program.unclear.iter().map(|unclear| format!("{}: {}", unclear.call.name(), unclear.why)).collect();
    assert_eq!(
        unclear,
        [
            "connect: addr: rules look at what is not shown (a pointer)",
            "sendmsg: msg: rules look at what is not shown (a pointer in msg_control)",
            "sendmsg: msg: rules look at what is not shown (a pointer)",
            "sendto: flags: `MSG_NEW_AND_UNKNOWN` is not known",
            "sendto: it has 3 arguments instead of 6",
        ]
    );
}

#[test]
fn calls_that_fail_before_the_rules_are_asked() {
    let profile = rules("socket(..);");
    let summary = judged(
        &profile,
        "listen(9, 1) = -1 EBADF (Bad file descriptor)
openat(AT_FDCWD, \"/x\", O_RDONLY) = 3
listen(3, 1) = -1 ENOTSOCK (x)
connect(4, 0x1, 16) = -1 EFAULT (Bad address)
socket(AF_UNIX, SOCK_STREAM, 0) = 5
",
    );
    assert_eq!((only(&summary).calls, only(&summary).failed), (1, 3));
}

#[test]
fn control_messages_that_are_received() {
    let profile = rules(
        "struct rights = { cmsg_level = SOL_SOCKET, cmsg_type = SCM_RIGHTS, .. };
         recvmsg(sockfd, msg = { msg_control = [ <rights> ], .. }, flags);",
    );
    let message = |kind: &str| {
        format!(
            "recvmsg(3, {{msg_name=NULL, msg_namelen=0, msg_iov=[{{iov_base=\"a\", iov_len=1}}], msg_iovlen=1, \
             msg_control=[{{cmsg_len=20, cmsg_level=SOL_SOCKET, cmsg_type={kind}, cmsg_data=[3]}}], msg_controllen=24, \
             msg_flags=0}}, 0) = 1\n"
        )
    };
    let summary = judged(&profile, &(message("SCM_RIGHTS") + &message("SCM_CREDENTIALS")));
    assert_eq!((only(&summary).calls, only(&summary).conforming), (2, 1));
    assert_eq!(causes(only(&summary)), ["1 recvmsg: msg.msg_control = {SOL_SOCKET, SCM_CREDENTIALS}"]);
    // The call itself succeeds.
    assert_eq!(only(&summary).causes[0].explanation.errno, 0);
}

#[test]
fn what_comes_after_a_refused_socket_counts_with_it() {
    let profile = rules(
        "struct un = { family = AF_UNIX, .. }; struct sa = { sa_family = AF_UNIX, .. };
         socket(family = AF_UNIX, ..); bind(sockfd, addr = <sa>, addrlen); listen(sockfd = <un>, backlog);
         setsockopt(sockfd = <un>, level = SOL_SOCKET, optname = SO_KEEPALIVE, ..);",
    );
    let summary = judged(
        &profile,
        "socket(AF_INET, SOCK_STREAM, IPPROTO_IP) = 3
bind(3, {sa_family=AF_INET, sin_port=htons(1), sin_addr=inet_addr(\"1.2.3.4\")}, 16) = 0
listen(3, 5) = 0
socket(AF_UNIX, SOCK_STREAM, 0) = 4
setsockopt(4, SOL_SOCKET, SO_LINGER, {l_onoff=1, l_linger=0}, 8) = 0
setsockopt(4, SOL_SOCKET, SO_LINGER, {l_onoff=1, l_linger=0}, 8) = -1 EPERM (x)
",
    );
    let program = only(&summary);
    assert_eq!(causes(program), ["1 socket: family = AF_INET (+2)", "2 setsockopt: optname = SO_LINGER"]);
    assert_eq!((program.calls, program.conforming), (6, 1));
    let linux: Vec<_> = program.causes[1].linux.iter().map(|(said, times)| (said.as_str(), *times)).collect();
    assert_eq!(linux, [("0", 1), ("EPERM", 1)]);
}

#[test]
fn values_behind_pointers() {
    let profile = rules(
        "struct on = { l_onoff = 1, .. }; struct port = { sin_family = AF_INET, sin_port = 80, .. };
         struct nl = { nl_family = AF_NETLINK, nl_groups = 1, .. };
         setsockopt(sockfd, level = SOL_SOCKET, optname = SO_KEEPALIVE, optval = 1, optlen);
         setsockopt(sockfd, level = SOL_SOCKET, optname = SO_LINGER, optval = <on>, optlen);
         connect(sockfd, addr = <port>, addrlen); bind(sockfd, addr = <nl>, addrlen);
         poll(fds = [ { events = POLLIN | POLLOUT, .. } ], nfds, timeout);
         sendmmsg(sockfd, msgvec = [ { msg_hdr = { msg_control = [ { cmsg_type = SCM_RIGHTS, .. } ], .. }, .. } ], vlen, flags);",
    );
    let message = |kind: &str| {
        format!(
            "{{msg_hdr={{msg_name=NULL, msg_namelen=0, msg_iov=[{{iov_base=\"a\", iov_len=1}}], msg_iovlen=1, \
             msg_control=[{{cmsg_len=20, cmsg_level=SOL_SOCKET, cmsg_type={kind}, cmsg_data=[3]}}], msg_controllen=24, \
             msg_flags=0}}, msg_len=1}}"
        )
    };
    let (rights, credentials) = (message("SCM_RIGHTS"), message("SCM_CREDENTIALS"));
    let pairs = [
        (
            "setsockopt(3, SOL_SOCKET, SO_KEEPALIVE, [1], 4) = 0",
            "setsockopt(3, SOL_SOCKET, SO_KEEPALIVE, [0], 4) = 0",
        ),
        (
            "setsockopt(3, SOL_SOCKET, SO_LINGER, {l_onoff=1, l_linger=5}, 8) = 0",
            "setsockopt(3, SOL_SOCKET, SO_LINGER, {l_onoff=0, l_linger=5}, 8) = 0",
        ),
        (
            "connect(3, {sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr(\"1.2.3.4\")}, 16) = 0",
            "connect(3, {sa_family=AF_INET, sin_port=htons(81), sin_addr=inet_addr(\"1.2.3.4\")}, 16) = 0",
        ),
        (
            "connect(3, {sa_family=0x2 /* AF_INET */, sin_port=\"\\x00\\x50\" /* htons(80) */, sin_addr=\"\\x7f\\x00\\x00\\x01\"}, 16) = 0",
            "connect(3, {sa_family=AF_INET6, sin6_port=htons(80), sin6_flowinfo=htonl(0), inet_pton(AF_INET6, \"::1\", &sin6_addr), sin6_scope_id=0}, 28) = 0",
        ),
        (
            "bind(3, {sa_family=AF_NETLINK, nl_pid=0, nl_groups=0x000001}, 12) = 0",
            "bind(3, {sa_family=AF_NETLINK, nl_pid=0, nl_groups=00000000}, 12) = 0",
        ),
        (
            "poll([{fd=3, events=POLLIN}, {fd=4, events=POLLIN|POLLOUT}], 2, 0) = 0 (Timeout)",
            "poll([{fd=3, events=POLLIN}, {fd=4, events=POLLIN|POLLPRI}], 2, 0) = 0 (Timeout)",
        ),
        (
            &format!("sendmmsg(3, [{rights}, {rights}], 2, 0) = 2"),
            &format!("sendmmsg(3, [{rights}, {credentials}], 2, 0) = 2"),
        ),
    ];
    for (conforming, refused) in pairs {
        let summary = judged(&profile, &format!("{conforming}\n{refused}\n"));
        assert_eq!(summary.unreadable, 0, "{conforming}");
        assert_eq!((only(&summary).calls, only(&summary).conforming), (2, 1), "{conforming}\n{summary:?}");
        let summary = judged(&profile, conforming);
        assert_eq!(only(&summary).conforming, 1, "{conforming}");
    }
}

#[test]
fn other_names_of_calls_and_numbers() {
    let profile = rules(
        "sendto(sockfd, buf, len, flags = MSG_NOSIGNAL, dest_addr = NULL, addrlen); recvfrom(sockfd, buf, len, flags = 0, ..);
         ioctl(fd = { family = AF_UNIX, .. }, request = FIONREAD | TCGETS, argp); socket(family = AF_UNIX | AF_PACKET, ..);",
    );
    let summary = judged(
        &profile,
        "send(3, \"a\", 1, MSG_NOSIGNAL) = 1
recv(3, \"a\", 1, 0) = 1
socket(AF_UNIX, SOCK_STREAM, 0) = 4
ioctl(4, SNDCTL_TMR_TIMEBASE or TCGETS, 0x7ffe) = -1 ENOTTY (x)
ioctl(4, _IOC(_IOC_NONE, 0x54, 0x1b, 0), 0x7ffe) = 0
socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL)) = 5
",
    );
    assert_eq!((only(&summary).calls, only(&summary).conforming), (6, 6), "{summary:?}");
}

#[test]
fn lines_that_are_no_traces_are_counted() {
    let profile = rules("socket(..);");
    let mut log =
        b"usage: program [options]\n\xff\xfe\x00binary\nsocket(AF_UNIX, SOCK_STREAM, 0) = 3\n".to_vec();
    log.extend(b"socket(AF_UNIX, SOCK_STR");
    log.push(b'\n');
    log.extend(vec![b'x'; MAX_LINE + 10]);
    log.extend(b"\nsocket(AF_UNIX, SOCK_STREAM, 0) = 4");
    let mut session = Session::new(profile.tables());
    session.read("log", None, log.as_slice()).unwrap();
    let summary = session.finish();
    assert_eq!((summary.lines, summary.unreadable), (6, 4));
    assert_eq!(summary.first_unreadable.as_ref().map(|place| place.line), Some(1));
    assert_eq!(only(&summary).conforming, 2);
}
