//! Control messages about datagrams, and the options that ask for them.

use crate::{
    harness::check_eq,
    probe::{Attempt, probed, situation::Situation},
    suite::{
        inet::{
            options::set,
            told::{CLASS_V4, CLASS_V6, HOPS_V4, HOPS_V6, PACKET_V4, PACKET_V6, Question, answer, route},
        },
        unix::control::Messages,
    },
    sys,
};

/// Over which version a question of that level can be answered.
fn version(question: &Question) -> i32 {
    if question.level == libc::SOL_IP { libc::AF_INET } else { libc::AF_INET6 }
}

/// The answer comes, and nothing else.
fn is_told(
    at: &Situation<'_>,
    question: &Question,
    receive: fn(&std::os::fd::OwnedFd) -> crate::errno::Result<Messages>,
) -> Attempt {
    let over = version(question);
    let (sender, receiver) = route(at.family(), over)?;
    set(&receiver, question.level, question.option, 1)?;
    sys::write(&sender, b"x")?;
    check_eq!(probed(receive(&receiver))?, [(question.level, question.kind, answer(question, over))]);
    Ok(())
}

/// Once it is set the answer comes, and no more once it is not.
fn is_heeded(at: &Situation<'_>, question: &Question) -> Attempt {
    let (sender, receiver) = route(at.family(), version(question))?;
    for on in [1, 0] {
        probed(set(&receiver, question.level, question.option, on))?;
        sys::write(&sender, b"x")?;
        let told = crate::suite::inet::told::by_recvmsg(&receiver)?;
        check_eq!(told.len(), on as usize);
    }
    Ok(())
}

macro_rules! received {
    ($call:ident, $receive:path; $($name:ident $question:ident)*) => {
        pub(crate) mod $call {
            use super::*;

            $(
                pub(crate) fn $name(at: &Situation<'_>) -> Attempt {
                    is_told(at, &$question, $receive)
                }
            )*
        }
    };
}

received! {
    recvmsg, crate::suite::inet::told::by_recvmsg;
    msg_msg_control_cmsg_level_sol_ip HOPS_V4
    msg_msg_control_cmsg_type_ip_pktinfo PACKET_V4
    msg_msg_control_cmsg_type_ip_ttl HOPS_V4
    msg_msg_control_cmsg_type_ip_tos CLASS_V4
    msg_msg_control_cmsg_level_sol_ipv6 HOPS_V6
    msg_msg_control_cmsg_type_ipv6_pktinfo PACKET_V6
    msg_msg_control_cmsg_type_ipv6_hoplimit HOPS_V6
    msg_msg_control_cmsg_type_ipv6_tclass CLASS_V6
}

received! {
    recvmmsg, crate::suite::inet::told::by_recvmmsg;
    msgvec_msg_hdr_msg_control_cmsg_level_sol_ip HOPS_V4
    msgvec_msg_hdr_msg_control_cmsg_type_ip_pktinfo PACKET_V4
    msgvec_msg_hdr_msg_control_cmsg_type_ip_ttl HOPS_V4
    msgvec_msg_hdr_msg_control_cmsg_type_ip_tos CLASS_V4
    msgvec_msg_hdr_msg_control_cmsg_level_sol_ipv6 HOPS_V6
    msgvec_msg_hdr_msg_control_cmsg_type_ipv6_pktinfo PACKET_V6
    msgvec_msg_hdr_msg_control_cmsg_type_ipv6_hoplimit HOPS_V6
    msgvec_msg_hdr_msg_control_cmsg_type_ipv6_tclass CLASS_V6
}

macro_rules! options {
    ($($name:ident $question:ident)*) => {
        pub(crate) mod setsockopt {
            use super::*;

            $(
                pub(crate) fn $name(at: &Situation<'_>) -> Attempt {
                    is_heeded(at, &$question)
                }
            )*
        }

        pub(crate) mod getsockopt {
            use super::*;

            $(
                pub(crate) fn $name(at: &Situation<'_>) -> Attempt {
                    super::super::options::is_asked(at, $question.level, $question.option, 0, 1)
                }
            )*
        }
    };
}

options! {
    optname_ip_pktinfo PACKET_V4
    optname_ip_recvttl HOPS_V4
    optname_ip_recvtos CLASS_V4
    optname_ipv6_recvpktinfo PACKET_V6
    optname_ipv6_recvhoplimit HOPS_V6
    optname_ipv6_recvtclass CLASS_V6
}
