//! `limits` (getrlimit(2)).

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

use linux_raw_sys::general as uapi;
use socket::error::Result;

use super::Subject;
use crate::process::limits::INFINITY;

/// Name, resource and unit, in Linux's order.
const SHOWN: [(&str, u32, &str); 16] = [
    ("Max cpu time", uapi::RLIMIT_CPU, "seconds"),
    ("Max file size", uapi::RLIMIT_FSIZE, "bytes"),
    ("Max data size", uapi::RLIMIT_DATA, "bytes"),
    ("Max stack size", uapi::RLIMIT_STACK, "bytes"),
    ("Max core file size", uapi::RLIMIT_CORE, "bytes"),
    ("Max resident set", uapi::RLIMIT_RSS, "bytes"),
    ("Max processes", uapi::RLIMIT_NPROC, "processes"),
    ("Max open files", uapi::RLIMIT_NOFILE, "files"),
    ("Max locked memory", uapi::RLIMIT_MEMLOCK, "bytes"),
    ("Max address space", uapi::RLIMIT_AS, "bytes"),
    ("Max file locks", uapi::RLIMIT_LOCKS, "locks"),
    ("Max pending signals", uapi::RLIMIT_SIGPENDING, "signals"),
    ("Max msgqueue size", uapi::RLIMIT_MSGQUEUE, "bytes"),
    ("Max nice priority", uapi::RLIMIT_NICE, ""),
    ("Max realtime priority", uapi::RLIMIT_RTPRIO, ""),
    ("Max realtime timeout", uapi::RLIMIT_RTTIME, "us"),
];

/// The file.
pub(super) fn limits(subject: &Subject) -> Result<Vec<u8>> {
    let line = |name: &str, soft: &str, hard: &str, unit: &str| {
        format!("{name:<25} {soft:<20} {hard:<20} {unit:<10}\n")
    };
    let amount = |amount| if amount == INFINITY { "unlimited".to_string() } else { format!("{amount}") };
    let mut text: String = line("Limit", "Soft Limit", "Hard Limit", "Units");
    let limits = subject.process.limits.lock().clone();
    for (name, resource, unit) in SHOWN {
        let Some(limit) = limits.get(resource) else { continue };
        let (soft, hard) = (amount(limit.soft), amount(limit.hard));
        text += &match unit {
            // Linux pads no unit that is not there.
            "" => format!("{name:<25} {soft:<20} {hard:<20} \n"),
            unit => line(name, &soft, &hard, unit),
        };
    }
    Ok(text.into_bytes())
}
