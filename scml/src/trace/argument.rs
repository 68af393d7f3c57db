//! What strace shows as an argument: numbers, names, structs, arrays, strings, descriptors.

use std::iter::Peekable;

/// How deep structs and arrays may be nested: netlink attributes come to about ten.
const MAX_DEPTH: usize = 64;

/// An argument, or a part of one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Argument {
    /// A number; negative ones in two's complement.
    Number(u64),
    /// A name: `AF_INET`.
    Name(String),
    /// Alternatives or flags: `A|B|0x10`.
    Or(Vec<Argument>),
    /// A descriptor and what `-y` or `-yy` says of it: `3<TCP:[12]>`.
    Descriptor(u64, String),
    /// `"..."`; an abstract UNIX name, `@"..."`, begins with a zero byte.
    Text(Vec<u8>),
    /// `{a=1, b=2, ...}`: fields with their names, if they have any.
    Struct(Vec<(String, Argument)>),
    /// `[1, 2]`, `[1 2]`
    Array(Vec<Argument>),
    /// `htons(80)`
    Call(String, Vec<Argument>),
    /// `a => b`: what it was, and what the call made of it.
    Change(Box<Argument>, Box<Argument>),
    /// `...`: left out.
    Elided,
}

/// The text is no argument that is understood: at which byte.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Malformed(pub usize);

type Parsed<T> = Result<T, Malformed>;

/// Takes apart what stands between the brackets of a call.
///
/// # Errors
/// Where it is no list of arguments.
pub fn arguments(text: &str) -> Parsed<Vec<Argument>> {
    all(Parser { text, at: 0, depth: 0, lenient: false })
}

/// The same, but what is not understood inside of a struct or an array, or as an argument, is [`Argument::Elided`].
///
/// # Errors
/// Where the brackets or quotes do not match.
pub fn arguments_of_trace(text: &str) -> Parsed<Vec<Argument>> {
    all(Parser { text, at: 0, depth: 0, lenient: true })
}

fn all(mut parser: Parser<'_>) -> Parsed<Vec<Argument>> {
    let arguments = parser.list(None)?;
    Ok(arguments.into_iter().map(|(_, argument)| argument).collect())
}

impl Argument {
    /// The argument as it was before the call.
    #[must_use]
    pub fn before(&self) -> &Self {
        match self {
            Self::Change(before, _) => before.before(),
            argument => argument,
        }
    }

    /// The argument as the call left it.
    #[must_use]
    pub fn after(&self) -> &Self {
        match self {
            Self::Change(_, after) => after.after(),
            argument => argument,
        }
    }

    /// A field of a struct.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Struct(fields) => fields.iter().find(|(label, _)| label == name).map(|(_, value)| value),
            _ => None,
        }
    }

    /// Whether it is NULL.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self.before(), Self::Number(0))
    }

    /// The number, if it is one.
    #[must_use]
    pub fn number(&self) -> Option<u64> {
        match self.before() {
            Self::Number(number) | Self::Descriptor(number, _) => Some(*number),
            _ => None,
        }
    }
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
    depth: usize,
    /// Whether items that are not understood are skipped.
    lenient: bool,
}

impl<'t> Parser<'t> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn malformed<T>(&self) -> Parsed<T> {
        Err(Malformed(self.at))
    }

    fn take(&mut self, piece: &str) -> bool {
        let found = self.rest().starts_with(piece);
        if found {
            self.at += piece.len();
        }
        found
    }

    fn take_while(&mut self, wanted: impl Fn(u8) -> bool) -> &'t str {
        let rest = self.rest();
        let length = rest.bytes().position(|byte| !wanted(byte)).unwrap_or(rest.len());
        self.at += length;
        // Only ASCII is wanted, so this is a boundary.
        &rest[..length]
    }

    /// White space and comments.
    fn skip(&mut self) -> Parsed<()> {
        loop {
            self.take_while(|byte| byte.is_ascii_whitespace());
            if !self.rest().starts_with("/*") {
                return Ok(());
            }
            match self.rest().find("*/") {
                Some(length) => self.at += length + 2,
                None => return self.malformed(),
            }
        }
    }

    /// Items up to the closing bracket, which is taken; up to the end without one. They are separated by commas, or, in
    /// sets of descriptors and signals, by spaces.
    fn list(&mut self, close: Option<u8>) -> Parsed<Vec<(String, Argument)>> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return self.malformed();
        }
        let mut items = Vec::new();
        loop {
            self.skip()?;
            let Some(next) = self.peek() else {
                return if close.is_none() { Ok(items) } else { self.malformed() };
            };
            if Some(next) == close {
                self.at += 1;
                self.depth -= 1;
                return Ok(items);
            }
            if next == b',' {
                self.at += 1;
                continue;
            }
            let (start, depth) = (self.at, self.depth);
            match self.item().and_then(|item| self.ends(close).map(|()| item)) {
                Ok(item) => items.push(item),
                Err(_) if self.lenient => {
                    (self.at, self.depth) = (start, depth);
                    self.skip_item()?;
                    // A bracket that closes nothing.
                    if self.at == start {
                        return self.malformed();
                    }
                    items.push((String::new(), Argument::Elided));
                }
                Err(malformed) => return Err(malformed),
            }
        }
    }

    /// Whether an item may end here.
    fn ends(&self, close: Option<u8>) -> Parsed<()> {
        let before = self.text.as_bytes().get(self.at.wrapping_sub(1)).copied().unwrap_or(b' ');
        match self.peek() {
            None | Some(b',') => Ok(()),
            next if next == close => Ok(()),
            // A space, or a comment.
            Some(_) if before.is_ascii_whitespace() || before == b'/' => Ok(()),
            Some(_) => self.malformed(),
        }
    }

    /// Moves on to the comma or bracket that ends an item.
    fn skip_item(&mut self) -> Parsed<()> {
        let mut depth = 0_usize;
        while let Some(byte) = self.peek() {
            match byte {
                b'"' => {
                    self.at += 1;
                    self.text()?;
                    continue;
                }
                b'(' | b'[' | b'{' => depth += 1,
                b',' | b')' | b']' | b'}' if depth == 0 => return Ok(()),
                b')' | b']' | b'}' => depth -= 1,
                _ => {}
            }
            self.at += self.rest().chars().next().map_or(1, char::len_utf8);
        }
        if depth == 0 { Ok(()) } else { self.malformed() }
    }

    /// `name=value`, `name(3)=value` of old versions, or a value.
    fn item(&mut self) -> Parsed<(String, Argument)> {
        let value = self.value()?;
        self.skip()?;
        if self.peek() == Some(b'=') && !self.rest().starts_with("=>") && !self.rest().starts_with("==") {
            let name = match value {
                Argument::Name(name) | Argument::Call(name, _) => name,
                _ => return self.malformed(),
            };
            self.at += 1;
            self.skip()?;
            return Ok((name, self.value()?));
        }
        Ok((String::new(), value))
    }

    /// Alternatives, and what became of them.
    fn value(&mut self) -> Parsed<Argument> {
        let mut alternatives = vec![self.part()?];
        loop {
            self.skip()?;
            if self.take("|") || self.take_word("or") {
                self.skip()?;
                alternatives.push(self.part()?);
            } else if self.take("=>") || self.take("->") {
                self.skip()?;
                self.depth += 1;
                if self.depth > MAX_DEPTH {
                    return self.malformed();
                }
                let after = self.value()?;
                self.depth -= 1;
                return Ok(Argument::Change(Box::new(one(alternatives)), Box::new(after)));
            } else {
                return Ok(one(alternatives));
            }
        }
    }

    fn take_word(&mut self, word: &str) -> bool {
        let follows = self.rest().strip_prefix(word).is_some_and(|rest| rest.starts_with(' '));
        if follows {
            self.at += word.len();
        }
        follows
    }

    fn part(&mut self) -> Parsed<Argument> {
        if self.take("...") || self.take("???") || self.take("?") {
            return Ok(Argument::Elided);
        }
        let Some(next) = self.peek() else { return self.malformed() };
        match next {
            b'"' => {
                self.at += 1;
                Ok(Argument::Text(self.text()?))
            }
            b'@' => {
                self.at += 1;
                if !self.take("\"") {
                    return self.malformed();
                }
                let mut bytes = vec![0];
                bytes.extend(self.text()?);
                Ok(Argument::Text(bytes))
            }
            b'{' => {
                self.at += 1;
                Ok(Argument::Struct(self.list(Some(b'}'))?))
            }
            b'[' => {
                self.at += 1;
                let items = self.list(Some(b']'))?;
                Ok(Argument::Array(items.into_iter().map(|(_, item)| item).collect()))
            }
            // The complement of a set of signals; the address of a field.
            b'~' | b'&' => {
                self.at += 1;
                self.depth += 1;
                if self.depth > MAX_DEPTH {
                    return self.malformed();
                }
                let part = self.part()?;
                self.depth -= 1;
                match part {
                    // ~0U
                    Argument::Number(number) if next == b'~' => Ok(Argument::Number(!number & 0xffff_ffff)),
                    part => Ok(part),
                }
            }
            b'0'..=b'9' | b'a'..=b'f' if self.is_hardware_address() => Ok(self.hardware_address()),
            b'0'..=b'9' | b'-' | b'+' => self.number(),
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => self.name(),
            _ => self.malformed(),
        }
    }

    /// Behind the opening quote, up to the closing one and the dots of what was cut off.
    fn text(&mut self) -> Parsed<Vec<u8>> {
        let mut bytes = Vec::new();
        let mut rest = self.rest().bytes().enumerate().peekable();
        loop {
            match rest.next() {
                Some((index, b'"')) => {
                    self.at += index + 1;
                    self.take("...");
                    return Ok(bytes);
                }
                Some((_, b'\\')) => bytes.push(escaped(&mut rest).ok_or(Malformed(self.at))?),
                Some((_, byte)) => bytes.push(byte),
                None => return self.malformed(),
            }
        }
    }

    /// `02:42:ac:11:00:02`
    fn is_hardware_address(&self) -> bool {
        matches!(self.rest().as_bytes(), [a, b, b':', c, d, ..] if [a, b, c, d].iter().all(|byte| byte.is_ascii_hexdigit()))
    }

    fn hardware_address(&mut self) -> Argument {
        let text = self.take_while(|byte| byte.is_ascii_hexdigit() || byte == b':');
        Argument::Text(text.split(':').filter_map(|byte| u8::from_str_radix(byte, 16).ok()).collect())
    }

    fn number(&mut self) -> Parsed<Argument> {
        let negative = self.take("-");
        self.take("+");
        let digits = self.take_while(|byte| byte.is_ascii_alphanumeric()).trim_end_matches(['U', 'L']);
        let value = match (digits.strip_prefix("0x"), digits.strip_prefix('0')) {
            (Some(hexadecimal), _) => u64::from_str_radix(hexadecimal, 16),
            (None, Some(octal)) if !octal.is_empty() => u64::from_str_radix(octal, 8),
            _ => digits.parse(),
        };
        let Ok(mut value) = value else { return self.malformed() };
        if negative {
            value = value.wrapping_neg();
        }
        if self.take("<<") {
            let shift = self.take_while(|byte| byte.is_ascii_digit()).parse().unwrap_or(u32::MAX);
            return Ok(Argument::Number(value.checked_shl(shift).unwrap_or_default()));
        }
        if self.take("*") {
            let factor = self.take_while(|byte| byte.is_ascii_digit()).parse().unwrap_or(1);
            return Ok(Argument::Number(value.wrapping_mul(factor)));
        }
        if self.peek() == Some(b'<') {
            let Some(length) = decoration(self.rest()) else { return self.malformed() };
            let shown = self.rest()[1..length - 1].to_owned();
            self.at += length;
            self.take("(deleted)");
            return Ok(Argument::Descriptor(value, shown));
        }
        Ok(Argument::Number(value))
    }

    fn name(&mut self) -> Parsed<Argument> {
        let name = self.take_while(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if self.take("(") {
            let arguments = self.list(Some(b')'))?;
            return Ok(Argument::Call(
                name.to_owned(),
                arguments.into_iter().map(|(_, value)| value).collect(),
            ));
        }
        // AT_FDCWD</root>
        if self.peek() == Some(b'<') && !self.rest().starts_with("<<") {
            let Some(length) = decoration(self.rest()) else { return self.malformed() };
            self.at += length;
        }
        Ok(match name {
            "NULL" => Argument::Number(0),
            _ => Argument::Name(name.to_owned()),
        })
    }
}

fn one(mut alternatives: Vec<Argument>) -> Argument {
    match (alternatives.len(), alternatives.pop()) {
        (1, Some(only)) => only,
        (_, last) => {
            alternatives.extend(last);
            Argument::Or(alternatives)
        }
    }
}

/// The length of what `-y` puts behind a descriptor, brackets included. Names in it may be quoted, devices have brackets
/// of their own.
pub(super) fn decoration(text: &str) -> Option<usize> {
    let (mut depth, mut quoted, mut escape) = (0_usize, false, false);
    for (index, byte) in text.bytes().enumerate() {
        match byte {
            _ if escape => escape = false,
            b'\\' => escape = true,
            b'"' => quoted = !quoted,
            _ if quoted => {}
            b'<' => depth += 1,
            // The arrow between two ends.
            b'>' if index > 0 && text.as_bytes()[index - 1] == b'-' => {}
            b'>' => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(index + 1);
                }
            }
            _ => {}
        }
    }
    None
}

/// Behind a backslash: C's escapes.
fn escaped(rest: &mut Peekable<impl Iterator<Item = (usize, u8)>>) -> Option<u8> {
    let (_, byte) = rest.next()?;
    let digit = |byte: u8, radix: u32| char::from(byte).to_digit(radix);
    Some(match byte {
        b'n' => b'\n',
        b't' => b'\t',
        b'r' => b'\r',
        b'v' => 0x0b,
        b'f' => 0x0c,
        b'a' => 0x07,
        b'b' => 0x08,
        b'x' => {
            let mut value = 0;
            for _ in 0..2 {
                let Some(next) = rest.peek().and_then(|(_, next)| digit(*next, 16)) else { break };
                value = value * 16 + next;
                rest.next();
            }
            value as u8
        }
        b'0'..=b'7' => {
            let mut value = digit(byte, 8)?;
            for _ in 0..2 {
                let Some(next) = rest.peek().and_then(|(_, next)| digit(*next, 8)) else { break };
                value = value * 8 + next;
                rest.next();
            }
            value as u8
        }
        other => other,
    })
}

#[cfg(test)]
mod tests {
    use super::{Argument::*, Malformed, arguments};

    fn name(name: &str) -> super::Argument {
        Name(name.to_owned())
    }

    fn only(text: &str) -> super::Argument {
        let mut all = arguments(text).unwrap_or_else(|error| panic!("{text}: {error:?}"));
        assert_eq!(all.len(), 1, "{text}");
        all.remove(0)
    }

    #[test]
    fn scalars() {
        assert_eq!(
            arguments("3, -1, 0x10, 017, NULL, AF_UNIX, ...").unwrap(),
            [Number(3), Number(u64::MAX), Number(16), Number(15), Number(0), name("AF_UNIX"), Elided]
        );
        assert_eq!(only("MSG_DONTWAIT|0x800000"), Or(vec![name("MSG_DONTWAIT"), Number(0x80_0000)]));
        assert_eq!(only("0xfa /* SO_??? */"), Number(0xfa));
        assert_eq!(only("0x1 /* SOCK_STREAM */|0x80800 /* A|B */"), Or(vec![Number(1), Number(0x80800)]));
        assert_eq!(arguments("1<<4, ~0U").unwrap(), [Number(16), Number(0xffff_ffff)]);
        assert_eq!(
            only("SNDCTL_TMR_TIMEBASE or TCGETS"),
            Or(vec![name("SNDCTL_TMR_TIMEBASE"), name("TCGETS")])
        );
        assert_eq!(only("htons(80)"), Call("htons".into(), vec![Number(80)]));
        assert_eq!(only("[128 => 16]"), Array(vec![Change(Number(128).into(), Number(16).into())]));
        assert_eq!(only("[110->2]"), Array(vec![Change(Number(110).into(), Number(2).into())]));
    }

    #[test]
    fn texts() {
        assert_eq!(only(r#""a\"\\\n\x41\101\0""#), Text(b"a\"\\\nAA\0".to_vec()));
        assert_eq!(only(r#"@"abc"..."#), Text(b"\0abc".to_vec()));
        assert_eq!(only("\"é, (\""), Text("é, (".as_bytes().to_vec()));
    }

    #[test]
    fn descriptors() {
        assert_eq!(only("3<socket:[12]>"), Descriptor(3, "socket:[12]".into()));
        assert_eq!(
            only("3<TCP:[127.0.0.1:1->127.0.0.1:2]>"),
            Descriptor(3, "TCP:[127.0.0.1:1->127.0.0.1:2]".into())
        );
        assert_eq!(only("1</dev/null<char 1:3>>"), Descriptor(1, "/dev/null<char 1:3>".into()));
        assert_eq!(only("4</tmp/x>(deleted)"), Descriptor(4, "/tmp/x".into()));
        assert_eq!(
            only(r#"5<UNIX-STREAM:[1->2, "/a>b"]>"#),
            Descriptor(5, r#"UNIX-STREAM:[1->2, "/a>b"]"#.into())
        );
        assert_eq!(only("AT_FDCWD</root>"), name("AT_FDCWD"));
    }

    #[test]
    fn structs_and_arrays() {
        let message = only(
            "{msg_name(16)={sa_family=AF_INET, ...}, msg_iov(1)=[{\"x\", 1}], msg_controllen=0, msg_flags=0}",
        );
        assert_eq!(
            message.field("msg_name").and_then(|name| name.field("sa_family")),
            Some(&name("AF_INET"))
        );
        assert_eq!(only("[3 4 5]"), Array(vec![Number(3), Number(4), Number(5)]));
        assert_eq!(only("~[RTMIN RT_1]"), Array(vec![name("RTMIN"), name("RT_1")]));
        assert_eq!(
            only("{sa_family=AF_INET6, inet_pton(AF_INET6, \"::1\", &sin6_addr)}"),
            Struct(vec![
                ("sa_family".into(), name("AF_INET6")),
                (
                    String::new(),
                    Call(
                        "inet_pton".into(),
                        vec![name("AF_INET6"), Text(b"::1".to_vec()), name("sin6_addr")]
                    )
                ),
            ])
        );
    }

    #[test]
    fn what_a_trace_has_that_is_not_understood_is_skipped() {
        let lenient = |text: &str| super::arguments_of_trace(text);
        assert_eq!(lenient("3, §(a, \")\"), 5").unwrap(), [Number(3), Elided, Number(5)]);
        assert_eq!(lenient("[1, 2%, 3]").unwrap(), [Array(vec![Number(1), Elided, Number(3)])]);
        assert_eq!(lenient("{a=1, §=[{}], b=2}").unwrap()[0].field("b"), Some(&Number(2)));
        assert_eq!(lenient("[00:1a:ff:00:00:00]").unwrap(), [Array(vec![Text(vec![0, 0x1a, 255, 0, 0, 0])])]);
        assert_eq!(lenient("[{a=1"), Err(Malformed(5)));
        for text in ["[1, ), 2]", "3)", "]"] {
            assert!(lenient(text).is_err(), "{text}");
        }
        assert!(lenient(&"[§".repeat(50_000)).is_err());
    }

    #[test]
    fn what_is_malformed_is_said_where() {
        for (text, at) in
            [("{a=1", 4), ("3, [1, 2", 8), ("\"abc", 1), ("3, §", 3), ("0xg", 3), ("3<abc", 1), ("/* a", 0)]
        {
            assert_eq!(arguments(text), Err(Malformed(at)), "{text}");
        }
        assert!(arguments(&"[".repeat(100_000)).is_err());
        assert!(arguments(&"a=>".repeat(100_000)).is_err());
        assert!(arguments(&"~".repeat(100_000)).is_err());
    }
}
