//! `/proc/sys`: settings as files (proc_sys(5), the kernel's `Documentation/admin-guide/sysctl`).

mod number;
mod table;

use alloc::{boxed::Box, format, string::String, sync::Arc, vec::Vec};
use core::sync::atomic::{AtomicU32, Ordering};

use socket::error::{Errno, Error, Result};
use vfs::{Access, FileSystem, Generated, Identity, Inode};

use self::{number::Reader, table::SETTINGS};
use super::tree::Branch;
use crate::{system::System, uts};

/// A file below `/proc/sys`.
struct Setting {
    /// Its path below `/proc`.
    path: &'static str,
    value: Value,
}

/// What a setting holds.
#[derive(Clone, Copy)]
enum Value {
    /// A text that cannot be changed.
    Text(fn(&System) -> String),
    /// Numbers that cannot be changed.
    Numbers(fn(&System) -> String),
    /// A number within bounds.
    Cell(fn(&System) -> &AtomicU32, u32, u32),
    /// A number that programs may set to what it is: there is no other way for the system to be.
    Fixed(u32),
    /// A range of ports.
    Ports(fn(&System) -> &AtomicU32),
    /// The name of host or domain.
    Name(fn(&System) -> &uts::Name),
}

/// Adds all settings.
pub(super) fn add(top: &mut Branch, files: &Arc<FileSystem>, system: &'static System) {
    for Setting { path, value } in SETTINGS {
        let mode = match value {
            Value::Text(_) | Value::Numbers(_) => 0o444,
            Value::Cell(..) | Value::Fixed(_) | Value::Ports(_) | Value::Name(_) => 0o644,
        };
        let file = Box::new(File { system, value: *value, mode });
        top.add(path, Inode::new_synthetic(files, mode, file));
    }
}

/// The file of a setting.
struct File {
    system: &'static System,
    value: Value,
    mode: u32,
}

impl Generated for File {
    fn read(&self) -> Result<Vec<u8>> {
        let system = self.system;
        let mut text = match self.value {
            Value::Text(make) | Value::Numbers(make) => make(system).into_bytes(),
            Value::Cell(cell, ..) => format!("{}", cell(system).load(Ordering::Relaxed)).into_bytes(),
            Value::Fixed(number) => format!("{number}").into_bytes(),
            Value::Ports(ports) => {
                let (low, high) = unpack(ports(system).load(Ordering::Relaxed));
                format!("{low}\t{high}").into_bytes()
            }
            Value::Name(name) => name(system).get(),
        };
        text.push(b'\n');
        Ok(text)
    }

    fn continues(&self) -> bool {
        matches!(self.value, Value::Text(_) | Value::Name(_))
    }

    fn has_end(&self) -> bool {
        true
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> Result<usize> {
        if bytes.is_empty() {
            return Ok(0);
        }
        if let Value::Name(name) = self.value {
            return write_name(name(self.system), offset, bytes);
        }
        // Behind the start nothing can be changed, and Linux says nothing of it.
        if offset != 0 {
            return Ok(bytes.len());
        }
        let mut reader = Reader::new(bytes);
        match self.value {
            Value::Text(_) | Value::Numbers(_) | Value::Name(_) => return Err(Errno::EINVAL.into()),
            Value::Cell(cell, low, high) => {
                let number = reader.number()?.filter(|number| (low..=high).contains(number));
                cell(self.system).store(number.ok_or(OUT_OF_BOUNDS)?, Ordering::Relaxed);
            }
            Value::Fixed(only) => {
                reader.number()?.filter(|number| *number == only).ok_or(OUT_OF_BOUNDS)?;
            }
            Value::Ports(ports) => {
                let cell = ports(self.system);
                let low = reader.number()?.ok_or(OUT_OF_BOUNDS)?;
                let (_, old_high) = unpack(cell.load(Ordering::Relaxed));
                let high =
                    if reader.is_at_end() { old_high } else { reader.number()?.ok_or(OUT_OF_BOUNDS)? };
                if low < FIRST_UNPRIVILEGED_PORT || high > u32::from(u16::MAX) || low > high {
                    return Err(OUT_OF_BOUNDS);
                }
                cell.store(low << 16 | high, Ordering::Relaxed);
            }
        }
        Ok(reader.consumed())
    }

    /// The mode binds everybody, the superuser too.
    fn permits(&self, who: &Identity, wanted: Access, _by_mode: bool) -> bool {
        let class = match who.uid {
            0 => self.mode >> 6,
            _ if who.is_member(0) => self.mode >> 3,
            _ => self.mode,
        };
        wanted.bits() & !class == 0
    }
}

const OUT_OF_BOUNDS: Error = Error::new(Errno::EINVAL, "the setting cannot have that value");

/// `ip_unprivileged_port_start`
const FIRST_UNPRIVILEGED_PORT: u32 = 1024;

/// Two ports in one number, so that both change together.
fn unpack(ports: u32) -> (u32, u32) {
    (ports >> 16, ports & 0xffff)
}

/// Writes a name from `offset` on, up to a line's end; what is longer than a name is cut. A name is not made longer from
/// behind its end, and Linux says nothing of it.
fn write_name(name: &uts::Name, offset: u64, bytes: &[u8]) -> Result<usize> {
    let mut text = name.get();
    match usize::try_from(offset) {
        Ok(offset) if offset <= text.len() => text.truncate(offset),
        _ => return Ok(bytes.len()),
    }
    let line = bytes.iter().take_while(|byte| !matches!(byte, 0 | b'\n'));
    text.extend(line.take(uts::NAME_MAX - text.len()));
    name.set(text)?;
    Ok(bytes.len())
}
