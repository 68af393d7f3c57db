//! When two sockets may hold the same port: Linux's rules.

use crate::{cover::Cover, net::InterfaceId};

/// What a socket wants to hold of a port, and what it lets others have.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Claim {
    /// Which addresses.
    pub cover: Cover,
    /// SO_BINDTODEVICE: only what comes in there.
    pub device: Option<InterfaceId>,
    /// SO_REUSEADDR.
    pub reuse_address: bool,
    /// SO_REUSEPORT.
    pub reuse_port: bool,
    /// Whose socket it is: ports are shared by SO_REUSEPORT among one user's sockets only.
    pub user: u32,
}

impl Claim {
    /// A claim that shares nothing, of the user 0.
    #[must_use]
    pub fn new(cover: Cover) -> Self {
        Self { cover, device: None, reuse_address: false, reuse_port: false, user: 0 }
    }
}

/// By whose rules a table goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rules {
    /// TCP: listening sockets and TIME-WAIT count.
    Tcp,
    /// UDP (and ping sockets, whose identifiers are a kind of ports): all sockets are alike.
    Udp,
}

/// What the holder of a port does with it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Stage {
    /// Bound by bind(2), whether connected since or not.
    Bound,
    /// Accepts connections.
    Listening,
    /// The port was chosen for a connection: others like it may share it while their peers differ.
    Connected,
    /// Nobody's any more, but old segments may still arrive: RFC 9293, 3.4.1.
    TimeWait,
}

/// One kind of holder; a port counts how many of each it has.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Holder {
    pub(super) claim: Claim,
    pub(super) stage: Stage,
}

/// How strict a look is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// The socket asked for this port: sharing is as its options say.
    Asked,
    /// Any port will do: then one where nobody has to share.
    Chosen,
}

impl Holder {
    /// Whether they want the same packets.
    fn meets(&self, other: &Self) -> bool {
        let device = match (self.claim.device, other.claim.device) {
            (Some(one), Some(other)) => one == other,
            _ => true,
        };
        device && self.claim.cover.overlaps(other.claim.cover)
    }

    /// Whether `self` cannot have the port while `other` holds it.
    pub(super) fn conflicts(&self, other: &Self, rules: Rules, mode: Mode) -> bool {
        if !self.meets(other) {
            return false;
        }
        if mode == Mode::Chosen && rules == Rules::Tcp {
            return true;
        }
        let both_reuse_address = self.claim.reuse_address && other.claim.reuse_address;
        let both_reuse_port = self.claim.reuse_port && other.claim.reuse_port;
        match rules {
            // `inet_bind_conflict` of Linux 6.1. Who listens does not give up his port to SO_REUSEADDR, nor does who wants
            // to listen take it from a listener; who is in TIME-WAIT has no user.
            Rules::Tcp => {
                if both_reuse_address && other.stage != Stage::Listening {
                    return false;
                }
                !(both_reuse_port && (other.stage == Stage::TimeWait || self.claim.user == other.claim.user))
            }
            // `udp_lib_lport_inuse` of Linux 6.1.
            Rules::Udp => !(both_reuse_address || both_reuse_port && self.claim.user == other.claim.user),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::Ipv4Addr;

    /// A holder as a word: `a` SO_REUSEADDR, `p` SO_REUSEPORT, `L` listens, `T` TIME-WAIT, `2` of another user.
    fn holder(word: &str) -> Holder {
        let has = |letter| word.contains(letter);
        let stage = if has('L') {
            Stage::Listening
        } else if has('T') {
            Stage::TimeWait
        } else {
            Stage::Bound
        };
        let claim = Claim {
            reuse_address: has('a'),
            reuse_port: has('p'),
            user: u32::from(has('2')),
            ..Claim::new(Cover::AnyV4)
        };
        Holder { claim, stage }
    }

    /// Asked of Linux 6.18 by a program of raw calls: the answers are in the table.
    #[test]
    fn every_pair_of_states_of_tcp() {
        let holding =
            ["", "a", "p", "ap", "L", "aL", "pL", "apL", "T", "aT", "pT", "apT", "p2", "pL2", "pT2"];
        // What can be had (+) while each of the above holds the port. bind(2) and listen(2) ask the same question, the
        // latter as somebody who does not let go of it.
        for (wanting, expected) in [
            ("", "---------------"),
            ("a", "-+-+-----+-+---"),
            ("p", "--++--++--++--+"),
            ("ap", "-+++--++-+++--+"),
            ("L", "---------------"),
            ("aL", "-+-+-----+-+---"),
            ("pL", "--++--++--++--+"),
            ("apL", "-+++--++-+++--+"),
        ] {
            let row: String = holding
                .iter()
                .map(|other| holder(wanting).conflicts(&holder(other), Rules::Tcp, Mode::Asked))
                .map(|conflict| if conflict { '-' } else { '+' })
                .collect();
            assert_eq!(row, expected, "wanted with {wanting:?}; held with {holding:?}");
        }
    }

    #[test]
    fn every_pair_of_states_of_udp() {
        let holding = ["", "a", "p", "ap", "p2", "ap2"];
        for (wanting, expected) in [("", "------"), ("a", "-+-+-+"), ("p", "--++--"), ("ap", "-+++-+")] {
            let row: String = holding
                .iter()
                .map(|other| holder(wanting).conflicts(&holder(other), Rules::Udp, Mode::Asked))
                .map(|conflict| if conflict { '-' } else { '+' })
                .collect();
            assert_eq!(row, expected, "wanted with {wanting:?}; held with {holding:?}");
        }
    }

    #[test]
    fn those_who_want_other_packets_do_not_meet() {
        let device = |number| InterfaceId::new(number);
        let mut one = holder("");
        let mut other = holder("");
        one.claim.device = device(1);
        assert!(one.conflicts(&other, Rules::Tcp, Mode::Asked), "a device against all devices");
        other.claim.device = device(2);
        assert!(!one.conflicts(&other, Rules::Tcp, Mode::Asked));
        other.claim.device = device(1);
        assert!(one.conflicts(&other, Rules::Tcp, Mode::Asked));
        one.claim.cover = Cover::V4(Ipv4Addr::LOCALHOST);
        other.claim.cover = Cover::V4(Ipv4Addr::new(127, 0, 0, 2));
        assert!(!one.conflicts(&other, Rules::Tcp, Mode::Chosen));
    }

    #[test]
    fn a_port_that_is_chosen_is_nobody_elses() {
        assert!(holder("a").conflicts(&holder("a"), Rules::Tcp, Mode::Chosen));
        // UDP asks the same question in both cases.
        assert!(!holder("a").conflicts(&holder("a"), Rules::Udp, Mode::Chosen));
    }
}
