//! The suites of `runner test`.

mod bad_boot;
mod boot;
mod browser;
mod format;
mod fuzz;
mod guest_suite;
mod network;
mod policy;
mod programs;
mod unit;

use anyhow::Result;

use crate::{case::Case, context::Context, sink::Sink};

/// What a suite works with.
pub(crate) struct Run<'a> {
    pub(crate) context: &'a Context,
    pub(crate) sink: &'a Sink,
    pub(crate) filter: Option<&'a str>,
}

/// Some tests that run one after another.
pub(crate) struct Suite {
    pub(crate) name: &'static str,
    /// What it tests, in a line.
    pub(crate) what: &'static str,
    body: fn(&Run<'_>, &'static str) -> Result<()>,
}

impl Suite {
    /// The name of the suite of Debian's programs.
    pub(crate) const PROGRAMS: &str = "programs";

    /// Runs it; what keeps it from running is a failed case.
    pub(crate) fn run(&self, run: &Run<'_>) {
        run.sink.begin(self.name);
        if let Err(error) = (self.body)(run, self.name) {
            run.sink.add(Case::failed(self.name, "suite", format!("{error:#}")));
        }
        run.sink.end(self.name);
    }
}

/// All suites.
pub(crate) fn all() -> impl Iterator<Item = &'static Suite> {
    ALL.iter().flat_map(|lane| lane.iter())
}

/// Those that only `runner soak` runs.
pub(crate) const SOAK: &[Suite] = &[
    Suite { name: "guest-smp", what: "the guest suite in the guest, on two CPUs", body: guest_suite::smp },
    Suite {
        name: "guest-smp-4",
        what: "the guest suite in the guest, on four CPUs",
        body: guest_suite::smp_4,
    },
    Suite { name: "fuzz", what: "the readers of rules and traces, by libFuzzer", body: fuzz::run },
];

/// The suites, in lanes that run side by side.
pub(crate) const ALL: &[&[Suite]] = &[
    &[
        Suite { name: "rustfmt", what: "all sources are formatted", body: format::rustfmt },
        Suite { name: "clippy", what: "the host crates have no warnings", body: format::clippy },
        Suite { name: "unit", what: "the host crates' unit tests", body: unit::run },
        Suite { name: "clippy-kernel", what: "the kernel has no warnings", body: format::kernel_clippy },
    ],
    &[
        Suite {
            name: "guest-on-host",
            what: "the guest suite on the host's Linux, the oracle",
            body: guest_suite::host,
        },
        Suite {
            name: "guest-emulated",
            what: "the guest suite on the host, its socket calls served by the layer",
            body: guest_suite::emulated,
        },
        Suite {
            name: "guest-counted",
            what: "the guest suite in the guest, in counted mode",
            body: guest_suite::counted,
        },
        Suite {
            name: "guest-smp",
            what: "the guest suite in the guest, on two CPUs",
            body: guest_suite::smp,
        },
        Suite { name: "policy", what: "refusals and audit, as the log tells them", body: policy::run },
        Suite {
            name: "report",
            what: "what is declared holds, and the report's page works in a browser",
            body: browser::run,
        },
    ],
    &[Suite { name: "boot", what: "`postern boot`: streams, statuses, arguments, roots", body: boot::run }],
    &[Suite {
        name: "network",
        what: "`postern boot --net`: the guest and the host reach each other",
        body: network::run,
    }],
    &[Suite {
        name: "bad-boot",
        what: "bad programs, images and arguments end cleanly",
        body: bad_boot::run,
    }],
    &[
        Suite {
            name: "programs-emulated",
            what: "Debian's programs do the same when the layer serves their socket calls",
            body: programs::emulated,
        },
        Suite {
            name: Suite::PROGRAMS,
            what: "Debian's programs do in the guest what they do on the host",
            body: programs::run,
        },
    ],
];
