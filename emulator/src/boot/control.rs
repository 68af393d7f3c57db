//! The control channel: lines of text on the fourth serial port.
//!
//! | line | from | meaning |
//! |---|---|---|
//! | `ready <ns>` | guest | the first user instruction comes next; nanoseconds since reset |
//! | `exit <0..255>` | guest | the program ended and all its output was written; 128+N for signal N |
//! | `fail <message>` | guest | the boot failed cleanly |
//! | `panic <message>` | guest | the kernel panicked |
//! | `eof <count>` | host | standard input ended after so many bytes |

use std::{fmt, time::Duration};

/// What the guest says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Message {
    /// User mode begins, so long after the guest's reset.
    Ready(Duration),
    /// The program ended with this status.
    Exit(u8),
    /// No program was started, for this reason.
    Fail(String),
    /// The kernel panicked, for this reason.
    Panic(String),
}

/// A line that is none of the guest's.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unknown(pub String);

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the guest said {:?} on the control channel", self.0)
    }
}

impl std::error::Error for Unknown {}

impl Message {
    /// Reads one line, without its end.
    ///
    /// # Errors
    /// [`Unknown`] for a line that the table above does not have.
    pub fn parse(line: &str) -> Result<Self, Unknown> {
        let line = line.trim_end_matches('\r');
        let unknown = || Unknown(line.to_owned());
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "ready" => rest.parse().map(|ns| Self::Ready(Duration::from_nanos(ns))).map_err(|_| unknown()),
            "exit" => rest.parse().map(Self::Exit).map_err(|_| unknown()),
            "fail" => Ok(Self::Fail(rest.to_owned())),
            "panic" => Ok(Self::Panic(rest.to_owned())),
            _ => Err(unknown()),
        }
    }
}

/// The line that ends standard input after `count` bytes.
pub fn end_of_input(count: u64) -> String {
    format!("eof {count}\n")
}

/// Cuts a stream of bytes into lines. A line that never ends is cut at [`Lines::LIMIT`].
#[derive(Debug, Default)]
pub(super) struct Lines {
    pending: Vec<u8>,
}

impl Lines {
    /// The most bytes that one line is given.
    pub(super) const LIMIT: usize = 16 << 10;

    /// Takes bytes in, and calls `line` with each line that is complete.
    pub(super) fn push(&mut self, mut bytes: &[u8], mut line: impl FnMut(&str)) {
        while !bytes.is_empty() {
            let room = Self::LIMIT - self.pending.len();
            match bytes.iter().take(room).position(|byte| *byte == b'\n') {
                Some(end) => {
                    self.pending.extend_from_slice(&bytes[..end]);
                    bytes = &bytes[end + 1..];
                }
                None if bytes.len() >= room => {
                    self.pending.extend_from_slice(&bytes[..room]);
                    bytes = &bytes[room..];
                }
                None => {
                    self.pending.extend_from_slice(bytes);
                    return;
                }
            }
            self.finish(&mut line);
        }
    }

    /// Calls `line` with what came after the last end of a line.
    pub(super) fn rest(&mut self, mut line: impl FnMut(&str)) {
        if !self.pending.is_empty() {
            self.finish(&mut line);
        }
    }

    fn finish(&mut self, line: &mut impl FnMut(&str)) {
        line(&String::from_utf8_lossy(&self.pending));
        self.pending.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Lines, Message};

    #[test]
    fn messages_are_read() {
        assert_eq!(Message::parse("ready 210000000\r"), Ok(Message::Ready(Duration::from_millis(210))));
        assert_eq!(Message::parse("exit 255"), Ok(Message::Exit(255)));
        assert_eq!(Message::parse("fail no such key: x y"), Ok(Message::Fail("no such key: x y".to_owned())));
        assert_eq!(Message::parse("panic"), Ok(Message::Panic(String::new())));
        for line in ["exit 256", "exit", "exit -1", "ready soon", "", "hello"] {
            assert!(Message::parse(line).is_err(), "{line}");
        }
    }

    #[test]
    fn lines_are_cut() {
        let mut lines = Lines::default();
        let mut got = Vec::new();
        for bytes in ["ex", "it 0\nfai", "l a\n\n", "rest"] {
            lines.push(bytes.as_bytes(), |line| got.push(line.to_owned()));
        }
        lines.rest(|line| got.push(line.to_owned()));
        assert_eq!(got, ["exit 0", "fail a", "", "rest"]);
    }

    #[test]
    fn a_line_without_end_is_cut() {
        let mut lines = Lines::default();
        let mut lengths = Vec::new();
        lines.push(&vec![b'x'; 2 * Lines::LIMIT + 5], |line| lengths.push(line.len()));
        lines.rest(|line| lengths.push(line.len()));
        assert_eq!(lengths, [Lines::LIMIT, Lines::LIMIT, 5]);
    }
}
