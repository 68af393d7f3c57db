//! `/proc/PID/maps`: glibc finds the first thread's stack in it.

use alloc::vec::Vec;
use core::fmt::Write;

use crate::{
    mm::{Backing, layout::STACK_TOP},
    process::Process,
};

/// Column at which names start, as in Linux.
const NAME_COLUMN: usize = 73;

/// Text that is collected: memory cannot refuse it.
#[derive(Default)]
struct Text(alloc::string::String);

/// All mappings, a line each.
pub(super) fn of(process: &Process) -> Vec<u8> {
    let mut text = Text::default();
    process.space().with_mappings(|mappings, heap| {
        for (start, mapping) in mappings.iter() {
            let may = |granted, letter| if granted { letter } else { '-' };
            let protection = mapping.protection;
            let (offset, anonymous) = match &mapping.backing {
                Backing::Anonymous => (0, true),
                Backing::File { offset, .. } => (*offset, false),
            };
            let name = match mapping.end {
                STACK_TOP if anonymous => "[stack]",
                end if anonymous && start < heap.end && end > heap.start => "[heap]",
                _ => "",
            };
            text.line(
                format_args!(
                    "{start:08x}-{:08x} {}{}{}p {offset:08x} 00:00 0",
                    mapping.end,
                    may(protection.read, 'r'),
                    may(protection.write, 'w'),
                    may(protection.execute, 'x'),
                ),
                name,
            );
        }
    });
    text.0.into_bytes()
}

impl Text {
    fn line(&mut self, columns: core::fmt::Arguments<'_>, name: &str) {
        let start = self.0.len();
        // Writing to a string does not fail.
        let _ = self.0.write_fmt(columns);
        self.0.push(' ');
        if !name.is_empty() {
            while self.0.len() - start < NAME_COLUMN {
                self.0.push(' ');
            }
            self.0.push_str(name);
        }
        self.0.push('\n');
    }
}
