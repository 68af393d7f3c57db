//! `runner bench`: what calls cost, in executed guest instructions.

use anyhow::{Result, bail};
use emulator::boot::Ending;

use crate::{
    context::Context,
    guest::{self, Setup},
    lines::{Bench, benches},
};

/// What else is known of a measurement.
struct Known {
    name: &'static str,
    /// Instructions that it may take at most.
    limit: Option<f64>,
    /// What the same program takes on Debian's Linux 6.1 (`linux-image-cloud-amd64` 6.1.192), counted the same way on the same
    /// machine: booted with the static program as `/init` and `-- bench` at the end of its command line.
    linux: f64,
    /// What it takes on Asterinas 0.18.
    asterinas: Option<f64>,
}

#[rustfmt::skip]
const KNOWN: &[Known] = &[
    Known { name: "getppid", limit: Some(540.0), linux: 334.0, asterinas: Some(617.0) },
    Known { name: "clock_gettime", limit: None, linux: 515.0, asterinas: None },
    Known { name: "stream_ping", limit: Some(2000.0), linux: 4378.0, asterinas: Some(2618.0) },
    Known { name: "stream_write_1", limit: None, linux: 3532.0, asterinas: None },
    Known { name: "stream_send_recv_1", limit: None, linux: 3895.0, asterinas: None },
    Known { name: "stream_sendmsg_recvmsg_1", limit: None, linux: 5033.0, asterinas: None },
    Known { name: "stream_writev_readv_4", limit: None, linux: 5527.0, asterinas: None },
    Known { name: "stream_peek_1", limit: None, linux: 1301.0, asterinas: None },
    Known { name: "stream_recv_eagain", limit: None, linux: 792.0, asterinas: None },
    Known { name: "stream_4k", limit: None, linux: 8168.0, asterinas: None },
    Known { name: "stream_64k", limit: None, linux: 66400.0, asterinas: None },
    Known { name: "stream_two_threads", limit: None, linux: 20062.0, asterinas: None },
    Known { name: "stream_two_processes", limit: Some(10_000.0), linux: 18154.0, asterinas: Some(12166.0) },
    Known { name: "seqpacket_two_processes", limit: Some(10_000.0), linux: 14505.0, asterinas: Some(12744.0) },
    Known { name: "datagram_two_processes", limit: Some(9500.0), linux: 14562.0, asterinas: Some(11462.0) },
    Known { name: "pipe_two_processes", limit: Some(10567.0), linux: 10568.0, asterinas: None },
    Known { name: "fork_exit_wait_1_mib", limit: Some(333_779.0), linux: 333_780.0, asterinas: None },
    Known { name: "vfork_exec_wait", limit: None, linux: 1_979_269.0, asterinas: None },
    Known { name: "socket_check", limit: None, linux: 785.0, asterinas: None },
    Known { name: "getsockopt_type", limit: None, linux: 844.0, asterinas: None },
    Known { name: "setsockopt_sndbuf", limit: Some(800.0), linux: 858.0, asterinas: None },
    Known { name: "getsockname", limit: None, linux: 714.0, asterinas: None },
    Known { name: "socket_close", limit: None, linux: 8051.0, asterinas: None },
    Known { name: "socketpair_close", limit: Some(4000.0), linux: 17350.0, asterinas: Some(20552.0) },
    Known { name: "connect_accept_close_abstract", limit: Some(12_000.0), linux: 20785.0, asterinas: Some(23380.0) },
    Known { name: "connect_accept_close_path", limit: Some(12_000.0), linux: 23625.0, asterinas: None },
    Known { name: "netlink_dump_links", limit: Some(4500.0), linux: 29520.0, asterinas: Some(5082.0) },
    Known { name: "poll_1", limit: None, linux: 1234.0, asterinas: None },
    Known { name: "poll_100", limit: Some(35000.0), linux: 43016.0, asterinas: None },
    Known { name: "epoll_wait_1_of_1", limit: Some(950.0), linux: 833.0, asterinas: None },
    Known { name: "epoll_wait_1_of_100", limit: Some(950.0), linux: 834.0, asterinas: Some(1678.0) },
    Known { name: "epoll_wait_1_of_1000", limit: Some(950.0), linux: 831.0, asterinas: None },
    Known { name: "epoll_write_wait_read", limit: None, linux: 5893.0, asterinas: None },
    Known { name: "epoll_ctl_add_del", limit: None, linux: 3088.0, asterinas: None },
    Known { name: "eventfd_ping", limit: None, linux: 1751.0, asterinas: None },
    Known { name: "pipe_ping", limit: None, linux: 2381.0, asterinas: None },
    Known { name: "file_read_1", limit: None, linux: 1377.0, asterinas: None },
    Known { name: "open_close", limit: None, linux: 6249.0, asterinas: None },
];

/// The measurement of a call that does nearly nothing behind the policy's check, and what the check may cost.
const CHECK: (&str, f64) = ("socket_check", 30.0);

/// Guest time until user mode, in nanoseconds.
const BOOT: f64 = 300e6;

/// Prints the figures; whether all are within their limits.
pub(crate) fn run(context: &Context) -> Result<bool> {
    let (enforced, ready) = measure(context, "enforce")?;
    let (off, _) = measure(context, "off")?;
    let unchecked =
        |name: &str| off.iter().find(|bench| bench.name == name).map(|bench| bench.ns_per_iteration);
    let mut table = Figures { good: true };
    println!("Executed guest instructions per iteration, in counted mode:\n");
    println!(
        "{:<32}{:>10}{:>10}{:>10}{:>11}{:>16}",
        "", "enforce", "off", "limit", "Linux 6.1", "Asterinas 0.18"
    );
    for bench in &enforced {
        let known = KNOWN.iter().find(|known| known.name == bench.name);
        let limit = known.and_then(|known| known.limit);
        let others = [known.map(|known| known.linux), known.and_then(|known| known.asterinas)];
        table.row(&bench.name, bench.ns_per_iteration, unchecked(&bench.name), limit, others);
    }
    let checked = enforced.iter().find(|bench| bench.name == CHECK.0).map(|bench| bench.ns_per_iteration);
    let Some((with, without)) = checked.zip(unchecked(CHECK.0)) else {
        bail!("the benchmark has no {}, which shows what the policy's check costs", CHECK.0);
    };
    table.row("the policy's check", with - without, None, Some(CHECK.1), [None; 2]);
    table.row("boot to user mode, thousands", ready / 1e3, None, Some(BOOT / 1e3), [None; 2]);
    Ok(table.good)
}

struct Figures {
    /// Whether everything is within its limits.
    good: bool,
}

impl Figures {
    fn row(
        &mut self,
        name: &str,
        figure: f64,
        off: Option<f64>,
        limit: Option<f64>,
        others: [Option<f64>; 2],
    ) {
        let over = limit.is_some_and(|limit| figure > limit);
        self.good &= !over;
        let show = |value: Option<f64>| value.map_or_else(String::new, |value| format!("{value:.0}"));
        let [linux, asterinas] = others.map(show);
        let end = if over { "  over its limit" } else { "" };
        println!(
            "{name:<32}{figure:>10.0}{:>10}{:>10}{linux:>11}{asterinas:>16}{end}",
            show(off),
            show(limit)
        );
    }
}

/// The measurements in one mode, and the guest's time until user mode in nanoseconds.
fn measure(context: &Context, mode: &'static str) -> Result<(Vec<Bench>, f64)> {
    // As the kernel counts where it is not told otherwise.
    let setup = Setup { mode, count: "rule", ..Setup::counted(&format!("bench-{mode}")) };
    let (outcome, captured) = guest::run_captured(context, &setup, &["bench", "--json"])?;
    if outcome.ending != Ending::Exited(0) {
        bail!("the benchmark broke off: {outcome}\n{}", String::from_utf8_lossy(&captured.stderr()).trim());
    }
    let measured = benches(&String::from_utf8_lossy(&captured.stdout()));
    let ready = outcome.ready.map_or(f64::INFINITY, |time| time.as_nanos() as f64);
    Ok((measured, ready))
}
