//! `/proc/PID/maps`: glibc finds the first thread's stack in it.

use alloc::vec::Vec;
use core::fmt::Write;

use crate::{mm::layout::STACK_TOP, process::Process};

/// Column at which names start, as in Linux.
const NAME_COLUMN: usize = 73;

/// Text that is collected: memory cannot refuse it.
#[derive(Default)]
struct Text(Vec<u8>);

/// All mappings, a line each.
pub(super) fn maps(process: &Process) -> Vec<u8> {
    let mut text = Text::default();
    process.space().with_mappings(|mappings, heap| {
        for (start, mapping) in mappings.iter() {
            let may = |granted, letter| if granted { letter } else { '-' };
            let protection = mapping.protection;
            let file = mapping.backing.file();
            let path = file.map(|(source, _)| source.path(&process.fs().root()));
            let name = match (&path, mapping.end) {
                (Some(path), _) => path.as_slice(),
                (None, STACK_TOP) => b"[stack]",
                (None, end) if start < heap.end && end > heap.start => b"[heap]",
                _ => b"",
            };
            let sharing = if mapping.backing.is_shared() { 's' } else { 'p' };
            let offset = file.map_or(0, |(_, offset)| offset);
            let (device, number) = file.map_or((0, 0), |(source, _)| {
                (source.inode().file_system().device(), source.inode().number())
            });
            let (major, minor) = vfs::device_parts(device);
            text.line(
                format_args!(
                    "{start:08x}-{:08x} {}{}{}{sharing} {offset:08x} {major:02x}:{minor:02x} {number}",
                    mapping.end,
                    may(protection.read, 'r'),
                    may(protection.write, 'w'),
                    may(protection.execute, 'x'),
                ),
                name,
            );
        }
    });
    text.0
}

impl Text {
    fn line(&mut self, columns: core::fmt::Arguments<'_>, name: &[u8]) {
        let start = self.0.len();
        // Collecting does not fail.
        let _ = self.write_fmt(columns);
        self.0.push(b' ');
        if !name.is_empty() {
            self.0.resize(self.0.len().max(start + NAME_COLUMN), b' ');
            for byte in name {
                // A line feed in a name would be the end of the line.
                if *byte == b'\n' { self.0.extend_from_slice(b"\\012") } else { self.0.push(*byte) }
            }
        }
        self.0.push(b'\n');
    }
}

impl Write for Text {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}
