//! From characters to tokens.

use alloc::{format, vec::Vec};

use super::span::Span;
use crate::diagnostic::Reporter;

/// What a token is; its text is in the source.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum TokenKind {
    Name,
    /// The value, in two's complement where it is negative.
    Number(u64),
    /// One of `( ) { } [ ] < > = | , ;`
    Punctuation(u8),
    /// `..`
    Rest,
    /// What has been reported.
    Invalid,
    End,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) span: Span,
}

/// The tokens of a source, the last of which is `End`, and its comments. What cannot be a token is reported.
pub(super) fn tokens(file: u32, text: &str, reporter: &mut Reporter<'_>) -> (Vec<Token>, Vec<Span>) {
    let mut lexer = Lexer { file, text, at: 0, comments: Vec::new(), reporter };
    let mut tokens = Vec::new();
    loop {
        lexer.skip_space();
        if lexer.reporter.full() {
            lexer.at = text.len();
        }
        let start = lexer.at;
        let Some(first) = text[start..].chars().next() else { break };
        let kind = lexer.token(first).unwrap_or(TokenKind::Invalid);
        tokens.push(Token { kind, span: lexer.since(start) });
    }
    tokens.push(Token { kind: TokenKind::End, span: lexer.since(text.len()) });
    (tokens, lexer.comments)
}

struct Lexer<'t, 'r, 's> {
    file: u32,
    text: &'t str,
    at: usize,
    comments: Vec<Span>,
    reporter: &'r mut Reporter<'s>,
}

impl Lexer<'_, '_, '_> {
    fn since(&self, start: usize) -> Span {
        Span { file: self.file, start: start as u32, end: self.at as u32 }
    }

    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    /// Moves on over what satisfies `wanted`.
    fn skip_while(&mut self, wanted: impl Fn(char) -> bool) {
        let rest = self.rest();
        self.at += rest.find(|character| !wanted(character)).unwrap_or(rest.len());
    }

    fn skip_space(&mut self) {
        loop {
            self.skip_while(|character| character.is_ascii_whitespace() || character == '\u{feff}');
            let start = self.at;
            if self.rest().starts_with("//") {
                self.skip_while(|character| character != '\n');
            } else if self.rest().starts_with("/*") {
                self.skip_block_comment();
            } else {
                return;
            }
            self.comments.push(self.since(start));
        }
    }

    fn skip_block_comment(&mut self) {
        let start = self.at;
        // The `*` of the opening is not that of the end.
        self.at += 2;
        match self.rest().find("*/") {
            Some(length) => self.at += length + 2,
            None => {
                let opening = Span { file: self.file, start: start as u32, end: start as u32 + 2 };
                self.reporter.error(opening, "the comment has no end").note("a block comment ends with `*/`");
                self.at = self.text.len();
            }
        }
    }

    fn token(&mut self, first: char) -> Option<TokenKind> {
        let start = self.at;
        match first {
            'a'..='z' | 'A'..='Z' | '_' => {
                self.skip_while(|character| character.is_ascii_alphanumeric() || character == '_');
                Some(TokenKind::Name)
            }
            '0'..='9' => self.number(start, false),
            '-' => {
                self.at += 1;
                if self.rest().starts_with(|next: char| next.is_ascii_digit()) {
                    return self.number(start, true);
                }
                self.reporter.error(self.since(start), "a `-` without a decimal number after it");
                None
            }
            '.' if self.rest().starts_with("..") => {
                self.skip_while(|character| character == '.');
                if self.at - start > 2 {
                    self.reporter.error(self.since(start), "`..` has two points").here("write `..`");
                }
                Some(TokenKind::Rest)
            }
            '(' | ')' | '{' | '}' | '[' | ']' | '<' | '>' | '=' | '|' | ',' | ';' => {
                self.at += 1;
                Some(TokenKind::Punctuation(first as u8))
            }
            _ => {
                self.at += first.len_utf8();
                let span = self.since(start);
                let message = match first.is_control() {
                    true => format!("unexpected character {}", first.escape_unicode()),
                    false => format!("unexpected character `{first}`"),
                };
                let draft = self.reporter.error(span, message);
                match first {
                    '#' => draft.note("comments are `// ...` and `/* ... */`"),
                    '"' | '\'' => draft.note("there are no strings in SCML; a path is `<PATH>`"),
                    '.' => draft.note("`..` stands for any further parameters or fields"),
                    _ => draft,
                };
                None
            }
        }
    }

    fn number(&mut self, start: usize, negative: bool) -> Option<TokenKind> {
        let digits = self.at;
        self.skip_while(|character| character.is_ascii_alphanumeric() || character == '_');
        let digits = &self.text[digits..self.at];
        let span = self.since(start);
        let lower = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X"));
        let (radix, number, what) = match (lower, digits.strip_prefix('0')) {
            (Some(hexadecimal), _) => (16, hexadecimal, "a hexadecimal"),
            (None, Some(octal)) if !octal.is_empty() => (8, octal, "an octal"),
            _ => (10, digits, "a decimal"),
        };
        if negative && radix != 10 {
            self.reporter.error(span, format!("only decimal numbers may be negative, this is {what} one"));
            return None;
        }
        let valid = !number.is_empty() && number.chars().all(|digit| digit.is_digit(radix));
        let value = u64::from_str_radix(number, radix).ok();
        let limit = if negative { 1 << 63 } else { u64::MAX };
        match value {
            Some(value) if valid && value <= limit => {
                Some(TokenKind::Number(if negative { value.wrapping_neg() } else { value }))
            }
            _ if valid => {
                self.reporter.error(span, "the number does not fit into 64 bits");
                None
            }
            _ => {
                self.reporter.error(span, format!("`{digits}` is not {what} number"));
                None
            }
        }
    }
}
