//! Numbers as programs write them into settings: between white space, decimal, octal or hexadecimal.

use socket::error::{Errno, Error, Result};

/// How many characters a number may have, as Linux has it.
const LONGEST: usize = 20;

/// Takes numbers from the front of a text.
pub(super) struct Reader<'a> {
    text: &'a [u8],
    length: usize,
}

impl<'a> Reader<'a> {
    /// At the start of `text`, of which Linux looks at a page.
    pub(super) fn new(text: &'a [u8]) -> Self {
        Self { text: &text[..text.len().min(4095)], length: text.len() }
    }

    /// The next number; `None` where there is none that 32 bits hold without a sign, or none at all.
    ///
    /// # Errors
    /// EINVAL where something else is there.
    pub(super) fn number(&mut self) -> Result<Option<u32>> {
        self.skip_space();
        if self.text.is_empty() {
            return Ok(None);
        }
        let end = self.text.iter().position(|byte| is_space(*byte)).unwrap_or(self.text.len());
        let (word, rest) = self.text.split_at(end);
        self.text = rest;
        let number = parse(word).ok_or(Error::new(Errno::EINVAL, "not a number"))?;
        self.skip_space();
        Ok(u32::try_from(number).ok())
    }

    /// Whether nothing follows.
    pub(super) fn is_at_end(&self) -> bool {
        self.text.is_empty()
    }

    /// How much of the text has been taken. (What is behind the first page counts as taken.)
    pub(super) fn consumed(&self) -> usize {
        self.length - self.text.len()
    }

    fn skip_space(&mut self) {
        let count = self.text.iter().take_while(|byte| byte.is_ascii_whitespace() || **byte == 0x0b).count();
        self.text = &self.text[count..];
    }
}

/// What may follow a number.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n')
}

fn parse(word: &[u8]) -> Option<i64> {
    if word.len() > LONGEST {
        return None;
    }
    let (negative, digits) = match word {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    let (radix, digits) = match digits {
        [b'0', b'x' | b'X', digits @ ..] => (16, digits),
        [b'0', digits @ ..] if !digits.is_empty() => (8, digits),
        digits => (10, digits),
    };
    // `from_str_radix` would take a sign.
    if !digits.first()?.is_ascii_hexdigit() {
        return None;
    }
    let number = i64::from_str_radix(core::str::from_utf8(digits).ok()?, radix).ok()?;
    Some(if negative { -number } else { number })
}
