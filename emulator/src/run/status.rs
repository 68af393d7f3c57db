//! What `/proc/TID/status` says of a thread.

use std::{fs, io};

/// The lines that the emulator needs.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Status {
    /// Number of the process.
    pub(super) process: i32,
    /// File mode creation mask.
    pub(super) umask: u32,
    /// Real, effective, saved, file system user.
    pub(super) users: [u32; 4],
    /// The same of groups.
    pub(super) groups: [u32; 4],
    /// Supplementary groups.
    pub(super) more_groups: Vec<u32>,
    /// Effective capabilities, number N in bit N.
    pub(super) capabilities: u64,
    /// Signals that are pending for the thread, and not blocked by it.
    pub(super) thread_signals: u64,
    /// Signals that are pending for its process, and not blocked by the thread.
    pub(super) process_signals: u64,
}

impl Status {
    /// That of a thread.
    ///
    /// # Errors
    /// Where it has ended.
    pub(super) fn of(thread: i32) -> io::Result<Self> {
        fs::read_to_string(format!("/proc/{thread}/status")).map(|text| Self::parse(&text))
    }

    fn parse(text: &str) -> Self {
        let mut status = Self::default();
        let mut blocked = 0;
        for line in text.lines() {
            let Some((name, value)) = line.split_once(':') else { continue };
            let value = value.trim();
            let octal = || u32::from_str_radix(value, 8).unwrap_or_default();
            let mask = || u64::from_str_radix(value, 16).unwrap_or_default();
            match name {
                "Umask" => status.umask = octal(),
                "Tgid" => status.process = value.parse().unwrap_or_default(),
                "Uid" => status.users = four(value),
                "Gid" => status.groups = four(value),
                "Groups" => status.more_groups = numbers(value).collect(),
                "CapEff" => status.capabilities = mask(),
                "SigPnd" => status.thread_signals = mask(),
                "ShdPnd" => status.process_signals = mask(),
                "SigBlk" => blocked = mask(),
                _ => {}
            }
        }
        status.thread_signals &= !blocked;
        status.process_signals &= !blocked;
        status
    }

    /// User, group and groups, as files are judged by.
    pub(super) fn file_user(&self) -> (u32, u32, &[u32]) {
        (self.users[3], self.groups[3], &self.more_groups)
    }
}

fn numbers(text: &str) -> impl Iterator<Item = u32> {
    text.split_ascii_whitespace().filter_map(|word| word.parse().ok())
}

fn four(text: &str) -> [u32; 4] {
    let mut four = [0; 4];
    for (place, number) in four.iter_mut().zip(numbers(text)) {
        *place = number;
    }
    four
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_are_found() {
        let status = Status::parse(
            "Name:\tcat\nUmask:\t0022\nTgid:\t7\nUid:\t1\t2\t3\t4\nGid:\t5\t6\t7\t8\nGroups:\t9 10 \n\
             SigPnd:\t0000000000000003\nShdPnd:\t0000000000000100\nSigBlk:\t0000000000000001\n\
             CapEff:\t0000000000000021\n",
        );
        let expected = Status {
            process: 7,
            umask: 0o22,
            users: [1, 2, 3, 4],
            groups: [5, 6, 7, 8],
            more_groups: vec![9, 10],
            capabilities: 0x21,
            thread_signals: 2,
            process_signals: 0x100,
        };
        assert_eq!(status, expected);
        assert_eq!(status.file_user(), (4, 8, &[9, 10][..]));
    }

    #[test]
    fn one_can_look_at_oneself() {
        let own = std::process::id() as i32;
        let status = Status::of(own).unwrap();
        assert_eq!(status.process, own);
        assert_eq!(status.users[1], rustix::process::geteuid().as_raw());
    }
}
