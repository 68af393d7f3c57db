//! `cpuinfo` and `stat`.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

use ostd::{
    arch::{cpu::cpuid::cpuid, tsc_freq},
    cpu::num_cpus,
};

use crate::{
    exec::CLOCK_TICKS,
    process,
    sched::statistics::{self, CpuTimes, TICKS_PER_SECOND},
    system::System,
    time::clock,
};

/// Names of the feature bits of leaf 1, in `edx` and `ecx`, as Linux has them.
const FEATURES: [[&str; 32]; 2] = [
    [
        "fpu", "vme", "de", "pse", "tsc", "msr", "pae", "mce", "cx8", "apic", "", "sep", "mtrr", "pge",
        "mca", "cmov", "pat", "pse36", "pn", "clflush", "", "dts", "acpi", "mmx", "fxsr", "sse", "sse2",
        "ss", "ht", "tm", "ia64", "pbe",
    ],
    [
        "pni",
        "pclmulqdq",
        "dtes64",
        "monitor",
        "ds_cpl",
        "vmx",
        "smx",
        "est",
        "tm2",
        "ssse3",
        "cid",
        "sdbg",
        "fma",
        "cx16",
        "xtpr",
        "pdcm",
        "",
        "pcid",
        "dca",
        "sse4_1",
        "sse4_2",
        "x2apic",
        "movbe",
        "popcnt",
        "tsc_deadline_timer",
        "aes",
        "xsave",
        "osxsave",
        "avx",
        "f16c",
        "rdrand",
        "hypervisor",
    ],
];

/// Those of leaf 0x80000001 that every program asks for: `edx`.
const EXTENDED: [(u32, &str); 5] = [(11, "syscall"), (20, "nx"), (26, "pdpe1gb"), (27, "rdtscp"), (29, "lm")];

/// Those of leaf 7: `ebx`.
const STRUCTURED: [(u32, &str); 12] = [
    (0, "fsgsbase"),
    (3, "bmi1"),
    (5, "avx2"),
    (7, "smep"),
    (8, "bmi2"),
    (9, "erms"),
    (10, "invpcid"),
    (18, "rdseed"),
    (19, "adx"),
    (20, "smap"),
    (23, "clflushopt"),
    (29, "sha_ni"),
];

fn has(word: u32, bit: u32) -> bool {
    word >> bit & 1 != 0
}

fn features() -> String {
    let mut names: Vec<&str> = Vec::new();
    if let Some(leaf) = cpuid(1, 0) {
        for (word, table) in [leaf.edx, leaf.ecx].into_iter().zip(FEATURES) {
            let set = (0..32).zip(table).filter(|(bit, name)| has(word, *bit) && !name.is_empty());
            // The last is for the kernel to know.
            names.extend(set.map(|(_, name)| name).filter(|name| *name != "osxsave"));
        }
    }
    let extended = cpuid(0x8000_0001, 0).map_or(0, |leaf| leaf.edx);
    names.extend(EXTENDED.iter().filter(|(bit, _)| has(extended, *bit)).map(|(_, name)| name));
    let structured = cpuid(7, 0).map_or(0, |leaf| leaf.ebx);
    names.extend(STRUCTURED.iter().filter(|(bit, _)| has(structured, *bit)).map(|(_, name)| name));
    names.join(" ")
}

fn text_of(words: &[u32]) -> String {
    let bytes: Vec<u8> =
        words.iter().flat_map(|word| word.to_le_bytes()).take_while(|byte| *byte != 0).collect();
    String::from_utf8_lossy(&bytes).trim().to_string()
}

/// `cpuinfo`
pub(super) fn information(_: &System) -> String {
    let vendor = cpuid(0, 0).map_or_else(String::new, |leaf| text_of(&[leaf.ebx, leaf.edx, leaf.ecx]));
    let highest = cpuid(0, 0).map_or(0, |leaf| leaf.eax);
    let signature = cpuid(1, 0).map_or(0, |leaf| leaf.eax);
    let cache_line = cpuid(1, 0).map_or(0, |leaf| (leaf.ebx >> 8 & 0xff) * 8);
    let (base, more) = (signature >> 8 & 0xf, signature >> 20 & 0xff);
    let family = if base == 0xf { base + more } else { base };
    let high_model = if base >= 6 { signature >> 16 & 0xf } else { 0 };
    let model = high_model << 4 | signature >> 4 & 0xf;
    let name: Vec<u32> = (0x8000_0002..=0x8000_0004)
        .filter_map(|leaf| cpuid(leaf, 0))
        .flat_map(|leaf| [leaf.eax, leaf.ebx, leaf.ecx, leaf.edx])
        .collect();
    let (name, features, count) = (text_of(&name), features(), num_cpus());
    let sizes = cpuid(0x8000_0008, 0).map_or(0, |leaf| leaf.eax);
    let kilohertz = tsc_freq() / 1000;
    let one = |cpu: usize| {
        format!(
            "processor\t: {cpu}\nvendor_id\t: {vendor}\ncpu family\t: {family}\nmodel\t\t: {model}\n\
             model name\t: {name}\nstepping\t: {}\ncpu MHz\t\t: {}.{:03}\nphysical id\t: 0\nsiblings\t: {count}\n\
             core id\t\t: {cpu}\ncpu cores\t: {count}\napicid\t\t: {cpu}\nfpu\t\t: yes\nfpu_exception\t: yes\n\
             cpuid level\t: {highest}\nwp\t\t: yes\nflags\t\t: {features}\nbogomips\t: {}.{:02}\n\
             clflush size\t: {cache_line}\ncache_alignment\t: {cache_line}\n\
             address sizes\t: {} bits physical, {} bits virtual\npower management:\n\n",
            signature & 0xf,
            kilohertz / 1000,
            kilohertz % 1000,
            kilohertz / 500,
            kilohertz / 5 % 100,
            sizes & 0xff,
            sizes >> 8 & 0xff,
        )
    };
    (0..count).map(one).collect()
}

/// A line of `stat`: user, nice, system, idle, and what is not told apart.
fn line(name: &str, times: CpuTimes) -> String {
    let CpuTimes { user, nice, system, idle } = times;
    let [user, nice, system, idle] =
        [user, nice, system, idle].map(|ticks| ticks * CLOCK_TICKS / TICKS_PER_SECOND);
    format!("{name} {user} {nice} {system} {idle} 0 0 0 0 0 0\n")
}

/// `stat` (proc_stat(5))
pub(super) fn statistics(_: &System) -> String {
    let all = statistics::cpu_times();
    let sum = all.iter().fold(CpuTimes::default(), |sum, times| CpuTimes {
        user: sum.user + times.user,
        nice: sum.nice + times.nice,
        system: sum.system + times.system,
        idle: sum.idle + times.idle,
    });
    let mut text = line("cpu ", sum);
    for (cpu, times) in all.iter().enumerate() {
        text += &line(&format!("cpu{cpu}"), *times);
    }
    let boot = (clock::realtime().saturating_sub(clock::now())).as_secs();
    text + &format!(
        "intr 0\nctxt {}\nbtime {boot}\nprocesses {}\nprocs_running {}\nprocs_blocked 0\nsoftirq 0\n",
        statistics::switches(),
        process::made(),
        statistics::runnable(),
    )
}

/// `uptime`: how long the system runs, and how long its CPUs did nothing, all together.
pub(super) fn uptime(_: &System) -> String {
    let up = clock::now();
    let (seconds, hundredths) = (up.as_secs(), up.subsec_millis() / 10);
    let idle: u64 = statistics::cpu_times().iter().map(|times| times.idle).sum();
    let idle = (idle / TICKS_PER_SECOND, idle % TICKS_PER_SECOND * 100 / TICKS_PER_SECOND);
    format!("{seconds}.{hundredths:02} {}.{:02}\n", idle.0, idle.1)
}

/// `loadavg`
pub(super) fn load(_: &System) -> String {
    let mut text = String::new();
    for average in statistics::load_averages() {
        // Rounded to hundredths.
        let average = average + statistics::LOAD_ONE / 200;
        let (whole, part) = (average / statistics::LOAD_ONE, average % statistics::LOAD_ONE);
        text += &format!("{whole}.{:02} ", part * 100 / statistics::LOAD_ONE);
    }
    text + &format!("{}/{} {}\n", statistics::runnable().max(1), process::threads().len(), process::last_id())
}
