//! Files about the whole system (proc(5)).

use super::help::{number, text};
use crate::{
    harness::{Case, Failure, Outcome, Test, check, check_eq, tests},
    sys,
};

pub(crate) const TESTS: &[Test] = tests!("proc";
    stat_counts_time,
    stat_counts_processes,
    loadavg_has_five_fields,
    meminfo_adds_up,
    uptime_goes_on,
    cpuinfo_has_all_processors,
    processes_are_listed_while_they_come_and_go,
);

fn stat_counts_time(_: &Case) -> Outcome {
    let stat = text("/proc/stat")?;
    let lines: Vec<&str> = stat.lines().filter(|line| line.starts_with("cpu")).collect();
    let fields =
        |line: &str| -> Outcome<Vec<u64>> { line.split_ascii_whitespace().skip(1).map(number).collect() };
    let all = fields(lines[0])?;
    check_eq!(all.len(), 10, "{stat}");
    check!(lines[0].starts_with("cpu  "), "{stat}");
    check!(lines.len() >= 2 && lines[1].starts_with("cpu0 "), "{stat}");
    check!(all.iter().sum::<u64>() > 0, "{stat}");
    for name in ["intr ", "ctxt ", "btime ", "processes ", "procs_running ", "procs_blocked ", "softirq "] {
        let line = stat.lines().find_map(|line| line.strip_prefix(name));
        let line = line.ok_or_else(|| Failure::here(format!("no {name}in {stat}")))?;
        number::<u64>(line.split(' ').next().unwrap_or_default())?;
    }
    check!(stat_number("procs_running ")? >= 1);
    Ok(())
}

fn stat_number(name: &str) -> Outcome<u64> {
    let stat = text("/proc/stat")?;
    number(stat.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default())
}

fn stat_counts_processes(_: &Case) -> Outcome {
    let before = stat_number("processes ")?;
    for _ in 0..3 {
        let pid = sys::fork(|| 0)?;
        sys::wait_for(pid)?;
    }
    check!(stat_number("processes ")? >= before + 3);
    Ok(())
}

fn loadavg_has_five_fields(_: &Case) -> Outcome {
    let load = text("/proc/loadavg")?;
    let fields: Vec<&str> = load.trim_end().split(' ').collect();
    check_eq!(fields.len(), 5, "{load}");
    for average in &fields[..3] {
        check!(
            number::<f64>(average)? >= 0.0 && average.rsplit('.').next().map(str::len) == Some(2),
            "{load}"
        );
    }
    let (running, total) = fields[3].split_once('/').unwrap_or_default();
    check!((1..=number::<u32>(total)?).contains(&number(running)?), "{load}");
    check!(number::<usize>(fields[4])? >= 1, "{load}");
    Ok(())
}

fn meminfo_adds_up(_: &Case) -> Outcome {
    let table = text("/proc/meminfo")?;
    let get = |name: &str| -> Outcome<u64> {
        let line = table.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        let value = line.and_then(|line| line.trim_start().strip_suffix(" kB"));
        number(value.unwrap_or_default())
    };
    let (total, free, available) = (get("MemTotal")?, get("MemFree")?, get("MemAvailable")?);
    check!(free < total && available <= total, "{table}");
    for name in ["Buffers", "Cached", "SwapCached", "SwapTotal", "SwapFree", "Shmem", "SReclaimable"] {
        check!(get(name)? <= total, "{name}");
    }
    for line in table.lines().filter(|line| line.ends_with(" kB")).take(3) {
        check_eq!(line.len(), 27, "{line}");
    }
    Ok(())
}

fn uptime_goes_on(_: &Case) -> Outcome {
    let read = || -> Outcome<(f64, f64)> {
        let text = text("/proc/uptime")?;
        let (up, idle) = text.trim_end().split_once(' ').unwrap_or_default();
        Ok((number(up)?, number(idle)?))
    };
    let (up, idle) = read()?;
    let (later, more) = read()?;
    check!(later >= up && more >= idle && up > 0.0);
    Ok(())
}

fn cpuinfo_has_all_processors(_: &Case) -> Outcome {
    let table = text("/proc/cpuinfo")?;
    let count = table.lines().filter(|line| line.starts_with("processor\t: ")).count();
    let online = text("/sys/devices/system/cpu/online")?;
    let last = online.trim_end().rsplit(['-', ',']).next().unwrap_or_default();
    check_eq!(count, number::<usize>(last)? + 1);
    for name in ["vendor_id", "model name", "flags", "cpu MHz", "siblings", "cpu cores"] {
        check!(table.lines().any(|line| line.starts_with(name)), "{name}");
    }
    Ok(())
}

/// What `ps` does, while processes end under its eyes: what is there from start to end is seen once, and whatever else is met
/// is read or gone.
fn processes_are_listed_while_they_come_and_go(_: &Case) -> Outcome {
    let (reader, writer) = sys::pipe2(0)?;
    let mut steady = Vec::new();
    for _ in 0..8 {
        let (reader, writer) = (&reader, &writer);
        steady.push(sys::fork(move || {
            // Where the parent comes to a bad end, its writer is the last.
            let _ = sys::close_unopened(std::os::fd::AsRawFd::as_raw_fd(writer));
            let _ = sys::read(reader, &mut [0]);
            0
        })?);
    }
    for _ in 0..10 {
        let fleeting: Vec<i32> = (0..8).map(|_| sys::fork(|| 0)).collect::<Result<_, _>>()?;
        let mut seen = Vec::new();
        for entry in std::fs::read_dir("/proc")? {
            let name = entry?.file_name();
            let Some(pid) = name.to_str().and_then(|name| name.parse::<i32>().ok()) else { continue };
            seen.push(pid);
            for file in ["stat", "statm", "status", "cmdline"] {
                match std::fs::read(format!("/proc/{pid}/{file}")) {
                    Ok(contents) => {
                        check!(file == "cmdline" || contents.last() == Some(&b'\n'), "{pid} {file}");
                    }
                    Err(error) => {
                        let errno = error.raw_os_error();
                        check!(
                            [Some(libc::ENOENT), Some(libc::ESRCH)].contains(&errno),
                            "{pid} {file} {error}"
                        );
                        check!(!steady.contains(&pid));
                    }
                }
            }
            if let Some(pid) = fleeting.iter().find(|child| **child == pid) {
                sys::wait_for(*pid)?;
            }
        }
        for pid in &steady {
            check_eq!(seen.iter().filter(|other| *other == pid).count(), 1, "{pid} in {seen:?}");
        }
        for pid in fleeting.iter().filter(|pid| !seen.contains(pid)) {
            sys::wait_for(*pid)?;
        }
    }
    for pid in steady {
        // The end of the pipe may be long in coming: a child of a test that runs beside this one has the writer, too.
        sys::signals::kill(pid, libc::SIGKILL)?;
        sys::wait_for(pid)?;
    }
    Ok(())
}
