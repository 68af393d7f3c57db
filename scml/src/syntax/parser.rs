//! From tokens to the syntax tree, by recursive descent. After an error, parsing goes on behind the next `;`.

use alloc::{boxed::Box, format, string::ToString, vec::Vec};

use super::{
    ast::{
        ArrayPattern, Atom, AtomKind, CallRule, Element, File, FlagsRule, Labelled, Name, Pattern, Rule,
        StructPattern, StructRule,
    },
    lexer::{Token, TokenKind, tokens},
    span::{Span, Spanned},
};
use crate::diagnostic::Reporter;

/// How deep structs and arrays may be nested. The deepest that Linux's structs allow is four.
pub const MAX_DEPTH: usize = 32;

/// An error that has been reported.
struct Reported;

type Parsed<T> = Result<T, Reported>;

/// Parses one source. Errors go to the reporter; the rules that could be read are returned.
pub(super) fn parse(file: u32, text: &str, reporter: &mut Reporter<'_>) -> File {
    let (tokens, comments) = tokens(file, text, reporter);
    let mut parser = Parser { text, tokens, at: 0, depth: 0, reporter };
    let mut rules = Vec::new();
    let mut spans = Vec::new();
    while parser.peek() != TokenKind::End && !parser.reporter.full() {
        let first = parser.token().span;
        match parser.rule() {
            Ok((rule, last)) => {
                rules.push(rule);
                spans.push(first.to(last));
            }
            Err(Reported) => parser.recover(),
        }
    }
    File { rules, spans, comments }
}

struct Parser<'t, 'r, 's> {
    text: &'t str,
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
    reporter: &'r mut Reporter<'s>,
}

const fn punctuation(character: char) -> TokenKind {
    TokenKind::Punctuation(character as u8)
}

impl Parser<'_, '_, '_> {
    fn token(&self) -> Token {
        self.tokens[self.at.min(self.tokens.len() - 1)]
    }

    fn peek(&self) -> TokenKind {
        self.token().kind
    }

    fn slice(&self, span: Span) -> &str {
        self.text.get(span.start as usize..span.end as usize).unwrap_or_default()
    }

    fn next(&mut self) -> Token {
        let token = self.token();
        self.at += 1;
        token
    }

    fn take(&mut self, kind: TokenKind) -> Option<Token> {
        (self.peek() == kind).then(|| self.next())
    }

    fn expect(&mut self, character: char, after: &str) -> Parsed<Token> {
        match self.take(punctuation(character)) {
            Some(token) => Ok(token),
            None => Err(self.unexpected(&format!("`{character}` {after}"))),
        }
    }

    fn unexpected(&mut self, wanted: &str) -> Reported {
        let token = self.token();
        let found = match token.kind {
            TokenKind::Invalid => return Reported,
            TokenKind::End => "the end of the file".to_string(),
            _ => format!("`{}`", self.slice(token.span)),
        };
        let draft = self
            .reporter
            .error(token.span, format!("expected {wanted}, found {found}"))
            .here("not expected here");
        if token.kind == punctuation('<') {
            draft.note("`<name>` is a reference and may stand only in a pattern");
        }
        Reported
    }

    fn recover(&mut self) {
        self.depth = 0;
        while !matches!(self.peek(), TokenKind::End) {
            if self.next().kind == punctuation(';') {
                return;
            }
        }
    }

    fn name(&mut self, what: &str) -> Parsed<Name> {
        match self.take(TokenKind::Name) {
            Some(token) => Ok(Spanned { value: self.slice(token.span).to_string(), span: token.span }),
            None => Err(self.unexpected(what)),
        }
    }

    /// A rule, and where its semicolon is.
    fn rule(&mut self) -> Parsed<(Rule, Span)> {
        let first = self.name("a rule: `call(...)`, `struct name = {...}` or `name = A | B`")?;
        let rule = if first.value == "struct" && self.peek() == TokenKind::Name {
            let name = self.name("the struct's name")?;
            self.expect('=', "after the struct's name")?;
            Rule::Struct(StructRule { name, body: self.structure()? })
        } else if self.peek() == punctuation('(') {
            Rule::Call(self.call(first)?)
        } else if first.value == "struct" {
            return Err(self.unexpected("the struct's name"));
        } else if self.take(punctuation('=')).is_some() {
            if matches!(self.peek(), TokenKind::Punctuation(b'{' | b'[')) {
                let span = self.token().span;
                self.reporter
                    .error(span, "only a struct rule may have this on its right side")
                    .note(format!("write `struct {} = {{ ... }};`", first.value));
                return Err(Reported);
            }
            Rule::Flags(FlagsRule { name: first, atoms: self.flags()? })
        } else {
            return Err(self.unexpected("`(` for a call rule or `=` for a flags rule"));
        };
        let end = self.expect(';', "at the end of the rule")?;
        Ok((rule, end.span))
    }

    fn call(&mut self, name: Name) -> Parsed<CallRule> {
        self.next();
        let (parameters, rest, end) = self.list(')', "a parameter")?;
        Ok(CallRule { span: name.span.to(end), name, parameters, rest })
    }

    fn structure(&mut self) -> Parsed<StructPattern> {
        let start = self.expect('{', "for a struct")?.span;
        self.enter(start)?;
        let (fields, rest, end) = self.list('}', "a field")?;
        self.depth -= 1;
        Ok(StructPattern { fields, rest, span: start.to(end) })
    }

    fn enter(&mut self, span: Span) -> Parsed<()> {
        self.depth += 1;
        if self.depth <= MAX_DEPTH {
            return Ok(());
        }
        self.reporter
            .error(span, format!("structs and arrays are nested deeper than {MAX_DEPTH}"))
            .note("no struct of a system call comes near this; is a closing brace missing?");
        Err(Reported)
    }

    /// The items up to the closing bracket, which is taken too.
    fn list(&mut self, close: char, what: &str) -> Parsed<(Vec<Labelled>, Option<Span>, Span)> {
        let mut items = Vec::new();
        if let Some(end) = self.take(punctuation(close)) {
            return Ok((items, None, end.span));
        }
        loop {
            if let Some(rest) = self.take(TokenKind::Rest) {
                if self.peek() == punctuation(',') {
                    let span = self.token().span;
                    self.reporter
                        .error(span, "`..` stands only at the end")
                        .there(rest.span, "nothing may follow this but the closing bracket");
                    return Err(Reported);
                }
                let end = self.expect(close, "after `..`")?;
                return Ok((items, Some(rest.span), end.span));
            }
            items.push(self.labelled(what)?);
            if self.take(punctuation(',')).is_some() {
                if self.peek() == punctuation(close) {
                    let span = self.token().span;
                    self.reporter
                        .error(span, format!("expected {what} or `..` after the comma, found `{close}`"))
                        .note("a list does not end with a comma");
                    return Err(Reported);
                }
                continue;
            }
            let end = self.expect(close, &format!("or `,` after {what}"))?;
            return Ok((items, None, end.span));
        }
    }

    fn labelled(&mut self, what: &str) -> Parsed<Labelled> {
        let name = self.name(what)?;
        let pattern = if self.take(punctuation('=')).is_some() { Some(self.pattern()?) } else { None };
        Ok(Labelled { name, pattern })
    }

    fn pattern(&mut self) -> Parsed<Pattern> {
        match self.peek() {
            TokenKind::Punctuation(b'{') => Ok(Pattern::Struct(Box::new(self.structure()?))),
            TokenKind::Punctuation(b'[') => Ok(Pattern::Array(self.array()?)),
            _ => Ok(Pattern::Flags(self.flags()?)),
        }
    }

    fn flags(&mut self) -> Parsed<Vec<Atom>> {
        let mut atoms = alloc::vec![self.atom()?];
        while self.take(punctuation('|')).is_some() {
            atoms.push(self.atom()?);
        }
        Ok(atoms)
    }

    fn atom(&mut self) -> Parsed<Atom> {
        let token = self.token();
        match token.kind {
            TokenKind::Name => {
                self.next();
                let name = self.slice(token.span).to_string();
                Ok(Spanned { value: AtomKind::Constant(name), span: token.span })
            }
            TokenKind::Number(value) => {
                self.next();
                let text = self.slice(token.span).to_string();
                Ok(Spanned { value: AtomKind::Number { value, text }, span: token.span })
            }
            TokenKind::Punctuation(b'<') => {
                let Name { value, span } = self.reference()?;
                let value = match value.as_str() {
                    "PATH" => AtomKind::Path,
                    "INTEGER" => AtomKind::Integer,
                    _ => AtomKind::Reference(value),
                };
                Ok(Spanned { value, span })
            }
            TokenKind::Punctuation(b'{' | b'[') => {
                Err(self.unexpected("a constant, a number or `<name>` (a struct that is one of several alternatives needs a name)"))
            }
            _ => Err(self.unexpected("a pattern: a constant, a number, `<name>`, `{...}` or `[...]`")),
        }
    }

    /// `"<" name ">"`
    fn reference(&mut self) -> Parsed<Name> {
        let start = self.next().span;
        let name = self.name("a name after `<`")?;
        let end = self.expect('>', "after the name")?.span;
        Ok(Spanned { value: name.value, span: start.to(end) })
    }

    fn array(&mut self) -> Parsed<ArrayPattern> {
        let start = self.expect('[', "for an array")?.span;
        self.enter(start)?;
        let mut elements = alloc::vec![self.element()?];
        while self.take(punctuation(',')).is_some() {
            elements.push(self.element()?);
        }
        let end = self.expect(']', "or `,` after an element")?.span;
        self.depth -= 1;
        Ok(ArrayPattern { elements, span: start.to(end) })
    }

    fn element(&mut self) -> Parsed<Element> {
        match self.peek() {
            TokenKind::Punctuation(b'<') => Ok(Element::Reference(self.reference()?)),
            TokenKind::Punctuation(b'{') => Ok(Element::Struct(self.structure()?)),
            TokenKind::Punctuation(b'[') => Ok(Element::Array(self.array()?)),
            _ => Err(self.unexpected("an element: `<name>`, `{...}` or `[...]`")),
        }
    }
}
