//! Conformance probes: every alternative that the profile `postern` declares is used and must behave, every undeclared
//! neighbour of an argument is tried and must be refused.
//!
//! What is tried comes from the profile itself, by way of `build.rs`, and is made on each kind of socket that a rule is
//! about ([`situation`]); how it is proven is in [`proofs`] and [`neighbours`].

mod neighbours;
pub(crate) mod proofs;
pub(crate) mod situation;
mod values;

use std::{sync::Arc, time::Duration};

use scml::probe::{Declared, Neighbour, SocketKind};
use serde::Serialize;

use self::situation::Situation;

use crate::{
    errno::{Errno, Result},
    harness::{Failure, Need, keep_panics, progress::Progress, watched},
};

/// The profile's tables and the list of proofs, in the order of [`scml::probe::alternatives`].
#[allow(unreachable_pub, reason = "written for any crate to include")]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/profile.rs"));
}

/// Whether the profile `postern` declares the value for an argument of the call; the kind of a socket is a value, too.
pub(crate) fn declares(call: &str, value: &str) -> bool {
    let tables = &generated::PROFILE;
    tables.alternatives.iter().any(|alternative| {
        tables.text(alternative.name) == value
            && tables.rules[usize::from(alternative.rule)].call.name() == call
    })
}

/// How the attempt to use an alternative went wrong.
pub(crate) enum Trouble {
    /// The call with the alternative in it failed.
    Refused(Errno, Failure),
    /// It was accepted, but what followed was not as it should be; or the situation could not be made.
    Misbehaved(Failure),
}

/// What a proof comes to.
pub(crate) type Attempt<T = ()> = std::result::Result<T, Trouble>;

impl From<Errno> for Trouble {
    #[track_caller]
    fn from(errno: Errno) -> Self {
        Self::Misbehaved(errno.into())
    }
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Self::Misbehaved(failure)
    }
}

/// Marks the call that is probed: its failure is the alternative's refusal.
#[track_caller]
pub(crate) fn probed<T>(met: Result<T>) -> Attempt<T> {
    match met {
        Ok(value) => Ok(value),
        Err(errno) => Err(Trouble::Refused(errno, errno.into())),
    }
}

/// A proof: uses one alternative where it means something, on the kind of socket that it is given.
pub(crate) type Proof = fn(&Situation<'_>) -> Attempt;

/// The proof of each declared alternative, in the order of [`scml::probe::alternatives`].
static PROOFS: &[Proof] = include!(concat!(env!("OUT_DIR"), "/proofs.rs"));

/// One line of `guest probe`'s output.
#[derive(Serialize)]
struct Line<'a> {
    r#type: &'static str,
    rule: &'a str,
    call: &'a str,
    argument: &'a str,
    under: &'a str,
    value: &'a str,
    on: String,
    kind: &'static str,
    expected: String,
    errno: String,
    behaved: bool,
    note: String,
}

/// What one side answered.
pub(crate) struct Seen {
    /// The error of the probed call.
    pub(crate) errno: Option<Errno>,
    /// Declared: it did what it is for. Neighbour: what was refused has left the socket usable.
    pub(crate) behaved: bool,
    /// What there is to say about it.
    pub(crate) note: String,
}

/// How an outcome is printed: `0`, or the error's name.
fn shown(errno: Option<Errno>) -> String {
    errno.map_or_else(|| "0".to_owned(), |errno| errno.to_string())
}

/// Makes the probes whose `rule argument value on kind` contains `filter`; whether all that is declared was accepted and
/// behaved.
pub(crate) fn run(filter: Option<&str>, limit: Duration) -> bool {
    keep_panics();
    let tables = &generated::PROFILE;
    let wanted = |rule: &str, argument: &str, value: &str, on: SocketKind| {
        filter.is_none_or(|filter| format!("{rule} {argument} {value} on {on}").contains(filter))
    };
    let (mut held, mut broken, mut refused, mut accepted, mut number) = (0u32, 0u32, 0u32, 0u32, 0u32);
    for (declared, proof) in scml::probe::alternatives(tables).iter().zip(PROOFS) {
        let Declared { rule_id, argument, under, name, on, sample, .. } = declared;
        if !wanted(rule_id, argument, name, *on) {
            continue;
        }
        number += 1;
        let missing = absent(*on);
        let seen = match &missing {
            Some(reason) => Seen { errno: None, behaved: true, note: reason.clone() },
            None => prove(tag(number), *proof, *on, limit),
        };
        let good = seen.errno.is_none() && seen.behaved;
        *(if good { &mut held } else { &mut broken }) += u32::from(missing.is_none());
        crate::print_line(&Line {
            r#type: "probe",
            rule: rule_id,
            call: sample.call.name(),
            argument,
            under,
            value: name,
            on: on.to_string(),
            kind: "declared",
            expected: shown(None),
            errno: missing.map_or_else(|| shown(seen.errno), |_| ABSENT.to_owned()),
            behaved: seen.behaved,
            note: seen.note,
        });
    }
    for neighbour in scml::probe::neighbours(tables) {
        if !wanted(&neighbour.rule_id, &neighbour.argument, &neighbour.name, neighbour.on) {
            continue;
        }
        number += 1;
        let missing = absent(neighbour.on);
        let seen = match &missing {
            Some(reason) => Seen { errno: None, behaved: true, note: reason.clone() },
            None => try_neighbour(tag(number), &neighbour, limit),
        };
        if missing.is_none() {
            *(if seen.errno.is_some() { &mut refused } else { &mut accepted }) += 1;
        }
        crate::print_line(&Line {
            r#type: "probe",
            rule: &neighbour.rule_id,
            call: neighbour.sample.call.name(),
            argument: &neighbour.argument,
            under: &neighbour.under,
            value: &neighbour.name,
            on: neighbour.on.to_string(),
            kind: "neighbour",
            expected: shown(Some(Errno(neighbour.errno.into()))),
            errno: missing.map_or_else(|| shown(seen.errno), |_| ABSENT.to_owned()),
            behaved: seen.behaved,
            note: seen.note,
        });
    }
    eprintln!("{held} held, {broken} broken; {refused} neighbours refused, {accepted} accepted");
    if number == 0 {
        eprintln!("no probe has {:?} in its name", filter.unwrap_or_default());
    }
    broken == 0 && number > 0
}

/// In the place of an errno: the machine has no such sockets, and nothing can be tried there.
const ABSENT: &str = "absent";

/// Why nothing can be tried on sockets of a kind, where that is so.
fn absent(on: SocketKind) -> Option<String> {
    (i32::from(on.family) == libc::AF_VSOCK).then(|| Need::VsockLoopback.missing()).flatten()
}

/// What distinguishes a probe's names from those of all others.
fn tag(number: u32) -> String {
    format!("probe{}.{number}", std::process::id())
}

/// Makes a proof, under a watchdog.
fn prove(tag: String, proof: Proof, on: SocketKind, limit: Duration) -> Seen {
    let result = watched(tag, &Progress::new(), limit, move |case| Ok(proof(&Situation::new(case, on))));
    let (errno, failure) = match result {
        Ok(Ok(())) => return Seen { errno: None, behaved: true, note: String::new() },
        Ok(Err(Trouble::Refused(errno, failure))) => (Some(errno), failure),
        Ok(Err(Trouble::Misbehaved(failure))) | Err(failure) => (None, failure),
    };
    Seen { errno, behaved: false, note: failure.to_string() }
}

/// Tries a neighbour, under a watchdog.
fn try_neighbour(tag: String, neighbour: &Neighbour, limit: Duration) -> Seen {
    let neighbour = Arc::new(neighbour.clone());
    let shared = Arc::clone(&neighbour);
    let result = watched(tag, &Progress::new(), limit, move |case| {
        neighbours::attempt(&Situation::new(case, shared.on), &shared)
    });
    result.unwrap_or_else(|failure| Seen { errno: None, behaved: false, note: failure.to_string() })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{PROOFS, generated};

    #[test]
    fn every_alternative_has_a_proof() {
        let declared = scml::probe::alternatives(&generated::PROFILE);
        assert_eq!(declared.len(), PROOFS.len());
        let keys: HashSet<_> =
            declared.iter().map(|one| (&one.rule_id, &one.argument, &one.name, one.on)).collect();
        assert_eq!(keys.len(), declared.len(), "rule, argument, value and kind name a probe");
        // On several kinds of sockets, and for several rules, one and the same; for different values never.
        let names: HashSet<_> =
            declared.iter().map(|one| (one.sample.call, &one.argument, &one.name)).collect();
        let proofs: HashSet<_> = PROOFS.iter().map(|proof| *proof as usize).collect();
        assert_eq!(proofs.len(), names.len(), "no proof serves two alternatives");
    }

    #[test]
    fn neighbours_have_names_of_their_own() {
        let neighbours = scml::probe::neighbours(&generated::PROFILE);
        let keys: HashSet<_> =
            neighbours.iter().map(|one| (&one.rule_id, &one.argument, &one.name, one.on)).collect();
        assert_eq!(keys.len(), neighbours.len());
    }
}
