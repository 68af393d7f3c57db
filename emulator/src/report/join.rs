//! The report out of four lists: what the profile declares, what the host did, what the guest did, and what the behaviour
//! tests made use of.

use std::collections::{HashMap, HashSet};

use super::{
    model::{Counts, DeclaredRule, Origin, OtherProfile, Probe, ProbeKind, Report, Rule, Seen, Verdict},
    probe::Line,
    tested::Tested,
};

/// What makes two lines the same probe: rule, argument, level, value, kind of socket, and whether it is declared.
type Key<'a> = (&'a str, &'a str, &'a str, &'a str, &'a str, ProbeKind);

fn key(line: &Line) -> Key<'_> {
    (&line.rule, &line.argument, &line.under, &line.value, &line.on, line.kind)
}

/// Makes the report. Every declared alternative has a row, tried or not; a probe that one side alone made has one too.
pub fn join(
    origin: Origin,
    declared: Vec<DeclaredRule>,
    others: Vec<OtherProfile>,
    host: &[Line],
    guest: &[Line],
    tested: &Tested,
) -> Report {
    let on_host: HashMap<_, _> = host.iter().map(|line| (key(line), line)).collect();
    let in_guest: HashMap<_, _> = guest.iter().map(|line| (key(line), line)).collect();
    let mut by_rule: HashMap<&str, Vec<&Line>> = HashMap::new();
    guest.iter().chain(host).for_each(|line| by_rule.entry(&line.rule).or_default().push(line));
    let rules = declared
        .into_iter()
        .map(|rule| {
            let mut keys: Vec<Key<'_>> = rule
                .alternatives
                .iter()
                .map(|one| {
                    (&*rule.id, &*one.argument, &*one.under, &*one.value, &*one.on, ProbeKind::Declared)
                })
                .collect();
            let mut known: HashSet<Key<'_>> = keys.iter().copied().collect();
            // The program's own order for the rest; a line that repeats a probe adds none.
            let lines = by_rule.get(&*rule.id).into_iter().flatten();
            keys.extend(lines.map(|line| key(line)).filter(|key| known.insert(*key)));
            let probes: Vec<Probe> = keys
                .iter()
                .map(|key| judge(key, in_guest.get(key).copied(), on_host.get(key).copied(), tested))
                .collect();
            let mut counts = Counts::default();
            probes.iter().for_each(|probe| counts.add(probe));
            let DeclaredRule { id, call, file, line, text, .. } = rule.clone();
            Rule { id, call, file, line, text, counts, probes }
        })
        .collect::<Vec<_>>();
    Report { origin, summary: Counts::sum(&rules), rules, others }
}

fn judge(key: &Key<'_>, guest: Option<&Line>, host: Option<&Line>, tested: &Tested) -> Probe {
    let (rule, argument, under, value, on, kind) = *key;
    let tested = match (tested, kind) {
        (Some(tested), ProbeKind::Declared) => {
            let key = (rule.to_owned(), argument.to_owned(), value.to_owned());
            Some(tested.get(&key).copied().unwrap_or_default())
        }
        _ => None,
    };
    let (verdict, reason) = match (guest, host, kind) {
        (None, None, _) => (Verdict::Unproven, "not tried".to_owned()),
        (None, Some(_), _) => (Verdict::Unproven, "not tried in the guest".to_owned()),
        (Some(_), None, _) => (Verdict::Unproven, "not tried on the host".to_owned()),
        (Some(guest), Some(host), ProbeKind::Declared) => match judge_declared(guest, host) {
            (Verdict::Held, _) if tested == Some(0) => {
                (Verdict::Unproven, "no behaviour test makes use of it".to_owned())
            }
            judged => judged,
        },
        (Some(guest), Some(host), ProbeKind::Neighbour) => judge_neighbour(guest, host),
    };
    let seen =
        |line: &Line| Seen { errno: line.errno.clone(), behaved: line.behaved, note: line.note.clone() };
    Probe {
        argument: argument.to_owned(),
        under: under.to_owned(),
        value: value.to_owned(),
        on: on.to_owned(),
        kind,
        verdict,
        reason,
        tested,
        expected: guest.or(host).map_or_else(String::new, |line| line.expected.clone()),
        guest: guest.map(seen),
        host: host.map(seen),
    }
}

/// In the place of the host's errno: it has no such sockets, and the guest is judged alone.
const ABSENT: &str = "absent";

fn judge_declared(guest: &Line, host: &Line) -> (Verdict, String) {
    for (line, place) in [(host, "on the host"), (guest, "in the guest")] {
        let reason = match (line.errno.as_str(), line.behaved) {
            ("0", true) | (ABSENT, _) => continue,
            ("0", false) => format!("accepted {place}, but did not behave"),
            (errno, _) => format!("refused {place} with {errno}"),
        };
        return (Verdict::Broken, with_note(reason, &line.note));
    }
    let alone = format!("judged without Linux: {}", host.note);
    (Verdict::Held, if host.errno == ABSENT { alone } else { String::new() })
}

fn judge_neighbour(guest: &Line, host: &Line) -> (Verdict, String) {
    let host_refuses = host.errno != "0" && host.errno != ABSENT;
    let wanted = if host_refuses { &host.errno } else { &guest.expected };
    if guest.errno == "0" {
        (Verdict::Leaking, with_note(format!("accepted in the guest instead of {wanted}"), &guest.note))
    } else if guest.errno != *wanted {
        let measure = if host_refuses { "Linux's" } else { "the policy's" };
        (Verdict::Leaking, format!("refused with {} instead of {measure} {wanted}", guest.errno))
    } else if !guest.behaved && host.behaved {
        // The call was refused as it should be, but something is not as it was before.
        (Verdict::Leaking, with_note("refused in the guest, but not without effect".to_owned(), &guest.note))
    } else if host_refuses || host.errno == ABSENT || !linux_ignores(host) {
        (Verdict::Refused, String::new())
    } else {
        (Verdict::LinuxIgnores, String::new())
    }
}

/// Whether an undeclared value that Linux accepts has no effect there, rather than one that is not supported here.
fn linux_ignores(host: &Line) -> bool {
    host.note.contains("ignore")
}

fn with_note(reason: String, note: &str) -> String {
    if note.is_empty() { reason } else { format!("{reason}: {note}") }
}

#[cfg(test)]
mod tests {
    use super::{DeclaredRule, Line, Origin, ProbeKind, Report, Tested, Verdict, join};
    use crate::report::Alternative;

    fn line(value: &str, kind: ProbeKind, errno: &str, behaved: bool, note: &str) -> Line {
        Line {
            rule: "socket#1".to_owned(),
            call: "socket".to_owned(),
            argument: "type".to_owned(),
            under: String::new(),
            value: value.to_owned(),
            on: "AF_UNIX SOCK_STREAM".to_owned(),
            kind,
            expected: if kind == ProbeKind::Declared { "0" } else { "EINVAL" }.to_owned(),
            errno: errno.to_owned(),
            behaved,
            note: note.to_owned(),
        }
    }

    fn declared(value: &str, errno: &str, behaved: bool) -> Line {
        line(value, ProbeKind::Declared, errno, behaved, "")
    }

    fn neighbour(value: &str, errno: &str, note: &str) -> Line {
        line(value, ProbeKind::Neighbour, errno, true, note)
    }

    fn report(values: &[&str], host: &[Line], guest: &[Line]) -> Report {
        report_with(values, host, guest, &None)
    }

    fn report_with(values: &[&str], host: &[Line], guest: &[Line], tested: &Tested) -> Report {
        let rule = DeclaredRule {
            id: "socket#1".to_owned(),
            call: "socket".to_owned(),
            file: "socket.scml".to_owned(),
            line: 3,
            text: "socket(..);".to_owned(),
            alternatives: values
                .iter()
                .map(|value| Alternative {
                    argument: "type".to_owned(),
                    under: String::new(),
                    value: (*value).to_owned(),
                    on: "AF_UNIX SOCK_STREAM".to_owned(),
                })
                .collect(),
        };
        join(Origin::default(), vec![rule], Vec::new(), host, guest, tested)
    }

    fn verdicts(report: &Report) -> Vec<(&str, Verdict)> {
        report.rules[0].probes.iter().map(|probe| (&*probe.value, probe.verdict)).collect()
    }

    #[test]
    fn declared_alternatives() {
        let host = [
            declared("A", "0", true),
            declared("B", "0", true),
            declared("C", "EINVAL", false),
            declared("E", "0", true),
        ];
        let guest = [declared("A", "0", true), declared("B", "0", false), declared("C", "0", true)];
        let report = report(&["A", "B", "C", "D", "E"], &host, &guest);
        assert_eq!(
            verdicts(&report),
            [
                ("A", Verdict::Held),
                ("B", Verdict::Broken),
                ("C", Verdict::Broken),
                ("D", Verdict::Unproven),
                ("E", Verdict::Unproven)
            ]
        );
        let counts = report.summary;
        assert_eq!(
            (counts.declared, counts.probed, counts.held, counts.broken, counts.unproven),
            (5, 3, 1, 2, 2)
        );
        assert!(!counts.is_good());
        assert_eq!(report.rules[0].probes[2].reason, "refused on the host with EINVAL");
    }

    #[test]
    fn what_no_behaviour_test_uses_is_unproven() {
        let both = [declared("A", "0", true), declared("B", "0", true), declared("C", "EINVAL", true)];
        let used = ("socket#1".to_owned(), "type".to_owned(), "A".to_owned());
        let tested = Some([(used, 3)].into_iter().collect());
        let report = report_with(&["A", "B", "C"], &both, &both, &tested);
        assert_eq!(
            verdicts(&report),
            [("A", Verdict::Held), ("B", Verdict::Unproven), ("C", Verdict::Broken)]
        );
        assert_eq!(report.rules[0].probes[0].tested, Some(3));
        assert_eq!((report.summary.probed, report.summary.held, report.summary.unproven), (3, 1, 1));
    }

    #[test]
    fn what_the_host_does_not_have_is_judged_alone() {
        let absent =
            |value, kind| Line { note: "no transport".to_owned(), ..line(value, kind, "absent", true, "") };
        let host = [
            absent("A", ProbeKind::Declared),
            absent("B", ProbeKind::Declared),
            absent("C", ProbeKind::Neighbour),
            absent("D", ProbeKind::Neighbour),
        ];
        let guest = [
            declared("A", "0", true),
            declared("B", "0", false),
            neighbour("C", "EINVAL", ""),
            neighbour("D", "EPERM", ""),
        ];
        let report = report(&["A", "B"], &host, &guest);
        assert_eq!(
            verdicts(&report),
            [("A", Verdict::Held), ("B", Verdict::Broken), ("C", Verdict::Refused), ("D", Verdict::Leaking)]
        );
        assert_eq!(report.rules[0].probes[0].reason, "judged without Linux: no transport");
    }

    #[test]
    fn neighbours() {
        let host = [
            neighbour("REFUSED", "ESOCKTNOSUPPORT", ""),
            neighbour("ACCEPTED", "EINVAL", ""),
            neighbour("OTHER", "EINVAL", ""),
            neighbour("SUPPORTED", "0", ""),
            neighbour("IGNORED", "0", "Linux ignores the bit"),
        ];
        let guest = [
            neighbour("REFUSED", "ESOCKTNOSUPPORT", ""),
            neighbour("ACCEPTED", "0", ""),
            neighbour("OTHER", "EPERM", ""),
            neighbour("SUPPORTED", "EINVAL", ""),
            neighbour("IGNORED", "EINVAL", ""),
        ];
        let report = report(&[], &host, &guest);
        assert_eq!(
            verdicts(&report),
            [
                ("REFUSED", Verdict::Refused),
                ("ACCEPTED", Verdict::Leaking),
                ("OTHER", Verdict::Leaking),
                ("SUPPORTED", Verdict::Refused),
                ("IGNORED", Verdict::LinuxIgnores)
            ]
        );
        let counts = report.summary;
        assert_eq!((counts.neighbours, counts.leaking, counts.refused, counts.ignored), (5, 2, 2, 1));
        assert_eq!(report.rules[0].probes[2].reason, "refused with EPERM instead of Linux's EINVAL");
    }

    #[test]
    fn a_refusal_leaves_everything_as_it_was() {
        let spoilt = line("A", ProbeKind::Neighbour, "EINVAL", false, "the socket is closed");
        let report = report(&[], &[neighbour("A", "EINVAL", "")], &[spoilt]);
        assert_eq!(verdicts(&report), [("A", Verdict::Leaking)]);
        assert!(report.rules[0].probes[0].reason.ends_with(": the socket is closed"));
    }

    #[test]
    fn the_json_comes_back_the_same() {
        let report = report(&["A"], &[declared("A", "0", true)], &[declared("A", "0", true)]);
        let json = report.to_json();
        assert!(json.contains("\"verdict\": \"held\""));
        assert_eq!(serde_json::from_str::<Report>(&json).unwrap(), report);
    }

    #[test]
    fn the_programs_lines_are_read() {
        let text = "{\"type\":\"probe\",\"rule\":\"socket#1\",\"call\":\"socket\",\"argument\":\"type\",\"value\":\"A\",\
                    \"on\":\"AF_UNIX SOCK_STREAM\",\"kind\":\"declared\",\"expected\":\"0\",\"errno\":\"0\",\"behaved\":true,\"note\":\"\"}\n\
                    {\"type\":\"note\",\"text\":\"x\"}\n";
        assert_eq!(super::super::probe::parse(text).unwrap(), [declared("A", "0", true)]);
        assert!(super::super::probe::parse("oops").unwrap_err().starts_with("line 1"));
    }
}
