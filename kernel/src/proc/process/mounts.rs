//! What is mounted where: always the same.

use alloc::{format, string::String, vec::Vec};

/// The number of the root's mount.
pub(super) const ROOT: u32 = 21;

/// Mount point, type, source, minor number of the device.
const MOUNTS: [(&str, &str, &str, u32); 3] = [
    ("/", "tmpfs", "tmpfs", 1),
    ("/proc", "proc", "proc", 3),
    ("/sys", "sysfs", "sysfs", crate::sys::DEVICE),
];

/// `mounts` (fstab(5)).
pub(super) fn table() -> Vec<u8> {
    let line = |(place, kind, source, _): &(&str, &str, &str, u32)| {
        format!("{source} {place} {kind} rw,relatime 0 0\n")
    };
    MOUNTS.iter().map(line).collect::<String>().into_bytes()
}

/// `mountinfo` (proc_pid_mountinfo(5)).
pub(super) fn details() -> Vec<u8> {
    let mut text = String::new();
    for (number, (place, kind, source, minor)) in (ROOT..).zip(MOUNTS) {
        let parent = if number == ROOT { 1 } else { ROOT };
        text += &format!("{number} {parent} 0:{minor} / {place} rw,relatime - {kind} {source} rw\n");
    }
    text.into_bytes()
}
