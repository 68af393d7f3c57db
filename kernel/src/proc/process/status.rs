//! `status` (proc_pid_status(5)).

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::fmt::Write;

use linux_raw_sys::general::RLIMIT_SIGPENDING;
use ostd::{cpu::all_cpus, util::id_set::Id};
use socket::error::Result;

use super::{Subject, escaped, memory};
use crate::process::{Triple, signal};

/// The file.
pub(super) fn status(subject: &Subject) -> Result<Vec<u8>> {
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = identity(subject, &mut text);
    if subject.process.thread_count() > 0 {
        let _ = sizes(subject, &mut text);
    }
    let _ = signals(subject, &mut text);
    let _ = schedule(subject, &mut text);
    Ok(text.into_bytes())
}

fn identity(subject: &Subject, text: &mut String) -> core::fmt::Result {
    let Subject { process, thread, .. } = subject;
    let (pid, tid) = (process.pid, thread.tid());
    let (letter, words) = subject.state();
    let (user, group, groups) = {
        let own = thread.credentials.lock();
        (own.user, own.group, own.groups.clone())
    };
    let four = |Triple { real, effective, saved }| format!("{real}\t{effective}\t{saved}\t{effective}");
    writeln!(text, "Name:\t{}", escaped(&subject.name()))?;
    if process.thread_count() > 0 {
        writeln!(text, "Umask:\t{:04o}", process.fs().umask())?;
    }
    writeln!(text, "State:\t{letter} ({words})\nTgid:\t{pid}\nNgid:\t0\nPid:\t{tid}")?;
    writeln!(
        text,
        "PPid:\t{}\nTracerPid:\t0\nUid:\t{}\nGid:\t{}",
        process.parent(),
        four(user),
        four(group)
    )?;
    let files = if process.thread_count() > 0 { process.files().capacity() } else { 0 };
    let groups: Vec<String> = groups.iter().map(ToString::to_string).collect();
    writeln!(text, "FDSize:\t{files}\nGroups:\t{} ", groups.join(" "))?;
    let (group, session) = (process.group(), process.session());
    writeln!(text, "NStgid:\t{pid}\nNSpid:\t{tid}\nNSpgid:\t{group}\nNSsid:\t{session}")
}

fn sizes(subject: &Subject, text: &mut String) -> core::fmt::Result {
    let sizes = memory::sizes(subject);
    let resident = memory::resident(&subject.process.space());
    let rows = [
        ("VmPeak", sizes.total),
        ("VmSize", sizes.total),
        ("VmLck", sizes.locked),
        ("VmPin", 0),
        ("VmHWM", resident.total()),
        ("VmRSS", resident.total()),
        ("RssAnon", resident.anonymous),
        ("RssFile", resident.file),
        ("RssShmem", resident.shared),
        ("VmData", sizes.data),
        ("VmStk", sizes.stack),
        ("VmExe", sizes.code),
        ("VmLib", sizes.libraries),
        ("VmPTE", 0),
        ("VmSwap", 0),
        ("HugetlbPages", 0),
    ];
    for (name, bytes) in rows {
        writeln!(text, "{name}:\t{:8} kB", bytes >> 10)?;
    }
    writeln!(text, "CoreDumping:\t0\nTHP_enabled:\t0")
}

fn signals(subject: &Subject, text: &mut String) -> core::fmt::Result {
    let Subject { process, thread, .. } = subject;
    writeln!(text, "Threads:\t{}", process.thread_count())?;
    let user = thread.credentials.lock().user.real;
    let limit = process.limits.lock().get(RLIMIT_SIGPENDING).map_or(0, |limit| limit.soft);
    writeln!(text, "SigQ:\t{}/{limit}", signal::queued(user))?;
    let (own, shared) = process.pending_signals(&thread.signals);
    let blocked = thread.signals.lock().mask;
    let (caught, ignored) = process.signals.actions().lock().caught_and_ignored();
    let sets =
        [("SigPnd", own), ("ShdPnd", shared), ("SigBlk", blocked), ("SigIgn", ignored), ("SigCgt", caught)];
    for (name, set) in sets {
        writeln!(text, "{name}:\t{set:016x}")?;
    }
    let capabilities = thread.credentials.lock().shown_capabilities();
    for (name, set) in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"].iter().zip(capabilities.sets) {
        writeln!(text, "{name}:\t{set:016x}")?;
    }
    writeln!(text, "NoNewPrivs:\t{}\nSeccomp:\t0\nSeccomp_filters:\t0", u8::from(capabilities.no_new))
}

fn schedule(subject: &Subject, text: &mut String) -> core::fmt::Result {
    let schedule = &subject.thread.schedule;
    let affinity = schedule.affinity();
    let allowed: Vec<usize> = all_cpus().filter(|cpu| affinity.contains(*cpu)).map(Id::as_usize).collect();
    let mask = allowed.iter().fold(0_u64, |mask, cpu| mask | 1_u64.checked_shl(*cpu as u32).unwrap_or(0));
    writeln!(text, "Cpus_allowed:\t{mask:x}\nCpus_allowed_list:\t{}", ranges(&allowed))?;
    writeln!(text, "Mems_allowed:\t1\nMems_allowed_list:\t0")?;
    let (waits, preemptions) = schedule.switches();
    writeln!(text, "voluntary_ctxt_switches:\t{waits}\nnonvoluntary_ctxt_switches:\t{preemptions}")
}

/// Numbers in ascending order, as `0-2,4`.
fn ranges(numbers: &[usize]) -> String {
    let runs =
        numbers.chunk_by(|one, next| one + 1 == *next).filter_map(|run| Some((run.first()?, run.last()?)));
    let texts: Vec<String> = runs
        .map(|(first, last)| if first == last { format!("{first}") } else { format!("{first}-{last}") })
        .collect();
    texts.join(",")
}
