//! What each kind of pattern admits, by way of every production of the grammar.

use scml::{
    Address, Call, ControlHeader, Descriptor, Message, Profile, SocketState, Source, Subject, Tables, Usage,
    compile,
};

/// A call with everything that rules may look at.
#[derive(Clone, Default)]
struct Facts {
    registers: [u64; 6],
    descriptor: Option<Descriptor>,
    state: Option<SocketState>,
    address: Option<Vec<u8>>,
    control: Option<Vec<ControlHeader>>,
    message: bool,
    memory: Option<Vec<u8>>,
    payload: Option<Vec<u8>>,
}

impl Subject for Facts {
    fn parameter(&self, index: usize) -> u64 {
        self.registers[index]
    }

    fn descriptor(&self) -> Option<Descriptor> {
        self.descriptor
    }

    fn state(&self) -> SocketState {
        self.state.expect("only rules that name the state ask for it")
    }

    fn address(&self) -> Option<Address<'_>> {
        self.address.as_deref().map(|bytes| Address { bytes })
    }

    fn message(&self) -> Option<Message<'_>> {
        let message = Message {
            name: self.address(),
            parts: 1,
            control: self.control.as_deref(),
            ..Message::default()
        };
        self.message.then_some(message)
    }

    fn payload(&self) -> Option<&[u8]> {
        self.payload.as_deref()
    }

    fn memory(&self, _parameter: usize) -> Option<&[u8]> {
        self.memory.as_deref()
    }
}

fn compiled(files: &[&str]) -> Profile {
    let sources: Vec<_> =
        files.iter().enumerate().map(|(index, text)| Source::new(format!("{index}.scml"), *text)).collect();
    compile(&sources).unwrap_or_else(|errors| {
        let rendered: Vec<_> = errors.iter().map(|error| error.render(false)).collect();
        panic!("{}", rendered.join("\n"))
    })
}

fn admits(tables: &Tables<'_>, call: Call, facts: &Facts) -> bool {
    let verdict = tables.admit(call, facts);
    if let Err(refusal) = verdict {
        // Every refusal can be explained, and names the argument.
        let explanation = tables.explain(call, facts, refusal);
        assert!(explanation.rule.is_none() || !explanation.argument.is_empty(), "{explanation}");
        assert!(!explanation.to_string().contains('\n'));
    }
    verdict.is_ok()
}

/// The registers that a rule admits, out of some.
fn admitted(text: &str, call: Call, all: &[[u64; 6]]) -> Vec<[u64; 6]> {
    let profile = compiled(&[text]);
    let facts = |registers: &[u64; 6]| Facts { registers: *registers, ..Facts::default() };
    all.iter().filter(|registers| admits(&profile.tables(), call, &facts(registers))).copied().collect()
}

fn sockets(all: &[[u64; 3]]) -> Vec<[u64; 6]> {
    all.iter().map(|[family, kind, protocol]| [*family, *kind, *protocol, 0, 0, 0]).collect()
}

#[test]
fn white_space_comments_and_numbers_are_free() {
    let all = sockets(&[[1, 1, 0], [2, 1, 0], [2, 1, 6], [0x10, 1, 0]]);
    let written = [
        "socket(family=1,type=1,protocol=0);",
        "\u{feff}socket /* a // b */ ( // c ;\n family\n = 0x1 , type = 01 , protocol = 00 ) ;",
        "/* * / ** */ a=AF_UNIX;socket(family=<a>,type=SOCK_STREAM,protocol=<INTEGER>);//",
        "socket(family = < /* x */ a >, ..); a = 1;",
        "socket(family = AF_LOCAL, ..); socket(..,);".trim_end_matches(" socket(..,);"),
        "socket(domain = PF_UNIX, type, protocol = PF_UNIX | 0);",
    ];
    for text in written {
        assert_eq!(admitted(text, Call::Socket, &all), sockets(&[[1, 1, 0]]), "{text}");
    }
    assert_eq!(admitted("", Call::Socket, &all), sockets(&[]));
    assert_eq!(admitted("socket(..);", Call::Socket, &all), all);
}

#[test]
fn high_bits_of_a_register_do_not_count() {
    let high = [1 | 1 << 32, 1 | 1 << 40, 1 << 63, 0, 0, 0];
    assert_eq!(
        admitted("socket(family = AF_UNIX, type = SOCK_STREAM, protocol = 0);", Call::Socket, &[high]),
        [high]
    );
}

#[test]
fn negative_numbers() {
    let all = [[u64::from(u32::MAX); 6], [-1_i64 as u64; 6], [0; 6], [1; 6]];
    assert_eq!(admitted("listen(sockfd, backlog = -1);", Call::Listen, &all), all[..2]);
    assert_eq!(admitted("shutdown(sockfd, how = -1 | 1);", Call::Shutdown, &all), [all[0], all[1], all[3]]);
}

#[test]
fn wide_numbers() {
    let all = [[0, 0, 0x1_0000_0001, 0, 0, 0], [0, 0, 1, 0, 0, 0], [0, 0, 2, 0, 0, 0]];
    assert_eq!(admitted("read(fd, buf, count = 0x100000001 | 2);", Call::Read, &all), [all[0], all[2]]);
}

/// Enumerations whose members lie far apart.
#[test]
fn windows_of_enumerations() {
    let all: Vec<_> =
        (0..0x9000_u64).chain([u64::from(u32::MAX)]).map(|request| [3, request, 0, 0, 0, 0]).collect();
    let text = "ioctl(fd, request = FIONBIO | FIONREAD | SIOCGIFINDEX | 0 | 0xffffffff, ..);";
    let requests: Vec<_> = admitted(text, Call::Ioctl, &all).iter().map(|registers| registers[1]).collect();
    assert_eq!(requests, [0, 0x541b, 0x5421, 0x8933, 0xffff_ffff]);
}

/// TCP_CORK and SO_TYPE are both 3: which is meant depends on the level.
#[test]
fn options_belong_to_their_level() {
    let all: Vec<_> =
        [0, 1, 6, 7].iter().flat_map(|level| (0..84).map(|name| [3, *level, name, 0, 0, 0])).collect();
    let options = |text: &str| {
        let admitted = admitted(text, Call::Getsockopt, &all);
        admitted.iter().map(|registers| (registers[1], registers[2])).collect::<Vec<_>>()
    };
    let both = "getsockopt(sockfd, level = SOL_TCP | SOL_SOCKET, optname = TCP_CORK | SO_ERROR | SO_RCVPRIORITY, ..);";
    assert_eq!(options(both), [(1, 4), (1, 82), (6, 3)]);
    assert_eq!(options("getsockopt(sockfd, level, optname = TCP_CORK | IP_TOS, ..);"), [(0, 1), (6, 3)]);
    assert_eq!(options("getsockopt(sockfd, level, optname = 83, ..);"), [(0, 83), (1, 83), (6, 83), (7, 83)]);
    assert_eq!(options("getsockopt(sockfd, level = 7, optname = 83 | 1, ..);"), [(7, 1), (7, 83)]);
    assert_eq!(options("getsockopt(sockfd, level = SOL_IP, ..);").len(), 84);
}

#[test]
fn a_rule_is_a_conjunction_and_rules_are_alternatives() {
    let text = "socket(family = AF_UNIX | AF_INET, type = SOCK_STREAM, protocol = 0); \
                socket(family = AF_INET6, type = SOCK_DGRAM | SOCK_CLOEXEC, protocol = IPPROTO_UDP);";
    let all =
        sockets(&[[1, 1, 0], [2, 1, 0], [2, 2, 0], [10, 1, 0], [10, 2, 17], [10, 0x8_0002, 17], [10, 2, 0]]);
    let expected = sockets(&[[1, 1, 0], [2, 1, 0], [10, 2, 17], [10, 0x8_0002, 17]]);
    assert_eq!(admitted(text, Call::Socket, &all), expected);
}

#[test]
fn descriptors() {
    let kinds =
        [(1, 1, 0), (1, 2, 0), (2, 1, 6), (2, 1, 262), (2, 2, 17), (10, 1, 6), (99, 1, 0), (1, 12, 0)];
    let read = |text: &str| -> Vec<usize> {
        let profile = compiled(&[text]);
        (0..kinds.len())
            .filter(|index| {
                let (family, kind, protocol) = kinds[*index];
                let descriptor = Some(Descriptor::new(family, kind, protocol));
                admits(&profile.tables(), Call::Read, &Facts { descriptor, ..Facts::default() })
            })
            .collect()
    };
    assert_eq!(read("read(fd, buf, count);"), [0, 1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(read("read(fd = { .. }, buf, count);"), [0, 1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(read("read(fd = { family = AF_UNIX, .. }, buf, count);"), [0, 1, 7]);
    assert_eq!(read("read(fd = { type = SOCK_STREAM, .. }, buf, count);"), [0, 2, 3, 5, 6]);
    assert_eq!(read("read(fd = { family = AF_INET | AF_INET6, type = 1, .. }, buf, count);"), [2, 3, 5]);
    assert_eq!(read("read(fd = { family = AF_INET, protocol = IPPROTO_TCP, .. }, buf, count);"), [2]);
    assert_eq!(read("read(fd = { family, type, protocol = 17, state }, buf, count);"), [4]);
    let two = "struct a = { family = AF_UNIX, type = SOCK_DGRAM, .. }; struct b = { family = AF_INET6, .. };";
    assert_eq!(read(&format!("{two} read(fd = <a> | <b>, buf, count);")), [1, 5]);
    assert_eq!(read(&format!("{two} any = <b> | <a>; read(fd = <any>, buf, count);")), [1, 5]);
    let one_name = "struct a = { family = AF_UNIX, .. }; struct a = { type = SOCK_DGRAM, .. };";
    assert_eq!(read(&format!("{one_name} read(fd = <a>, buf, count);")), [0, 1, 4, 7]);
}

#[test]
fn what_is_no_socket_conforms_only_where_nothing_is_asked_of_it() {
    let profile = compiled(&[
        "read(fd, ..); write(fd = { family, .. }, ..); readv(fd = { family = AF_UNIX, .. }, ..);",
    ]);
    let facts = Facts::default();
    assert!(admits(&profile.tables(), Call::Read, &facts));
    assert!(admits(&profile.tables(), Call::Write, &facts));
    assert!(!admits(&profile.tables(), Call::Readv, &facts));
}

#[test]
fn states() {
    use SocketState::{Bound, Closed, Connected, Connecting, Listening, Unbound};
    let profile = compiled(&["accept(sockfd = { family = AF_UNIX, state = listening | bound, .. }, ..);"]);
    let all = [Unbound, Bound, Connecting, Connected, Listening, Closed];
    let in_state = |state: &SocketState| {
        let facts =
            Facts { descriptor: Some(Descriptor::new(1, 1, 0)), state: Some(*state), ..Facts::default() };
        admits(&profile.tables(), Call::Accept, &facts)
    };
    assert_eq!(all.map(|state| in_state(&state)), [false, true, false, false, true, false]);
}

#[test]
fn addresses() {
    let tcp = |port: u16| [2_u16.to_ne_bytes(), port.to_be_bytes(), [127, 0], [0, 1]].concat();
    let unix = [&1_u16.to_ne_bytes()[..], b"/a\0"].concat();
    let netlink = [16_u16.to_ne_bytes().to_vec(), vec![0; 10]].concat();
    let connect = |pattern: &str| {
        let profile = compiled(&[&format!("connect(sockfd, addr = {pattern}, addrlen);")]);
        [Some(unix.clone()), Some(tcp(80)), Some(tcp(81)), Some(netlink.clone()), Some(vec![2, 0]), None]
            .map(|address| admits(&profile.tables(), Call::Connect, &Facts { address, ..Facts::default() }))
    };
    assert_eq!(connect("{ sa_family = AF_UNIX | AF_INET, .. }"), [true, true, true, false, true, true]);
    assert_eq!(connect("{ sa_family, sa_data }"), [true; 6]);
    // The fields tell the type, and the type has its family; a port that is not there is none.
    assert_eq!(connect("{ sin_family, sin_port = 80, sin_addr }"), [false, true, false, false, false, true]);
    assert_eq!(connect("{ sin_addr = 0x7f000001, .. }"), [false, true, true, false, false, true]);
    assert_eq!(
        connect("{ sun_family = AF_UNIX, sun_path = <PATH> }"),
        [true, false, false, false, false, true]
    );
    assert_eq!(connect("{ nl_groups = 0, .. }"), [false, false, false, true, false, true]);
    assert_eq!(connect("NULL"), [false, false, false, false, false, true]);
}

#[test]
fn pointers_that_the_call_writes_through() {
    let all = [[3, 0, 0, 0, 0, 0], [3, 0x1000, 0x2000, 0, 0, 0]];
    assert_eq!(admitted("accept(sockfd, addr = NULL, addrlen = NULL);", Call::Accept, &all), all[..1]);
    assert_eq!(admitted("accept(sockfd, addr = { sa_family = AF_UNIX, .. }, ..);", Call::Accept, &all), all);
    assert_eq!(admitted("read(fd, buf = NULL, count);", Call::Read, &all), all[..1]);
}

fn header(level: i32, kind: i32) -> ControlHeader {
    ControlHeader { length: 20, level, kind }
}

#[test]
fn control_messages() {
    let send = |pattern: &str| {
        let profile =
            compiled(&[&format!("sendmsg(sockfd, msg = {{ msg_control = {pattern}, .. }}, flags);")]);
        let all = [
            vec![header(1, 1)],
            vec![header(1, 2)],
            vec![header(1, 1), header(1, 2)],
            vec![header(0, 1)],
            vec![],
        ];
        let mut verdicts = Vec::new();
        for control in all.map(Some).into_iter().chain([None]) {
            let facts = Facts { control, message: true, ..Facts::default() };
            verdicts.push(u8::from(admits(&profile.tables(), Call::Sendmsg, &facts)));
        }
        verdicts
    };
    let rights = "{ cmsg_level = SOL_SOCKET, cmsg_type = SCM_RIGHTS, .. }";
    let credentials = "{ cmsg_level = SOL_SOCKET, cmsg_type = SCM_CREDENTIALS, .. }";
    assert_eq!(send("NULL"), [0, 0, 0, 0, 0, 1]);
    assert_eq!(send(&format!("[ {rights} ]")), [1, 0, 0, 0, 1, 1]);
    assert_eq!(send(&format!("[ {rights}, {credentials} ]")), [1, 1, 1, 0, 1, 1]);
    assert_eq!(send("[ { cmsg_len = 20, cmsg_level, cmsg_type = 1 } ]"), [1, 0, 0, 1, 1, 1]);
    assert_eq!(send("[ { .. } ]"), [1, 1, 1, 1, 1, 1]);
}

/// A name counts only under the level that it belongs to: SCM_RIGHTS is 1, and so is IP_TOS.
#[test]
fn types_of_control_messages_belong_to_levels() {
    let send = |pattern: &str| {
        let rule = format!("sendmsg(sockfd, msg = {{ msg_control = [ {{ {pattern}, .. }} ], .. }}, flags);");
        let profile = compiled(&[&rule]);
        [(1, 1), (0, 1), (1, 8), (0, 8), (41, 8), (1, 2)].map(|(level, kind)| {
            let facts = Facts { control: Some(vec![header(level, kind)]), message: true, ..Facts::default() };
            u8::from(admits(&profile.tables(), Call::Sendmsg, &facts))
        })
    };
    assert_eq!(
        send("cmsg_level = SOL_SOCKET | SOL_IP, cmsg_type = SCM_RIGHTS | IP_PKTINFO"),
        [1, 0, 0, 1, 0, 0]
    );
    assert_eq!(send("cmsg_type = SCM_RIGHTS"), [1, 0, 0, 0, 0, 0]);
    assert_eq!(send("cmsg_level = SOL_SOCKET | SOL_IP, cmsg_type = 1"), [1, 1, 0, 0, 0, 0]);
    assert_eq!(send("cmsg_level = SOL_IP, cmsg_type"), [0, 1, 0, 1, 0, 0]);
}

/// Rules of different calls, names and control data: what is given to a call that receives.
#[test]
fn control_messages_that_are_received() {
    let given = |rules: &str, facts: &Facts| {
        let profile = compiled(&[rules]);
        let tables = profile.tables();
        [header(1, 1), header(1, 2), header(0, 8)].map(|header| {
            let verdict = tables.deliver(Call::Recvmsg, facts, header);
            if let Err(refusal) = verdict {
                let explanation = tables.explain_delivery(Call::Recvmsg, facts, header, refusal);
                assert_eq!(explanation.argument, "msg.msg_control");
            }
            u8::from(verdict.is_ok())
        })
    };
    let facts = Facts {
        registers: [3, 0x1000, 2, 0, 0, 0],
        descriptor: Some(Descriptor::new(1, 1, 0)),
        control: Some(vec![]),
        message: true,
        ..Facts::default()
    };
    let unix = "struct unix = { family = AF_UNIX, .. }; \
                struct scm_rights = { cmsg_level = SOL_SOCKET, cmsg_type = SCM_RIGHTS, .. }; \
                struct scm_credentials = { cmsg_level = SOL_SOCKET, cmsg_type = SCM_CREDENTIALS, .. };";
    let rules = |rules: &str| given(&format!("{unix} {rules}"), &facts);
    assert_eq!(rules("recvmsg(sockfd, msg, flags);"), [1, 1, 1]);
    assert_eq!(
        rules("recvmsg(sockfd = <unix>, msg = { msg_control = [ <scm_rights> ], .. }, flags);"),
        [1, 0, 0]
    );
    let both = "msg = { msg_control = [ <scm_rights>, <scm_credentials> ], .. }";
    assert_eq!(rules(&format!("recvmsg(sockfd = <unix>, {both}, flags = MSG_PEEK);")), [1, 1, 0]);
    // Only rules that admit the call count, and each of them does.
    assert_eq!(rules(&format!("recvmsg(sockfd = <unix>, {both}, flags = 0);")), [0, 0, 0]);
    let two = "recvmsg(sockfd = <unix>, msg = { msg_control = [ <scm_rights> ], .. }, flags = MSG_PEEK); \
               recvmsg(sockfd, msg = { msg_control = [ <scm_credentials> ], .. }, flags = MSG_PEEK); \
               recvmsg(sockfd = { family = AF_INET, .. }, msg, flags);";
    assert_eq!(rules(two), [1, 1, 0]);
    // Alternatives of the header.
    let alternatives = "recvmsg(sockfd, msg = <msg_hdr>, flags); \
                        struct msg_hdr = { msg_control = NULL, .. }; \
                        struct msg_hdr = { msg_control = [ <scm_credentials> ], .. };";
    assert_eq!(rules(alternatives), [0, 1, 0]);
    let profile = compiled(&[&format!("{unix} recvmsg(sockfd = <unix>, {both}, flags = MSG_PEEK);")]);
    let tables = profile.tables();
    assert!(admits(&tables, Call::Recvmsg, &facts), "beforehand nothing is known of them");
    let given: Vec<_> = tables
        .used(Usage::of_control(0, header(1, 2)))
        .map(|index| tables.text(tables.alternatives[index].name))
        .collect();
    assert_eq!(given, ["SOL_SOCKET", "SCM_CREDENTIALS"]);
    let refusal = tables.deliver(Call::Recvmsg, &facts, header(1, 4)).expect_err("it is not declared");
    let explanation = tables.explain_delivery(Call::Recvmsg, &facts, header(1, 4), refusal);
    assert_eq!(
        explanation.to_string(),
        "recvmsg(3<AF_UNIX SOCK_STREAM>, .., MSG_PEEK): msg.msg_control = {SOL_SOCKET, SCM_PIDFD} is not admitted by \
         recvmsg#1 (0.scml:1), which admits SCM_RIGHTS | SCM_CREDENTIALS"
    );
}

/// A netlink message: type, flags, the header of its family, and attributes of these types.
fn netlink_message(kind: u16, flags: u16, header: usize, attributes: &[u16]) -> Vec<u8> {
    let mut bytes = vec![0; 16 + header];
    for attribute in attributes {
        bytes.extend(8_u16.to_ne_bytes());
        bytes.extend(attribute.to_ne_bytes());
        bytes.extend([0; 4]);
    }
    let length = bytes.len() as u32;
    bytes[..4].copy_from_slice(&length.to_ne_bytes());
    bytes[4..6].copy_from_slice(&kind.to_ne_bytes());
    bytes[6..8].copy_from_slice(&flags.to_ne_bytes());
    bytes
}

const NETLINK_RULES: &str = "
    struct route = { family = AF_NETLINK, protocol = NETLINK_ROUTE, .. };
    struct dump = { nlmsg_type = RTM_GETLINK | RTM_GETADDR, nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
        nlmsg_attrs = [ { nla_type = IFLA_EXT_MASK, .. } ], .. };
    struct new = { nlmsg_type = RTM_NEWADDR, nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK,
        nlmsg_attrs = [ { nla_type = IFA_LOCAL | IFA_ADDRESS, nla_len = 8 } ], .. };
    sendto(sockfd = <route>, buf = [ <dump>, <new> ], ..);
    sendmsg(sockfd = <route>, msg = { msg_iov = [ <dump>, <new> ], .. }, flags = 0);";

#[test]
fn netlink_messages() {
    let profile = compiled(&[NETLINK_RULES]);
    let dump = netlink_message(18, 0x301, 16, &[29]);
    let nested = netlink_message(18, 0x301, 16, &[29 | 0x8000]);
    let new = netlink_message(20, 0x5, 8, &[2, 1]);
    let sent = |payload: Option<Vec<u8>>| {
        let descriptor = Some(Descriptor::new(16, 3, 0));
        let registers = [3, 0x1000, 0, 0, 0, 0];
        let facts = Facts { registers, descriptor, payload, message: true, ..Facts::default() };
        let verdicts = [Call::Sendto, Call::Sendmsg].map(|call| {
            let facts = match call {
                Call::Sendmsg => Facts { registers: [3, 0x2000, 0, 0, 0, 0], ..facts.clone() },
                _ => facts.clone(),
            };
            admits(&profile.tables(), call, &facts)
        });
        assert_eq!(verdicts[0], verdicts[1]);
        verdicts[0]
    };
    for good in [&[][..], &dump, &nested, &new, &[dump.clone(), new.clone(), dump.clone()].concat()] {
        assert!(sent(Some(good.to_vec())), "{good:?}");
    }
    // Linux does not read on behind a length that cannot be.
    assert!(sent(Some([dump.clone(), vec![3; 40]].concat())));
    // The short form of a request has no attributes.
    assert!(sent(Some(netlink_message(22, 0x301, 1, &[]))));
    let refused = [
        netlink_message(16, 1, 16, &[]),
        netlink_message(18, 0x305, 16, &[]),
        netlink_message(18, 1, 16, &[3]),
        netlink_message(18, 1, 16, &[29, 3]),
        netlink_message(20, 5, 8, &[3]),
        netlink_message(20, 0x105, 8, &[2]),
        [dump.clone(), netlink_message(17, 1, 16, &[])].concat(),
    ];
    for bad in refused {
        assert!(!sent(Some(bad.clone())), "{bad:?}");
    }
    assert!(!sent(None), "what is not known is not admitted");
}

#[test]
fn netlink_messages_are_explained() {
    let profile = compiled(&[NETLINK_RULES]);
    let explained = |payload: Vec<u8>| {
        let descriptor = Some(Descriptor::new(16, 3, 0));
        let registers = [3, 0x1000, 0, 0, 0, 0];
        let facts = Facts { registers, descriptor, payload: Some(payload), ..Facts::default() };
        let refusal = profile.tables().admit(Call::Sendto, &facts).expect_err("it is refused");
        let explanation = profile.tables().explain(Call::Sendto, &facts, refusal);
        assert_eq!(explanation.errno, 95, "EOPNOTSUPP");
        let message = Facts { registers: [3, 0x1000, 0, 0, 0, 0], message: true, ..facts.clone() };
        let refusal = profile.tables().admit(Call::Sendmsg, &message).expect_err("so is this");
        assert_eq!(refusal.errno, 95, "EOPNOTSUPP");
        (explanation.argument, explanation.value, explanation.admitted.join(" "))
    };
    let told = |argument: &str, value: &str, admitted: &str| (argument.into(), value.into(), admitted.into());
    assert_eq!(
        explained(netlink_message(16, 1, 16, &[])),
        told("buf.nlmsg_type", "RTM_NEWLINK", "RTM_GETLINK RTM_GETADDR RTM_NEWADDR")
    );
    assert_eq!(
        explained(netlink_message(18, 0x801, 16, &[])),
        told("buf.nlmsg_flags", "NLM_F_REQUEST | NLM_F_APPEND", "NLM_F_REQUEST NLM_F_DUMP NLM_F_ACK")
    );
    assert_eq!(
        explained(netlink_message(18, 1, 16, &[3])),
        told("buf.nlmsg_attrs.nla_type", "IFLA_IFNAME", "IFLA_EXT_MASK IFA_LOCAL IFA_ADDRESS")
    );
}

/// A name of an attribute counts only in messages that have it.
#[test]
fn attributes_belong_to_types_of_messages() {
    let errors = compile(&[Source::new(
        "rules",
        "sendto(sockfd, buf = [ { nlmsg_type = RTM_NEWADDR, nlmsg_attrs = [ { nla_type = IFLA_MTU, .. } ], .. } ], ..);",
    )])
    .expect_err("links have it, addresses do not");
    assert_eq!(errors[0].message, "`IFLA_MTU` is no value of `nla_type`");
}

/// How a message's bytes are split up, nobody asks.
#[test]
fn parts_of_a_message() {
    let profile = compiled(&["sendmsg(sockfd, msg = { msg_iov = [ { iov_base, iov_len } ], .. }, flags); \
                    struct iovec = { iov_base, .. }; recvmsg(sockfd, msg = { msg_iov = [ <iovec> ], .. }, flags);"]);
    let facts = Facts { message: true, ..Facts::default() };
    assert!(admits(&profile.tables(), Call::Sendmsg, &facts));
    assert!(admits(&profile.tables(), Call::Recvmsg, &facts));
}

#[test]
fn protocols_of_packet_sockets_are_in_network_order() {
    let all = sockets(&[[17, 3, 0x0300], [17, 3, 3], [17, 2, 0x0008]]);
    let rule = "socket(family = AF_PACKET, type = SOCK_RAW | SOCK_DGRAM, protocol = ETH_P_ALL | ETH_P_IP);";
    assert_eq!(admitted(rule, Call::Socket, &all), sockets(&[[17, 3, 0x0300], [17, 2, 0x0008]]));
}

#[test]
fn messages_by_the_vector() {
    let profile = compiled(&[
        "struct msg_hdr = { msg_control = NULL, .. }; struct mmsg_hdr = { msg_hdr = <msg_hdr>, .. }; \
         sendmmsg(sockfd, msgvec = <mmsg_hdr>, vlen, flags = 0);",
    ]);
    let with = |control: Option<Vec<ControlHeader>>| Facts { control, message: true, ..Facts::default() };
    assert!(admits(&profile.tables(), Call::Sendmmsg, &with(None)));
    assert!(!admits(&profile.tables(), Call::Sendmmsg, &with(Some(vec![header(1, 1)]))));
}

#[test]
fn arrays_in_memory() {
    let profile = compiled(&["poll(fds = [ { events = POLLIN | POLLOUT, .. } ], nfds, timeout);"]);
    let fds = |events: &[u16]| {
        let bytes = events.iter().flat_map(|events| {
            [[3, 0, 0, 0], [events.to_ne_bytes(), [0, 0]].concat().try_into().expect("4")].concat()
        });
        let facts = Facts { memory: Some(bytes.collect()), ..Facts::default() };
        admits(&profile.tables(), Call::Poll, &facts)
    };
    assert!(fds(&[]) && fds(&[0]) && fds(&[1, 5, 4]));
    assert!(!fds(&[2]) && !fds(&[1, 0x2000, 4]));
    assert!(admits(&profile.tables(), Call::Poll, &Facts::default()));
}

#[test]
fn values_of_options() {
    let profile = compiled(&[
        "setsockopt(sockfd, level = SOL_SOCKET, optname = SO_LINGER, optval = { l_onoff = 0, .. }, optlen = 8); \
         setsockopt(sockfd, level = SOL_SOCKET, optname = SO_REUSEADDR, optval = 0 | 1, optlen);",
    ]);
    let set = |option: u64, length: u64, value: &[i32]| {
        let memory = Some(value.iter().flat_map(|value| value.to_ne_bytes()).collect());
        let facts = Facts { registers: [3, 1, option, 0x1000, length, 0], memory, ..Facts::default() };
        admits(&profile.tables(), Call::Setsockopt, &facts)
    };
    assert!(set(13, 8, &[0, 5]) && !set(13, 8, &[1, 5]) && !set(13, 4, &[0, 5]) && !set(13, 8, &[]));
    assert!(set(2, 4, &[0]) && set(2, 4, &[1]) && !set(2, 4, &[2]) && !set(2, 4, &[-1]));
}

#[test]
fn a_files_own_definition_comes_first() {
    let profile = compiled(&[
        "struct sockaddr = { sa_family = AF_UNIX, .. }; bind(sockfd, addr = <sockaddr>, addrlen);",
        "struct sockaddr = { sa_family = AF_INET, .. }; connect(sockfd, addr = <sockaddr>, addrlen);",
        "sendto(sockfd, buf, len, flags, dest_addr = <sockaddr>, addrlen);",
    ]);
    let families = |call: Call| {
        [1_u16, 2, 16].map(|family| {
            let address = Some(family.to_ne_bytes().to_vec());
            admits(&profile.tables(), call, &Facts { address, ..Facts::default() })
        })
    };
    assert_eq!(families(Call::Bind), [true, false, false]);
    assert_eq!(families(Call::Connect), [false, true, false]);
    assert_eq!(families(Call::Sendto), [true, true, false]);
}

#[test]
fn flags_of_other_files() {
    let one = "flags = SOCK_NONBLOCK; accept4(sockfd, addr, addrlen, flags = <flags>);";
    let other = |flags: &str| {
        compile(&[
            Source::new("a", one),
            Source::new("b", flags),
            Source::new("c", "epoll_create1(flags = <flags>);"),
        ])
    };
    let errors = other("flags = EPOLL_CLOEXEC;").expect_err("two files define it, a third uses it");
    assert!(errors[0].message.contains("ambiguous"), "{errors:?}");
    let errors = other("").expect_err("the domain of the one definition is another");
    assert_eq!(errors[0].message, "`SOCK_NONBLOCK` is no value of `flags`");
}

#[test]
fn every_rule_has_its_identity() {
    let profile = compiled(&["listen(sockfd, backlog);\n\nsocket(..);", "\nlisten(sockfd,\n    .. );"]);
    let tables = profile.tables();
    let rules: Vec<_> = (0..tables.rule_count())
        .map(|index| {
            let rule = tables.rules[index];
            (tables.rule_id(index as u16), tables.text(rule.file), rule.line, tables.text(rule.text))
        })
        .collect();
    assert_eq!(
        rules,
        [
            ("listen#1".to_owned(), "0.scml", 1, "listen(sockfd, backlog);"),
            ("socket#1".to_owned(), "0.scml", 3, "socket(..);"),
            ("listen#2".to_owned(), "1.scml", 2, "listen(sockfd, ..);"),
        ]
    );
}

#[test]
fn what_a_call_makes_use_of_is_told() {
    let profile = compiled(&[
        "socket(family = AF_UNIX | AF_INET, type = SOCK_STREAM | SOCK_DGRAM | SOCK_CLOEXEC, protocol = 0); \
         sendmsg(sockfd = { family = AF_UNIX, type = SOCK_STREAM, .. }, msg = { msg_name = { sa_family = AF_UNIX, .. }, \
         msg_control = [ { cmsg_type = SCM_RIGHTS | SCM_SECURITY, .. } ], .. }, flags = MSG_MORE | MSG_EOR); \
         listen(sockfd, backlog);",
    ]);
    let tables = profile.tables();
    let used = |call: Call, facts: &Facts| {
        let hit = tables.admit(call, facts).expect("admitted");
        let names =
            tables.exercised(call, facts, hit.rule).map(|index| tables.text(tables.alternatives[index].name));
        names.collect::<Vec<_>>().join(" ")
    };
    let socket = Facts { registers: [1, 0x8_0002, 0, 0, 0, 0], ..Facts::default() };
    assert_eq!(used(Call::Socket, &socket), "AF_UNIX SOCK_DGRAM SOCK_CLOEXEC 0");
    let sendmsg = Facts {
        registers: [3, 0x1000, 0x80, 0, 0, 0],
        descriptor: Some(Descriptor::new(1, 1, 0)),
        address: Some(vec![1, 0]),
        control: Some(vec![header(1, 1)]),
        message: true,
        ..Facts::default()
    };
    assert_eq!(used(Call::Sendmsg, &sendmsg), "AF_UNIX SOCK_STREAM AF_UNIX SCM_RIGHTS MSG_EOR");
    assert_eq!(used(Call::Listen, &Facts::default()), "listen");
}

/// Of what a call may do, one row is tried in place; the order of the rules still decides among plain ones.
#[test]
fn the_first_plain_rule_is_the_hit() {
    let profile = compiled(&[
        "listen(sockfd, ..); listen(sockfd, backlog = 1); accept(sockfd = { state = listening, .. }, ..); accept(..);",
    ]);
    let facts = Facts {
        registers: [3, 1, 0, 0, 0, 0],
        state: Some(SocketState::Unbound),
        descriptor: Some(Descriptor::new(1, 1, 0)),
        ..Facts::default()
    };
    assert_eq!(profile.tables().admit(Call::Listen, &facts).map(|hit| hit.rule), Ok(0));
    assert_eq!(profile.tables().admit(Call::Accept, &facts).map(|hit| hit.rule), Ok(3));
}

/// A shortcut says nothing that the tests themselves do not say.
#[test]
fn shortcuts_agree_with_what_they_stand_for() {
    let rules = [
        "connect(sockfd, addr = { sa_family = AF_UNIX | AF_INET6, .. }, addrlen);",
        "connect(sockfd, addr = <a>, addrlen); struct a = { sa_family, .. };",
        "connect(sockfd, addr = <a>, addrlen); struct a = { sa_family = AF_UNIX, .. }; struct a = { sa_family = AF_VSOCK, .. };",
        "connect(sockfd, addr = NULL, addrlen);",
        "connect(sockfd, addr = { sa_family = AF_UNIX, .. }, addrlen); connect(sockfd = { family = AF_INET, .. }, addr, addrlen);",
        "connect(sockfd = { family = AF_UNIX, .. }, addr = { sa_family = AF_UNIX, .. }, addrlen);",
        "sendmsg(sockfd, msg = { msg_control = NULL, .. }, flags = 0);",
        "sendmsg(sockfd, msg = { msg_control = [{ cmsg_level = SOL_SOCKET, .. }], .. }, flags);",
        "sendmsg(sockfd, msg = { msg_control = NULL, msg_name = { sa_family = AF_UNIX, .. }, .. }, flags);",
        "sendmsg(sockfd, msg = { msg_control = [{ cmsg_level = SOL_SOCKET, cmsg_type = SCM_RIGHTS | SCM_PIDFD, .. }, \
         { cmsg_level = SOL_TCP, .. }], msg_name = NULL, .. }, flags);",
        "sendmsg(sockfd, msg = <msg_hdr>, flags); struct msg_hdr = { msg_name = NULL, .. }; \
         struct msg_hdr = { msg_name = { sa_family = AF_INET | 69, .. }, msg_control = NULL, .. };",
        "sendmsg(sockfd, msg = { msg_control = [{ cmsg_type = SCM_RIGHTS | SCM_TXTIME | 0xffffffff, .. }], .. }, flags);",
        "sendmsg(sockfd, msg = { msg_control = [{ cmsg_level = SOL_SOCKET, cmsg_len = 20, .. }], .. }, flags);",
        "sendmmsg(sockfd, msgvec = [{ msg_hdr = { msg_control = NULL, .. }, .. }], vlen, flags);",
    ];
    let header = |level, kind| ControlHeader { length: 20, level, kind };
    let controls = [None, Some(vec![]), Some(vec![header(1, 1), header(1, 4)])].into_iter().chain(
        [(1, 1), (6, 1), (1, 2), (1, 61), (0, 1), (2, 0), (1, -1), (i32::MAX, 4), (-1, 1)]
            .map(|(level, kind)| Some(vec![header(level, kind)])),
    );
    let addresses = (0..70_u16).map(|family| Some([family.to_ne_bytes(), [0; 2]].concat())).chain([None]);
    let mut shortcuts = 0;
    for rule in rules {
        let call = Call::from_name(rule.split('(').next().expect("a name")).expect("a call");
        let profile = compiled(&[rule]);
        let quick = profile.tables();
        let mut slow = quick;
        shortcuts += usize::from(slow.first[call.index()].shortcut != 0);
        slow.first[call.index()].shortcut = 0;
        let rows: Vec<_> =
            slow.rows[call.index()].iter().map(|row| scml::tables::Row { shortcut: 0, ..*row }).collect();
        slow.rows[call.index()] = &rows;
        for (address, family, control) in
            addresses.clone().flat_map(|address| [1, 2].map(|family| (address.clone(), family))).flat_map(
                |(address, family)| controls.clone().map(move |control| (address.clone(), family, control)),
            )
        {
            let descriptor = Some(Descriptor::new(family, 1, 0));
            let facts = Facts { descriptor, address, control, message: true, ..Facts::default() };
            assert_eq!(
                quick.admit(call, &facts),
                slow.admit(call, &facts),
                "{rule} {:?} {:?}",
                facts.address,
                facts.control
            );
        }
    }
    assert_eq!(shortcuts, 10, "these are what is tried");
}
