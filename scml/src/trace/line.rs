//! A line of strace's output, taken apart as far as its call and its result.

use super::argument::decoration;

/// A line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Line<'t> {
    /// The process or thread; `None` where strace followed only one.
    pub pid: Option<u32>,
    /// What it says.
    pub event: Event<'t>,
}

/// What a line says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event<'t> {
    /// A whole call.
    Call {
        /// Its name.
        name: &'t str,
        /// What stands between the brackets.
        arguments: &'t str,
        /// What it returned.
        result: Outcome<'t>,
    },
    /// The beginning of a call that others interrupt.
    Unfinished {
        /// Its name.
        name: &'t str,
        /// What there is of its arguments.
        arguments: &'t str,
    },
    /// The end of such a call.
    Resumed {
        /// Its name.
        name: &'t str,
        /// The other arguments, the closing bracket and the result.
        rest: &'t str,
    },
    /// The process or thread is gone.
    Exit,
    /// Signals, notes of strace's, stacks, empty lines.
    Note,
    /// Anything else.
    Unreadable,
}

/// What a call returned.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Outcome<'t> {
    /// The number; `None` where strace does not know it.
    pub value: Option<i64>,
    /// The name of the error.
    pub errno: Option<&'t str>,
    /// What `-y` says of a descriptor that was returned.
    pub decoration: Option<&'t str>,
}

/// More than any process identifier (PID_MAX_LIMIT of the kernel's `include/linux/threads.h`): seconds since 1970 are not
/// one.
const PID_MAX: u64 = 1 << 22;

impl<'t> Line<'t> {
    /// Takes a line apart; never fails, as what it cannot make out is [`Event::Unreadable`].
    #[must_use]
    pub fn parse(text: &'t str) -> Self {
        let mut pid = None;
        let mut rest = text.trim();
        while let Some((found, behind)) = prefix(rest, pid.is_none()) {
            pid = pid.or(found);
            rest = behind.trim_start();
        }
        Self { pid, event: event(rest) }
    }
}

/// The next of the things before the call: a process, a time, an address; with what is behind it.
fn prefix(text: &str, pid_may_follow: bool) -> Option<(Option<u32>, &str)> {
    if let Some(inside) = text.strip_prefix("[pid ") {
        let (inside, behind) = inside.split_once(']')?;
        return Some((leading_number(inside.trim_start()), behind));
    }
    // With -r and -t: (+ 0.000015)
    if let Some(inside) = text.strip_prefix("(+") {
        return Some((None, inside.split_once(')')?.1));
    }
    // The instruction pointer, or the call's number.
    if let Some(inside) = text.strip_prefix('[') {
        let (inside, behind) = inside.split_once(']')?;
        let digits = inside.trim_start().bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'?');
        return digits.then_some((None, behind));
    }
    let length = text.bytes().position(|byte| byte == b' ' || byte == b'<')?;
    let word = &text[..length];
    if !word.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    let mut behind = &text[length..];
    let all_digits = word.bytes().all(|byte| byte.is_ascii_digit());
    // With -Y: 1234<redis>
    if behind.starts_with('<') {
        if !all_digits {
            return None;
        }
        behind = &behind[decoration(behind)?..];
        if !behind.starts_with(' ') {
            return None;
        }
    }
    if all_digits {
        let number = word.parse::<u64>().ok().filter(|number| *number <= PID_MAX && pid_may_follow);
        return Some((number.map(|number| number as u32), behind));
    }
    let time = |byte: u8| byte.is_ascii_digit() || matches!(byte, b':' | b'.' | b'-' | b'+' | b'T' | b'Z');
    word.bytes().all(time).then_some((None, behind))
}

fn leading_number(text: &str) -> Option<u32> {
    let length = text.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    text[..length].parse().ok()
}

fn event(text: &str) -> Event<'_> {
    if let Some(text) = text.strip_prefix("<... ") {
        return match text.split_once(" resumed>") {
            Some((name, rest)) if is_name(name) => Event::Resumed { name, rest },
            _ => Event::Unreadable,
        };
    }
    if let Some(text) = text.strip_prefix("+++ ") {
        let gone = ["exited", "killed", "superseded"].iter().any(|word| text.starts_with(word));
        return if gone { Event::Exit } else { Event::Note };
    }
    let note = text.is_empty()
        || ["--- ", "> ", "strace: ", "[ Process ", "Process ", "* "]
            .iter()
            .any(|begin| text.starts_with(begin));
    if note {
        return Event::Note;
    }
    let Some((name, rest)) = text.split_once('(').filter(|(name, _)| is_name(name)) else {
        return Event::Unreadable;
    };
    let unfinished = rest.strip_suffix("<unfinished ...>").or_else(|| rest.strip_suffix("<detached ...>"));
    if let Some(arguments) = unfinished {
        return Event::Unfinished { name, arguments };
    }
    match split(rest) {
        Some((arguments, result)) => Event::Call { name, arguments, result },
        None => Event::Unreadable,
    }
}

fn is_name(text: &str) -> bool {
    const LONGEST: usize = 40;
    (1..=LONGEST).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

/// The arguments up to the closing bracket, and the result behind it.
pub(super) fn split(text: &str) -> Option<(&str, Outcome<'_>)> {
    let close = closing_bracket(text)?;
    let result = text[close + 1..].trim_start().strip_prefix('=')?.trim_start();
    Some((&text[..close], outcome(result)))
}

/// Where the bracket is that closes one that is open before the text.
pub(super) fn closing_bracket(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let (mut at, mut depth) = (0, 0_usize);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => at += quoted(&bytes[at..])?,
            b'/' if bytes.get(at + 1) == Some(&b'*') => at += text[at..].find("*/")? + 1,
            b'<' if at > 0 && bytes[at - 1].is_ascii_alphanumeric() => {
                // Otherwise a shift.
                if let Some(length) = decoration(&text[at..]).filter(|_| bytes.get(at + 1) != Some(&b'<')) {
                    at += length - 1;
                }
            }
            b'(' | b'[' | b'{' => depth += 1,
            b')' if depth == 0 => return Some(at),
            b')' | b']' | b'}' => depth = depth.checked_sub(1)?,
            _ => {}
        }
        at += 1;
    }
    None
}

/// How far behind the opening quote the closing one is.
fn quoted(bytes: &[u8]) -> Option<usize> {
    let mut at = 1;
    loop {
        match bytes.get(at)? {
            b'\\' => at += 2,
            b'"' => return Some(at),
            _ => at += 1,
        }
    }
}

fn outcome(text: &str) -> Outcome<'_> {
    let length = text.bytes().position(|byte| matches!(byte, b' ' | b'<')).unwrap_or(text.len());
    let (number, behind) = text.split_at(length);
    let value = match number.strip_prefix("0x") {
        Some(hexadecimal) => u64::from_str_radix(hexadecimal, 16).ok().map(|value| value as i64),
        None => number.parse().ok(),
    };
    let decorated = decoration(behind).filter(|_| behind.starts_with('<'));
    let word = behind.trim_start().split([' ', '(']).next().unwrap_or_default();
    let is_errno = word.len() > 1
        && word.starts_with('E')
        && word.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
    Outcome {
        value,
        errno: is_errno.then_some(word),
        decoration: decorated.map(|length| &behind[1..length - 1]),
    }
}

#[cfg(test)]
mod tests {
    use super::{Event, Line, Outcome, split};

    #[track_caller]
    fn call(line: &str) -> (Option<u32>, &str, &str, Outcome<'_>) {
        let Line { pid, event } = Line::parse(line);
        match event {
            Event::Call { name, arguments, result } => (pid, name, arguments, result),
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn what_stands_before_a_call() {
        let pids = [
            ("socket(1, 2, 0) = 3", None),
            ("1234  socket(1, 2, 0) = 3", Some(1234)),
            ("[pid  1234] socket(1, 2, 0) = 3", Some(1234)),
            ("[pid 1234<redis>] socket(1, 2, 0) = 3", Some(1234)),
            ("1234<redis server> socket(1, 2, 0) = 3", Some(1234)),
            ("[pid 3 /* 12 in strace's PID NS */] socket(1, 2, 0) = 3", Some(3)),
            ("     0.000012 socket(1, 2, 0) = 3", None),
            ("12:34:56 socket(1, 2, 0) = 3", None),
            ("1234 12:34:56.123456 socket(1, 2, 0) = 3", Some(1234)),
            ("1234 1700000000.123456 socket(1, 2, 0) = 3", Some(1234)),
            ("1700000000 socket(1, 2, 0) = 3", None),
            ("1234 1700000000 socket(1, 2, 0) = 3", Some(1234)),
            ("22:27:37.790316 (+     0.000012) socket(1, 2, 0) = 3", None),
            ("2026-11-25T22:27:37+0000 socket(1, 2, 0) = 3", None),
            ("1234 [00007f1a2b3c4d5e] socket(1, 2, 0) = 3", Some(1234)),
            ("[  41] socket(1, 2, 0) = 3", None),
        ];
        for (line, pid) in pids {
            let result = Outcome { value: Some(3), ..Outcome::default() };
            assert_eq!(call(line), (pid, "socket", "1, 2, 0", result), "{line}");
        }
    }

    #[test]
    fn results() {
        let of = |text: &'static str| call(text).3;
        let errno = |value, errno| Outcome { value, errno: Some(errno), decoration: None };
        assert_eq!(of("a() = -1 EAGAIN (Resource temporarily unavailable)"), errno(Some(-1), "EAGAIN"));
        assert_eq!(
            of("a() = ? ERESTARTSYS (To be restarted if SA_RESTART is set)"),
            errno(None, "ERESTARTSYS")
        );
        assert_eq!(of("a()            = ?"), Outcome::default());
        assert_eq!(of("a() = 0x7f <0.000012>").value, Some(0x7f));
        assert_eq!(
            of("a() = 5<TCP:[1.2.3.4:5->6.7.8.9:1]> <0.1>").decoration,
            Some("TCP:[1.2.3.4:5->6.7.8.9:1]")
        );
        assert_eq!(of("a() = 1 ([{fd=3, revents=POLLIN}])").value, Some(1));
        assert_eq!(of("a() = 0 (Timeout)"), Outcome { value: Some(0), ..Outcome::default() });
        assert_eq!(of("a() = -1 EPERM (Operation not permitted) (INJECTED)").errno, Some("EPERM"));
    }

    #[test]
    fn the_arguments_end_where_they_end() {
        assert_eq!(call(r#"write(1, ") = 3\"(", 5) = 5"#).2, r#"1, ") = 3\"(", 5"#);
        assert_eq!(call("read(3</tmp/a)b>, 0x1, 5) = 5").2, "3</tmp/a)b>, 0x1, 5");
        assert_eq!(call("f(1<<3, 0x5 /* A_( */) = 5").2, "1<<3, 0x5 /* A_( */");
        assert_eq!(split("NULL, NULL) = 0").unwrap().0, "NULL, NULL");
        assert_eq!(split("no end"), None);
    }

    #[test]
    fn other_lines() {
        let event = |line: &'static str| Line::parse(line).event;
        assert_eq!(
            event("12 accept4(12,  <unfinished ...>"),
            Event::Unfinished { name: "accept4", arguments: "12,  " }
        );
        assert_eq!(
            event("12 <... accept4 resumed>{}, [16], 0) = 13"),
            Event::Resumed { name: "accept4", rest: "{}, [16], 0) = 13" }
        );
        assert_eq!(event("+++ exited with 0 +++"), Event::Exit);
        assert_eq!(event("12 +++ killed by SIGKILL +++"), Event::Exit);
        for note in [
            "",
            "--- SIGCHLD {si_signo=SIGCHLD} ---",
            "strace: Process 12 attached",
            " > /lib/libc.so.6(read+0x12) [0x1234]",
            "[ Process PID=12 runs in 32 bit mode. ]",
        ] {
            assert_eq!(event(note), Event::Note, "{note}");
        }
        for line in [
            "hello (world)",
            "Usage: a(b) = c",
            "read(",
            "read(3, \"",
            "[",
            "[pid",
            "12",
            "12 ",
            "<... x",
            "\u{0}é",
        ] {
            assert_eq!(event(line), Event::Unreadable, "{line}");
        }
    }
}
